/**
 * Rate limits of a workload's ports: RateLimit documents of its namespace and of the root namespace as Envoy's local rate limit
 * filters, one for each document. They stand behind authorization: what is denied uses up nothing.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import { selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Rate, RateLimit, RateLimitRule } from "../model/rate-limit.ts";
import type { Workload } from "../model/service.ts";
import { type LocalRateLimitDescriptor, LocalRateLimit } from "../xds/proto/filter-local-rate-limit.ts";
import { NetworkLocalRateLimit } from "../xds/proto/filter-network-rate-limit.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import type { NetworkFilter } from "../xds/proto/listener.ts";
import type { HeaderMatcher } from "../xds/proto/route-match.ts";
import type { RateLimit as Descriptors } from "../xds/proto/route-rate-limit.ts";
import type { TokenBucket } from "../xds/proto/type.ts";
import { pack } from "../xds/types/any.ts";
import { lookUp } from "./reads.ts";
import { escapeRegex, headerMatcher } from "./string-matcher.ts";

/** Values of a header that have a bucket at once; Envoy's 20 would let a few more callers share nothing. */
const MAX_VALUES = 10_000;
const ALWAYS = { defaultValue: { numerator: 100 } };
const NEVER = { defaultValue: { numerator: 0 } };

const rateLimitsOf = (mesh: Mesh, workload: Workload): readonly RateLimit[] => lookUp(mesh, selectedLimits, workload);

function selectedLimits({ rateLimits, settings }: Mesh, workload: Workload): readonly RateLimit[] {
  if (rateLimits.length === 0) return [];
  return [...new Set([settings.rootNamespace, workload.namespace])].flatMap((namespace) =>
    rateLimits.filter((it) => it.origin.namespace === namespace && selects(it.selector ?? {}, workload.labels)),
  );
}

const nameOf = ({ origin }: RateLimit): string => `rate_limit.${origin.namespace}.${origin.name}`;

export function httpRateLimits(mesh: Mesh, workload: Workload): readonly HttpFilter[] {
  return rateLimitsOf(mesh, workload)
    .filter(({ requests, rules }) => requests !== undefined || rules.length > 0)
    .map((limit) => ({ name: nameOf(limit), typedConfig: pack(LocalRateLimit, localRateLimit(limit)) }));
}

export function tcpRateLimits(mesh: Mesh, workload: Workload): readonly NetworkFilter[] {
  return rateLimitsOf(mesh, workload).flatMap((limit) => {
    if (limit.connections === undefined || limit.dryRun) return [];
    const config = { statPrefix: nameOf(limit), tokenBucket: bucket(limit.connections) };
    return [{ name: "envoy.filters.network.local_ratelimit", typedConfig: pack(NetworkLocalRateLimit, config) }];
  });
}

function localRateLimit(limit: RateLimit): LocalRateLimit {
  const { dryRun, requests, rules, tellsLimits } = limit;
  return {
    statPrefix: nameOf(limit),
    tokenBucket: requests && bucket(requests),
    filterEnabled: ALWAYS,
    filterEnforced: dryRun ? NEVER : ALWAYS,
    enableXRatelimitHeaders: tellsLimits ? "DRAFT_VERSION_03" : undefined,
    // UNAVAILABLE, as for other answers, would have clients of gRPC try again.
    rateLimitedAsResourceExhausted: true,
    ...(rules.length === 0
      ? {}
      : {
          rateLimits: rules.map(actions),
          descriptors: rules.map(descriptor),
          ...(rules.some(({ byHeader }) => byHeader !== undefined) ? { maxDynamicDescriptors: MAX_VALUES } : {}),
        }),
  };
}

const bucket = ({ burst, count, perMs }: Rate): TokenBucket => ({
  maxTokens: burst,
  tokensPerFill: count,
  fillInterval: perMs,
});

const RULE = "rule";
const BY = "by";

function actions(rule: RateLimitRule, i: number): Descriptors {
  const headers = matchers(rule);
  const descriptorValue = String(i);
  const which =
    headers.length === 0
      ? { genericKey: { descriptorKey: RULE, descriptorValue } }
      : { headerValueMatch: { descriptorKey: RULE, descriptorValue, headers } };
  const by = rule.byHeader === undefined ? [] : [{ requestHeaders: { headerName: rule.byHeader, descriptorKey: BY } }];
  return { actions: [which, ...by] };
}

function descriptor(rule: RateLimitRule, i: number): LocalRateLimitDescriptor {
  const by = rule.byHeader === undefined ? [] : [{ key: BY }];
  return { entries: [{ key: RULE, value: String(i) }, ...by], tokenBucket: bucket(rule.requests) };
}

function matchers({ headers, method, path }: RateLimitRule): readonly HeaderMatcher[] {
  return [
    ...(path === undefined ? [] : [headerMatcher(":path", withQuery(path))]),
    ...(method === undefined ? [] : [headerMatcher(":method", method)]),
    ...Object.entries(headers).map(([name, match]) => headerMatcher(name, match)),
  ];
}

/** The pseudo-header has the query, which is no part of the path that a person writes. */
function withQuery(match: StringMatch): StringMatch {
  if (match.t === "exact") return { t: "regex", value: `${escapeRegex(match.value)}(\\?.*)?` };
  return match.t === "regex" ? { t: "regex", value: `(?:${match.value})(\\?.*)?` } : match;
}
