/**
 * An HTTP connection manager at work: its compiled form together with what all of them share.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { replyOf } from "../engine/failures.ts";
import { CONNECT } from "../engine/http/upgrades.ts";
import type { CompiledHttp, CompiledRoute, Forward, Reply } from "../engine/http.ts";
import type { CompiledRetry } from "../engine/retry.ts";
import {
  formatGrpcTimeout,
  grpcCallTimeoutMs,
  parseGrpcTimeout,
  streamDurationMs,
} from "../engine/http/stream-duration.ts";
import { requestTimeoutMs, retryForRequest, wholeNumber } from "../engine/retry-policy.ts";
import type { AccessLog } from "../telemetry/access-log.ts";
import { type HttpStats, httpStats } from "../telemetry/envoy-stats.ts";
import type { RandomIds } from "../telemetry/random-ids.ts";
import type { Registry } from "../telemetry/registry.ts";
import { parseTraceparent } from "../telemetry/trace-context.ts";
import { ID } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { Deadlines } from "./deadlines.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import { takeOff, whereabouts } from "./client-headers.ts";
import { forwardedClientCert } from "./forwarded-client-cert.ts";
import type { HttpContext } from "./http-context.ts";
import type { Http2Writers } from "./http2/writers.ts";
import type { Overload } from "./overload.ts";
import type { RequestWriter } from "./http1/request-writer.ts";
import type { ResponseWriter } from "./http1/response-writer.ts";
import { trustedPeer } from "./peer-header.ts";
import type { RoutePolicies } from "./route-policies.ts";
import type { TrafficRecorder } from "./traffic-recorder.ts";
import type { Turn } from "./turn.ts";
import { upgradeOf } from "./upgrade.ts";

/** What the connection managers of a process share. */
export interface HttpServices {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: RandomIds;
  readonly registry: Registry;
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly deadlines: Deadlines;
  readonly requestWriter: RequestWriter;
  readonly responseWriter: ResponseWriter;
  readonly http2Writers: Http2Writers;
  readonly turn: Turn;
  /** As `turn`, but of all sockets that have something to say at once. */
  readonly round: Turn;
  readonly overload: Overload;
  /** Access logs with lines that were not written out. */
  readonly unwrittenLogs: Set<AccessLog>;
  /** See `HttpContext`. */
  readonly localAddress: string;
  /** Which part of a limit over time this process holds: above 0, up to 1. */
  readonly share: number;
  isDraining(): boolean;
}

/** What one of them has for itself. */
export interface HttpChainOptions {
  readonly http: CompiledHttp;
  readonly accessLogs: readonly AccessLog[];
  readonly recorder: TrafficRecorder;
  readonly peerHeader: string | undefined;
  readonly retries: RoutePolicies;
  readonly bufferLimitBytes: number;
  localSpiffeId(): string | undefined;
}

/** Headers that change the retry policy or the timeout of a request. */
const ASKING = [
  ID["x-envoy-max-retries"],
  ID["x-envoy-retry-on"],
  ID["x-envoy-retry-grpc-on"],
  ID["x-envoy-retriable-status-codes"],
  ID["x-envoy-retriable-header-names"],
  ID["x-envoy-upstream-rq-timeout-ms"],
  ID["x-envoy-upstream-rq-per-try-timeout-ms"],
];

export class HttpChain implements HttpContext {
  readonly http: CompiledHttp;
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly requestWriter: RequestWriter;
  readonly responseWriter: ResponseWriter;
  readonly http2Writers: Http2Writers;
  readonly turn: Turn;
  readonly stats: HttpStats;
  readonly peerHeader: string | undefined;
  readonly bufferLimitBytes: number;
  readonly localAddress: string;
  readonly #services: HttpServices;
  readonly #options: HttpChainOptions;

  constructor(services: HttpServices, options: HttpChainOptions) {
    this.http = options.http;
    this.clusters = services.clusters;
    this.clock = services.clock;
    this.random = services.random;
    this.deadlines = services.deadlines;
    this.requestWriter = services.requestWriter;
    this.responseWriter = services.responseWriter;
    this.http2Writers = services.http2Writers;
    this.turn = services.turn;
    this.stats = httpStats(services.registry, options.http.settings.statPrefix);
    this.peerHeader = options.peerHeader;
    this.bufferLimitBytes = options.bufferLimitBytes;
    this.localAddress = services.localAddress;
    this.#services = services;
    this.#options = options;
  }

  localSpiffeId(): string | undefined {
    return this.#options.localSpiffeId();
  }

