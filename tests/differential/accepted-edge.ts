/**
 * Where we differ from Istio at gateways on purpose, a reason each; part of the one list in `accepted.ts`.
 *
 * @module
 */
import type { AcceptedDifference } from "./accepted.ts";

export const ACCEPTED_AT_EDGE: readonly AcceptedDifference[] = [
  {
    why: "A gateway tells of a caller on its own machine (`x-forwarded-for`) by the loopback address that the call came from. Envoy tells an address of the machine.",
    covers: ({ at, ask, leg, ours }) =>
      leg === "tulle" &&
      ask?.door !== undefined &&
      /^hits\.\d+\.headers\.x-forwarded-for$/.test(at) &&
      ours?.includes("127.0.0.1") === true,
  },
  {
    why: "`httpsRedirect` holds for a server's hosts that no VirtualService routes, too, when they are written with a namespace. Istio answers these 404.",
    covers: ({ case: { documents }, istio, leg, outcome, ours }) =>
      leg !== "documents" &&
      outcome.get("status") === "404" &&
      /"hosts":\[[^\]]*\/[^\]]*\],"tls":\{"httpsRedirect":true/.test(JSON.stringify(documents)) &&
      (ours === "301" || istio === "NR" || istio === "route_not_found" || ours?.startsWith("https://") === true),
  },
];
