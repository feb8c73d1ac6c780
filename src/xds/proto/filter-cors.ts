/**
 * `envoy.extensions.filters.http.cors.v3`.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { boolValue, string } from "../types/scalars.ts";
import { RuntimeFractionalPercent } from "./core-base.ts";
import { StringMatcher } from "./matcher.ts";

export const Cors = message("envoy.extensions.filters.http.cors.v3.Cors", {});
export type Cors = Infer<typeof Cors>;

export const CorsPolicy = message("envoy.extensions.filters.http.cors.v3.CorsPolicy", {
  allowOriginStringMatch: repeated(of(1, StringMatcher)),
  allowMethods: string(2),
  allowHeaders: string(3),
  exposeHeaders: string(4),
  maxAge: string(5),
  allowCredentials: boolValue(6),
  filterEnabled: of(7, RuntimeFractionalPercent),
  shadowEnabled: of(8, RuntimeFractionalPercent),
  allowPrivateNetworkAccess: boolValue(9),
  forwardNotMatchingPreflights: boolValue(10),
});
export type CorsPolicy = Infer<typeof CorsPolicy>;
