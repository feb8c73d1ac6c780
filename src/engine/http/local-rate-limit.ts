/**
 * The local rate limit filter: requests beyond a limit are answered here.
 *
 * Source: `envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit` and Envoy's filter. Both percentages are 0 where they
 * are absent: then nothing is limited. A configuration that several routes share has its buckets once, and keeps them when routes change
 * and it does not (Envoy begins with full ones).
 *
 * Not here: limits that a cluster's members share (`local_cluster_rate_limit`).
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { LocalRateLimit } from "../../xds/proto/filter-local-rate-limit.ts";
import { StatusCode } from "../../xds/proto/type.ts";
import type { AnyMessage } from "../../xds/types/any.ts";
import { CompileError, fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { replyOf } from "../failures.ts";
import type { HeaderOperation, Reply } from "../http.ts";
import { compileFraction, type Fraction } from "../match/fraction.ts";
import type { RateLimitOutcome } from "../observer.ts";
import { type CompiledRateLimit, compileRateLimits, type Descriptor } from "../rate-limit/descriptors.ts";
import { compileDescriptors, Limiter, type LimiterSettings, type Verdict } from "../rate-limit/limiter.ts";
import { compileBucket, type TokenBucket } from "../rate-limit/token-bucket.ts";
import type { PeerView, RequestView } from "../request.ts";
import type { Trace } from "../trace.ts";
import type { FilterContext, FilterType } from "./filter-type.ts";
import { compileEdits } from "./header-operations.ts";
import type { FilterEdits, FilterStep, RouteTarget } from "./target.ts";

const KNOWN = new Set([
  "statPrefix",
  "status",
  "tokenBucket",
  "filterEnabled",
  "filterEnforced",
  "responseHeadersToAdd",
  "requestHeadersToAddWhenNotEnforced",
  "descriptors",
  "rateLimits",
  "maxDynamicDescriptors",
  "stage",
  "localRateLimitPerDownstreamConnection",
  "enableXRatelimitHeaders",
  "vhRateLimits",
  "alwaysConsumeDefaultTokenBucket",
  "rateLimitedAsResourceExhausted",
]);
/** Of its steps in a trace. */
export const RATE_LIMIT_SUBJECT = "local rate limit";
const MAX_DYNAMIC = 20;
const TOO_MANY_REQUESTS = 429;
const RESOURCE_EXHAUSTED = 8;

export const LOCAL_RATE_LIMIT: FilterType = {
  message: LocalRateLimit,
  compile: (config, path, context) => compileLimit(unpackAt(config, LocalRateLimit, path), false, path, context),
  compileForRoute: (config, path, context) =>
    keptStep(context, config, path, () => compileLimit(unpackAt(config, LocalRateLimit, path), true, path, context)),
};

interface Kept {
  readonly config: AnyMessage;
  readonly step: FilterStep | undefined;
}
const KEPT = new WeakMap<FilterContext, Map<string, Kept>>();

/** One step, with its buckets, for all routes below a level of routing. */
function keptStep(
  context: FilterContext,
  config: AnyMessage,
  path: string,
  make: () => FilterStep | undefined,
): FilterStep | undefined {
  let byPath = KEPT.get(context);
  if (byPath === undefined) KEPT.set(context, (byPath = new Map<string, Kept>()));
  const known = byPath.get(path);
  if (known !== undefined && isSame(known.config, config)) return known.step;
  const step = make();
  byPath.set(path, { config, step });
  return step;
}

const isSame = (a: AnyMessage, b: AnyMessage): boolean =>
  a.typeUrl === b.typeUrl && Buffer.compare(a.bytes, b.bytes) === 0;

interface Limit {
  readonly limiterOf: (peer: PeerView) => Limiter;
  readonly descriptorsOf: DescriptorsOf | undefined;
  readonly enabled: Fraction;
  readonly enforced: Fraction;
  readonly tellsLimits: boolean;
  readonly status: number;
  readonly grpcStatus: number | undefined;
  readonly responseHeaders: readonly HeaderOperation[];
  /** For requests that would have been refused. */
  readonly spared: FilterEdits | undefined;
  readonly inWords: string;
  readonly nowMs: () => number;
  readonly tell: (outcome: RateLimitOutcome) => void;
}

