/**
 * What a decision may look at. The proxy's exchange is each of these: nothing is copied for a decision.
 *
 * Strings hold one byte a character (Latin-1) where they come from the wire.
 *
 * @module
 */
import type { JsonObject } from "../xds/types/struct.ts";

/** The head of a request. */
export interface RequestView {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** What the connection is to become: a protocol in lower case, or `connect`. Empty or missing: it stays what it is. */
  readonly upgrade?: string;
  /** Several lines of one name joined with ",". Names are in lower case; pseudo-headers need not be known. */
  header(lowerName: string): string | undefined;
  /** The values of one name, line by line. Where this is missing, every header has one line. */
  headerLines?(lowerName: string): readonly string[];
  /** What filters found out before the route is chosen, by their names. Where this is missing, nothing. */
  dynamicMetadata?(filter: string): JsonObject | undefined;
}

export interface SocketName {
  /** An IP address as text; empty for a connection that has none. */
  readonly address: string;
  readonly port: number;
}

/** The connection that a request, or a stream of bytes, came on. */
export interface PeerView {
  readonly tls: boolean;
  /** The verified identity of the other side; undefined without one. */
  readonly spiffeId: string | undefined;
  readonly sni: string | undefined;
  /** The client: behind a PROXY protocol header, whom that names. */
  readonly remote: SocketName;
  readonly local: SocketName;
  /** The other end of the connection itself. Default: `remote`. */
  readonly directRemote?: SocketName;
}

/** What `%…%` in a header's value can be replaced by: a part of what an access log line can tell. */
export interface SubstitutionView {
  /** Milliseconds since 1970. */
  readonly startWallMs: number;
  readonly method: string | undefined;
  /** With the query, as forwarded. */
  readonly path: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: string | undefined;
  /** `HTTP/1.1`. */
  readonly protocol: string | undefined;
  readonly responseCode: number;
  /** Address and port. */
  readonly upstreamHost: string | undefined;
  readonly upstreamCluster: string | undefined;
  readonly upstreamLocalAddress: string | undefined;
  readonly upstreamPeerUriSan: string | undefined;
  /** 1 for the first. */
  readonly upstreamRequestAttemptCount: number;
  /** Empty for none. */
  readonly responseFlags: string;
  readonly responseCodeDetails: string | undefined;
  readonly downstreamLocalAddress: string | undefined;
  readonly downstreamRemoteAddress: string | undefined;
  readonly downstreamDirectRemoteAddress: string | undefined;
  readonly downstreamLocalUriSan: string | undefined;
  readonly downstreamPeerUriSan: string | undefined;
  readonly requestedServerName: string | undefined;
  readonly routeName: string | undefined;
  requestHeader(lowerName: string): string | undefined;
  responseHeader(lowerName: string): string | undefined;
}

/** A connection's bytes have no request: nothing that is asked of its head is true. */
export const NO_REQUEST: RequestView = { method: "", path: "", authority: "", scheme: "", header: () => undefined };

/** The path without query and fragment. */
export function pathOnly(path: string): string {
  let end = path.indexOf("?");
  const fragment = path.indexOf("#");
  if (fragment >= 0 && (end < 0 || fragment < end)) end = fragment;
  return end < 0 ? path : path.slice(0, end);
}
