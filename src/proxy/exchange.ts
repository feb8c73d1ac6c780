/**
 * The life of one request: decided by the engine, forwarded in one or more attempts, answered, recorded.
 * It knows nothing of sockets or framing: the downstream and the connection to the endpoint do.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { FAILURES, type FailureKind, grpcReply, isGrpc } from "../engine/failures.ts";
import type { Decision, Forward, Reply } from "../engine/http.ts";
import type { AttemptOutcome } from "../engine/retry.ts";
import { ID } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { Trailers } from "../wire/http1/trailers.ts";
import { ClusterHold } from "./cluster-hold.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { Connection } from "./connection.ts";
import { Deadline } from "./deadlines.ts";
import type { Downstream } from "./downstream.ts";
import { ExchangeRecord } from "./exchange-record.ts";
import { type Failure, outcomeOf, outcomeOfHead, resetDetails } from "./failure.ts";
import type { HttpContext } from "./http-context.ts";
import { RequestBuffer } from "./request-buffer.ts";
import { RetryState } from "./retry-state.ts";
import type { Caller, Pool, UpstreamRequest, Waiter } from "./upstream.ts";

/**
 * `delayed`: by a fault. `connecting`: a connection is awaited. `sent`: an answer is awaited.
 * `backoff`: before another attempt. `answering`: the head of the answer is on its way to the client.
 */
type Phase = "idle" | "delayed" | "connecting" | "sent" | "backoff" | "answering";

export class Exchange extends ExchangeRecord implements Caller, Waiter {
  readonly #downstream: Downstream;
  readonly #body = new RequestBuffer();
  readonly #hold = new ClusterHold();
  readonly #retry = new RetryState();
  #phase: Phase = "idle";
  #requestDone = false;
  #upstream: UpstreamRequest | undefined;
  #pool: Pool | undefined;
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

  /** Answers a request that is not served: one that could not be read, as the reply says. */
  refuse(context: HttpContext, reply: Reply): void {
    this.#reset(context);
    this.#reply(reply);
  }

  #reset(context: HttpContext): void {
    this.open(context);
    this.#phase = "connecting";
    this.#replacedStale = false;
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
    if (cluster === undefined) return this.#fail("noCluster", "", forward.route.clusterNotFoundStatus);
    this.cluster = cluster;
    this.context.route(this, forward);
    this.perTryMs = this.#retry.begin(this.context.retryOf(this, forward), this.timeoutMs);
    this.#body.keep = this.#retry.hasPolicy;
    if (this.#requestDone) this.#startRouteDeadline();
    this.#attempt(cluster);
  }

  #startRouteDeadline(): void {
    if (this.timeoutMs > 0) this.context.deadlines.set(this.#routeDeadline, this.timeoutMs);
  }

  /** An attempt has its time from when the request is complete, as in Envoy. */
  #startTryDeadline(): void {
    const { perTryMs } = this.#retry;
    if (perTryMs > 0) this.context.deadlines.set(this.#tryDeadline, perTryMs);
  }

