/**
 * What is known of one exchange, for header substitutions, the access log and the metrics. One object serves all
 * exchanges of a connection, one after the other.
 *
 * @module
 */
import { formatAddress } from "../base/ip-address.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { type FailureKind, replyOf } from "../engine/failures.ts";
import type { Forward, Reply } from "../engine/http.ts";
import type { PeerView, SubstitutionView } from "../engine/request.ts";
import type { Socket } from "../net/socket.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import { ID } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { NO_REPLACEMENTS, type Replacement } from "./client-headers.ts";
import type { Connection } from "./connection.ts";
import type { HttpContext } from "./http-context.ts";

const NO_COOKIES: readonly string[] = [];

export abstract class ExchangeRecord implements AccessRecord, SubstitutionView {
  readonly connection: Connection;
  /** Pinned from the first byte to the last: a change of configuration concerns the next exchange. */
  context: HttpContext;
  head: RequestHead;
  forward: Forward | undefined;
  cluster: ClusterRuntime | undefined;
  endpoint: Endpoint | undefined;
  responseHead: ResponseHead | undefined;
  /** Of the last attempt that got a connection. */
  upstreamSocket: Socket | undefined;

  startWallMs = 0;
  startMs = 0;
  upstreamStartMs = 0;
  upstreamFirstByteMs = 0;
  requestEndMs = 0;
  durationMs = 0;

  method = "";
  /** Path and query as the client sent it, normalized. */
  receivedPath = "";
  /** Path and query as forwarded. */
  path = "";
  /** A route has made {@link path}, were it what it had been. */
  isPathRewritten = false;
  /** As forwarded. */
  authority = "";
  /** What a route has changed into {@link authority}; empty for nothing. */
  originalHost = "";
  requestId = "";
  /** The trace that this proxy began; empty where the request's own goes on. */
  traceparent = "";
  /** What goes out as `x-forwarded-client-cert`: undefined leaves the header alone, an empty string takes it away. */
  forwardedClientCert: string | undefined;
  /** Lines of `set-cookie` for the client, by which it stays with its endpoint. */
  setCookies: readonly string[] = NO_COOKIES;
  /** What goes out in place of the client's lines. */
  replacements: readonly Replacement[] = NO_REPLACEMENTS;
  /** The connection has become what the client asked for: bytes go both ways until both ends are done. */
  isSwitched = false;
  /** The proxy's own answer, where it gave one. */
  ownReply: Reply | undefined;

  responseCode = 0;
  responseFlags = "";
  responseCodeDetails = "";
  upstreamTransportFailureReason: string | undefined;
  bytesReceived = 0;
  bytesSent = 0;
  attempts = 0;
  /** Of the route, or as the request asks; 0 for none. */
  timeoutMs = 0;
  /** For the exchange from its first byte to its last; undefined for none. */
  maxDurationMs: number | undefined;
  /** For one attempt; 0 for as long as all of them. */
  perTryMs = 0;
  grpcStatus: number | undefined;

  constructor(connection: Connection, context: HttpContext, head: RequestHead) {
    this.connection = connection;
    this.context = context;
    this.head = head;
  }

  /** Begins an exchange, with nothing left of the last one. */
  protected open(context: HttpContext): void {
    const { head } = this;
    this.context = context;
    this.startMs = context.clock.nowMs();
    this.startWallMs = context.clock.wallMs();
    this.upstreamStartMs = 0;
    this.upstreamFirstByteMs = 0;
    this.requestEndMs = 0;
    this.method = head.method;
    this.receivedPath = head.path;
    this.path = head.path;
    this.isPathRewritten = false;
    this.originalHost = "";
    this.authority = head.authority;
    this.requestId = "";
    this.traceparent = "";
    this.durationMs = 0;
    this.responseCode = 0;
    this.responseFlags = "";
    this.responseCodeDetails = "";
    this.upstreamTransportFailureReason = undefined;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.attempts = 0;
    this.timeoutMs = 0;
    this.perTryMs = 0;
    this.maxDurationMs = undefined;
    this.ownReply = undefined;
    this.isSwitched = false;
    head.upgrade = "";
    this.replacements = NO_REPLACEMENTS;
    this.setCookies = NO_COOKIES;
    this.grpcStatus = undefined;
    this.forwardedClientCert = undefined;
    const { stats } = context.stats;
    stats.rqTotal.add(1);
    (head.isHttp2 ? stats.rqHttp2Total : stats.rqHttp1Total).add(1);
    stats.rqActive.add(1);
  }

