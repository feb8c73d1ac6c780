/**
 * The CORS policy of a rule, as the configuration of the CORS filter on its routes. Source: Istio.
 *
 * @module
 */
import type { CorsPolicy } from "../model/virtual-service.ts";
import { Cors, CorsPolicy as EnvoyCorsPolicy } from "../xds/proto/filter-cors.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import { type AnyMessage, pack } from "../xds/types/any.ts";
import { stringMatcher } from "./string-matcher.ts";

const CORS_FILTER = "envoy.filters.http.cors";

/** Does nothing by itself: routes bring their policies along. */
export const cors: HttpFilter = { name: CORS_FILTER, typedConfig: pack(Cors, {}) };

export function corsConfig(policy: CorsPolicy): Readonly<Record<string, AnyMessage>> {
  const { allowCredentials, maxAgeSeconds } = policy;
  const config: EnvoyCorsPolicy = {
    allowOriginStringMatch: policy.allowOrigins.map(stringMatcher),
    allowMethods: list(policy.allowMethods),
    allowHeaders: list(policy.allowHeaders),
    exposeHeaders: list(policy.exposeHeaders),
    maxAge: maxAgeSeconds === undefined ? undefined : String(maxAgeSeconds),
    allowCredentials,
    filterEnabled: { defaultValue: { numerator: 100, denominator: "HUNDRED" } },
    forwardNotMatchingPreflights: policy.forwardsUnmatched,
  };
  return { [CORS_FILTER]: pack(EnvoyCorsPolicy, config) };
}

const list = (names: readonly string[]): string | undefined => (names.length === 0 ? undefined : names.join(","));