  #attempt(cluster: ClusterRuntime): void {
    this.#phase = "connecting";
    this.attempts++;
    const endpoint = this.#retry.pick(cluster, this.context.random);
    if (endpoint === undefined) return this.#fail("noHealthyUpstream");
    const pool = cluster.poolOf(endpoint);
    if (!cluster.admit(pool)) return this.#fail("upstreamOverflow");
    this.endpoint = endpoint;
    this.#hold.take(cluster, endpoint);
    this.onEndpoint(endpoint);
    this.#pool = pool;
    pool.acquire(this);
  }

  onUpstream(upstream: UpstreamRequest): void {
    this.#pool = undefined;
    this.#upstream = upstream;
    this.upstreamSocket = upstream.socket;
    this.#phase = "sent";
    this.upstreamStartMs = this.context.clock.nowMs();
    const taken = upstream.send(this, this.#body, this.#requestDone);
    this.#body.sent();
    if (this.#requestDone) this.#startTryDeadline();
    if (taken) this.#downstream.resumeRequest();
    else this.#downstream.pauseRequest();
  }

  onNoConnection(failure: Failure): void {
    this.#pool = undefined;
    this.#attemptFailed(failure);
  }

  /** The request has trailers and is not chunked. Its end comes next. */
  onRequestTrailers(trailers: Trailers): void {
    if (this.#phase !== "idle") this.#body.trailers = trailers;
  }

  /** More of the request's body, and whether it is the last of it. The bytes stay as they are. */
  onRequestBody(buf: Uint8Array, start: number, end: number, done: boolean): void {
    if (this.#phase === "idle") return;
    if (done) {
      this.#requestDone = true;
      this.requestEndMs = this.context.clock.nowMs();
    }
    const upstream = this.#upstream;
    if (upstream === undefined) {
      this.#body.add(buf.subarray(start, end));
      if (this.#body.isFull) this.#downstream.pauseRequest();
    } else {
      this.#body.passed(buf, start, end);
      if (!upstream.write(buf, start, end)) this.#downstream.pauseRequest();
      if (done) {
        upstream.endRequest(this.#body.trailers);
        if (this.#phase === "sent") this.#startTryDeadline();
      }
    }
    if (done && this.cluster !== undefined) this.#startRouteDeadline();
  }

  /** The framing of the request's body is wrong. */
  onRequestBroken(reason: string): void {
    if (this.#phase === "idle") return;
    this.context.stats.stats.cxProtocolError.add(1);
    if (this.#phase !== "answering") return this.#fail("downstreamProtocolError", reason);
    this.flag(FAILURES.downstreamProtocolError.flag);
    this.#breakOff(`${FAILURES.downstreamProtocolError.details}{${reason.replaceAll(" ", "_")}}`);
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
    if (head.status >= 400 && this.#retry.hasPolicy && this.#retried(outcomeOfHead(head))) return;
    this.#phase = "answering";
    this.#body.giveUp();
    this.responseCode = head.status;
    this.responseHead = head;
    this.responseCodeDetails = "via_upstream";
    this.#downstream.sendHead(this, head, more);
  }

  onResponseBody(buf: Uint8Array, start: number, end: number): boolean {
    return this.#downstream.sendBody(buf, start, end);
  }

  onDownstreamDrain(): void {
    this.#upstream?.resume();
  }

  onResponseTrailers(trailers: Trailers): void {
    this.#downstream.sendTrailers(trailers);
  }

  onResponseEnd(): void {
    this.bytesSent += this.#upstream?.bodyBytes ?? 0;
    this.#upstream = undefined;
    this.#end(false);
  }

  onUpstreamFailure(failure: Failure): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (this.#phase === "answering") {
      this.bytesSent += upstream?.bodyBytes ?? 0;
      this.flag(FAILURES[failure.kind].flag);
      this.upstreamTransportFailureReason = failure.details || undefined;
      return this.#breakOff(resetDetails(failure.kind));
    }
    if (upstream === undefined || !this.#isStale(failure, upstream)) return this.#attemptFailed(failure);
    this.#replacedStale = true;
    this.context.deadlines.clear(this.#tryDeadline);
    this.#hold.release();
    this.attempts--;
    this.#attempt(this.cluster as ClusterRuntime);
  }

  /**
   * The endpoint closed a kept connection just as the request went out: no byte came back, and doing the request
   * twice is doing it once.
   */
  #isStale(failure: Failure, upstream: UpstreamRequest): boolean {
    if (failure.answered || !upstream.isReused || this.#replacedStale) return false;
    return this.#requestDone && this.#body.isComplete && this.isIdempotent;
  }

  #attemptFailed(failure: Failure): void {
    this.context.deadlines.clear(this.#tryDeadline);
    this.cluster?.onFailure(this.endpoint as Endpoint, failure);
    this.upstreamTransportFailureReason = failure.details || undefined;
    if (!this.#retried(outcomeOf(failure))) this.#fail(failure.kind, failure.details);
  }

  /** Begins another attempt when the policy wants one and everything allows it. */
  #retried(outcome: AttemptOutcome): boolean {
    if (!this.#body.isComplete) return false;
    const verdict = this.#retry.decide(outcome, this.attempts, this.cluster as ClusterRuntime);
    if (verdict === "limit") this.flag(FAILURES.retryLimit.flag);
    if (verdict === "overflow") this.flag(FAILURES.upstreamOverflow.flag);
    if (verdict !== "retry") return false;
    this.#dropUpstream();
    this.#phase = "backoff";
    const { deadlines, random } = this.context;
    deadlines.set(this.#waitDeadline, this.#retry.backoffMs(this.endpoint, this.attempts, random));
    return true;
  }

  /** A fault's delay, or the pause before a retry, is over. */
  #onWaited(): void {
    if (this.#phase === "backoff") return this.#attempt(this.cluster as ClusterRuntime);
    if (this.#phase !== "delayed") return;
    this.#phase = "connecting";
    this.#act(this.#delayed as Forward | Reply);
  }

  #onTryTimeout(): void {
    this.#dropUpstream();
    this.#attemptFailed({ kind: "perTryTimeout", details: "", requestSent: true, answered: false });
  }

  #onRouteTimeout(): void {
    const failure: Failure = { kind: "upstreamTimeout", details: "", requestSent: true, answered: false };
    if (this.#phase === "sent") this.cluster?.onFailure(this.endpoint as Endpoint, failure);
    this.#giveUp("upstreamTimeout");
  }

  /**
   * Looks after the slow timeouts.
   * @param quietMs How long neither side has sent anything.
   * @param isReceiving The request is still on its way.
   */
  sweep(nowMs: number, quietMs: number, isReceiving: boolean): void {
    const kind = this.slowTimeout(nowMs, quietMs, isReceiving);
    if (kind !== undefined && this.#phase !== "idle") this.#giveUp(kind);
  }

  #giveUp(kind: FailureKind): void {
    if (this.#phase !== "answering") return this.#fail(kind);
    this.flag(FAILURES[kind].flag);
    this.#breakOff(FAILURES[kind].details);
  }

  /** Answers with what {@link FAILURES} says of `kind`. */
  #fail(kind: FailureKind, reason = "", status: number = FAILURES[kind].status): void {
    const reply = this.failed(kind, reason);
    this.#reply(status === reply.status ? reply : { ...reply, status });
  }

  #reply(made: Reply): void {
    const reply = isGrpc(this.head.known(ID["content-type"])) ? grpcReply(made) : made;
    this.#dropUpstream();
    this.replied(reply);
    this.#phase = "answering";
    this.#downstream.sendReply(this, reply);
    this.#end(false);
  }

  /** The answer has begun and cannot be completed. */
  #breakOff(details: string): void {
    this.responseCodeDetails = details;
    this.#dropUpstream();
    this.#end(true);
  }

  /** The client is gone. */
  onDownstreamClose(): void {
    if (this.#phase === "idle") return;
    this.flag(FAILURES.downstreamClosed.flag);
    this.#breakOff(FAILURES.downstreamClosed.details);
  }

  #dropUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (upstream !== undefined) {
      if (this.#phase === "answering") this.bytesSent += upstream.bodyBytes;
      upstream.abandon();
    }
    this.#pool?.cancel(this);
    this.#pool = undefined;
    this.#hold.release();
  }

  /** @param broken The client has no complete answer. */
  #end(broken: boolean): void {
    const { deadlines } = this.context;
    this.#hold.release();
    this.#retry.end(!broken && this.responseCode < 500);
    deadlines.clear(this.#routeDeadline);
    deadlines.clear(this.#tryDeadline);
    deadlines.clear(this.#waitDeadline);
    this.#phase = "idle";
    this.#body.reset();
    this.#delayed = undefined;
    this.close(this.#downstream.receivedBodyBytes);
    if (broken) this.#downstream.abort();
    else this.#downstream.onExchangeEnd();
  }
}