  /** What the route says of the request chooses its endpoint; undefined when nothing does. A client may get a cookie for it. */
  hash(): bigint | undefined {
    const { head: request, peer } = this;
    const route = this.forward?.route.hash;
    if (route === undefined) return undefined;
    const sourceIp = this.context.http.settings.remoteAddressOf(request, peer);
    const { hash, cookies } = route.of({ request, peer, sourceIp });
    if (cookies.length > 0) this.setCookies = cookies.map(({ line }) => line);
    return hash;
  }

  /** The endpoint of an attempt was chosen. */
  onEndpoint(endpoint: Endpoint): void {
    const { hostname } = endpoint;
    this.endpoint = endpoint;
    if (!this.forward?.route.autoHostRewrite || hostname === "" || hostname === this.authority) return;
    if (this.originalHost === "") this.originalHost = this.authority;
    this.authority = hostname;
  }

  /** Records the exchange, and lets go of what a connection that idles must not keep alive. */
  protected close(bytesReceived: number): void {
    const { clock, stats } = this.context;
    this.durationMs = clock.nowMs() - this.startMs;
    this.bytesReceived = bytesReceived;
    stats.stats.rqActive.add(-1);
    stats.stats.rqCompleted.add(1);
    stats.response(this.responseCode);
    this.context.record(this);
    this.#forget();
  }

  /** When it was closed. */
  get endMs(): number {
    return this.startMs + this.durationMs;
  }

