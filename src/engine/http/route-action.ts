/**
 * `RouteAction`, compiled: the clusters that a route leads to.
 *
 * Source: Envoy's router. Of weighted clusters the one is taken in whose share the request's random number falls,
 * counted in the order in which they stand.
 *
 * @module
 */
import type { Metadata } from "../../xds/proto/core-base.ts";
import type { RouteAction, WeightedCluster, ClusterWeight } from "../../xds/proto/route-action.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { CompiledRoute, Forward } from "../http.ts";
import { headerReader } from "../match/header-matcher.ts";
import type { RequestView } from "../request.ts";
import type { Trace } from "../trace.ts";
import { type CompiledEdits, compileEdits, HEADER_EDITS, joinEdits } from "./header-operations.ts";
import type { FilterChain, FilterOverrides } from "./filters.ts";
import type { Preference } from "./filter-type.ts";
import type { Mirrors } from "./mirrors.ts";
import type { RouteEnd, RouteTarget } from "./target.ts";

/** Where a matched request goes. */
export type Pick = (request: RequestView, randomValue: number, trace: Trace | undefined) => RouteTarget;

/** What surrounds an action. */
export interface RouteLevels {
  readonly route: CompiledRoute;
  /** Of the route, the virtual host and the route configuration. */
  readonly edits: readonly CompiledEdits[];
  readonly mostSpecificWins: boolean;
  readonly filters: FilterChain;
  readonly overrides: readonly FilterOverrides[];
}

const KNOWN_WEIGHTED = new Set(["clusters", "runtimeKeyPrefix", "totalWeight", "headerName"]);
const KNOWN_WEIGHT = new Set([
  "name",
  "weight",
  "metadataMatch",
  "typedPerFilterConfig",
  "hostRewriteLiteral",
  "clusterHeader",
  ...HEADER_EDITS,
]);

/** @throws {CompileError} */
export function compileClusters(action: RouteAction, levels: RouteLevels, path: string): RouteTarget | Pick {
  if (action.weightedClusters !== undefined) {
    return compileWeighted(action.weightedClusters, action, levels, fieldPath(path, "weightedClusters"));
  }
  const { cluster, clusterHeader } = action;
  if ((cluster ?? "") === "" && (clusterHeader ?? "") === "") {
    throw new CompileError(path, "must hold cluster, cluster_header or weighted_clusters");
  }
  return target(
    {
      cluster,
      clusterHeader,
      metadataMatch: action.metadataMatch,
      hostRewrite: action.hostRewriteLiteral,
      clusterHost: undefined,
    },
    levels,
  );
}

interface Destination {
  readonly cluster: string | undefined;
  readonly clusterHeader: string | undefined;
  readonly metadataMatch: Metadata | undefined;
  readonly hostRewrite: string | undefined;
  readonly clusterHost: string | undefined;
}

function target(to: Destination, levels: RouteLevels): RouteTarget {
  const { route, filters, overrides } = levels;
  const edits = joinEdits(levels.edits, levels.mostSpecificWins);
  const forward: Forward = {
    t: "forward",
    route,
    clusterName: to.cluster ?? "",
    requestHeaders: edits.request,
    responseHeaders: edits.response,
    hostRewrite: to.hostRewrite || undefined,
    clusterHost: to.clusterHost || undefined,
    metadataMatch: to.metadataMatch,
    mirrors: undefined,
  };
  const end = to.clusterHeader === undefined ? forward : byHeader(forward, to.clusterHeader);
  return {
    route,
    clusterName: to.clusterHeader === undefined ? forward.clusterName : undefined,
    filters: filters.withOverrides(overrides, true),
    responseHeaders: edits.response,
    end: route.mirrors === undefined ? end : mirrored(end, route.mirrors),
  };
}

/** Requests that want another protocol are not mirrored. Envoy has that for CONNECT alone: it asks a mirror for a WebSocket. */
function mirrored(end: Forward | ((request: RequestView) => Forward), { pick }: Mirrors): RouteEnd {
  return (request, random, trace) => {
    const forward = typeof end === "function" ? end(request) : end;
    const mirrors = request.upgrade ? undefined : pick(request, random, trace);
    return mirrors === undefined ? forward : { ...forward, mirrors };
  };
}

/** Of several lines the first one counts, as in Envoy. */
function byHeader(forward: Forward, header: string): (request: RequestView) => Forward {
  const name = header.toLowerCase();
  const read = headerReader(name);
  return (request) => ({ ...forward, clusterName: request.headerLines?.(name)[0] ?? read(request) ?? "" });
}

