/**
 * What a health check asks, and which answer is a good one.
 *
 * Source: `HttpHealthCheck`, `TcpHealthCheck`, `GrpcHealthCheck` of `envoy/config/core/v3/health_check.proto`.
 * Differs: values of added headers may hold no operators, since there is no request to take them from.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { HeaderValueOption } from "../../xds/proto/core-base.ts";
import type {
  GrpcHealthCheck,
  HealthCheck,
  HttpHealthCheck,
  TcpHealthCheck,
} from "../../xds/proto/core-health-check.ts";
import type { Int64Range } from "../../xds/proto/type.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { compileEdits } from "../http/header-operations.ts";
import { compileStringMatcher, type StringCheck } from "../match/string-matcher.ts";
import { compilePayload } from "./payload.ts";

export type CheckProbe = HttpProbeSettings | TcpProbeSettings | GrpcProbeSettings;
type Header = readonly [name: string, value: string];

export interface HttpProbeSettings {
  readonly t: "http";
  readonly protocol: "http1" | "http2";
  readonly method: string;
  readonly path: string;
  /** Empty: the cluster's name. */
  readonly host: string;
  readonly headers: readonly Header[];
  /** Lower case. */
  readonly withoutHeaders: ReadonlySet<string>;
  readonly isExpected: (status: number) => boolean;
  /** Failures that count towards the threshold; others take an endpoint out at once. */
  readonly isRetriable: (status: number) => boolean;
  /** The service that must answer, as `x-envoy-upstream-healthchecked-cluster` names it. */
  readonly service: StringCheck | undefined;
  readonly receive: readonly Buffer[];
  /** How much of a body is looked at. */
  readonly maxBodyBytes: number;
}

export interface TcpProbeSettings {
  readonly t: "tcp";
  readonly send: Buffer | undefined;
  /** Empty: being connected is enough. */
  readonly receive: readonly Buffer[];
}

export interface GrpcProbeSettings {
  readonly t: "grpc";
  readonly service: string;
  /** Empty: the cluster's name. */
  readonly authority: string;
  readonly headers: readonly Header[];
}

/** @throws {CompileError} */
export function compileProbe(check: HealthCheck, cluster: Cluster, at: string): CheckProbe {
  if (check.httpHealthCheck !== undefined) return compileHttp(check.httpHealthCheck, `${at}.http_health_check`);
  if (check.tcpHealthCheck !== undefined) return compileTcp(check.tcpHealthCheck, `${at}.tcp_health_check`);
  if (check.grpcHealthCheck !== undefined) return compileGrpc(check.grpcHealthCheck, `${at}.grpc_health_check`);
  throw new CompileError(
    at,
    `must hold http_health_check, tcp_health_check or grpc_health_check, found none of them in ${cluster.name}`,
  );
}

const HTTP = new Set([
  "host",
  "path",
  "receive",
  "requestHeadersToAdd",
  "requestHeadersToRemove",
  "expectedStatuses",
  "retriableStatuses",
  "codecClientType",
  "serviceNameMatcher",
  "method",
  "responseBufferSize",
]);
const DEFAULT_BODY_BYTES = 1024;

function compileHttp(http: HttpHealthCheck, at: string): HttpProbeSettings {
  refuseOthers(http, at, HTTP);
  const { path = "", method = "GET", codecClientType = "HTTP1" } = http;
  if (!path.startsWith("/") || /[\r\n\0 ]/.test(path))
    throw new CompileError(`${at}.path`, `must begin with a slash and hold no space, found ${JSON.stringify(path)}`);
  if (method === "CONNECT") throw new CompileError(`${at}.method`, "must not be CONNECT");
  if (codecClientType === "HTTP3") throw new CompileError(`${at}.codec_client_type`, "HTTP3 is not supported");
  const ranges = http.expectedStatuses ?? [];
  return {
    t: "http",
    protocol: codecClientType === "HTTP2" ? "http2" : "http1",
    method: method === "METHOD_UNSPECIFIED" ? "GET" : method,
    path,
    host: http.host ?? "",
    headers: constantHeaders(http.requestHeadersToAdd, `${at}.request_headers_to_add`),
    withoutHeaders: new Set((http.requestHeadersToRemove ?? []).map((name) => name.toLowerCase())),
    isExpected: ranges.length === 0 ? (status) => status === 200 : within(ranges, `${at}.expected_statuses`),
    isRetriable: within(http.retriableStatuses ?? [], `${at}.retriable_statuses`),
    service: http.serviceNameMatcher && compileStringMatcher(http.serviceNameMatcher, `${at}.service_name_matcher`),
    receive: (http.receive ?? []).map((part, i) => compilePayload(part, `${at}.receive[${i}]`)),
    maxBodyBytes: Number(http.responseBufferSize ?? DEFAULT_BODY_BYTES) || Infinity,
  };
}

/** Whether a status is in one of `ranges`, each with its start and without its end. */
function within(ranges: readonly Int64Range[], path: string): (status: number) => boolean {
  const all = ranges.map(({ start = 0, end = 0 }, i) => {
    if (!(start >= 100 && end <= 600 && start < end))
      throw new CompileError(`${path}[${i}]`, `must be a range within 100 to 600, found ${start} to ${end}`);
    return [start, end] as const;
  });
  return (status) => all.some(([from, to]) => status >= from && status < to);
}

function constantHeaders(options: readonly HeaderValueOption[] | undefined, path: string): readonly Header[] {
  return compileEdits({ requestHeadersToAdd: options }, path).request.map(({ lowerName, value }, i) => {
    if (value === undefined)
      throw new CompileError(
        `${path}[${i}].header.value`,
        "must hold no operator: a check has no request to take it from",
      );
    return [lowerName, value];
  });
}

function compileTcp(tcp: TcpHealthCheck, at: string): TcpProbeSettings {
  refuseOthers(tcp, at, new Set(["send", "receive"]));
  return {
    t: "tcp",
    send: tcp.send && compilePayload(tcp.send, `${at}.send`),
    receive: (tcp.receive ?? []).map((part, i) => compilePayload(part, `${at}.receive[${i}]`)),
  };
}

function compileGrpc(grpc: GrpcHealthCheck, at: string): GrpcProbeSettings {
  refuseOthers(grpc, at, new Set(["serviceName", "authority", "initialMetadata"]));
  return {
    t: "grpc",
    service: grpc.serviceName ?? "",
    authority: grpc.authority ?? "",
    headers: constantHeaders(grpc.initialMetadata, `${at}.initial_metadata`),
  };
}
