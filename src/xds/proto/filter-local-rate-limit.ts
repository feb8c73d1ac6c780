/**
 * `envoy.extensions.filters.http.local_ratelimit.v3` and the descriptors that it shares.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32, uint32Value } from "../types/scalars.ts";
import { HeaderValueOption, RuntimeFractionalPercent } from "./core-base.ts";
import { RateLimit } from "./route-rate-limit.ts";
import { HttpStatus, TokenBucket } from "./type.ts";

export const RateLimitDescriptorEntry = message("envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry", {
  key: string(1),
  value: string(2),
});
export type RateLimitDescriptorEntry = Infer<typeof RateLimitDescriptorEntry>;

export const LocalRateLimitDescriptor = message("envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor", {
  entries: repeated(of(1, RateLimitDescriptorEntry)),
  tokenBucket: of(2, TokenBucket),
});
export type LocalRateLimitDescriptor = Infer<typeof LocalRateLimitDescriptor>;

export const LocalClusterRateLimit = message("envoy.extensions.common.ratelimit.v3.LocalClusterRateLimit", {});
export type LocalClusterRateLimit = Infer<typeof LocalClusterRateLimit>;

export const XRateLimitHeadersRFCVersion = enumeration(
  "envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRFCVersion",
  { OFF: 0, DRAFT_VERSION_03: 1 },
);
export type XRateLimitHeadersRFCVersion = Infer<typeof XRateLimitHeadersRFCVersion>;

export const VhRateLimitsOptions = enumeration("envoy.extensions.common.ratelimit.v3.VhRateLimitsOptions", {
  OVERRIDE: 0,
  INCLUDE: 1,
  IGNORE: 2,
});
export type VhRateLimitsOptions = Infer<typeof VhRateLimitsOptions>;

export const LocalRateLimit = message("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
  statPrefix: string(1),
  status: of(2, HttpStatus),
  tokenBucket: of(3, TokenBucket),
  filterEnabled: of(4, RuntimeFractionalPercent),
  filterEnforced: of(5, RuntimeFractionalPercent),
  responseHeadersToAdd: repeated(of(6, HeaderValueOption)),
  descriptors: repeated(of(8, LocalRateLimitDescriptor)),
  stage: uint32(9),
  requestHeadersToAddWhenNotEnforced: repeated(of(10, HeaderValueOption)),
  localRateLimitPerDownstreamConnection: bool(11),
  enableXRatelimitHeaders: of(12, XRateLimitHeadersRFCVersion),
  vhRateLimits: of(13, VhRateLimitsOptions),
  alwaysConsumeDefaultTokenBucket: boolValue(14),
  rateLimitedAsResourceExhausted: bool(15),
  localClusterRateLimit: of(16, LocalClusterRateLimit),
  rateLimits: repeated(of(17, RateLimit)),
  maxDynamicDescriptors: uint32Value(18),
});
export type LocalRateLimit = Infer<typeof LocalRateLimit>;
