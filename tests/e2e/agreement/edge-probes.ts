/**
 * What is asked of gateways of both meshes, and what may differ in the outcomes.
 *
 * @module
 */
import type { Outcome } from "./outcome.ts";

export interface EdgeProbe {
  readonly instance: "edge" | "edge-1" | "edge-2";
  readonly port?: number;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const LIES = {
  "x-forwarded-client-cert": "URI=spiffe://cluster.local/ns/default/sa/liar",
  "x-envoy-external-address": "198.51.100.1",
  "x-envoy-internal": "true",
  "x-envoy-original-path": "/other",
  "x-envoy-upstream-rq-timeout-ms": "1",
  "x-envoy-retry-on": "5xx",
  "x-envoy-attempt-count": "9",
  "x-envoy-decorator-operation": "lie",
  "x-tulle-peer": "lie",
};

const everywhere: readonly Omit<EdgeProbe, "instance">[] = [
  {},
  { path: "/a/../b//c%2Fd?e=f#g" },
  { method: "HEAD" },
  { method: "POST", body: "x".repeat(70_000) },
  { method: "OPTIONS", path: "/plain" },
  { headers: LIES },
  { headers: { "x-forwarded-for": "203.0.113.1" } },
  { headers: { "x-forwarded-for": "203.0.113.1, 203.0.113.2,203.0.113.3", ...LIES } },
  { headers: { "x-forwarded-for": "not an address" } },
  { headers: { "x-forwarded-for": "203.0.113.1, unknown" } },
  { headers: { "x-forwarded-for": "2001:db8::1, 10.0.0.1" } },
  { headers: { "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.1" } },
  { headers: { "x-forwarded-proto": "ftp" } },
  { headers: { "x-forwarded-host": "other.example.com", "x-forwarded-port": "444" } },
  { headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } },
  { headers: { "x-request-id": "11111111-1111-4111-8111-111111111111" } },
  { headers: { "x-request-id": "11111111-1111-4111-8111-111111111111", "x-forwarded-for": "203.0.113.1,203.0.113.2" } },
  { headers: { host: "PLAIN.example.com" } },
  { headers: { host: "plain.example.com:8080" } },
];

/** At the plain gateway alone: hosts that are not routed, or redirected. */
const plain: readonly Omit<EdgeProbe, "instance">[] = [
  { headers: { host: "nobody.example.com" } },
  { headers: { host: "a.example.com" }, path: "/x?y=z" },
  { headers: { host: "a.example.com:80", "x-forwarded-proto": "https" } },
  { headers: { host: "plain.example.com" }, path: "/plain/x" },
];

export const EDGE_PROBES: readonly EdgeProbe[] = [
  ...(["edge", "edge-1", "edge-2"] as const).flatMap((instance) => everywhere.map((probe) => ({ instance, ...probe }))),
  ...plain.map((probe) => ({ instance: "edge" as const, ...probe })),
];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Without what may differ. */
export function edgeOutcome({ status, headers, body }: Omit<Outcome, "logs">): unknown {
  return { status, headers: headersOf(headers), body: bodyOf(body) };
}

function bodyOf(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("headers" in body)) return body;
  return { ...body, headers: headersOf(body.headers as Readonly<Record<string, string>>) };
}

function headersOf(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      // We begin a trace where there is none, and Envoy only with a tracer; the peer header is between our own proxies.
      if (name === "x-tulle-peer" || (name === "traceparent" && value === "a trace")) return [];
      if (name === "x-request-id" && UUID.test(value) && !value.startsWith("11111111")) return [[name, "an id"]];
      // For a client on loopback Envoy names an address of its own machine.
      if (name === "x-forwarded-for") return [[name, value.replace(/[^,]*$/, "this machine")]];
      // The port of this mesh.
      if (name === "location") return [[name, value.replace(/:\d+/, ":port")]];
      return [[name, value]];
    }),
  );
}