  isDraining(): boolean {
    if (this.#services.isDraining()) return true;
    if (!this.#services.overload.endsConnection()) return false;
    this.stats.stats.cxOverloadDisableKeepalive.add(1);
    return true;
  }

  prepare(exchange: ExchangeRecord): Reply | undefined {
    // Before anything that costs: what is shed must be cheaper than what is served.
    if (this.#services.overload.shedsRequest(exchange.startMs)) {
      this.stats.stats.rqOverloadClose.add(1);
      return replyOf("overload");
    }
    const { head } = exchange;
    const { settings } = this.http;
    this.#identify(exchange);
    const isInside = settings.isInternal?.(head, exchange.peer) ?? false;
    const bad = takeOff(head, settings, isInside, this.http.routeTable.internalOnlyHeaders);
    if (bad !== undefined) return { ...replyOf("downstreamProtocolError"), details: `http1.${bad}` };
    exchange.replacements = whereabouts(head, settings, exchange.peer, isInside);
    exchange.requestId = this.#requestId(head, isInside);
    exchange.traceparent = this.#traceparent(head);
    if (exchange.peer.tls || head.first[ID["x-forwarded-client-cert"]] !== 0)
      exchange.forwardedClientCert = forwardedClientCert(
        settings,
        head.header("x-forwarded-client-cert"),
        exchange.connection.socket.peer,
        this.localSpiffeId(),
      );
    if (!head.isAbsolute) head.scheme = schemeOf(settings.forwardedProtoOf(head, exchange.peer), exchange.peer.tls);
    if (settings.useRemoteAddress && head.isAbsolute && head.scheme === "https" && !exchange.peer.tls)
      return replyOf("httpsOnPlaintext");
    if (head.authority === "" && !head.isVersion11) head.authority = exchange.authority = settings.defaultHostForHttp10;
    const authority = this.http.normalizeAuthority(head.authority, exchange.peer.local.port);
    if (authority !== head.authority) head.authority = exchange.authority = authority;
    if (head.first[ID.upgrade] !== 0 || head.method === "CONNECT") {
      head.upgrade = upgradeOf(head);
      if (head.upgrade === CONNECT) return undefined;
      // Both at once.
      if (head.path === "") return replyOf("upgradeRefused");
      // As in Envoy: to routes and rules an extended CONNECT is the upgrade that it stands for.
      if (head.protocol !== "") head.method = exchange.method = "GET";
    }
    // OPTIONS of the server as a whole (RFC 9110 §9.3.7) is decided as its root is, and goes on as it came. Envoy answers 404.
    if (head.path === "*") head.path = "/";
    else return this.#normalize(exchange);
    return undefined;
  }

  /** At the edge a client's own id is not taken over, unless that is configured; an empty one is none. Empty: there is none. */
  #requestId(head: RequestHead, isInside: boolean): string {
    const { generateRequestId, preserveExternalRequestId, useRemoteAddress } = this.http.settings;
    const id = ID["x-request-id"];
    let came = head.known(id);
    const isForeign = useRemoteAddress && !isInside && !preserveExternalRequestId;
    if (came !== undefined && generateRequestId && (isForeign || came === "")) {
      head.remove((line) => head.ids[line] === id);
      came = undefined;
    }
    return came ?? (generateRequestId ? this.#services.ids.requestId() : "");
  }

  /** Who the client's workload is: told once a connection, by the first request. */
  #identify(exchange: ExchangeRecord): void {
    const { connection, head } = exchange;
    const { spiffeId } = connection.view;
    if (connection.source !== undefined || spiffeId === undefined) return;
    connection.source = trustedPeer(head.known(ID["x-tulle-peer"]), spiffeId);
  }

  /** A trace that is valid goes on as it is: this proxy makes no span of its own. An empty string: leave the header alone. */
  #traceparent(head: RequestHead): string {
    // Of two lines none is the right one: joined, they cannot be read.
    const came = head.first[ID.traceparent] === 0 ? undefined : head.header("traceparent");
    if (came !== undefined && parseTraceparent(came) !== undefined) return "";
    return this.#services.ids.unsampledTraceparent();
  }