  /** Configuration that may be old by the next request, and endpoints that may have left. */
  #forget(): void {
    this.forward = undefined;
    this.cluster = undefined;
    this.endpoint = undefined;
    this.responseHead = undefined;
    this.upstreamSocket = undefined;
    this.ownReply = undefined;
  }

  /** Adds a response flag, once. As in Envoy they stand in the order in which they came about: `DI,URX,UF`. */
  flag(flag: string): void {
    if (flag === "" || this.responseFlags.split(",").includes(flag)) return;
    this.responseFlags = this.responseFlags === "" ? flag : `${this.responseFlags},${flag}`;
  }

  /** The proxy's own answer to a failure. */
  protected failed(kind: FailureKind, reason: string): Reply {
    const { route, responseHeaders } = this.forward ?? NO_ROUTE;
    // How exactly a connection closed is nobody's detail in Envoy; it is logged as the transport's failure reason.
    return replyOf(kind, UNTOLD.has(kind) ? "" : reason, {
      retried: this.attempts > 1,
      route,
      responseHeaders,
    });
  }

  /** The proxy answers itself. */
  protected replied(reply: Reply): void {
    this.ownReply = reply;
    this.flag(reply.flag);
    this.responseCode = reply.status;
    this.responseCodeDetails = reply.details;
    this.bytesSent = this.method === "HEAD" ? 0 : Buffer.byteLength(reply.body);
    this.context.onReply(this, reply);
  }

  /** The client waits for the endpoint to say that it wants the body (`proxy_100_continue`). */
  get awaitsContinue(): boolean {
    return this.head.first[ID.expect] !== 0;
  }

  get isIdempotent(): boolean {
    return IDEMPOTENT.has(this.method);
  }

  get peer(): PeerView {
    return this.connection.view;
  }

  get originalPath(): string | undefined {
    return this.isPathRewritten ? this.receivedPath : undefined;
  }

  get scheme(): string {
    return this.head.scheme;
  }

  get protocol(): string {
    if (this.head.isHttp2) return "HTTP/2";
    return this.head.isVersion11 ? "HTTP/1.1" : "HTTP/1.0";
  }

  get connectionTerminationDetails(): string | undefined {
    return undefined;
  }

  get requestDurationMs(): number | undefined {
    return this.requestEndMs === 0 ? undefined : this.requestEndMs - this.startMs;
  }

  get responseDurationMs(): number | undefined {
    return this.upstreamFirstByteMs === 0 ? undefined : this.upstreamFirstByteMs - this.startMs;
  }

  get responseTxDurationMs(): number | undefined {
    return this.upstreamFirstByteMs === 0 ? undefined : this.startMs + this.durationMs - this.upstreamFirstByteMs;
  }

  /** Milliseconds from the request going out to the first byte of the answer. */
  get upstreamServiceMs(): number {
    return Math.round(this.upstreamFirstByteMs - this.upstreamStartMs);
  }

  /** Of a host that a request named, the address that its name led to. */
  get upstreamHost(): string | undefined {
    if (this.cluster?.requested === undefined) return this.endpoint?.key;
    const { remote } = this.upstreamSocket ?? {};
    return remote === undefined ? undefined : formatAddress(remote);
  }

  /** Undefined, as in Envoy, when the route names one that is not there. */
  get upstreamCluster(): string | undefined {
    const name = (this.forward ?? this.ownReply)?.clusterName;
    const isThere = this.cluster !== undefined || (name !== undefined && this.context.clusters.has(name));
    return isThere ? name : undefined;
  }

  get upstreamLocalAddress(): string | undefined {
    const { local } = this.upstreamSocket ?? {};
    return local === undefined ? undefined : formatAddress(local);
  }

  get downstreamLocalAddress(): string {
    return formatAddress(this.peer.local);
  }

  get downstreamRemoteAddress(): string {
    return formatAddress(this.peer.remote);
  }

  get downstreamDirectRemoteAddress(): string {
    return formatAddress(this.peer.directRemote ?? this.peer.remote);
  }

  get requestedServerName(): string | undefined {
    return this.peer.sni;
  }

  get routeName(): string | undefined {
    return (this.forward ?? this.ownReply)?.route?.name;
  }

  /** What an attempt that begins now has left of the time, as the endpoint is told; 0 for no end. */
  get expectedMs(): number {
    const { attempts, perTryMs, requestEndMs, timeoutMs } = this;
    if (timeoutMs === 0) return perTryMs;
    const goneMs = attempts === 1 || requestEndMs === 0 ? 0 : Math.round(this.context.clock.nowMs() - requestEndMs);
    const leftMs = Math.max(1, timeoutMs - goneMs);
    return perTryMs === 0 ? leftMs : Math.min(perTryMs, leftMs);
  }

  get upstreamRequestAttemptCount(): number {
    return this.attempts;
  }

  get downstreamPeerUriSan(): string | undefined {
    return this.peer.spiffeId;
  }

  get downstreamLocalUriSan(): string | undefined {
    return this.peer.tls ? this.context.localSpiffeId() : undefined;
  }

  get upstreamPeerUriSan(): string | undefined {
    return this.upstreamSocket?.peer?.spiffeId;
  }

  get traceId(): string | undefined {
    const header = this.traceparent === "" ? this.head.known(ID.traceparent) : this.traceparent;
    return header !== undefined && header.length >= 35 ? header.slice(3, 35) : undefined;
  }

  /** A header of the request, as the endpoint got it where the proxy made one. */
  requestHeader(name: string): string | undefined {
    switch (name) {
      case ":path":
        return this.path || undefined;
      case ":method":
        return this.method || undefined;
      case ":authority":
      case "host":
        return this.authority || undefined;
      case ":scheme":
        return this.scheme;
      case "x-request-id":
        return this.requestId === "" ? undefined : this.requestId;
      case "traceparent":
        return this.traceparent === "" ? this.head.known(ID.traceparent) : this.traceparent;
      case "x-envoy-original-path":
        return this.originalPath;
      default:
        return this.head.told(name);
    }
  }

  responseHeader(name: string): string | undefined {
    if (name === ":status") return this.responseCode === 0 ? undefined : String(this.responseCode);
    if (this.responseHead === undefined) return undefined;
    if (name === "x-envoy-upstream-service-time") return String(this.upstreamServiceMs);
    return this.responseHead.told(name);
  }
}

/** How exactly the other side ended it is logged as the transport's failure reason, not as a detail of the answer. */
const UNTOLD: ReadonlySet<FailureKind> = new Set(["upstreamReset", "upstreamRemoteReset"]);
/** Doing them twice is doing them once (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const NO_ROUTE = { route: undefined, responseHeaders: undefined };
