/**
 * Which of several hosts is the more specific.
 *
 * @module
 */
import { covers } from "../../model/gateway-api/attachment/hostnames.ts";

/** An exact one, then the longer wildcard, `*` last. */
export function byHost(a: string, b: string): number {
  const exactness = Number(a.startsWith("*")) - Number(b.startsWith("*"));
  return exactness !== 0 ? exactness : b.length - a.length;
}

/** Of the hosts that cover `host`, the most specific. */
export function closest(hosts: readonly string[], host: string): string | undefined {
  let best: string | undefined;
  for (const wide of hosts) if (covers(wide, host) && (best === undefined || byHost(wide, best) < 0)) best = wide;
  return best;
}
