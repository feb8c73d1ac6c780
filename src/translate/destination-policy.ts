/**
 * Which DestinationRule holds for a destination, and what its levels come to for one port and subset.
 *
 * Source: Istio's order of lookup: a rule in the caller's namespace that is seen there, then one that is exported to the caller in the
 * service's, then in the root namespace; in each the most specific host, which is looked for before the caller is. A rule that selects the
 * caller's workload goes before those without a `workloadSelector`, and is for callers of its own namespace. Several rules of one host and namespace that are exported alike are one, and of those that are not, the one that begins last holds: the first `trafficPolicy` and the first subset of a name
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
import { type LabelSelector, selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import { isVisibleIn } from "../model/visibility.ts";
import type { Caller } from "./caller.ts";
import { covers, isWildcard } from "./mesh-index.ts";
import { lookUp } from "./reads.ts";
import { isSame } from "./same.ts";

/** Blocks that are undefined have Istio's defaults. */
export interface DestinationPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly proxyProtocol: TrafficPolicy["proxyProtocol"];
  readonly tunnel: TrafficPolicy["tunnel"];
}

/** The rule that `caller` sees for `service`. */
export const destinationRuleFor = (mesh: Mesh, caller: Caller, service: Service): DestinationRule | undefined =>
  lookUp(mesh, ruleFor, caller.namespace, caller.labels, service.namespace, service.hostname);

function ruleFor(
  { destinationRules, settings }: Mesh,
  namespace: string,
  labels: LabelSelector,
  home: string,
  hostname: string,
): DestinationRule | undefined {
  const caller = { namespace, labels };
  const { rootNamespace } = settings;
  const rulesOf = rulesByNamespace(destinationRules);
  const own = rulesOf(caller.namespace, hostname)
    .filter(({ exportTo }) => isVisibleIn(exportTo, caller.namespace))
    .filter((rule) => caller.namespace !== rootNamespace || isPrivate(rule));
  const nearest = mostSpecific(own, hostname);
  if (nearest.length > 0) return chosenFor(caller, nearest);
  for (const from of new Set([home, rootNamespace])) {
    const exported = rulesOf(from, hostname).filter((rule) => !isPrivate(rule) && rule.workloadSelector === undefined);
    const found = mostSpecific(exported, hostname).filter((r) => isVisibleIn(r.exportTo, caller.namespace));
    if (found.length > 0) return chosenFor(caller, found);
  }
  return undefined;
}

interface NamespaceRules {
  readonly byHost: Map<string, DestinationRule[]>;
  readonly wildcards: DestinationRule[];
}

const RULES = new WeakMap<readonly DestinationRule[], ReadonlyMap<string, NamespaceRules>>();
const NONE: readonly never[] = [];

/** The rules of a namespace that may be for a host: those of that very host, and all of wildcards. */
function rulesByNamespace(
  rules: readonly DestinationRule[],
): (namespace: string, host: string) => readonly DestinationRule[] {
  const known = RULES.get(rules) ?? indexed(rules);
  RULES.set(rules, known);
  return (namespace, host) => {
    const { byHost, wildcards } = known.get(namespace) ?? { byHost: undefined, wildcards: NONE };
    const exact = byHost?.get(host) ?? NONE;
    return exact.length === 0 ? wildcards : [...exact, ...wildcards];
  };
}

function indexed(rules: readonly DestinationRule[]): ReadonlyMap<string, NamespaceRules> {
  const index = new Map<string, NamespaceRules>();
  for (const rule of rules) {
    const { namespace } = rule.origin;
    const found = index.get(namespace) ?? { byHost: new Map<string, DestinationRule[]>(), wildcards: [] };
    index.set(namespace, found);
    if (isWildcard(rule.host)) found.wildcards.push(rule);
    else found.byHost.set(rule.host, [...(found.byHost.get(rule.host) ?? []), rule]);
  }
  return index;
}

/** Seen in its own namespace alone. */
const isPrivate = ({ exportTo, origin }: DestinationRule): boolean =>
  exportTo !== "all" && exportTo.every((namespace) => namespace === origin.namespace);

