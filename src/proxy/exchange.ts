/**
 * The life of one request: decided by the engine, forwarded in one or more attempts, answered, recorded.
 * It knows nothing of sockets or framing: the downstream and the connection to the endpoint do.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { FAILURES, type FailureKind, grpcReply, isGrpc, replyOf } from "../engine/failures.ts";
import type { Decision, Forward, Reply } from "../engine/http.ts";
import type { AttemptOutcome, CompiledRetry } from "../engine/retry.ts";
import { ID } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { Connection } from "./connection.ts";
import { Deadline } from "./deadlines.ts";
import { ExchangeRecord } from "./exchange-record.ts";
import type { Failure } from "./failure.ts";
import type { HostPool, Waiter } from "./host-pool.ts";
import type { Caller, ClientConnection } from "./http1/client-connection.ts";
import type { HttpContext } from "./http-context.ts";
import { RequestBuffer } from "./request-buffer.ts";

/** Where an exchange sends its answer. */
export interface Downstream {
  /** @param more The first bytes of the body follow at once. */
  sendHead(exchange: Exchange, head: ResponseHead, more: boolean): void;
  sendInterim(head: ResponseHead): void;
  /** False: stop until {@link Exchange.onDownstreamDrain}. */
  sendBody(buf: Uint8Array, start: number, end: number): boolean;
  sendReply(exchange: Exchange, reply: Reply): void;
  /** The answer is complete; another request may begin. */
  onExchangeEnd(): void;
  /** The answer broke off behind its head: the client must be told by closing. */
  abort(): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** Body bytes of the present request so far. */
  readonly receivedBodyBytes: number;
}

/**
 * `delayed`: by a fault. `connecting`: a connection is awaited. `sent`: an answer is awaited.
 * `backoff`: before another attempt. `answering`: the head of the answer is on its way to the client.
 */
type Phase = "idle" | "delayed" | "connecting" | "sent" | "backoff" | "answering";

export class Exchange extends ExchangeRecord implements Caller, Waiter {
  readonly #downstream: Downstream;
  readonly #body = new RequestBuffer();
  #phase: Phase = "idle";
  #requestDone = false;
  #connection: ClientConnection | undefined;
  #pool: HostPool | undefined;
  #retry: CompiledRetry | undefined;
  #isRetry = false;
  #holdsEndpoint = false;
  #tried: Set<Endpoint> | undefined;
  #delayed: Forward | Reply | undefined;
  /** A kept connection that turned out to be closed is replaced once, unseen by the retry policy. */
  #replacedStale = false;
  readonly #routeDeadline = new Deadline(() => this.#onRouteTimeout());
  readonly #tryDeadline = new Deadline(() => this.#onTryTimeout());
  readonly #waitDeadline = new Deadline(() => this.#onWaited());

  constructor(downstream: Downstream, connection: Connection, context: HttpContext, head: RequestHead) {
    super(connection, context, head);
    this.#downstream = downstream;
  }

  /** Starts with a parsed head; what is there of the body is in `buf[start, end)`, which stays as it is. */
  begin(context: HttpContext, buf: Uint8Array, start: number, end: number, bodyDone: boolean): void {
    this.#reset(context);
    this.#requestDone = bodyDone;
    if (bodyDone) this.requestEndMs = this.startMs;
    if (end > start) this.#body.add(buf.subarray(start, end));
    const refusal = context.prepare(this);
    if (refusal !== undefined) return this.#reply(refusal);
    this.#act(context.http.decide(this.head, this.peer, context.random));
  }

  /** Answers a request that could not be read. */
  refuse(context: HttpContext, reply: Reply): void {
    this.#reset(context);
    this.#reply(reply);
  }

