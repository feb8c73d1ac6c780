/**
 * Which key of a call chooses its endpoint: Istio's `consistentHash` as Envoy's hash policy of routes and TCP proxies, and as the
 * balancer of clusters.
 *
 * Source: istiod: each destination of a route that hashes adds its policy to the route, in their order; a TCP proxy knows the
 * source IP only.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { ConsistentHash, DestinationRule, HashKey, TrafficPolicy, Warmup } from "../model/destination-rule.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { SlowStartConfig } from "../xds/proto/cluster-load-balancing.ts";
import type { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { RouteActionHashPolicy } from "../xds/proto/route-action.ts";
import type { Caller } from "./caller.ts";
import { type DestinationPolicy, destinationRuleFor, policyFor } from "./destination-policy.ts";
import { serviceOf } from "./mesh-index.ts";
import { lookUp } from "./reads.ts";

/** Istio's default; Envoy's own is round robin. */
const DEFAULT_LB_POLICY = "LEAST_REQUEST";
const DEFAULT_RING_SIZE = 1024;

export interface HashDestination {
  readonly host: string;
  readonly port: number;
  readonly subset?: string | undefined;
}

/** The hash policies of a route to `destinations`, as `caller` sees them; undefined where none hashes. */
export function routeHashPolicy(
  mesh: Mesh,
  caller: Caller,
  destinations: readonly HashDestination[],
): readonly RouteActionHashPolicy[] | undefined {
  const keys = destinations.flatMap((to) => keyOf(mesh, caller, to) ?? []);
  return keys.length === 0 ? undefined : keys.map(hashPolicy);
}

/** Of a TCP proxy to `destinations`: as soon as one of them wants the source IP. */
export function tcpHashPolicy(
  mesh: Mesh,
  caller: Caller,
  destinations: readonly HashDestination[],
): TcpProxy["hashPolicy"] {
  const wanted = destinations.some((to) => keyOf(mesh, caller, to)?.t === "sourceIp");
  return wanted ? [{ sourceIp: {} }] : undefined;
}

function keyOf(mesh: Mesh, caller: Caller, { host, port, subset: name }: HashDestination): HashKey | undefined {
  if (!lookUp(mesh, hashesAnywhere)) return undefined;
  const service = serviceOf(mesh, host);
  const rule = service && destinationRuleFor(mesh, caller, service);
  const subset = rule?.subsets.find((s) => s.name === name);
  const balancer = policyFor(rule, subset, port).loadBalancer?.balancer;
  return typeof balancer === "object" ? balancer.key : undefined;
}

const HASHING = new WeakMap<readonly DestinationRule[], boolean>();

/** Most meshes hash nowhere: their routes need no look at the rules of their destinations. */
function hashesAnywhere({ destinationRules: rules }: Mesh): boolean {
  const known = HASHING.get(rules);
  if (known !== undefined) return known;
  const found = rules.some((rule) => [rule, ...rule.subsets].some(({ trafficPolicy }) => hashes(trafficPolicy)));
  HASHING.set(rules, found);
  return found;
}

const hashes = ({ loadBalancer, portLevel }: TrafficPolicy): boolean =>
  [loadBalancer, ...portLevel.map(({ policy }) => policy.loadBalancer)].some((it) => typeof it?.balancer === "object");

function hashPolicy(key: HashKey): RouteActionHashPolicy {
  switch (key.t) {
    case "header":
      return { header: { headerName: key.name } };
    case "query":
      return { queryParameter: { name: key.name } };
    case "sourceIp":
      return { connectionProperties: { sourceIp: true } };
    case "cookie":
      return { cookie: { name: key.name, path: key.path, ttl: key.ttlMs, attributes: key.attributes } };
    default:
      return unreachable(key);
  }
}

/** The balancer of a cluster. */
export function balancerOf({ loadBalancer }: DestinationPolicy): Partial<Cluster> {
  const { balancer = DEFAULT_LB_POLICY, warmup } = loadBalancer ?? {};
  if (typeof balancer === "object") return hashing(balancer);
  // Where endpoints are known, and no address that was dialed.
  if (balancer === "PASSTHROUGH") return { lbPolicy: "RANDOM" };
  const slowStartConfig = warmup && slowStart(warmup);
  if (slowStartConfig === undefined) return { lbPolicy: balancer };
  return balancer === "ROUND_ROBIN"
    ? { lbPolicy: balancer, roundRobinLbConfig: { slowStartConfig } }
    : { lbPolicy: balancer, leastRequestLbConfig: { slowStartConfig } };
}

/** The keys of Envoy's runtime are not set: the values hold as they are. */
const slowStart = ({ aggression, durationMs, minimumPercent }: Warmup): SlowStartConfig => ({
  slowStartWindow: durationMs,
  aggression: { defaultValue: aggression, runtimeKey: "" },
  minWeightPercent: { value: minimumPercent },
});

const hashing = ({ table }: ConsistentHash): Partial<Cluster> =>
  table.t === "maglev"
    ? { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: table.tableSize } }
    : {
        lbPolicy: "RING_HASH",
        ringHashLbConfig: { minimumRingSize: table.minimumRingSize ?? DEFAULT_RING_SIZE },
      };
