/**
 * `envoy.config.core.v3`: active health checks.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, bytes, string, uint32, uint32Value, uint64Value } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { duration } from "../types/time.ts";
import { HeaderValueOption, RequestMethod, TypedExtensionConfig } from "./core-base.ts";
import { EventServiceConfig } from "./core-config-source.ts";
import { ProxyProtocolConfig } from "./core-protocol.ts";
import { StringMatcher } from "./matcher.ts";
import { CodecClientType, Int64Range } from "./type.ts";

export const HealthStatus = enumeration("envoy.config.core.v3.HealthStatus", {
  UNKNOWN: 0,
  HEALTHY: 1,
  UNHEALTHY: 2,
  DRAINING: 3,
  TIMEOUT: 4,
  DEGRADED: 5,
});
export type HealthStatus = Infer<typeof HealthStatus>;

export const HealthStatusSet = message("envoy.config.core.v3.HealthStatusSet", {
  statuses: repeated(of(1, HealthStatus)),
});
export type HealthStatusSet = Infer<typeof HealthStatusSet>;

export const HealthCheckPayload = message("envoy.config.core.v3.HealthCheck.Payload", {
  ...oneof("payload", {
    text: string(1),
    binary: bytes(2),
  }),
});
export type HealthCheckPayload = Infer<typeof HealthCheckPayload>;

export const HttpHealthCheck = message("envoy.config.core.v3.HealthCheck.HttpHealthCheck", {
  host: string(1),
  path: string(2),
  send: of(3, HealthCheckPayload),
  receive: repeated(of(4, HealthCheckPayload)),
  requestHeadersToAdd: repeated(of(6, HeaderValueOption)),
  requestHeadersToRemove: repeated(string(8)),
  expectedStatuses: repeated(of(9, Int64Range)),
  codecClientType: of(10, CodecClientType),
  serviceNameMatcher: of(11, StringMatcher),
  retriableStatuses: repeated(of(12, Int64Range)),
  method: of(13, RequestMethod),
  responseBufferSize: uint64Value(14),
});
export type HttpHealthCheck = Infer<typeof HttpHealthCheck>;

export const TcpHealthCheck = message("envoy.config.core.v3.HealthCheck.TcpHealthCheck", {
  send: of(1, HealthCheckPayload),
  receive: repeated(of(2, HealthCheckPayload)),
  proxyProtocolConfig: of(3, ProxyProtocolConfig),
});
export type TcpHealthCheck = Infer<typeof TcpHealthCheck>;

export const GrpcHealthCheck = message("envoy.config.core.v3.HealthCheck.GrpcHealthCheck", {
  serviceName: string(1),
  authority: string(2),
  initialMetadata: repeated(of(3, HeaderValueOption)),
});
export type GrpcHealthCheck = Infer<typeof GrpcHealthCheck>;

export const CustomHealthCheck = message("envoy.config.core.v3.HealthCheck.CustomHealthCheck", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type CustomHealthCheck = Infer<typeof CustomHealthCheck>;

export const HealthCheckTlsOptions = message("envoy.config.core.v3.HealthCheck.TlsOptions", {
  alpnProtocols: repeated(string(1)),
});
export type HealthCheckTlsOptions = Infer<typeof HealthCheckTlsOptions>;

export const HealthCheck = message("envoy.config.core.v3.HealthCheck", {
  timeout: duration(1),
  interval: duration(2),
  intervalJitter: duration(3),
  unhealthyThreshold: uint32Value(4),
  healthyThreshold: uint32Value(5),
  altPort: uint32Value(6),
  reuseConnection: boolValue(7),
  ...oneof("health_checker", {
    httpHealthCheck: of(8, HttpHealthCheck),
    tcpHealthCheck: of(9, TcpHealthCheck),
    grpcHealthCheck: of(11, GrpcHealthCheck),
    customHealthCheck: of(13, CustomHealthCheck),
  }),
  noTrafficInterval: duration(12),
  unhealthyInterval: duration(14),
  unhealthyEdgeInterval: duration(15),
  healthyEdgeInterval: duration(16),
  eventLogPath: string(17),
  intervalJitterPercent: uint32(18),
  alwaysLogHealthCheckFailures: bool(19),
  initialJitter: duration(20),
  tlsOptions: of(21, HealthCheckTlsOptions),
  eventService: of(22, EventServiceConfig),
  transportSocketMatchCriteria: struct(23),
  noTrafficHealthyInterval: duration(24),
  eventLogger: repeated(of(25, TypedExtensionConfig)),
  alwaysLogHealthCheckSuccess: bool(26),
});
export type HealthCheck = Infer<typeof HealthCheck>;
