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
      ours?.endsWith("127.0.0.1") === true,
  },
];
