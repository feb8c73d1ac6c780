/**
 * SMI TrafficSplit, v1alpha1 to v1alpha4: calls to one service go to others, by weight.
 *
 * It becomes a VirtualService of the root service. A backend that lacks a port of the root gets no calls on that port,
 * as SMI asks, which only the services can tell: {@link splitToVirtualService} runs when they are known.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { Origin } from "../model/origin.ts";
import type { Service } from "../model/service.ts";
import {
  anySource,
  type HttpRule,
  noHeaderEdits,
  type VirtualService,
  type WeightedDestination,
} from "../model/virtual-service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { MESH_ONLY } from "./gateway-reference.ts";
import { qualifiedHost } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { MAX_INT32, MAX_UINT32 } from "./read-values.ts";

export interface TrafficSplit {
  readonly origin: Origin;
  /** Fully qualified host of the root service. */
  readonly service: string;
  readonly backends: readonly SplitBackend[];
}

interface SplitBackend {
  readonly place: Place;
  readonly service: string;
  readonly weight: number;
}

export function readTrafficSplit(body: DocumentBody): TrafficSplit {
  const spec = specFields(body, ["service", "backends"], ["matches"]);
  const host = qualifiedHost(body.metadata.namespace, body.settings, { wildcard: false, address: false });
  return {
    origin: body.origin,
    service: spec.required("service", host, ""),
    backends: spec.required("backends", (node) => readBackends(node, host), []),
  };
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

/** The rules of a split: one for all ports where the backends have them all, else one for each port of the root. */
export function splitToVirtualService(split: TrafficSplit, services: ReadonlyMap<string, Service>): VirtualService {
  const rootPorts = services.get(split.service)?.ports.map((p) => p.number) ?? [];
  const complete = split.backends.every((b) => rootPorts.every((port) => hasPort(services.get(b.service), port)));
  const rules = complete
    ? [rule(split, split.backends, undefined)]
    : rootPorts.map((port, i) => rule(split, withPort(split, services, port), port, i));
  return {
    origin: split.origin,
    hosts: [split.service],
    gateways: MESH_ONLY,
    exportTo: "all",
    http: rules,
    tls: [],
    tcp: [],
  };
}

/** A service that is not known is kept: analysis reports it, and it may still come. */
const hasPort = (service: Service | undefined, port: number): boolean =>
  service?.ports.some((p) => p.number === port) ?? true;

function withPort(split: TrafficSplit, services: ReadonlyMap<string, Service>, port: number): readonly SplitBackend[] {
  const left = split.backends.filter((b) => hasPort(services.get(b.service), port));
  // On a port that no backend has, calls go to the root as if there were no split.
  return left.some((b) => b.weight > 0) ? left : [{ place: split.origin.place, service: split.service, weight: 1 }];
}

function rule(split: TrafficSplit, backends: readonly SplitBackend[], port: number | undefined, i = 0): HttpRule {
  const place = split.origin.place;
  const match = {
    place,
    name: undefined,
    uri: undefined,
    ignoreUriCase: false,
    method: undefined,
    authority: undefined,
    scheme: undefined,
    headers: {},
    withoutHeaders: {},
    queryParams: {},
    gateways: undefined,
    source: anySource,
    statPrefix: undefined,
  };
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
    matches: port === undefined ? [] : [{ ...match, port }],
    action: { t: "route", destinations, rewrite: undefined, timeoutMs: undefined, retries: undefined, mirrors: [] },
    headers: noHeaderEdits,
    fault: undefined,
    cors: undefined,
  };
}
