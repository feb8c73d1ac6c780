/**
 * The caller's side: which rule takes the request, and to which clusters.
 *
 * @module
 */
import { unpackAt } from "../../engine/compile-error.ts";
import { isGrpc } from "../../engine/failures.ts";
import { grpcCallTimeoutMs } from "../../engine/http/stream-duration.ts";
import type { CompiledHttp, Decision, Forward, Reply } from "../../engine/http.ts";
import { compileFraction } from "../../engine/match/fraction.ts";
import type { PeerView } from "../../engine/request.ts";
import { requestTimeoutMs } from "../../engine/retry-policy.ts";
import type { TraceStep } from "../../engine/trace.ts";
import { CONNECT_ONLY } from "../../translate/tunnels.ts";
import { FAULT_FILTER } from "../../translate/fault.ts";
import type { Instance } from "../../model/service.ts";
import { HTTPFault } from "../../xds/proto/filter-fault.ts";
import type { Route } from "../../xds/proto/route.ts";
import type { FaultExplanation, OwnReply, RetriesExplanation, RuleStep, Routing } from "./explanation.ts";
import { rateLimitsIn } from "./arrival.ts";
import { decidingStep, type RuleContext, ruleSteps } from "./rule-steps.ts";
import { LOOPBACK, type SimulatedMesh } from "./simulated-mesh.ts";
import { describeOperation, SimulatedRequest } from "./simulated-request.ts";

/** One way that the request can take. */
export interface Way {
  readonly forward: Forward;
  readonly share: number;
  /** `weight 90 of 100`. */
  readonly weight: string | undefined;
}

export interface Routed {
  readonly routing: Routing;
  /** `denied`: by a policy of a gateway. `aborted`: by a fault that always happens. `answered`: a redirect. */
  readonly end: "forwarded" | "answered" | "aborted" | "denied" | "noRoute";
  readonly ways: readonly Way[];
  /** The request as the caller's proxy reads it. */
  readonly request: SimulatedRequest;
}

/** An application that calls its own proxy. */
const OWN_APPLICATION: PeerView = {
  tls: false,
  spiffeId: undefined,
  sni: undefined,
  remote: { address: LOOPBACK, port: 0 },
  local: { address: LOOPBACK, port: 0 },
};

/** A draw that falls within no fraction but the whole. */
const LAST_DRAW = 1 - 2 ** -32;
/** Route and weights are chosen by a number below this. */
const RANDOM_VALUES = 2 ** 32;

/** @throws {RangeError} When the proxy would refuse the path, whatever the rules say. */
export function routeRequest(
  http: CompiledHttp,
  sent: SimulatedRequest,
  context: RuleContext,
  peer = OWN_APPLICATION,
): Routed {
  const path = http.normalizePath(sent.path);
  if (typeof path !== "string") throw new RangeError(`the path ${JSON.stringify(sent.path)} is refused by every proxy`);
  const request = new SimulatedRequest(sent.method, path, http.normalizeAuthority(sent.authority, 0), sent.headers);
  const { chosen, first, rules, trace } = decide(http, request, peer, context);
  const { route } = chosen;
  const routing = describe(trace, chosen, first, request, rules);
  if (first.t === "reply") return { routing, end: endOf(first, routing), ways: [], request };
  return { routing, end: "forwarded", ways: waysOf(http, request, peer, route, first), request };
}

function endOf({ kind }: Reply, { host }: Routing): Routed["end"] {
  if (kind === "faultAbort") return "aborted";
  if (kind === "rbacDenied") return "denied";
  return kind === "noRoute" || host === undefined ? "noRoute" : "answered";
}

/** Of a client outside of the mesh, at a gateway. */
export const outsider = (tls: boolean): PeerView => ({ ...OWN_APPLICATION, tls });

/** The forward proxy of a workload. */
export function outboundHttp(simulated: SimulatedMesh, from: Instance): CompiledHttp {
  const resources = simulated.resourcesOf(from);
  const listener = resources.listeners.find((l) => l.trafficDirection === "OUTBOUND");
  const terminal = listener && simulated.compiled.listener(listener).chains[0]?.terminal;
  if (terminal?.t !== "http") throw new Error("the caller's proxy has no outbound HTTP listener");
  return simulated.compiled.http(resources, terminal);
}

