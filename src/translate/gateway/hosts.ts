/**
 * Which hosts two lists of hosts and wildcards have in common. Source: Istio's `host.Names`.
 *
 * @module
 */
import type { GatewayHost } from "../../model/gateway.ts";

/** Whether everything that `narrow` names is named by `wide` too. */
export function isPartOf(narrow: string, wide: string): boolean {
  if (!wide.startsWith("*")) return narrow === wide;
  const ending = wide.slice(1);
  return narrow.startsWith("*")
    ? narrow.length >= wide.length && narrow.slice(1).endsWith(ending)
    : narrow.endsWith(ending);
}

/** Of each pair where one is part of the other, that one. */
export function commonHosts(some: readonly string[], others: readonly string[]): readonly string[] {
  const common = some.flatMap((host) =>
    others.flatMap((other) => {
      if (isPartOf(host, other)) return [host];
      return isPartOf(other, host) ? [other] : [];
    }),
  );
  return [...new Set(common)];
}

/** Hosts that VirtualServices of `namespace` may route. */
export const hostsFor = (hosts: readonly GatewayHost[], namespace: string): readonly string[] =>
  hosts.filter((h) => h.namespace === undefined || h.namespace === namespace).map((h) => h.host);