/** @throws {CompileError} */
function compileLimit(
  message: LocalRateLimit,
  perRoute: boolean,
  path: string,
  context: FilterContext,
): FilterStep | undefined {
  refuseOthers(message, path, KNOWN);
  const { statPrefix = "", tokenBucket } = message;
  if (statPrefix === "") throw new CompileError(fieldPath(path, "statPrefix"), "must not be empty");
  if (perRoute && tokenBucket === undefined)
    throw new CompileError(fieldPath(path, "tokenBucket"), "must be there for a route");
  const settings = limiterSettings(message, context, path);
  const enabled = compileFraction(message.filterEnabled?.defaultValue);
  const edits = editsOf(message, path);
  const status = message.status?.code === undefined ? TOO_MANY_REQUESTS : StatusCode.numbers[message.status.code];
  if (enabled.numerator === 0 || (settings.whole === undefined && settings.descriptors.length === 0)) return undefined;
  return stepOf({
    limiterOf: limiterOf(settings, message.localRateLimitPerDownstreamConnection ?? false, context),
    descriptorsOf: descriptorsOf(message, settings, context, path),
    enabled,
    enforced: compileFraction(message.filterEnforced?.defaultValue),
    tellsLimits: message.enableXRatelimitHeaders === "DRAFT_VERSION_03",
    status: status < 400 ? TOO_MANY_REQUESTS : status,
    grpcStatus: message.rateLimitedAsResourceExhausted ? RESOURCE_EXHAUSTED : undefined,
    ...edits,
    inWords: inWords(settings),
    nowMs: context.nowMs,
    tell: (outcome) => context.observer?.rateLimit?.(statPrefix, outcome),
  });
}

function editsOf(message: LocalRateLimit, path: string): Pick<Limit, "responseHeaders" | "spared"> {
  const { requestHeadersToAddWhenNotEnforced: requestHeadersToAdd, responseHeadersToAdd } = message;
  const spared = compileEdits({ requestHeadersToAdd }, path).request;
  return {
    responseHeaders: compileEdits({ responseHeadersToAdd }, path).response,
    spared: spared.length === 0 ? undefined : { t: "edits", requestHeaders: spared, responseHeaders: [] },
  };
}

function limiterSettings(message: LocalRateLimit, { share }: FilterContext, path: string): LimiterSettings {
  const { tokenBucket } = message;
  return {
    whole: tokenBucket && compileBucket(tokenBucket, share, fieldPath(path, "tokenBucket")),
    descriptors: compileDescriptors(message.descriptors, share, fieldPath(path, "descriptors")),
    alwaysTakesWhole: message.alwaysConsumeDefaultTokenBucket ?? true,
    maxDynamic: message.maxDynamicDescriptors ?? MAX_DYNAMIC,
  };
}

function limiterOf(settings: LimiterSettings, perConnection: boolean, { nowMs }: FilterContext): Limit["limiterOf"] {
  if (!perConnection) {
    const limiter = new Limiter(settings, nowMs());
    return () => limiter;
  }
  const byPeer = new WeakMap<PeerView, Limiter>();
  return (peer) => {
    let limiter = byPeer.get(peer);
    if (limiter === undefined) byPeer.set(peer, (limiter = new Limiter(settings, nowMs())));
    return limiter;
  };
}

type DescriptorsOf = (request: RequestView, peer: PeerView, target: RouteTarget) => readonly Descriptor[];

