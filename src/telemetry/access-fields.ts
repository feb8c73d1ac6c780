/**
 * The values that access log operators read from a record.
 *
 * One `switch`, not a function for each operator: two dozen calls through different functions
 * cost more than the rest of a line.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { AccessRecord } from "./access-record.ts";
import { grpcStatusName } from "./grpc-status-names.ts";

export type FieldCode =
  | "startTime"
  | "method"
  | "path"
  | "originalPath"
  | "authority"
  | "scheme"
  | "requestHeader"
  | "responseHeader"
  | "protocol"
  | "responseCode"
  | "responseFlags"
  | "responseCodeDetails"
  | "connectionTerminationDetails"
  | "upstreamTransportFailureReason"
  | "bytesReceived"
  | "bytesSent"
  | "durationMs"
  | "requestDurationMs"
  | "responseDurationMs"
  | "responseTxDurationMs"
  | "upstreamHost"
  | "upstreamCluster"
  | "upstreamLocalAddress"
  | "downstreamLocalAddress"
  | "downstreamLocalAddressWithoutPort"
  | "downstreamRemoteAddress"
  | "downstreamRemoteAddressWithoutPort"
  | "downstreamDirectRemoteAddress"
  | "downstreamDirectRemoteAddressWithoutPort"
  | "requestedServerName"
  | "routeName"
  | "upstreamRequestAttemptCount"
  | "downstreamPeerUriSan"
  | "downstreamLocalUriSan"
  | "upstreamPeerUriSan"
  | "traceId"
  | "grpcStatus"
  | "grpcStatusCamel"
  | "grpcStatusSnake"
  | "hostname";

/** An operator, compiled. */
export interface AccessField {
  readonly code: FieldCode;
  /** Header name in lower case, or the host name. */
  readonly text: string;
  /** Of START_TIME. */
  readonly time: (wallMs: number) => string;
  readonly maxChars: number;
  /** Read when this one is unset. */
  readonly alternative: AccessField | undefined;
}

/** Reads one value; undefined when it is unset. */
export function readField(field: AccessField, record: AccessRecord): string | number | undefined {
  const value = read(field, record);
  return value === undefined && field.alternative !== undefined ? read(field.alternative, record) : value;
}

function read(field: AccessField, r: AccessRecord): string | number | undefined {
  const { code } = field;
  switch (code) {
    case "startTime":
      return field.time(r.startWallMs);
    case "method":
      return r.method || undefined;
    case "path":
      return r.path || undefined;
    case "originalPath":
      return r.originalPath;
    case "authority":
      return r.authority;
    case "scheme":
      return r.scheme;
    case "requestHeader":
      return r.requestHeader(field.text);
    case "responseHeader":
      return r.responseHeader(field.text);
    case "protocol":
      return r.protocol;
    case "responseCode":
      return r.responseCode;
    case "responseFlags":
      return r.responseFlags || "-";
    case "responseCodeDetails":
      return r.responseCodeDetails;
    case "connectionTerminationDetails":
      return r.connectionTerminationDetails;
    case "upstreamTransportFailureReason":
      return r.upstreamTransportFailureReason;
    case "bytesReceived":
      return r.bytesReceived;
    case "bytesSent":
      return r.bytesSent;
    case "durationMs":
      return r.durationMs;
    case "requestDurationMs":
      return r.requestDurationMs;
    case "responseDurationMs":
      return r.responseDurationMs;
    case "responseTxDurationMs":
      return r.responseTxDurationMs;
    case "upstreamHost":
      return r.upstreamHost;
    case "upstreamCluster":
      return r.upstreamCluster || undefined;
    case "upstreamLocalAddress":
      return r.upstreamLocalAddress;
    case "downstreamLocalAddress":
      return r.downstreamLocalAddress;
    case "downstreamLocalAddressWithoutPort":
      return withoutPort(r.downstreamLocalAddress);
    case "downstreamRemoteAddress":
      return r.downstreamRemoteAddress;
    case "downstreamRemoteAddressWithoutPort":
      return withoutPort(r.downstreamRemoteAddress);
    case "downstreamDirectRemoteAddress":
      return r.downstreamDirectRemoteAddress;
    case "downstreamDirectRemoteAddressWithoutPort":
      return withoutPort(r.downstreamDirectRemoteAddress);
    case "requestedServerName":
      return r.requestedServerName;
    case "routeName":
      return r.routeName || undefined;
    case "upstreamRequestAttemptCount":
      return r.upstreamRequestAttemptCount;
    case "downstreamPeerUriSan":
      return r.downstreamPeerUriSan;
    case "downstreamLocalUriSan":
      return r.downstreamLocalUriSan;
    case "upstreamPeerUriSan":
      return r.upstreamPeerUriSan;
    case "traceId":
      return r.traceId;
    case "grpcStatus":
      return r.grpcStatus;
    case "grpcStatusCamel":
      return grpcStatusName(r.grpcStatus, "camel");
    case "grpcStatusSnake":
      return grpcStatusName(r.grpcStatus, "snake");
    case "hostname":
      return field.text;
    default:
      return unreachable(code);
  }
}

/** `127.0.0.1:80` is `127.0.0.1`; `[::1]:80` is `::1`, as Envoy prints it. */
function withoutPort(address: string | undefined): string | undefined {
  return address?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
