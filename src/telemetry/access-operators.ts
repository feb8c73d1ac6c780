/**
 * The operators of access log formats, by Envoy's names.
 *
 * Source: Envoy documentation, "Access logging", command operators. What takes no argument refuses one, as in Envoy.
 *
 * @module
 */
import type { AccessField, FieldCode } from "./access-fields.ts";
import { AccessFormatError, type OperatorToken } from "./access-format.ts";
import { DEFAULT_TIME_FORMAT, timeFormat } from "./time-format.ts";

/** What is the same for all lines of a process. */
export interface AccessConstants {
  readonly hostname: string;
}

/** Operators that take no argument. */
const PLAIN: Readonly<Record<string, FieldCode>> = {
  PROTOCOL: "protocol",
  RESPONSE_CODE: "responseCode",
  RESPONSE_FLAGS: "responseFlags",
  RESPONSE_CODE_DETAILS: "responseCodeDetails",
  CONNECTION_TERMINATION_DETAILS: "connectionTerminationDetails",
  UPSTREAM_TRANSPORT_FAILURE_REASON: "upstreamTransportFailureReason",
  BYTES_RECEIVED: "bytesReceived",
  BYTES_SENT: "bytesSent",
  DURATION: "durationMs",
  REQUEST_DURATION: "requestDurationMs",
  RESPONSE_DURATION: "responseDurationMs",
  RESPONSE_TX_DURATION: "responseTxDurationMs",
  UPSTREAM_HOST: "upstreamHost",
  UPSTREAM_CLUSTER: "upstreamCluster",
  UPSTREAM_CLUSTER_RAW: "upstreamCluster",
  UPSTREAM_LOCAL_ADDRESS: "upstreamLocalAddress",
  DOWNSTREAM_LOCAL_ADDRESS: "downstreamLocalAddress",
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: "downstreamLocalAddressWithoutPort",
  DOWNSTREAM_REMOTE_ADDRESS: "downstreamRemoteAddress",
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: "downstreamRemoteAddressWithoutPort",
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: "downstreamDirectRemoteAddress",
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: "downstreamDirectRemoteAddressWithoutPort",
  REQUESTED_SERVER_NAME: "requestedServerName",
  ROUTE_NAME: "routeName",
  UPSTREAM_REQUEST_ATTEMPT_COUNT: "upstreamRequestAttemptCount",
  DOWNSTREAM_PEER_URI_SAN: "downstreamPeerUriSan",
  DOWNSTREAM_LOCAL_URI_SAN: "downstreamLocalUriSan",
  UPSTREAM_PEER_URI_SAN: "upstreamPeerUriSan",
  TRACE_ID: "traceId",
  GRPC_STATUS_NUMBER: "grpcStatus",
  HOSTNAME: "hostname",
};

/** Names that are no header on the wire, or that the proxy does not keep as one. */
const REQUEST_NAMES: Readonly<Record<string, FieldCode>> = {
  ":method": "method",
  ":path": "path",
  ":authority": "authority",
  ":scheme": "scheme",
  "x-envoy-original-path": "originalPath",
};
const RESPONSE_NAMES: Readonly<Record<string, FieldCode>> = { ":status": "responseCode" };

const HEADER_NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;
const EMPTY: AccessField = {
  code: "hostname",
  text: "",
  time: () => "",
  maxChars: Number.POSITIVE_INFINITY,
  alternative: undefined,
};

/** @throws {AccessFormatError} If the operator is not known or its argument is wrong. */
export function compileOperator(token: OperatorToken, format: string, constants: AccessConstants): AccessField {
  const refuse = (message: string): never => {
    throw new AccessFormatError(message, format, token.position);
  };
  switch (token.name) {
    case "REQ":
      return headerField(token, "requestHeader", REQUEST_NAMES, refuse);
    case "RESP":
      return headerField(token, "responseHeader", RESPONSE_NAMES, refuse);
    case "GRPC_STATUS":
      return grpcStatus(token, refuse);
    case "START_TIME":
      return startTime(token, refuse);
    default:
      return plainField(token, constants, refuse);
  }
}

type Refuse = (message: string) => never;

function plainField(token: OperatorToken, { hostname }: AccessConstants, refuse: Refuse): AccessField {
  const code = own(PLAIN, token.name);
  if (code === undefined) return refuse(`unknown operator %${token.name}%`);
  if (token.argument !== undefined || token.maxChars !== undefined) {
    return refuse(`%${token.name}% takes no argument and no length`);
  }
  return { ...EMPTY, code, text: hostname };
}

function headerField(
  token: OperatorToken,
  other: FieldCode,
  known: Readonly<Record<string, FieldCode>>,
  refuse: Refuse,
): AccessField {
  const argument = token.argument ?? "";
  const names = argument.toLowerCase().split("?");
  if (names.length > 2 || !names.every((name) => HEADER_NAME.test(name))) {
    return refuse(`%${token.name}% takes a header and at most one alternative, (X) or (X?Y): found "${argument}"`);
  }
  const maxChars = token.maxChars ?? Number.POSITIVE_INFINITY;
  const [first, second] = names.map((text) => ({ ...EMPTY, code: own(known, text) ?? other, text, maxChars }));
  return { ...EMPTY, ...first, alternative: second };
}

const GRPC_STYLES: Readonly<Record<string, FieldCode>> = {
  "": "grpcStatusCamel",
  CAMEL_STRING: "grpcStatusCamel",
  SNAKE_STRING: "grpcStatusSnake",
  NUMBER: "grpcStatus",
};

function grpcStatus({ argument, maxChars }: OperatorToken, refuse: Refuse): AccessField {
  if (maxChars !== undefined) return refuse("%GRPC_STATUS% takes no length");
  const code = own(GRPC_STYLES, argument ?? "");
  if (code === undefined) return refuse(`%GRPC_STATUS% takes CAMEL_STRING, SNAKE_STRING or NUMBER: found ${argument}`);
  return { ...EMPTY, code };
}

function startTime({ argument, maxChars }: OperatorToken, refuse: Refuse): AccessField {
  if (maxChars !== undefined) return refuse("%START_TIME% takes no length");
  try {
    return { ...EMPTY, code: "startTime", time: timeFormat(argument || DEFAULT_TIME_FORMAT) };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** Names come from configuration: `constructor` is no operator. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
