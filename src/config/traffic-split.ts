/**
 * SMI TrafficSplit, v1alpha1 to v1alpha4: calls to one service go to others, by weight.
 *
 * It becomes a VirtualService of the root service. A backend that lacks a port of the root gets no calls on that port,
 * as SMI asks, which only the services can tell: {@link splitToVirtualService} runs when they are known. With `matches`, only calls
 * that a match of these HTTPRouteGroups takes are split; all others go to the root service.
 *
 * @module
 */
import type { Place, Problem } from "../base/problem.ts";
import type { StringMatch } from "../model/match.ts";
import type { Origin } from "../model/origin.ts";
import type { Service } from "../model/service.ts";
import {
  anySource,
  type HttpMatch,
  type HttpRule,
  noHeaderEdits,
  type VirtualService,
  type WeightedDestination,
} from "../model/virtual-service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { MESH_ONLY } from "./gateway-reference.ts";
import { objectName, qualifiedHost } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { choice, MAX_INT32, MAX_UINT32, someOf } from "./read-values.ts";
import { quote } from "./tree.ts";
import type { GroupMatch, HttpRouteGroup } from "./smi/route-groups.ts";

export interface TrafficSplit {
  readonly origin: Origin;
  /** Fully qualified host of the root service. */
  readonly service: string;
  readonly backends: readonly SplitBackend[];
  /** HTTPRouteGroups of its namespace. Undefined: all calls are split. */
  readonly groups: readonly SplitGroup[] | undefined;
}

interface SplitGroup {
  readonly place: Place;
  readonly path: string;
  readonly name: string;
}

interface SplitBackend {
  readonly place: Place;
  readonly service: string;
  readonly weight: number;
}

export function readTrafficSplit(body: DocumentBody): TrafficSplit {
  const spec = specFields(body, ["service", "backends", "matches"]);
  const host = ownService(body);
  return {
    origin: body.origin,
    service: spec.required("service", host, ""),
    backends: spec.required("backends", (node) => readBackends(node, host), []),
    groups: spec.optional("matches", someOf(readGroup)),
  };
}

/** Whoever may write into a namespace says where calls to its services go, and to no others. */
function ownService({ metadata: { namespace }, settings }: DocumentBody): Read<string> {
  const read = qualifiedHost(namespace, settings, { wildcard: false, address: false });
  const domain = `.${namespace}.svc.${settings.clusterDomain}`;
  return (node) => {
    const host = read(node);
    const isOwn = host.endsWith(domain) && !host.slice(0, -domain.length).includes(".");
    if (host !== "" && !isOwn)
      node.fail(`must be a service of the document's own namespace ${quote(namespace)}, found ${quote(host)}`);
    return isOwn ? host : "";
  };
}

function readGroup(node: Node): SplitGroup {
  const fields = node.fields({ known: ["kind", "name", "apiGroup"] });
  fields.required("kind", choice(["HTTPRouteGroup"]), "HTTPRouteGroup");
  fields.optional("apiGroup", choice(["specs.smi-spec.io"]));
  return { place: node.place, path: node.path, name: fields.required("name", objectName, "") };
}

function readBackends(node: Node, host: Read<string>): readonly SplitBackend[] {
  const read = node.items().map((item) => {
    const fields = item.fields({ known: ["service", "weight"] });
    return {
      place: item.place,
      service: fields.required("service", host, ""),
      milli: fields.required("weight", milliWeight, 0),
      item,
    };
  });
  const seen = new Set<string>();
  for (const { service, item } of read) {
    if (service !== "" && seen.has(service)) item.fail(`the backend ${service} stands twice`);
    seen.add(service);
  }
  // Whole weights stay as written; with fractions all of them are counted in thousandths.
  const unit = read.every((b) => b.milli % 1000 === 0) ? 1000 : 1;
  const backends = read.map(({ place, service, milli }) => ({ place, service, weight: milli / unit }));
  const total = backends.reduce((sum, b) => sum + b.weight, 0);
  if (node.tree.t === "list" && total === 0) node.fail("weights must sum to more than 0");
  if (total > MAX_UINT32) node.fail(`weights may sum to ${MAX_UINT32}, found ${total}`);
  return backends;
}

