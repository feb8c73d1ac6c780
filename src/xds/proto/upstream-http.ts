/**
 * `envoy.extensions.upstreams.http.v3`: the HTTP options of a cluster.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { TypedExtensionConfig } from "./core-base.ts";
import {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  Http3ProtocolOptions,
  HttpProtocolOptions,
  UpstreamHttpProtocolOptions,
} from "./core-protocol.ts";
import { MatchPredicate } from "./match-predicate.ts";
import { HttpFilter } from "./http-connection-manager.ts";

export const ExplicitHttpConfig = message("envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig", {
  ...oneof("protocol_config", {
    httpProtocolOptions: of(1, Http1ProtocolOptions),
    http2ProtocolOptions: of(2, Http2ProtocolOptions),
    http3ProtocolOptions: of(3, Http3ProtocolOptions),
  }),
});
export type ExplicitHttpConfig = Infer<typeof ExplicitHttpConfig>;

export const UseDownstreamHttpConfig = message(
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig",
  {
    httpProtocolOptions: of(1, Http1ProtocolOptions),
    http2ProtocolOptions: of(2, Http2ProtocolOptions),
    http3ProtocolOptions: of(3, Http3ProtocolOptions),
  },
);
export type UseDownstreamHttpConfig = Infer<typeof UseDownstreamHttpConfig>;

export const AutoHttpConfig = message("envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig", {
  httpProtocolOptions: of(1, Http1ProtocolOptions),
  http2ProtocolOptions: of(2, Http2ProtocolOptions),
  http3ProtocolOptions: of(3, Http3ProtocolOptions),
});
export type AutoHttpConfig = Infer<typeof AutoHttpConfig>;

export const UpstreamOutlierDetection = message(
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection",
  { errorMatcher: of(1, MatchPredicate) },
);
export type UpstreamOutlierDetection = Infer<typeof UpstreamOutlierDetection>;

export const UpstreamHttpOptions = message("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", {
  commonHttpProtocolOptions: of(1, HttpProtocolOptions),
  upstreamHttpProtocolOptions: of(2, UpstreamHttpProtocolOptions),
  ...oneof("upstream_protocol_options", {
    explicitHttpConfig: of(3, ExplicitHttpConfig),
    useDownstreamProtocolConfig: of(4, UseDownstreamHttpConfig),
    autoConfig: of(5, AutoHttpConfig),
  }),
  httpFilters: repeated(of(6, HttpFilter)),
  headerValidationConfig: of(7, TypedExtensionConfig),
  outlierDetection: of(8, UpstreamOutlierDetection),
});
export type UpstreamHttpOptions = Infer<typeof UpstreamHttpOptions>;