function mostSpecific(rules: readonly DestinationRule[], host: string): readonly DestinationRule[] {
  const found = rules.filter((rule) => covers(rule.host, host));
  const longest = found.reduce<DestinationRule | undefined>(moreSpecific(host), undefined);
  return longest === undefined ? [] : found.filter((rule) => rule.host === longest.host);
}

/** One that selects the caller, else those that select nobody in particular, as one. */
function chosenFor(
  { namespace, labels }: Pick<Caller, "namespace" | "labels">,
  rules: readonly DestinationRule[],
): DestinationRule | undefined {
  const selecting = rules.find(
    ({ origin, workloadSelector }) =>
      workloadSelector !== undefined && origin.namespace === namespace && selects(workloadSelector, labels),
  );
  return selecting ?? merged(rules.filter((rule) => rule.workloadSelector === undefined));
}

const moreSpecific =
  (host: string) =>
  (best: DestinationRule | undefined, next: DestinationRule): DestinationRule => {
    if (best === undefined) return next;
    const rank = (rule: DestinationRule): number => (rule.host === host ? Number.POSITIVE_INFINITY : rule.host.length);
    return rank(next) > rank(best) ? next : best;
  };

interface Merged {
  readonly of: readonly DestinationRule[];
  readonly rule: DestinationRule;
}

/** The same value for the same rules. */
const MERGED = new WeakMap<DestinationRule, Merged>();

const exported = ({ exportTo }: DestinationRule): string => (exportTo === "all" ? "*" : exportTo.toSorted().join());

/** Of several that are exported alike, one; of those that are not, the one that begins last. */
function merged(all: readonly DestinationRule[]): DestinationRule | undefined {
  const last = [...new Set(all.map(exported))].at(-1);
  const rules = all.filter((rule) => exported(rule) === last);
  const [first] = rules;
  if (first === undefined || rules.length === 1) return first;
  const known = MERGED.get(first);
  if (known !== undefined && isSame(known.of, rules)) return known.rule;
  const rule = together(first, rules);
  MERGED.set(first, { of: rules, rule });
  return rule;
}

function together(first: DestinationRule, rules: readonly DestinationRule[]): DestinationRule {
  const subsets = new Map<string, Subset>();
  for (const subset of rules.flatMap((rule) => rule.subsets))
    if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  const withPolicy = rules.find((rule) => saysSomething(rule.trafficPolicy)) ?? first;
  return { ...first, trafficPolicy: withPolicy.trafficPolicy, subsets: [...subsets.values()] };
}

const saysSomething = (p: TrafficPolicy): boolean =>
  p.portLevel.length > 0 ||
  [p.loadBalancer, p.connectionPool, p.outlierDetection, p.tls, p.retryBudget, p.proxyProtocol, p.tunnel].some(
    (b) => b !== undefined,
  );

export function policyFor(
  rule: DestinationRule | undefined,
  subset: Subset | undefined,
  port: number,
): DestinationPolicy {
  const base = rule === undefined ? none : atPort(rule.trafficPolicy, port);
  if (subset === undefined) return base;
  const own = subset.trafficPolicy;
  const given = own.portLevel.find((p) => p.port === port);
  return {
    ...(given?.policy ?? overlay(base, own)),
    retryBudget: own.retryBudget ?? base.retryBudget,
    proxyProtocol: own.proxyProtocol ?? base.proxyProtocol,
    tunnel: own.tunnel ?? base.tunnel,
  };
}

const none: DestinationPolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
  retryBudget: undefined,
  proxyProtocol: undefined,
  tunnel: undefined,
};

const atPort = (policy: TrafficPolicy, port: number): DestinationPolicy => ({
  ...(policy.portLevel.find((p) => p.port === port)?.policy ?? policy),
  retryBudget: policy.retryBudget,
  proxyProtocol: policy.proxyProtocol,
  tunnel: policy.tunnel,
});

const overlay = (
  base: DestinationPolicy,
  own: DestinationPolicy,
): Omit<DestinationPolicy, "retryBudget" | "proxyProtocol" | "tunnel"> => ({
  loadBalancer: own.loadBalancer ?? base.loadBalancer,
  connectionPool: own.connectionPool ?? base.connectionPool,
  outlierDetection: own.outlierDetection ?? base.outlierDetection,
  tls: own.tls ?? base.tls,
});
