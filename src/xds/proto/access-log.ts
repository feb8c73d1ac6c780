/**
 * `envoy.config.accesslog.v3`: access logs and what they leave out.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { lazy, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message, type MessageType } from "../types/message.ts";
import { bool, boolValue, string } from "../types/scalars.ts";
import { RuntimeUInt32 } from "./core-base.ts";
import { MetadataMatcher } from "./matcher.ts";
import { HeaderMatcher } from "./route-match.ts";
import { FractionalPercent } from "./type.ts";

export const ComparisonFilterOp = enumeration("envoy.config.accesslog.v3.ComparisonFilter.Op", { EQ: 0, GE: 1, LE: 2 });
export type ComparisonFilterOp = Infer<typeof ComparisonFilterOp>;

export const ComparisonFilter = message("envoy.config.accesslog.v3.ComparisonFilter", {
  op: of(1, ComparisonFilterOp),
  value: of(2, RuntimeUInt32),
});
export type ComparisonFilter = Infer<typeof ComparisonFilter>;

export const StatusCodeFilter = message("envoy.config.accesslog.v3.StatusCodeFilter", {
  comparison: of(1, ComparisonFilter),
});
export type StatusCodeFilter = Infer<typeof StatusCodeFilter>;

export const DurationFilter = message("envoy.config.accesslog.v3.DurationFilter", {
  comparison: of(1, ComparisonFilter),
});
export type DurationFilter = Infer<typeof DurationFilter>;

export const NotHealthCheckFilter = message("envoy.config.accesslog.v3.NotHealthCheckFilter", {});
export type NotHealthCheckFilter = Infer<typeof NotHealthCheckFilter>;

export const TraceableFilter = message("envoy.config.accesslog.v3.TraceableFilter", {});
export type TraceableFilter = Infer<typeof TraceableFilter>;

export const RuntimeFilter = message("envoy.config.accesslog.v3.RuntimeFilter", {
  runtimeKey: string(1),
  percentSampled: of(2, FractionalPercent),
  useIndependentRandomness: bool(3),
});
export type RuntimeFilter = Infer<typeof RuntimeFilter>;

export interface AndFilter {
  readonly filters?: readonly AccessLogFilter[] | undefined;
}
export const AndFilter: MessageType<AndFilter> = message("envoy.config.accesslog.v3.AndFilter", {
  filters: repeated(lazy(1, () => AccessLogFilter)),
});

export interface OrFilter {
  readonly filters?: readonly AccessLogFilter[] | undefined;
}
export const OrFilter: MessageType<OrFilter> = message("envoy.config.accesslog.v3.OrFilter", {
  filters: repeated(lazy(2, () => AccessLogFilter)),
});

export const HeaderFilter = message("envoy.config.accesslog.v3.HeaderFilter", {
  header: of(1, HeaderMatcher),
});
export type HeaderFilter = Infer<typeof HeaderFilter>;

export const ResponseFlagFilter = message("envoy.config.accesslog.v3.ResponseFlagFilter", {
  flags: repeated(string(1)),
});
export type ResponseFlagFilter = Infer<typeof ResponseFlagFilter>;

export const GrpcStatusFilterStatus = enumeration("envoy.config.accesslog.v3.GrpcStatusFilter.Status", {
  OK: 0,
  CANCELED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
});
export type GrpcStatusFilterStatus = Infer<typeof GrpcStatusFilterStatus>;

export const GrpcStatusFilter = message("envoy.config.accesslog.v3.GrpcStatusFilter", {
  statuses: repeated(of(1, GrpcStatusFilterStatus)),
  exclude: bool(2),
});
export type GrpcStatusFilter = Infer<typeof GrpcStatusFilter>;

export const ExtensionFilter = message("envoy.config.accesslog.v3.ExtensionFilter", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type ExtensionFilter = Infer<typeof ExtensionFilter>;

export const MetadataFilter = message("envoy.config.accesslog.v3.MetadataFilter", {
  matcher: of(1, MetadataMatcher),
  matchIfKeyNotFound: boolValue(2),
});
export type MetadataFilter = Infer<typeof MetadataFilter>;

export const AccessLogType = enumeration("envoy.data.accesslog.v3.AccessLogType", {
  NotSet: 0,
  TcpUpstreamConnected: 1,
  TcpPeriodic: 2,
  TcpConnectionEnd: 3,
  DownstreamStart: 4,
  DownstreamPeriodic: 5,
  DownstreamEnd: 6,
  UpstreamPoolReady: 7,
  UpstreamPeriodic: 8,
  UpstreamEnd: 9,
  DownstreamTunnelSuccessfullyEstablished: 10,
  UdpTunnelUpstreamConnected: 11,
  UdpPeriodic: 12,
  UdpSessionEnd: 13,
});
export type AccessLogType = Infer<typeof AccessLogType>;

export const LogTypeFilter = message("envoy.config.accesslog.v3.LogTypeFilter", {
  types: repeated(of(1, AccessLogType)),
  exclude: bool(2),
});
export type LogTypeFilter = Infer<typeof LogTypeFilter>;

export interface AccessLogFilter {
  readonly statusCodeFilter?: StatusCodeFilter | undefined;
  readonly durationFilter?: DurationFilter | undefined;
  readonly notHealthCheckFilter?: NotHealthCheckFilter | undefined;
  readonly traceableFilter?: TraceableFilter | undefined;
  readonly runtimeFilter?: RuntimeFilter | undefined;
  readonly andFilter?: AndFilter | undefined;
  readonly orFilter?: OrFilter | undefined;
  readonly headerFilter?: HeaderFilter | undefined;
  readonly responseFlagFilter?: ResponseFlagFilter | undefined;
  readonly grpcStatusFilter?: GrpcStatusFilter | undefined;
  readonly extensionFilter?: ExtensionFilter | undefined;
  readonly metadataFilter?: MetadataFilter | undefined;
  readonly logTypeFilter?: LogTypeFilter | undefined;
}
export const AccessLogFilter: MessageType<AccessLogFilter> = message("envoy.config.accesslog.v3.AccessLogFilter", {
  ...oneof("filter_specifier", {
    statusCodeFilter: of(1, StatusCodeFilter),
    durationFilter: of(2, DurationFilter),
    notHealthCheckFilter: of(3, NotHealthCheckFilter),
    traceableFilter: of(4, TraceableFilter),
    runtimeFilter: of(5, RuntimeFilter),
    andFilter: lazy(6, () => AndFilter),
    orFilter: lazy(7, () => OrFilter),
    headerFilter: of(8, HeaderFilter),
    responseFlagFilter: of(9, ResponseFlagFilter),
    grpcStatusFilter: of(10, GrpcStatusFilter),
    extensionFilter: of(11, ExtensionFilter),
    metadataFilter: of(12, MetadataFilter),
    logTypeFilter: of(13, LogTypeFilter),
  }),
});

export const AccessLog = message("envoy.config.accesslog.v3.AccessLog", {
  name: string(1),
  filter: of(2, AccessLogFilter),
  ...oneof("config_type", {
    typedConfig: any(4),
  }),
});
export type AccessLog = Infer<typeof AccessLog>;
