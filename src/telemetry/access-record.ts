/**
 * What an access log line can tell about a request. The proxy's exchange is one: fields are read when it has ended.
 *
 * Strings hold one byte a character (Latin-1) where they come from the wire, and are escaped when they are written.
 * `undefined` prints `-` in text and `null` in JSON; an empty string prints as empty.
 *
 * @module
 */
export interface AccessRecord {
  /** Start of the request, milliseconds since 1970. */
  readonly startWallMs: number;
  readonly method: string | undefined;
  /** Path and query as forwarded. */
  readonly path: string | undefined;
  /** Path and query before a rewrite, if there was one. */
  readonly originalPath: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: string | undefined;
  /** `HTTP/1.1`, `HTTP/2`. */
  readonly protocol: string | undefined;
  /** 0 if no response was sent. */
  readonly responseCode: number;
  /** Envoy's short names with commas between; empty if none. */
  readonly responseFlags: string;
  /** Why the response is what it is, such as `via_upstream` or `route_not_found`. */
  readonly responseCodeDetails: string | undefined;
  readonly connectionTerminationDetails: string | undefined;
  readonly upstreamTransportFailureReason: string | undefined;
  /** Body bytes from the client. */
  readonly bytesReceived: number;
  /** Body bytes to the client. */
  readonly bytesSent: number;
  /** Start to the last byte of the response. */
  readonly durationMs: number;
  /** Start to the last byte of the request. */
  readonly requestDurationMs: number | undefined;
  /** Start to the first byte of the upstream's response. */
  readonly responseDurationMs: number | undefined;
  /** First byte of the upstream's response to the last byte sent. */
  readonly responseTxDurationMs: number | undefined;
  /** Address and port of the endpoint. */
  readonly upstreamHost: string | undefined;
  readonly upstreamCluster: string | undefined;
  readonly upstreamLocalAddress: string | undefined;
  readonly downstreamLocalAddress: string | undefined;
  readonly downstreamRemoteAddress: string | undefined;
  /** The other end of the client's connection, whomever it speaks for. */
  readonly downstreamDirectRemoteAddress?: string | undefined;
  /** SNI. */
  readonly requestedServerName: string | undefined;
  readonly routeName: string | undefined;
  /** Tries made upstream; 0 if none. */
  readonly upstreamRequestAttemptCount: number;
  /** URI SANs of certificates, with commas between. */
  readonly downstreamPeerUriSan: string | undefined;
  readonly downstreamLocalUriSan: string | undefined;
  readonly upstreamPeerUriSan: string | undefined;
  readonly traceId: string | undefined;
  readonly grpcStatus: number | undefined;
  /** A header of the request as forwarded. @param name In lower case. */
  requestHeader(name: string): string | undefined;
  /** A header of the response as sent to the client. @param name In lower case. */
  responseHeader(name: string): string | undefined;
}
