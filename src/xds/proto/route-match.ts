/**
 * `envoy.config.route.v3`: what a route matches.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string } from "../types/scalars.ts";
import { RuntimeFractionalPercent, TypedExtensionConfig } from "./core-base.ts";
import { MetadataMatcher, RegexMatcher, StringMatcher } from "./matcher.ts";
import { Int64Range } from "./type.ts";

export const ConnectMatcher = message("envoy.config.route.v3.RouteMatch.ConnectMatcher", {});
export type ConnectMatcher = Infer<typeof ConnectMatcher>;

export const HeaderMatcher = message("envoy.config.route.v3.HeaderMatcher", {
  name: string(1),
  ...oneof("header_match_specifier", {
    exactMatch: string(4),
    rangeMatch: of(6, Int64Range),
    presentMatch: bool(7),
    prefixMatch: string(9),
    suffixMatch: string(10),
    safeRegexMatch: of(11, RegexMatcher),
    containsMatch: string(12),
    stringMatch: of(13, StringMatcher),
  }),
  invertMatch: bool(8),
  treatMissingHeaderAsEmpty: bool(14),
});
export type HeaderMatcher = Infer<typeof HeaderMatcher>;

export const QueryParameterMatcher = message("envoy.config.route.v3.QueryParameterMatcher", {
  name: string(1),
  ...oneof("query_parameter_match_specifier", {
    stringMatch: of(5, StringMatcher),
    presentMatch: bool(6),
  }),
});
export type QueryParameterMatcher = Infer<typeof QueryParameterMatcher>;

export const GrpcRouteMatchOptions = message("envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions", {});
export type GrpcRouteMatchOptions = Infer<typeof GrpcRouteMatchOptions>;

export const TlsContextMatchOptions = message("envoy.config.route.v3.RouteMatch.TlsContextMatchOptions", {
  presented: boolValue(1),
  validated: boolValue(2),
});
export type TlsContextMatchOptions = Infer<typeof TlsContextMatchOptions>;

export const RouteMatch = message("envoy.config.route.v3.RouteMatch", {
  ...oneof("path_specifier", {
    prefix: string(1),
    path: string(2),
    safeRegex: of(10, RegexMatcher),
    connectMatcher: of(12, ConnectMatcher),
    pathSeparatedPrefix: string(14),
    pathMatchPolicy: of(15, TypedExtensionConfig),
  }),
  caseSensitive: boolValue(4),
  headers: repeated(of(6, HeaderMatcher)),
  queryParameters: repeated(of(7, QueryParameterMatcher)),
  grpc: of(8, GrpcRouteMatchOptions),
  runtimeFraction: of(9, RuntimeFractionalPercent),
  tlsContext: of(11, TlsContextMatchOptions),
  dynamicMetadata: repeated(of(13, MetadataMatcher)),
});
export type RouteMatch = Infer<typeof RouteMatch>;