const settled = (decision: Decision): Forward | Reply => (decision.t === "delay" ? decision.then : decision);

/** The first draw chooses among weights where any are; all others, those of faults, hit only what always happens. */
function drawing(http: CompiledHttp, value: number): () => number {
  let isFirst = http.routeTable.virtualHosts.some((host) => host.needsRandom);
  return () => {
    const draw = isFirst ? value / RANDOM_VALUES : LAST_DRAW;
    isFirst = false;
    return draw;
  };
}

/** One decision for each weighted cluster, each with the number that leads to it. */
function waysOf(
  http: CompiledHttp,
  request: SimulatedRequest,
  peer: PeerView,
  route: Route | undefined,
  only: Forward,
): readonly Way[] {
  const clusters = route?.route?.weightedClusters?.clusters ?? [];
  const total = clusters.reduce((sum, c) => sum + (c.weight ?? 0), 0);
  if (total === 0) return [{ forward: only, share: 1, weight: undefined }];
  let from = 0;
  return clusters.flatMap(({ weight = 0 }) => {
    const decision = settled(http.decide(request, peer, drawing(http, from)));
    from += weight;
    if (weight === 0 || decision.t !== "forward") return [];
    return [{ forward: decision, share: weight / total, weight: `weight ${weight} of ${total}` }];
  });
}

/** A step of another subject follows the route's own. */
const isTried = ({ step, conditions }: TraceStep): boolean => step === "route" && conditions !== undefined;

/** Where a request was found to belong. */
interface Chosen {
  /** The virtual host's name. */
  readonly host: string | undefined;
  /** Undefined: none matched. */
  readonly route: Route | undefined;
}

interface Decided {
  readonly first: Forward | Reply;
  readonly chosen: Chosen;
  readonly rules: readonly RuleStep[];
  readonly trace: readonly TraceStep[];
}

function decide(http: CompiledHttp, request: SimulatedRequest, peer: PeerView, context: RuleContext): Decided {
  if (context.brief) return decideBriefly(http, request, peer, context);
  const trace: TraceStep[] = [];
  const first = settled(http.decide(request, peer, drawing(http, 0), trace));
  const host = trace.find((s) => s.step === "virtualHost" && s.verdict === "chosen")?.subject;
  const entries = http.routeTable.virtualHosts.find(({ name }) => name === host)?.routes ?? [];
  // Routes are tried in order, so the last one that was tried is known by its number.
  const tried = trace.filter(isTried);
  const number = tried.at(-1)?.verdict === "matched" ? tried.length - 1 : -1;
  const rules = host === undefined ? [] : ruleSteps(host, entries, tried, context);
  return { first, chosen: { host, route: messageOf(http, host, number) }, rules, trace };
}

/** Without asking each rule why. */
function decideBriefly(http: CompiledHttp, request: SimulatedRequest, peer: PeerView, context: RuleContext): Decided {
  const first = settled(http.decide(request, peer, drawing(http, 0)));
  const host = http.routeTable.hostFor(request.authority);
  const number = first.route === undefined ? -1 : (host?.routes.findIndex(({ route }) => route === first.route) ?? -1);
  const entry = host?.routes[number];
  const rules = host === undefined || entry === undefined ? [] : [decidingStep(host.name, entry, context)];
  return { first, chosen: { host: host?.name, route: messageOf(http, host?.name, number) }, rules, trace: [] };
}

const messageOf = (http: CompiledHttp, host: string | undefined, number: number): Route | undefined =>
  http.routeTable.message.virtualHosts?.find((v) => v.name === host)?.routes?.[number];

/** The hosts that stand for all that are none: refused, or let through. */
const NO_HOST = "block_all";
const ANY_HOST = "allow_any";

function describe(
  trace: readonly TraceStep[],
  { host, route }: Chosen,
  end: Forward | Reply,
  request: SimulatedRequest,
  rules: readonly RuleStep[],
): Routing {
  const isOpaque = host?.endsWith(CONNECT_ONLY) === true || host === ANY_HOST;
  const known = host !== undefined && host !== NO_HOST && !(isOpaque && end.t === "reply");
  return {
    host: known ? host : undefined,
    rules: known ? rules : [],
    ...limits(end, route, request),
    rewrite: rewriteOf(end, request),
    headers: {
      request: end.t === "forward" ? end.requestHeaders.map(describeOperation) : [],
      response: end.responseHeaders.map(describeOperation),
    },
    faults: faultsOf(route),
    cors: trace.find((s) => s.step === "filter" && s.subject === "cors")?.reason,
    ...rateLimitsIn(trace),
    reply: end.t === "reply" ? ownReply(end, request) : undefined,
  };
}

