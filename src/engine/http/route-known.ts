/**
 * Fields of routes that are supported, or that change nothing here. All others are refused.
 *
 * @module
 */
import { HEADER_EDITS } from "./header-operations.ts";

export const KNOWN_CONFIGURATION: ReadonlySet<string> = new Set([
  "name",
  "virtualHosts",
  // Taken off requests of clients outside: see `internalOnlyHeaders` of the route table.
  "internalOnlyHeaders",
  // Clusters come and go: that one is missing is seen when a request wants it.
  "validateClusters",
  "mostSpecificHeaderMutationsWins",
  "maxDirectResponseBodySizeBytes",
  "ignorePortInHostMatching",
  "ignorePathParametersInPathMatching",
  "requestMirrorPolicies",
  "typedPerFilterConfig",
  "metadata",
  ...HEADER_EDITS,
]);

export const KNOWN_VIRTUAL_HOST: ReadonlySet<string> = new Set([
  "name",
  "domains",
  "routes",
  "requireTls",
  "virtualClusters",
  "includeRequestAttemptCount",
  "includeAttemptCountInResponse",
  "typedPerFilterConfig",
  "retryPolicy",
  "requestMirrorPolicies",
  "rateLimits",
  "metadata",
  ...HEADER_EDITS,
]);

export const KNOWN_ROUTE: ReadonlySet<string> = new Set([
  "name",
  "match",
  "route",
  "redirect",
  "directResponse",
  "metadata",
  "typedPerFilterConfig",
  // The name of spans, not of anything that is decided.
  "decorator",
  "statPrefix",
  ...HEADER_EDITS,
]);

export const KNOWN_ACTION: ReadonlySet<string> = new Set([
  "cluster",
  "clusterHeader",
  "weightedClusters",
  "metadataMatch",
  "prefixRewrite",
  "regexRewrite",
  "hostRewriteLiteral",
  "autoHostRewrite",
  "hostRewriteHeader",
  "hostRewritePathRegex",
  "appendXForwardedHost",
  "timeout",
  "idleTimeout",
  "retryPolicy",
  "priority",
  "hashPolicy",
  "clusterNotFoundResponseCode",
  "requestMirrorPolicies",
  "maxStreamDuration",
  "maxGrpcTimeout",
  "rateLimits",
  "includeVhRateLimits",
  "upgradeConfigs",
]);
