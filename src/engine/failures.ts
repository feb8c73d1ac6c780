/**
 * Every way an exchange can fail, and what each looks like from outside. Nothing else knows it.
 *
 * Source: what an Envoy 1.40 answers and logs (response flags, `RESPONSE_CODE_DETAILS`, the texts of its local replies);
 * the gRPC status of an HTTP status from gRPC's "HTTP to gRPC Status Code Mapping", which Envoy follows.
 *
 * Differs: Envoy flags nothing when an upgrade, a path or a request's duration is refused; neither do we.
 *
 * @module
 */
import type { HeaderOperation, Reply } from "./http.ts";
import type { CompiledRoute } from "./http.ts";

export interface FailureSpec {
  /** Envoy's response flag, for the access log; empty for none. */
  readonly flag: string;
  /** 0: nothing can be answered any more. */
  readonly status: number;
  readonly grpcStatus: number;
  /** `RESPONSE_CODE_DETAILS`. */
  readonly details: string;
  readonly body: string;
  /** The downstream connection cannot be used after it. */
  readonly closes: boolean;
  /** The attempt was reset: details and body say why. */
  readonly reset: string | undefined;
}

type Options = Partial<Pick<FailureSpec, "body" | "closes" | "grpcStatus">>;

function failure(
  flag: string,
  status: number,
  details: string,
  { body = "", closes = false, grpcStatus = grpcStatusOf(status) }: Options = {},
): FailureSpec {
  return { flag, status, grpcStatus, details, body, closes, reset: undefined };
}

/** An attempt that ended before the answer began. */
function upstreamReset(flag: string, status: number, reset: string): FailureSpec {
  const details = `upstream_reset_before_response_started{${underscored(reset)}}`;
  const body = `upstream connect error or disconnect/reset before headers. reset reason: ${reset}`;
  return { flag, status, grpcStatus: grpcStatusOf(status), details, body, closes: false, reset };
}

const DEADLINE_EXCEEDED = 4;
const DURATION = { body: "downstream duration timeout" };
const TIMEOUT = { body: "upstream request timeout" };
const BAD_REQUEST = { body: "Bad Request", closes: true };
const TOO_LARGE = { body: "Request Header Fields Too Large", closes: true };

export const FAILURES = {
  noRoute: failure("NR", 404, "route_not_found"),
  noCluster: failure("NC", 503, "cluster_not_found"),
  noHealthyUpstream: failure("UH", 503, "no_healthy_upstream", { body: "no healthy upstream" }),
  upstreamConnectFailure: upstreamReset("UF", 503, "remote connection failure"),
  upstreamConnectTimeout: upstreamReset("UF", 503, "connection timeout"),
  /** The reason that is given to it begins with `TLS_error`. */
  upstreamTlsFailure: upstreamReset("UF", 503, "remote connection failure"),
  upstreamOverflow: upstreamReset("UO", 503, "overflow"),
  upstreamTimeout: failure("UT", 504, "response_timeout", TIMEOUT),
  perTryTimeout: failure("UT", 504, "upstream_per_try_timeout", TIMEOUT),
  perTryIdleTimeout: failure("UT", 504, "upstream_per_try_idle_timeout", TIMEOUT),
  /** The upstream closed the connection. */
  upstreamReset: upstreamReset("UC", 503, "connection termination"),
  /** The upstream reset the stream (HTTP/2). */
  upstreamRemoteReset: upstreamReset("UR", 503, "remote reset"),
  upstreamProtocolError: upstreamReset("UPE", 502, "protocol error"),
  /** A flag beside another: no attempt is left. */
  retryLimit: failure("URX", 503, "via_upstream"),
  localReset: upstreamReset("LR", 503, "local reset"),
  downstreamClosed: failure("DC", 0, "downstream_remote_disconnect", { closes: true }),
  downstreamProtocolError: failure("DPE", 400, "http1.codec_error", BAD_REQUEST),
  lowVersion: failure("DPE", 426, "low_version", { body: "Upgrade Required", closes: true }),
  httpsOnPlaintext: failure("DPE", 403, "http1.https_url_on_plaintext_connection", { body: "Forbidden", closes: true }),
  missingHost: failure("", 400, "missing_host_header", { closes: true }),
  pathRejected: failure("", 400, "path_normalization_failed", { closes: true }),
  pathNotAbsolute: failure("", 404, "absolute_path_rejected"),
  /** No byte either way for too long, while the upstream is waited for. */
  streamIdleTimeout: failure("SI", 504, "stream_idle_timeout", { body: "stream timeout" }),
  /** The same, while the request is not complete. */
  requestIdleTimeout: failure("SI", 408, "stream_idle_timeout", { body: "stream timeout", closes: true }),
  requestHeadersTimeout: failure("", 408, "request_header_timeout", { body: "request header timeout", closes: true }),
  requestTimeout: failure("", 408, "request_overall_timeout", { body: "request timeout", closes: true }),
  maxDuration: failure("", 504, "max_duration_timeout", { ...DURATION, grpcStatus: DEADLINE_EXCEEDED }),
  /** The same, while the request is not complete. */
  requestDuration: failure("", 408, "max_duration_timeout", {
    ...DURATION,
    grpcStatus: DEADLINE_EXCEEDED,
    closes: true,
  }),
  headersTooLarge: failure("DPE", 431, "http1.headers_too_large", TOO_LARGE),
  tooManyHeaders: failure("DPE", 431, "http1.too_many_headers", TOO_LARGE),
  bodyTooLarge: failure("", 413, "request_payload_too_large", { body: "Payload Too Large", closes: true }),
  rbacDenied: failure("", 403, "rbac_access_denied_matched_policy[none]", { body: "RBAC: access denied" }),
  /** The status is the filter's. */
  rateLimited: failure("RL", 429, "local_rate_limited", { body: "local_rate_limited" }),
  /** The status is the fault's. */
  faultAbort: failure("FI", 503, "fault_filter_abort", { body: "fault filter abort" }),
  /** A flag beside another. */
  faultDelay: failure("DI", 503, "fault_filter_delay"),
  /** Of a TCP proxy's client. */
  connectionTooOld: failure("DT", 0, "max_connection_duration_reached", { closes: true }),
  upgradeRefused: failure("", 403, "upgrade_failed", { closes: true }),
  /** New work is shed. Kept alive, as in Envoy: a client that must connect anew costs more than one that is told. */
  overload: failure("OM", 503, "overload", { body: "envoy overloaded" }),
  /** Of a listener of UDP: a datagram of a new client is dropped. Its flag is told by the log alone. */
  udpSessionsFull: failure("UO", 0, "udp_sessions_full"),
  dnsFailure: failure("DF", 503, "dns_resolution_failure", { body: "DNS resolution failure" }),
} as const satisfies Readonly<Record<string, FailureSpec>>;

