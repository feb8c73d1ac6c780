/**
 * Where our proxy may differ from Envoy, with a reason each.
 *
 * @module
 */
import type { TcpCase } from "./cases.ts";
import type { Difference } from "./outcome.ts";

interface Accepted {
  readonly why: string;
  covers(difference: Difference, wire: TcpCase): boolean;
}

const isRefused = ({ listener, what }: TcpCase): boolean =>
  listener === "denied" || what.includes("the rules refuse, by");

export const ACCEPTED: readonly Accepted[] = [
  {
    why: "Envoy calls the endpoint before it reads the first byte by which its RBAC filter decides: a server that speaks first is heard by whom the rules refuse. We decide first, and call nobody.",
    covers: ({ at }, wire) => isRefused(wire) && /^backend|^log 0 (bytes|cluster|rest)|^client was left/.test(at),
  },
  {
    why: "A proxy that opens no way, or whose client has gone, is left at once; Envoy's pool of HTTP connections says goodbye.",
    covers: ({ at }, { listener }) =>
      at === "backend 0 was left" && (listener === "connects" || listener === "forbids"),
  },
  {
    why: "Envoy tells of a connection that began without TLS on a chain that ends TLS, and sends it an alert; to us it never began.",
    covers: (_, { listener, what }) => listener === "endsTls" && what.startsWith("plaintext"),
  },
  {
    why: "Why an endpoint could not be reached is said in other words, with its address.",
    covers: ({ at, envoy, tulle }) =>
      at === "log 0 rest" && envoy.replace(/^\S+/, "") === tulle.replace(/^127.7.7.7:\d+: ECONNREFUSED/, ""),
  },
  {
    why: "Envoy has only looked at the hello when it closes, so that the kernel resets; we have read it.",
    covers: ({ at }, { listener, what }) =>
      at === "client was left" && listener === "bySni" && what === "a server name without a cluster",
  },
];

/** Statistics that may differ, by the same right. */
export const ACCEPTED_STATS: Readonly<Record<string, string>> = {
  "tcp.denied.downstream_cx_rx_bytes_total": "what a client says whom the rules refuse is not read",
  "tcp.fromProxy.downstream_cx_rx_bytes_total": "the same",
  "tcp.endsTls.downstream_cx_total": "a connection that began without TLS never began",
  "tls_inspector.tls_not_found": "that a byte begins no TLS is told by that byte; Envoy waits for five",
};