/** Thousandths of `1`, `"1"`, `0.9` or `900m`: a Kubernetes quantity, of which v1alpha1 made use. */
function milliWeight(node: Node): number {
  const value = node.tree.t === "scalar" ? node.tree.value : null;
  const [, amount, milli] = /^(\d{1,10}(?:\.\d{1,3})?)(m?)$/.exec(String(value)) ?? [];
  const thousandths = amount === undefined ? Number.NaN : Math.round(Number(amount) * (milli === "m" ? 1 : 1000));
  if (typeof value !== "boolean" && thousandths <= MAX_INT32) return thousandths;
  node.mustBe("a weight such as 90 or 900m");
  return 0;
}

/** What a split refers to. */
export interface SplitWorld {
  readonly services: ReadonlyMap<string, Service>;
  /** Undefined where there is none of that name. */
  readonly group: (namespace: string, name: string) => HttpRouteGroup | undefined;
}

export interface SplitRules {
  readonly virtualService: VirtualService;
  readonly remarks: readonly Problem[];
}

/** The rules of a split: one for all ports where the backends have them all, else one for each port of the root. */
export function splitToVirtualService(split: TrafficSplit, { services, group }: SplitWorld): SplitRules {
  const rootPorts = services.get(split.service)?.ports.map((p) => p.number) ?? [];
  const complete = split.backends.every((b) => rootPorts.every((port) => hasPort(services.get(b.service), port)));
  const groups = split.groups?.map((g) => ({ ...g, found: group(split.origin.namespace, g.name) }));
  const matches = groups?.flatMap((g) => g.found?.matches ?? []);
  const rules = complete
    ? [rule(split, split.backends, undefined, matches)]
    : rootPorts.map((port, i) => rule(split, withPort(split, services, port), port, matches, i));
  const splitting = matches?.length === 0 ? [] : rules;
  const rest = matches === undefined ? [] : [rule(split, [toRoot(split)], undefined, undefined, rules.length)];
  const virtualService: VirtualService = {
    origin: split.origin,
    hosts: [split.service],
    gateways: MESH_ONLY,
    exportTo: "all",
    http: [...splitting, ...rest],
    tls: [],
    tcp: [],
  };
  const missing = groups?.filter((g) => g.found === undefined) ?? [];
  const remarks = missing.map(({ place, path, name }): Problem => {
    const message = `there is no HTTPRouteGroup "${name}", so its calls are not split`;
    return { severity: "error", place, path, message };
  });
  return { virtualService, remarks };
}

const toRoot = (split: TrafficSplit): SplitBackend => ({
  place: split.origin.place,
  service: split.service,
  weight: 1,
});

/** A service that is not known is kept: analysis reports it, and it may still come. */
const hasPort = (service: Service | undefined, port: number): boolean =>
  service?.ports.some((p) => p.number === port) ?? true;

function withPort(split: TrafficSplit, services: ReadonlyMap<string, Service>, port: number): readonly SplitBackend[] {
  const left = split.backends.filter((b) => hasPort(services.get(b.service), port));
  // On a port that no backend has, calls go to the root as if there were no split.
  return left.some((b) => b.weight > 0) ? left : [toRoot(split)];
}

/** @param matches Undefined: every call. */
function rule(
  split: TrafficSplit,
  backends: readonly SplitBackend[],
  port: number | undefined,
  matches: readonly GroupMatch[] | undefined,
  i = 0,
): HttpRule {
  const place = split.origin.place;
  const every =
    port === undefined ? [] : [matchOf({ place, name: "", path: undefined, methods: [], headers: {} }, port)];
  const destinations = backends.map(
    (b): WeightedDestination => ({
      place: b.place,
      host: b.service,
      subset: undefined,
      port,
      weight: b.weight,
      headers: noHeaderEdits,
    }),
  );
  return {
    place,
    field: `http[${i}]`,
    delegate: undefined,
    name: undefined,
    matches: matches?.map((match) => matchOf(match, port)) ?? every,
    action: { t: "route", destinations, rewrite: undefined, timeoutMs: undefined, retries: undefined, mirrors: [] },
    headers: noHeaderEdits,
    fault: undefined,
    cors: undefined,
  };
}

function matchOf({ place, name, path, methods, headers }: GroupMatch, port: number | undefined): HttpMatch {
  const [only, ...others] = methods;
  const oneOf: StringMatch = { t: "regex", value: methods.join("|") };
  return {
    place,
    name: name === "" ? undefined : name,
    uri: path,
    ignoreUriCase: false,
    method: only === undefined ? undefined : others.length === 0 ? { t: "exact", value: only } : oneOf,
    authority: undefined,
    scheme: undefined,
    headers,
    withoutHeaders: {},
    queryParams: {},
    port,
    gateways: undefined,
    source: anySource,
    statPrefix: undefined,
  };
}