export type FailureKind = keyof typeof FAILURES;

/** How a failure came about; all of it may be unknown. */
export interface FailureContext {
  /** What the connection to the upstream said: `TLS_error:…`. Only for attempts that were reset. */
  readonly reason?: string;
  /** The attempt was not the first. */
  readonly retried?: boolean;
  /** The route that was taken: as in Envoy, its response headers are put on our own replies too. */
  readonly route?: CompiledRoute | undefined;
  readonly responseHeaders?: readonly HeaderOperation[] | undefined;
}

const NO_OPERATIONS: readonly HeaderOperation[] = [];
const NO_HEADERS: Reply["headers"] = [];
/** Tells callers not to retry. */
const OVERLOADED: Reply["headers"] = [["x-envoy-overloaded", "true"]];

/** The reply for a failure. @param reason See {@link FailureContext}; empty for none. */
export function replyOf(kind: FailureKind, reason = "", context: FailureContext = {}): Reply {
  const spec: FailureSpec = FAILURES[kind];
  const { reset } = spec;
  return {
    t: "reply",
    status: spec.status,
    headers: kind === "upstreamOverflow" ? OVERLOADED : NO_HEADERS,
    responseHeaders: context.responseHeaders ?? NO_OPERATIONS,
    body: reset !== undefined && context.retried === true ? retriedBody(reset) : spec.body,
    flag: spec.flag,
    details: detailsOf(kind, reason),
    route: context.route,
    kind,
    grpcStatus: spec.grpcStatus === grpcStatusOf(spec.status) ? undefined : spec.grpcStatus,
    closes: spec.closes,
  };
}

function detailsOf(kind: FailureKind, reason: string): string {
  const { details, reset }: FailureSpec = FAILURES[kind];
  if (reason === "") return details;
  if (kind === "dnsFailure") return `${details}{${underscored(reason)}}`;
  return reset === undefined ? details : resetDetails(reset, reason);
}

const retriedBody = (reset: string): string =>
  `upstream connect error or disconnect/reset before headers. retried and the latest reset reason: ${reset}`;

const resetDetails = (reset: string, reason: string): string =>
  `upstream_reset_before_response_started{${underscored(`${reset}|${reason}`)}}`;

/** Details are one word of a log line. */
function underscored(text: string): string {
  return text.replace(/\s/g, "_");
}

/** Whether a request's `content-type` says gRPC: then its replies must be gRPC too. */
export function isGrpc(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith("application/grpc")) return false;
  const next = contentType[16];
  return next === undefined || next === "+" || next === ";";
}

/** A reply as a gRPC client reads it: HTTP 200, the status in headers, the body as its message. */
export function grpcReply(reply: Reply): Reply {
  const status = reply.grpcStatus ?? grpcStatusOf(reply.status);
  const message: Reply["headers"] = reply.body === "" ? [] : [["grpc-message", grpcMessage(reply.body)]];
  const kept = reply.headers.filter(([name]) => name !== "content-type");
  const headers: Reply["headers"] = [
    ...kept,
    ["content-type", "application/grpc"],
    ["grpc-status", String(status)],
    ...message,
  ];
  // What a route says of its answers' type is not said of this one.
  const responseHeaders = reply.responseHeaders.filter(({ lowerName }) => lowerName !== "content-type");
  return { ...reply, status: 200, grpcStatus: status, headers, responseHeaders, body: "" };
}

/** Percent-encoded outside of printable ASCII, as gRPC's PROTOCOL-HTTP2 says. */
function grpcMessage(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}

/**
 * The HTTP status that a gRPC status counts as, where an endpoint is judged by it.
 *
 * Source: Envoy's `Grpc::Utility::grpcToHttpStatus`.
 */
export function httpStatusOfGrpc(grpcStatus: number): number {
  return HTTP_OF_GRPC[grpcStatus] ?? 500;
}

const HTTP_OF_GRPC = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

function grpcStatusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}
