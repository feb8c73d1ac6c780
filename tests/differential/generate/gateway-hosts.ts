/**
 * Hosts of a case's Gateways and VirtualServices, and the names by which requests ask for them.
 *
 * @module
 */
import type { Chance } from "./chance.ts";

/** As documents say them: few, of one another's kind, so that they meet often. */
export const GATE_HOSTS = ["HOST.gate", "a.HOST.gate", "*.HOST.gate", "b.a.HOST.gate", "*.a.HOST.gate"] as const;

/** Some that can stand in one VirtualService: Istio takes none there that another covers. */
export function apart(chance: Chance): string[] {
  const found: string[] = [];
  for (const host of chance.some(GATE_HOSTS, 1, 3))
    if (!found.some((other) => covers(other, host) || covers(host, other))) found.push(host);
  return found;
}

const covers = (wide: string, host: string): boolean => wide.startsWith("*") && host.endsWith(wide.slice(1));

/** What requests ask for, of these and beside them. */
const ASKED = ["HOST.gate", "a.HOST.gate", "b.HOST.gate", "b.a.HOST.gate", "c.a.HOST.gate", "xHOST.gate"];

export const askedHost = (chance: Chance, hosts: readonly string[]): string => hostHeader(chance, hosts, ASKED);

/** Of the Gateway API's hosts. */
export const askedApiHost = (chance: Chance, hosts: readonly string[]): string =>
  hostHeader(
    chance,
    hosts,
    ASKED.map((host) => host.replace(".gate", ".api")),
  );

/** Mostly plain, at times with a port, or in capitals, which mean the same. */
function hostHeader(chance: Chance, hosts: readonly string[], others: readonly string[]): string {
  const wanted = chance.often(0.75) && hosts.length > 0 ? chance.one(hosts) : chance.one(others);
  const host = wanted.replace(/^\*/, chance.one(["b", "c.d", "a"]));
  if (chance.often(0.04)) return host.replace("a.", "A.");
  return chance.often(0.15) ? `${host}:${chance.one(["30080", "80", "1"])}` : host;
}