/** Its own limits say what requests count as; without any, those of the route and its virtual host. */
function descriptorsOf(
  message: LocalRateLimit,
  settings: LimiterSettings,
  { settings: { remoteAddressOf } }: FilterContext,
  path: string,
): DescriptorsOf | undefined {
  const own = compileRateLimits(message.rateLimits, fieldPath(path, "rateLimits"));
  if (settings.descriptors.length === 0) return undefined;
  const { stage = 0, vhRateLimits = "OVERRIDE" } = message;
  return (request, peer, { clusterName, route }) => {
    const source = { request, peer, clusterName, remoteAddress: remoteAddressOf(request, peer) };
    const limits = own ?? route?.rateLimitsFor(vhRateLimits) ?? NO_LIMITS;
    return limits.flatMap((limit) => {
      const descriptor = own !== undefined || limit.stage === stage ? limit.of(source) : undefined;
      return descriptor === undefined ? [] : [descriptor];
    });
  };
}

const NO_LIMITS: readonly CompiledRateLimit[] = [];
const NONE: readonly Descriptor[] = [];

function stepOf(limit: Limit): FilterStep {
  return (request, peer, target, random, trace) => {
    if (!draws(limit.enabled, random)) return undefined;
    const descriptors = limit.descriptorsOf?.(request, peer, target) ?? NONE;
    // Who asks what would become of a request must not use up what it has.
    if (trace !== undefined) return explain(limit, descriptors, trace);
    const nowMs = limit.nowMs();
    const verdict = limit.limiterOf(peer).take(descriptors, nowMs);
    if (verdict.allowed) {
      limit.tell("ok");
      return limit.tellsLimits ? told(verdict, nowMs) : undefined;
    }
    if (!draws(limit.enforced, random)) {
      limit.tell("rateLimited");
      return limit.spared;
    }
    limit.tell("enforced");
    return refused(limit, verdict, target, nowMs);
  };
}

const draws = ({ numerator, denominator }: Fraction, random: Random): boolean =>
  numerator >= denominator || Math.floor(random() * denominator) < numerator;

function refused(limit: Limit, { bucket }: Verdict, target: RouteTarget, nowMs: number): Reply {
  const { clusterName, route, responseHeaders } = target;
  const { grpcStatus, status } = limit;
  const own = limit.tellsLimits && bucket !== undefined ? limitHeaders(bucket, nowMs) : [];
  const reply = replyOf("rateLimited", "", {
    route,
    responseHeaders: [...responseHeaders, ...limit.responseHeaders, ...own],
  });
  return { ...reply, clusterName, status, grpcStatus: grpcStatus ?? reply.grpcStatus };
}

const told = ({ bucket }: Verdict, nowMs: number): FilterEdits | undefined =>
  bucket === undefined ? undefined : { t: "edits", responseHeaders: limitHeaders(bucket, nowMs) };

function limitHeaders(bucket: TokenBucket, nowMs: number): readonly HeaderOperation[] {
  const header = (what: string, value: number): HeaderOperation => ({
    t: "append",
    name: `x-ratelimit-${what}`,
    lowerName: `x-ratelimit-${what}`,
    value: String(value),
    format: undefined,
    keepEmpty: false,
  });
  return [
    header("limit", bucket.settings.maxTokens),
    header("remaining", bucket.remaining(nowMs)),
    header("reset", Math.floor(bucket.nextTokenMs(nowMs) / 1000)),
  ];
}

function explain(
  { inWords: words, status, enforced }: Limit,
  descriptors: readonly Descriptor[],
  trace: Trace,
): undefined {
  const as = descriptors.map((entries) => entries.map(({ key, value }) => `${key}=${value}`).join(" ")).join(", ");
  trace.push({
    step: "filter",
    subject: RATE_LIMIT_SUBJECT,
    verdict: "applied",
    reason: `${words}${as === "" ? "" : `; this one counts as ${as}`}; beyond that ${
      enforced.numerator === 0 ? "only counted" : `status ${status} (flag RL)`
    }`,
  });
}

const rate = ({ maxTokens, tokensPerMs }: TokenBucket["settings"]): string =>
  `${maxTokens} at once, then ${Number((tokensPerMs * 1000).toFixed(3))} a second`;

function inWords({ whole, descriptors }: LimiterSettings): string {
  const more = descriptors.length === 0 ? "" : `, with limits for ${descriptors.length} of its parts`;
  return `${whole === undefined ? "no limit for all" : rate(whole)}${more}`;
}
