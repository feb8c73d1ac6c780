/**
 * Which key of a request chooses its endpoint. Which endpoint that is, hangs on the addresses of those that run.
 *
 * @module
 */
import type { Forward } from "../../engine/http.ts";
import type { PeerView } from "../../engine/request.ts";
import type { SimulatedRequest } from "./simulated-request.ts";

/** A client whose address nobody knows beforehand. */
const UNKNOWN = { address: "", port: 0 };
const CLIENT: PeerView = { tls: false, spiffeId: undefined, sni: undefined, remote: UNKNOWN, local: UNKNOWN };

/** `by header x-user "ann"`; undefined where the route names no key. */
export function hashedBy({ route }: Forward, request: SimulatedRequest): string | undefined {
  if (route.hash === undefined) return undefined;
  const { keys, cookies } = route.hash.of({ request, peer: CLIENT, sourceIp: "the client's" });
  if (keys.length === 0) return `by ${route.hash.names.join(" and ")}, of which the request has none: at random`;
  const told = keys.map((key, i) => {
    if (key.startsWith("source IP")) return "source IP";
    return cookies.some(({ value }) => key.endsWith(`"${value}"`))
      ? `${route.hash?.names[i] ?? ""}, which the client gets`
      : key;
  });
  return `by ${told.join(" and ")}`;
}