interface Share {
  /** The sum of the weights up to and with this one. */
  readonly until: number;
  readonly target: RouteTarget;
  readonly label: string;
}

function compileWeighted(weighted: WeightedCluster, action: RouteAction, levels: RouteLevels, path: string): Pick {
  refuseOthers(weighted, path, KNOWN_WEIGHTED);
  const shares: Share[] = [];
  let total = 0;
  for (const [i, cluster] of (weighted.clusters ?? []).entries()) {
    total += cluster.weight ?? 0;
    shares.push(share(cluster, total, action, levels, `${path}.clusters[${i}]`));
  }
  const { totalWeight } = weighted;
  if (total === 0) throw new CompileError(`${path}.clusters`, "must have weights that sum to 1 or more");
  if (total > 0xffff_ffff)
    throw new CompileError(`${path}.clusters`, `must have weights that sum to less than 2^32, found ${total}`);
  if (totalWeight !== undefined && totalWeight !== total) {
    throw new CompileError(
      fieldPath(path, "totalWeight"),
      `must be the sum of the weights, ${total}, found ${totalWeight}`,
    );
  }
  return pickShare(shares, total, weighted.headerName?.toLowerCase(), levels.filters.preference(levels.overrides));
}

function share(cluster: ClusterWeight, until: number, action: RouteAction, levels: RouteLevels, path: string): Share {
  refuseOthers(cluster, path, KNOWN_WEIGHT);
  if ((cluster.name ?? "") === "" && (cluster.clusterHeader ?? "") === "") {
    throw new CompileError(path, "must hold name or cluster_header");
  }
  const to: Destination = {
    cluster: cluster.name || undefined,
    clusterHeader: cluster.clusterHeader || undefined,
    metadataMatch: merged(action.metadataMatch, cluster.metadataMatch),
    hostRewrite: action.hostRewriteLiteral,
    clusterHost: cluster.hostRewriteLiteral,
  };
  const inner: RouteLevels = {
    ...levels,
    edits: [compileEdits(cluster, path), ...levels.edits],
    overrides: [
      { configs: cluster.typedPerFilterConfig, path: fieldPath(path, "typedPerFilterConfig") },
      ...levels.overrides,
    ],
  };
  return { until, target: target(to, inner), label: cluster.name || `by header ${cluster.clusterHeader}` };
}

function pickShare(
  shares: readonly Share[],
  total: number,
  headerName: string | undefined,
  preference: Preference | undefined,
): Pick {
  const draw = drawShare(shares, total, headerName);
  if (preference === undefined) return draw;
  return (request, randomValue, trace) => {
    const isWanted = preference(request);
    const wanted = isWanted && shares.find(({ target: { clusterName = "" } }) => isWanted(clusterName));
    if (wanted === undefined) return draw(request, randomValue, trace);
    trace?.push({ step: "cluster", subject: wanted.label, verdict: "chosen", reason: "the client's session is there" });
    return wanted.target;
  };
}

function drawShare(shares: readonly Share[], total: number, headerName: string | undefined): Pick {
  return (request, randomValue, trace) => {
    const drawn =
      (headerName === undefined ? randomValue : (numberIn(request.header(headerName)) ?? randomValue)) % total;
    let i = 0;
    while (drawn >= (shares[i] as Share).until) i++;
    const chosen = shares[i] as Share;
    if (trace !== undefined) traceShare(shares, i, drawn, total, trace);
    return chosen.target;
  };
}

function traceShare(shares: readonly Share[], chosen: number, drawn: number, total: number, trace: Trace): void {
  for (const [i, { until, label }] of shares.entries()) {
    const from = shares[i - 1]?.until ?? 0;
    const reason = `weight ${until - from} of ${total}; drew ${drawn}, its share is ${from} to below ${until}`;
    trace.push({ step: "cluster", subject: label, verdict: i === chosen ? "chosen" : "skipped", reason });
  }
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The cluster's keys win. Only the load balancer's namespace means anything here. */
function merged(route: Metadata | undefined, cluster: Metadata | undefined): Metadata | undefined {
  if (route === undefined || cluster === undefined) return cluster ?? route;
  const LB = "envoy.lb";
  return { filterMetadata: { [LB]: { ...route.filterMetadata?.[LB], ...cluster.filterMetadata?.[LB] } } };
}