function limits(
  end: Forward | Reply,
  route: Route | undefined,
  request: SimulatedRequest,
): Pick<Routing, "timeoutMs" | "retries"> {
  if (end.t === "reply") return { timeoutMs: undefined, retries: undefined };
  const timeoutMs = requestTimeoutMs(routeTimeoutMs(end, request), (name) => request.header(name));
  return { timeoutMs: timeoutMs === 0 ? undefined : timeoutMs, retries: retriesOf(route) };
}

function routeTimeoutMs({ route }: Forward, request: SimulatedRequest): number {
  const { maxGrpcTimeoutMs, timeoutMs } = route;
  if (maxGrpcTimeoutMs === undefined || !isGrpc(request.header("content-type"))) return timeoutMs;
  return grpcCallTimeoutMs(maxGrpcTimeoutMs, request.header("grpc-timeout"));
}

function retriesOf(route: Route | undefined): RetriesExplanation | undefined {
  const policy = route?.route?.retryPolicy;
  if (policy === undefined) return undefined;
  const words = (policy.retryOn ?? "").split(",").filter((word) => word !== "");
  return {
    attempts: policy.numRetries ?? 1,
    on: [...words, ...(policy.retriableStatusCodes ?? []).map(String)],
    perTryTimeoutMs: policy.perTryTimeout,
    backoffMs: policy.retryBackOff?.baseInterval,
    ...(policy.rateLimitedRetryBackOff === undefined
      ? {}
      : { maxRetryAfterMs: policy.rateLimitedRetryBackOff.maxInterval }),
    ...(policy.perTryIdleTimeout === undefined ? {} : { perTryIdleTimeoutMs: policy.perTryIdleTimeout }),
  };
}

function rewriteOf(end: Forward | Reply, request: SimulatedRequest): Routing["rewrite"] {
  if (end.t === "reply") return { path: undefined, authority: undefined };
  const seen = request.forwardedBy(end);
  return {
    path: seen.path === request.path ? undefined : seen.path,
    authority: seen.authority === request.authority ? undefined : seen.authority,
  };
}

function faultsOf(route: Route | undefined): readonly FaultExplanation[] {
  const config = route?.typedPerFilterConfig?.[FAULT_FILTER];
  if (config === undefined) return [];
  const { delay, abort } = unpackAt(config, HTTPFault, `typed_per_filter_config[${FAULT_FILTER}]`);
  const percent = (p: Parameters<typeof compileFraction>[0]): number => {
    const { numerator, denominator } = compileFraction(p);
    return (numerator / denominator) * 100;
  };
  return [
    ...(delay === undefined
      ? []
      : [{ kind: "delay" as const, what: `${delay.fixedDelay ?? 0} ms`, percent: percent(delay.percentage) }]),
    ...(abort === undefined
      ? []
      : [{ kind: "abort" as const, what: abortText(abort), percent: percent(abort.percentage) }]),
  ];
}

const abortText = ({ grpcStatus, httpStatus = 200 }: NonNullable<HTTPFault["abort"]>): string =>
  grpcStatus === undefined ? String(httpStatus) : `gRPC status ${grpcStatus}`;

const ownReply = (reply: Reply, request: SimulatedRequest): OwnReply => ({
  status: reply.status,
  reason: replyReason(reply),
  location: reply.headers.find(([name]) => name === "location")?.[1],
  body: reply.body,
  headers: Object.fromEntries(request.answered(reply.headers, reply.responseHeaders)),
});

function replyReason(reply: Reply): string {
  const location = reply.headers.find(([name]) => name === "location")?.[1];
  if (location !== undefined) return `redirect to ${location}`;
  if (reply.kind === "noRoute") return "no rule matches";
  if (reply.kind === "rbacDenied") return `refused by a policy of the gateway: ${reply.details}`;
  if (reply.kind === "faultAbort") return "the rule's fault";
  if (reply.details === "cors_response") return "the corsPolicy of the rule answers a preflight request";
  return reply.body.trim() || reply.details;
}
