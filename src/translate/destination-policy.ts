/**
 * Which DestinationRule holds for a destination, and what its levels come to for one port and subset.
 *
 * Source: Istio's order of lookup: a rule in the caller's namespace, then in the service's, then in the root namespace; in
 * each the most specific host. Several rules of one host and namespace are one: the first `trafficPolicy` and the first subset of a name
 * stay. A subset's fields replace the rule's, block by block; a port's settings replace what stands beside them and inherit nothing.
 *
 * @module
 */
import type {
  ConnectionPool,
  DestinationRule,
  LoadBalancer,
  OutlierDetection,
  ClientTls,
  RetryBudget,
  Subset,
  TrafficPolicy,
} from "../model/destination-rule.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import { covers } from "./mesh-index.ts";

/** Blocks that are undefined have Istio's defaults. */
export interface DestinationPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
  readonly retryBudget: RetryBudget | undefined;
}

/** The rule that callers in `namespace` see for `service`. */
export function destinationRuleFor(mesh: Mesh, namespace: string, service: Service): DestinationRule | undefined {
  for (const from of new Set([namespace, service.namespace, mesh.settings.rootNamespace])) {
    const found = mesh.destinationRules.filter(
      (rule) => rule.origin.namespace === from && covers(rule.host, service.hostname),
    );
    const longest = found.reduce<DestinationRule | undefined>(moreSpecific(service.hostname), undefined);
    if (longest !== undefined) return merged(found.filter((rule) => rule.host === longest.host));
  }
  return undefined;
}

const moreSpecific =
  (host: string) =>
  (best: DestinationRule | undefined, next: DestinationRule): DestinationRule => {
    if (best === undefined) return next;
    const rank = (rule: DestinationRule): number => (rule.host === host ? Number.POSITIVE_INFINITY : rule.host.length);
    return rank(next) > rank(best) ? next : best;
  };

function merged(rules: readonly DestinationRule[]): DestinationRule | undefined {
  const [first] = rules;
  if (first === undefined || rules.length === 1) return first;
  const subsets = new Map<string, Subset>();
  for (const subset of rules.flatMap((rule) => rule.subsets))
    if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  const withPolicy = rules.find((rule) => saysSomething(rule.trafficPolicy)) ?? first;
  return { ...first, trafficPolicy: withPolicy.trafficPolicy, subsets: [...subsets.values()] };
}

const saysSomething = (p: TrafficPolicy): boolean =>
  p.portLevel.length > 0 ||
  [p.loadBalancer, p.connectionPool, p.outlierDetection, p.tls, p.retryBudget].some((b) => b !== undefined);

export function policyFor(
  rule: DestinationRule | undefined,
  subset: Subset | undefined,
  port: number,
): DestinationPolicy {
  const base = rule === undefined ? none : atPort(rule.trafficPolicy, port);
  if (subset === undefined) return base;
  const own = subset.trafficPolicy;
  const given = own.portLevel.find((p) => p.port === port);
  const retryBudget = own.retryBudget ?? base.retryBudget;
  return { ...(given?.policy ?? overlay(base, own)), retryBudget };
}

const none: DestinationPolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
  retryBudget: undefined,
};

const atPort = (policy: TrafficPolicy, port: number): DestinationPolicy => ({
  ...(policy.portLevel.find((p) => p.port === port)?.policy ?? policy),
  retryBudget: policy.retryBudget,
});

const overlay = (base: DestinationPolicy, own: DestinationPolicy): Omit<DestinationPolicy, "retryBudget"> => ({
  loadBalancer: own.loadBalancer ?? base.loadBalancer,
  connectionPool: own.connectionPool ?? base.connectionPool,
  outlierDetection: own.outlierDetection ?? base.outlierDetection,
  tls: own.tls ?? base.tls,
});
