/**
 * Names by which a host can be called.
 *
 * Source: Istio's virtual hosts: `reviews` and `reviews.default` stand for `reviews.default.svc.cluster.local`, the first only in its own
 * namespace; without a port, port 80 is meant.
 *
 * @module
 */
import { isWildcard } from "./mesh-index.ts";
import type { Scope } from "./scope.ts";

const HTTP_PORT = 80;

/** Domains of `host` at `port`: with the port, and for port 80 without as well. */
export function domainsAt(names: readonly string[], port: number): readonly string[] {
  return names.flatMap((name) => (port === HTTP_PORT ? [name, `${name}:${port}`] : [`${name}:${port}`]));
}

/** The domains of `host` at any port that is not named otherwise. */
export const domainsAtAnyPort = (names: readonly string[]): readonly string[] => names.map((name) => `${name}:*`);

/** The full name, with and without its last dot, and the shorter forms that the workload may use. */
export function namesOf(host: string, scope: Pick<Scope, "namespace">, clusterDomain: string): readonly string[] {
  if (isWildcard(host)) return [host];
  const suffix = `.svc.${clusterDomain}`;
  const [name, namespace, more] = host.endsWith(suffix) ? host.slice(0, -suffix.length).split(".") : [];
  if (name === undefined || namespace === undefined || more !== undefined) return [host, `${host}.`];
  const short = namespace === scope.namespace ? [name] : [];
  return [host, `${host}.`, ...short, `${name}.${namespace}.svc`, `${name}.${namespace}`];
}
