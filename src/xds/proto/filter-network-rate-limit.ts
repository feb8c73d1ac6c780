/**
 * `envoy.extensions.filters.network.local_ratelimit.v3`: how many connections are let in.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { boolValue, string } from "../types/scalars.ts";
import { TokenBucket } from "./type.ts";

export const RuntimeFeatureFlag = message("envoy.config.core.v3.RuntimeFeatureFlag", {
  defaultValue: boolValue(1),
  runtimeKey: string(2),
});
export type RuntimeFeatureFlag = Infer<typeof RuntimeFeatureFlag>;

export const NetworkLocalRateLimit = message("envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit", {
  statPrefix: string(1),
  tokenBucket: of(2, TokenBucket),
  runtimeEnabled: of(3, RuntimeFeatureFlag),
  shareKey: string(4),
});
export type NetworkLocalRateLimit = Infer<typeof NetworkLocalRateLimit>;