  #normalize(exchange: ExchangeRecord): Reply | undefined {
    const { head } = exchange;
    const normal = this.http.normalizePath(head.path);
    if (normal === head.path) return undefined;
    if (typeof normal !== "string")
      return normal.t === "reject" ? replyOf("pathRejected") : redirectTo(normal.location);
    head.path = normal;
    exchange.path = normal;
    exchange.receivedPath = normal;
    return undefined;
  }

  route(exchange: ExchangeRecord, forward: Forward): void {
    const { route } = forward;
    if (route.rewritePath !== undefined && exchange.path !== "*" && exchange.path !== "") {
      exchange.path = route.rewritePath(exchange.path);
      exchange.isPathRewritten = true;
    }
    if (forward.clusterHost !== undefined) exchange.authority = forward.clusterHost;
    const host = forward.hostRewrite ?? route.hostRewriteOf?.(exchange.head);
    if (host !== undefined && host !== exchange.authority) {
      exchange.originalHost = exchange.authority;
      exchange.authority = host;
    }
    this.#limit(exchange, route);
  }

  #limit(exchange: ExchangeRecord, route: CompiledRoute): void {
    exchange.timeoutMs = this.#timeoutMs(exchange, route);
    exchange.maxDurationMs = this.#durationMs(exchange, route);
  }

  #timeoutMs(exchange: ExchangeRecord, route: CompiledRoute): number {
    const { head } = exchange;
    const { maxGrpcTimeoutMs } = route;
    const timeoutMs =
      maxGrpcTimeoutMs !== undefined && head.isGrpc
        ? grpcCallTimeoutMs(maxGrpcTimeoutMs, head.known(ID["grpc-timeout"]))
        : route.timeoutMs;
    const expected = ID["x-envoy-expected-rq-timeout-ms"];
    // What the caller's proxy has said: then this one only counts along.
    if (this.http.router.respectExpectedRqTimeout && head.first[expected] !== 0)
      return wholeNumber(head.known(expected)) ?? timeoutMs;
    return this.#asks(exchange) ? requestTimeoutMs(timeoutMs, (name) => head.header(name)) : timeoutMs;
  }

  /** The endpoint is told what counts of a `grpc-timeout`, as by Envoy. */
  #durationMs(exchange: ExchangeRecord, { maxGrpcTimeoutMs, streamLimits }: CompiledRoute): number | undefined {
    const { maxStreamDurationMs } = this.http.settings;
    const id = ID["grpc-timeout"];
    const text = exchange.head.known(id);
    const askedMs = text === undefined ? undefined : parseGrpcTimeout(text);
    const durationMs = streamDurationMs(streamLimits, maxStreamDurationMs, askedMs);
    if (askedMs !== undefined && durationMs !== undefined && maxGrpcTimeoutMs === undefined) {
      const told = { id, name: "grpc-timeout", value: formatGrpcTimeout(durationMs) };
      exchange.replacements = [...exchange.replacements, told];
    }
    return durationMs;
  }

  retryOf(exchange: ExchangeRecord, forward: Forward): CompiledRetry | undefined {
    const retry = this.#options.retries.of(forward.route);
    return this.#asks(exchange) ? retryForRequest(retry, (name) => exchange.head.header(name)) : retry;
  }

  #asks({ head }: ExchangeRecord): boolean {
    if (this.http.settings.isInternal === undefined) return false;
    for (const id of ASKING) if (head.first[id] !== 0) return true;
    return false;
  }

  onReply(_: ExchangeRecord, reply: Reply): void {
    const { stats } = this.stats;
    if (reply.kind === "noRoute") stats.noRoute.add(1);
    else if (reply.kind === "noCluster") stats.noCluster.add(1);
    else if (reply.kind === "rbacDenied") stats.rbacDenied.add(1);
    else if (reply.kind === "rateLimited") return;
    else if (reply.kind === "faultAbort") stats.faultAborts.add(1);
    else if (reply.kind === undefined && reply.status >= 300 && reply.status < 400) stats.rqRedirect.add(1);
    else if (reply.kind === undefined) stats.rqDirectResponse.add(1);
  }

  /** Counts a verdict of authorization rules. */
  onRbac(isShadow: boolean, allowed: boolean): void {
    const { stats } = this.stats;
    if (isShadow) (allowed ? stats.rbacShadowAllowed : stats.rbacShadowDenied).add(1);
    else if (allowed) stats.rbacAllowed.add(1);
  }

  /** Counts a page's origin. */
  onCors(isAllowed: boolean): void {
    const { stats } = this.stats;
    (isAllowed ? stats.corsValid : stats.corsInvalid).add(1);
  }

  record(exchange: ExchangeRecord): void {
    this.#options.recorder.record(exchange);
    for (const log of this.#options.accessLogs) log.record(exchange);
  }
}

/** What `x-forwarded-proto` says where it may be believed, else how the connection is. */
const schemeOf = (said: string, tls: boolean): string =>
  said === "http" || said === "https" ? said : tls ? "https" : "http";

const redirectTo = (location: string): Reply => ({
  ...replyOf("pathRejected"),
  status: 307,
  headers: [["location", location]],
  details: "path_normalization_redirect",
  closes: false,
});