  #reset(context: HttpContext): void {
    this.open(context);
    this.#phase = "connecting";
    this.#tried = undefined;
    this.#retry = undefined;
    this.#isRetry = false;
    this.#replacedStale = false;
    this.#body.reset();
    context.stats.stats.rqTotal.add(1);
    context.stats.stats.rqHttp1Total.add(1);
    context.stats.stats.rqActive.add(1);
  }

  #act(decision: Decision): void {
    if (decision.t === "forward") return this.#forward(decision);
    if (decision.t === "reply") return this.#reply(decision);
    this.flag(FAILURES.faultDelay.flag);
    this.context.stats.stats.faultDelays.add(1);
    this.#phase = "delayed";
    this.#delayed = decision.then;
    this.context.deadlines.set(this.#waitDeadline, decision.delayMs);
  }

  #forward(forward: Forward): void {
    this.forward = forward;
    const cluster = this.context.clusters.get(forward.clusterName);
    if (cluster === undefined) return this.#fail("noCluster");
    this.cluster = cluster;
    this.context.route(this, forward);
    this.#retry = this.context.retryOf(this, forward);
    this.#body.keep = this.#retry !== undefined;
    if (this.#requestDone) this.#startRouteDeadline();
    this.#attempt(cluster);
  }

  #startRouteDeadline(): void {
    if (this.timeoutMs > 0) this.context.deadlines.set(this.#routeDeadline, this.timeoutMs);
  }

  #attempt(cluster: ClusterRuntime): void {
    this.#phase = "connecting";
    this.attempts++;
    const endpoint = cluster.pick(this.context.random, this.#tried, this.#retry?.hostSelectionAttempts ?? 1);
    if (endpoint === undefined) return this.#fail("noHealthyUpstream");
    const pool = cluster.poolOf(endpoint);
    if (!cluster.admit(pool)) return this.#fail("upstreamOverflow");
    this.endpoint = endpoint;
    this.#holdsEndpoint = true;
    endpoint.activeRequests++;
    this.#pool = pool;
    pool.acquire(this);
  }

  onConnection(connection: ClientConnection): void {
    const { context } = this;
    this.#pool = undefined;
    this.#connection = connection;
    this.#phase = "sent";
    const perTryMs = this.#retry?.perTryTimeoutMs ?? 0;
    if (perTryMs > 0) context.deadlines.set(this.#tryDeadline, perTryMs);
    connection.begin(this, this.method === "HEAD");
    this.upstreamStartMs = context.clock.nowMs();
    const taken = context.requestWriter.send(this, connection, this.#body);
    this.#body.sent();
    if (this.#requestDone) connection.endRequest();
    if (taken) this.#downstream.resumeRequest();
    else this.#downstream.pauseRequest();
  }

  onNoConnection(failure: Failure): void {
    this.#pool = undefined;
    this.#attemptFailed(failure);
  }

  /** More of the request's body, and whether it is the last of it. The bytes stay as they are. */
  onRequestBody(buf: Uint8Array, start: number, end: number, done: boolean): void {
    if (this.#phase === "idle") return;
    if (done) {
      this.#requestDone = true;
      this.requestEndMs = this.context.clock.nowMs();
    }
    const connection = this.#connection;
    if (connection === undefined) {
      this.#body.add(buf.subarray(start, end));
      if (this.#body.isFull) this.#downstream.pauseRequest();
    } else {
      this.#body.passed(buf, start, end);
      if (!connection.write(buf, start, end, true)) this.#downstream.pauseRequest();
      if (done) connection.endRequest();
    }
    if (done && this.cluster !== undefined) this.#startRouteDeadline();
  }

  /** The framing of the request's body is wrong. */
  onRequestBroken(reason: string): void {
    if (this.#phase === "idle") return;
    this.context.stats.stats.cxProtocolError.add(1);
    if (this.#phase !== "answering") return this.#fail("downstreamProtocolError", reason);
    this.flag(FAILURES.downstreamProtocolError.flag);
    this.#breakOff();
  }

  onUpstreamDrain(): void {
    this.#downstream.resumeRequest();
  }

  onInterimHead(head: ResponseHead): void {
    this.#downstream.sendInterim(head);
  }

  onResponseHead(head: ResponseHead, more: boolean): void {
    const { context } = this;
    this.upstreamFirstByteMs = context.clock.nowMs();
    if (this.#tryDeadline.isSet) context.deadlines.clear(this.#tryDeadline);
    this.cluster?.onResponse(this.endpoint as Endpoint, head.status);
    if (this.#retry !== undefined && head.status >= 400 && this.#retriesResponse(this.#retry, head)) return;
    this.#phase = "answering";
    this.responseCode = head.status;
    this.responseHead = head;
    this.responseCodeDetails = "via_upstream";
    this.#downstream.sendHead(this, head, more);
  }

  #retriesResponse(retry: CompiledRetry, head: ResponseHead): boolean {
    const outcome: AttemptOutcome = { t: "response", status: head.status, header: (name) => head.header(name) };
    if (!retry.shouldRetry(outcome) || !this.#mayRetry(retry)) return false;
    this.#dropConnection();
    this.#backOff(retry);
    return true;
  }

  onResponseBody(buf: Uint8Array, start: number, end: number): boolean {
    return this.#downstream.sendBody(buf, start, end);
  }

  onDownstreamDrain(): void {
    this.#connection?.resume();
  }

  onResponseEnd(): void {
    this.bytesSent += this.#connection?.bodyBytes ?? 0;
    this.#connection = undefined;
    this.#end();
  }

  onUpstreamFailure(failure: Failure): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (this.#phase === "answering") {
      this.bytesSent += connection?.bodyBytes ?? 0;
      this.flag(FAILURES[failure.kind].flag);
      this.upstreamTransportFailureReason = failure.details;
      return this.#breakOff();
    }
    if (connection === undefined || !this.#isStale(failure, connection)) return this.#attemptFailed(failure);
    this.#replacedStale = true;
    this.#releaseEndpoint();
    this.attempts--;
    return this.#attempt(this.cluster as ClusterRuntime);
  }

  /**
   * The endpoint closed a kept connection just as the request went out: no byte came back, and doing the request
   * twice is doing it once.
   */
  #isStale(failure: Failure, connection: ClientConnection): boolean {
    if (failure.answered || connection.requests < 2 || this.#replacedStale) return false;
    return this.#requestDone && this.#body.isComplete && IDEMPOTENT.has(this.method);
  }

  #attemptFailed(failure: Failure): void {
    this.context.deadlines.clear(this.#tryDeadline);
    this.cluster?.onFailure(this.endpoint as Endpoint, failure);
    this.upstreamTransportFailureReason = failure.details;
    if (!this.#retried(outcomeOf(failure))) this.#fail(failure.kind, failure.details);
  }

  /** Begins another attempt when the policy wants one and everything allows it. */
  #retried(outcome: AttemptOutcome): boolean {
    const retry = this.#retry;
    if (retry === undefined || !retry.shouldRetry(outcome) || !this.#mayRetry(retry)) return false;
    this.#backOff(retry);
    return true;
  }

  #mayRetry(retry: CompiledRetry): boolean {
    const cluster = this.cluster as ClusterRuntime;
    if (this.attempts > retry.maxRetries) {
      this.flag(FAILURES.retryLimit.flag);
      cluster.onRetryLimit();
      return false;
    }
    return this.#body.isComplete && cluster.admitRetry();
  }

  #backOff(retry: CompiledRetry): void {
    if (retry.avoidPreviousHosts && this.endpoint !== undefined) (this.#tried ??= new Set()).add(this.endpoint);
    this.#releaseEndpoint();
    this.#isRetry = true;
    this.#phase = "backoff";
    this.context.deadlines.set(this.#waitDeadline, retry.backoffMs(this.attempts, this.context.random));
  }

  /** A fault's delay, or the pause before a retry, is over. */
  #onWaited(): void {
    if (this.#phase === "backoff") return this.#attempt(this.cluster as ClusterRuntime);
    if (this.#phase !== "delayed") return;
    this.#phase = "connecting";
    this.#act(this.#delayed as Forward | Reply);
  }

  #onTryTimeout(): void {
    const failure: Failure = { kind: "perTryTimeout", details: "per-try timeout", requestSent: true, answered: false };
    this.#dropConnection();
    this.cluster?.onFailure(this.endpoint as Endpoint, failure);
    if (!this.#retried({ t: "perTryTimeout", requestSent: true })) this.#fail("perTryTimeout");
  }

  #onRouteTimeout(): void {
    if (this.#phase === "answering") {
      this.flag(FAILURES.upstreamTimeout.flag);
      return this.#breakOff();
    }
    const failure: Failure = { kind: "upstreamTimeout", details: "", requestSent: true, answered: false };
    if (this.#phase === "sent") this.cluster?.onFailure(this.endpoint as Endpoint, failure);
    this.#fail("upstreamTimeout");
  }

  /** Neither side has sent anything for too long. */
  onStreamIdle(): void {
    if (this.#phase !== "answering") return this.#fail(this.#requestDone ? "streamIdleTimeout" : "requestIdleTimeout");
    this.flag(FAILURES.streamIdleTimeout.flag);
    this.#breakOff();
  }

  /** How long neither side may send anything; 0 for ever. */
  get streamIdleTimeoutMs(): number {
    return this.forward?.route.idleTimeoutMs ?? this.context.http.settings.streamIdleTimeoutMs;
  }

  /** Answers with what {@link FAILURES} says of `kind`. */
  #fail(kind: FailureKind, reason = ""): void {
    const { forward } = this;
    const retried = this.attempts > 1;
    this.#reply(replyOf(kind, reason, { retried, route: forward?.route, responseHeaders: forward?.responseHeaders }));
  }

  #reply(made: Reply): void {
    const reply = isGrpc(this.head.known(ID["content-type"])) ? grpcReply(made) : made;
    this.#dropConnection();
    this.flag(reply.flag);
    this.responseCode = reply.status;
    this.responseCodeDetails = reply.details;
    this.bytesSent = reply.body.length;
    this.context.onReply(this, reply);
    this.#phase = "answering";
    this.#downstream.sendReply(this, reply);
    this.#end();
  }

  /** The answer has begun and cannot be completed. */
  #breakOff(): void {
    this.#dropConnection();
    this.#downstream.abort();
    this.#end();
  }

  /** The client is gone. */
  onDownstreamClose(): void {
    if (this.#phase === "idle") return;
    if (this.responseCode === 0) this.responseCodeDetails = "downstream_remote_disconnect";
    this.flag(FAILURES.downstreamClosed.flag);
    this.#dropConnection();
    this.#end();
  }

  #dropConnection(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) {
      if (this.#phase === "answering") this.bytesSent += connection.bodyBytes;
      connection.abandon();
    }
    this.#pool?.cancel(this);
    this.#pool = undefined;
    this.#releaseEndpoint();
  }

  #releaseEndpoint(): void {
    if (!this.#holdsEndpoint) return;
    this.#holdsEndpoint = false;
    this.cluster?.release(this.endpoint as Endpoint);
    if (this.#isRetry) this.cluster?.endRetry(this.responseCode > 0 && this.responseCode < 500);
    this.#isRetry = false;
  }

  #end(): void {
    if (this.#phase === "idle") return;
    this.#releaseEndpoint();
    const { deadlines, clock, stats } = this.context;
    deadlines.clear(this.#routeDeadline);
    deadlines.clear(this.#tryDeadline);
    deadlines.clear(this.#waitDeadline);
    this.#phase = "idle";
    this.#body.reset();
    this.durationMs = clock.nowMs() - this.startMs;
    this.bytesReceived = this.#downstream.receivedBodyBytes;
    stats.stats.rqActive.add(-1);
    stats.stats.rqCompleted.add(1);
    stats.response(this.responseCode);
    this.context.record(this);
    this.#downstream.onExchangeEnd();
  }
}

function outcomeOf(failure: Failure): AttemptOutcome {
  return failure.requestSent ? { t: "reset", requestSent: true } : { t: "connectFailure" };
}

/** Doing them twice is doing them once (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
