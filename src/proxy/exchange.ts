/**
 * The life of one request: decided by the engine, forwarded in one or more attempts, answered, recorded.
 * It knows nothing of sockets or framing: the downstream and what carries the request to the endpoint do.
 *
 * @module
 */
import { FAILURES, type FailureKind, grpcReply } from "../engine/failures.ts";
import type { Decision, Forward, Reply } from "../engine/http.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { Trailers } from "../wire/http1/trailers.ts";
import { type AttemptOwner, Attempts } from "./attempts.ts";
import type { Connection } from "./connection.ts";
import { Deadline } from "./deadlines.ts";
import type { Downstream } from "./downstream.ts";
import { ExchangeRecord } from "./exchange-record.ts";
import { ExchangeTimeouts } from "./exchange-timeouts.ts";
import { type Failure, resetDetails } from "./failure.ts";
import { grpcStatusIn } from "./grpc-status.ts";
import type { HttpContext } from "./http-context.ts";
import { Mirroring } from "./mirroring.ts";
import { refusedUpgrade, switches } from "./upgrade.ts";

/** `delayed`: by a fault. `asking`: no answer has begun. `answering`: the head of the answer is on its way to the client. */
type Phase = "idle" | "delayed" | "asking" | "answering";

export class Exchange extends ExchangeRecord implements AttemptOwner {
  readonly #downstream: Downstream;
  readonly #attempts = new Attempts(this);
  readonly #timeouts = new ExchangeTimeouts(
    this,
    () => this.#onRouteTimeout(),
    () => this.#giveUp(this.isRequestDone ? "maxDuration" : "requestDuration"),
  );
  readonly #delay = new Deadline(() => this.#onDelayed());
  #phase: Phase = "idle";
  #delayed: Forward | Reply | undefined;
  /** Its copies, until it is complete. */
  #mirroring: Mirroring | undefined;
  isRequestDone = false;
  /** Of a connection that has switched: the endpoint sends no more. */
  #responseDone = false;
  /** Among the upgrades that run. */
  #isCounted = false;

  constructor(downstream: Downstream, connection: Connection, context: HttpContext, head: RequestHead) {
    super(connection, context, head);
    this.#downstream = downstream;
  }

  /** Starts with a parsed head; what is there of the body is in `buf[start, end)`, which stays as it is. */
  begin(context: HttpContext, buf: Uint8Array, start: number, end: number, bodyDone: boolean): void {
    this.#open(context);
    this.isRequestDone = bodyDone;
    if (bodyDone) this.requestEndMs = this.startMs;
    if (end > start) this.#attempts.body.add(buf.subarray(start, end));
    const refusal = context.prepare(this);
    if (refusal !== undefined) return this.#reply(refusal);
    // Not before it is refused: until then the client may have more to say.
    if (this.head.upgrade !== "") this.#expectMore();
    this.#act(context.http.decide(this.head, this.peer, context.random));
  }

  #expectMore(): void {
    this.isRequestDone = false;
    this.requestEndMs = 0;
  }

  /** Answers a request that is not served: one that could not be read, as the reply says. */
  refuse(context: HttpContext, reply: Reply): void {
    this.#open(context);
    this.#reply(reply);
  }

  #open(context: HttpContext): void {
    this.open(context);
    this.#phase = "asking";
    this.#responseDone = false;
  }

  #act(decision: Decision): void {
    if (decision.t === "forward") return this.#forward(decision);
    if (decision.t === "reply") return this.#reply(decision);
    this.flag(FAILURES.faultDelay.flag);
    this.context.stats.stats.faultDelays.add(1);
    this.#phase = "delayed";
    this.#delayed = decision.then;
    this.context.deadlines.set(this.#delay, decision.delayMs);
  }

  #onDelayed(): void {
    this.#phase = "asking";
    this.#act(this.#delayed as Forward | Reply);
  }

  #forward(forward: Forward): void {
    this.forward = forward;
    const refusal = this.head.upgrade === "" ? undefined : this.#beginUpgrade();
    if (refusal !== undefined) return this.#reply(refusal);
    const cluster = this.context.clusters.get(forward.clusterName);
    if (cluster === undefined) return this.#fail("noCluster", "", forward.route.clusterNotFoundStatus);
    this.cluster = cluster;
    this.context.route(this, forward);
    this.#timeouts.startDuration();
    if (this.isRequestDone || this.#attempts.isUpgrading) this.#timeouts.startRoute();
    if (forward.mirrors === undefined) this.#attempts.begin(this.context.retryOf(this, forward));
    else this.#forwardMirrored(forward);
  }

  /** As in Envoy a request that has no endpoint is not mirrored. */
  #forwardMirrored(forward: Forward): void {
    const { isRequestDone } = this;
    const { body } = this.#attempts;
    const { trailers } = body;
    const mirroring = Mirroring.of(this, forward, body);
    this.#attempts.begin(this.context.retryOf(this, forward));
    if (this.forward !== forward) return;
    mirroring?.begin(isRequestDone, trailers);
    if (!isRequestDone) this.#mirroring = mirroring;
  }

  /** Counted as by Envoy: from when it is allowed, whatever the endpoint says to it. */
  #beginUpgrade(): Reply | undefined {
    const refusal = refusedUpgrade(this.head);
    if (refusal === undefined) this.#countUpgrade(1);
    return refusal;
  }

  #countUpgrade(by: 1 | -1): void {
    const { stats } = this.context.stats;
    this.#isCounted = by > 0;
    if (this.#isCounted) stats.cxUpgradesTotal.add(1);
    stats.cxUpgradesActive.add(by);
  }

  onSent(taken: boolean): void {
    if (taken) this.#downstream.resumeRequest();
    else this.#downstream.pauseRequest();
  }

  onStalled(): void {
    this.#giveUp("perTryIdleTimeout");
  }

  onAttemptsFailed(kind: FailureKind, details: string): void {
    this.#fail(kind, details);
  }

  /** The request has trailers. Its end comes next. */
  onRequestTrailers(trailers: Trailers): void {
    if (this.#phase !== "idle") this.#attempts.body.trailers = trailers;
  }

  /**
   * More of the request's body, and whether it is the last of it. True: nothing of it is held, but where reading was
   * stopped; then until it goes on. False: the bytes stay as they are.
   */
  onRequestBody(buf: Uint8Array, start: number, end: number, done: boolean): boolean {
    if (this.#phase === "idle") return true;
    if (done) this.#endRequest();
    if (this.#mirroring !== undefined) this.#mirroring.write(buf, start, end);
    if (!this.#attempts.write(buf, start, end)) this.#downstream.pauseRequest();
    const isKept = this.#attempts.body.bytes > 0;
    if (done) this.#onRequestEnd();
    return !isKept;
  }

  #onRequestEnd(): void {
    if (this.#mirroring !== undefined) this.#endMirroring(this.#mirroring);
    this.#attempts.endRequest();
    if (this.isSwitched) return this.#endSwitched();
    if (this.cluster !== undefined) this.#timeouts.startRoute();
  }

  #endMirroring(mirroring: Mirroring): void {
    mirroring.end(this.#attempts.body.trailers);
    this.#mirroring = undefined;
  }

  #endRequest(): void {
    this.isRequestDone = true;
    this.requestEndMs = this.context.clock.nowMs();
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
    this.upstreamFirstByteMs = this.context.clock.nowMs();
    if (this.#attempts.isRejected(head)) return;
    this.#phase = "answering";
    this.responseCode = head.status;
    this.responseHead = head;
    this.responseCodeDetails = "via_upstream";
    if (this.head.upgrade !== "") this.#settleUpgrade(head.status);
    this.#attempts.settle(this.isSwitched);
    this.#downstream.sendHead(this, head, more);
  }

  #settleUpgrade(status: number): void {
    const isTimed = this.#attempts.isUpgrading;
    this.isSwitched = switches(this.head.upgrade, status);
    if (this.isSwitched) return this.#timeouts.stopRoute();
    // What the client has sent for the other protocol is nobody's.
    this.#endRequest();
    if (!isTimed) this.#timeouts.startRoute();
  }

  onResponseBody(buf: Uint8Array, start: number, end: number): boolean {
    if (this.#attempts.watchesIdle) this.#attempts.onProgress();
    return this.#downstream.sendBody(buf, start, end);
  }

  onDownstreamDrain(): void {
    this.#attempts.upstream?.resume();
  }

  onResponseTrailers(trailers: Trailers): void {
    if (this.head.isGrpc) this.#attempts.onGrpcStatus(grpcStatusIn(trailers));
    this.#downstream.sendTrailers(trailers);
  }

  onResponseEnd(): void {
    if (this.isSwitched) {
      this.#responseDone = true;
      if (!this.isRequestDone) this.#downstream.endResponse();
      return this.#endSwitched();
    }
    this.#endAnswered();
  }

  /** Each direction ends by itself; the exchange with the second. */
  #endSwitched(): void {
    if (this.#responseDone && this.isRequestDone) this.#endAnswered();
  }

  #endAnswered(): void {
    this.bytesSent += this.#attempts.upstream?.bodyBytes ?? 0;
    this.#attempts.upstream = undefined;
    this.#end(false);
  }

  onUpstreamFailure(failure: Failure): void {
    if (this.#phase !== "answering") return this.#attempts.onFailure(failure);
    this.bytesSent += this.#attempts.upstream?.bodyBytes ?? 0;
    this.#attempts.upstream = undefined;
    this.flag(FAILURES[failure.kind].flag);
    this.upstreamTransportFailureReason = failure.details || undefined;
    this.#breakOff(resetDetails(failure.kind));
  }

  #onRouteTimeout(): void {
    this.#attempts.onRouteTimeout();
    this.#giveUp("upstreamTimeout");
  }

  /**
   * Looks after the slow timeouts.
   * @param quietMs How long neither side has sent anything.
   * @param isReceiving The request is still on its way.
   */
  sweep(nowMs: number, quietMs: number, isReceiving: boolean): void {
    const kind = this.#timeouts.passed(nowMs, quietMs, isReceiving);
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
    const reply = this.head.isGrpc ? grpcReply(made) : made;
    if (this.head.isGrpc) this.grpcStatus = reply.grpcStatus;
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
    if (this.#phase === "answering") this.bytesSent += this.#attempts.upstream?.bodyBytes ?? 0;
    this.#attempts.drop();
  }

  /** @param broken The client has no complete answer. */
  #end(broken: boolean): void {
    this.#mirroring?.cancel();
    this.#mirroring = undefined;
    this.#attempts.end(!broken && this.responseCode < 500);
    this.#timeouts.end();
    this.context.deadlines.clear(this.#delay);
    this.#phase = "idle";
    this.#delayed = undefined;
    if (this.#isCounted) this.#countUpgrade(-1);
    this.close(this.#downstream.receivedBodyBytes);
    if (broken) this.#downstream.abort();
    else this.#downstream.onExchangeEnd();
  }
}
