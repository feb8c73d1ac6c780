/**
 * The attempts of one exchange to get its request to an endpoint: picks one, waits for a way to it, sends what there is
 * of the request, tries again where the policy wants that. What comes back is the exchange's to answer with.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import { FAILURES, type FailureKind, httpStatusOfGrpc } from "../engine/failures.ts";
import { CONNECT } from "../engine/http/upgrades.ts";
import type { AttemptOutcome, CompiledRetry } from "../engine/retry.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import { ClusterHold } from "./cluster-hold.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { Deadline } from "./deadlines.ts";
import { type Failure, outcomeOf, outcomeOfHead } from "./failure.ts";
import { grpcStatusIn } from "./grpc-status.ts";
import { RequestBuffer } from "./request-buffer.ts";
import { RetryState } from "./retry-state.ts";
import { TcpSource } from "./tcp-request.ts";
import type { Caller, KeptNeeded, UpstreamRequest, UpstreamSource, Waiter } from "./upstream.ts";

/** gRPC's UNKNOWN: an answer has to say how it went. */
const NO_STATUS = 2;

/** The exchange, as its attempts see it. */
export interface AttemptOwner extends Caller {
  /** All of the request is here. */
  readonly isRequestDone: boolean;
  /** An attempt has sent what there is of the request. @param taken False: the endpoint does not keep up. */
  onSent(taken: boolean): void;
  /** The answer has begun and does not go on (`per_try_idle_timeout`). */
  onStalled(): void;
  /** No attempt is left. */
  onAttemptsFailed(kind: FailureKind, details: string): void;
}

/** By it an endpoint takes itself out until its checks pass again. */
const CHECK_FAIL = "x-envoy-immediate-health-check-fail";

const NO_BODY = new RequestBuffer();

export class Attempts implements Waiter {
  readonly body = new RequestBuffer();
  /** What carries the request now. */
  upstream: UpstreamRequest | undefined;
  readonly #owner: AttemptOwner;
  readonly #hold = new ClusterHold();
  readonly #retry = new RetryState();
  /** The endpoint has the request and no answer has begun. */
  #isAwaited = false;
  #source: UpstreamSource | undefined;
  /** A kept connection that turned out to be closed is replaced once; a policy that retries resets counts it. */
  #replacedStale = false;
  readonly #tryDeadline = new Deadline(() => this.#onTryTimeout());
  /** Made when the first policy asks for it. */
  #idleDeadline: Deadline | undefined;
  /** Bytes of the answer are to be told by {@link onProgress}. */
  watchesIdle = false;
  readonly #backoffDeadline = new Deadline(() => this.#attempt());

  constructor(owner: AttemptOwner) {
    this.#owner = owner;
  }

  /** Makes the first attempt at `owner.cluster`. */
  begin(policy: CompiledRetry | undefined): void {
    this.#owner.perTryMs = this.#retry.begin(policy, this.#priority, this.#owner.timeoutMs);
    this.#replacedStale = false;
    this.body.keep = this.#retry.hasPolicy;
    this.body.maxKeptBytes = this.#owner.context.bufferLimitBytes;
    this.#attempt();
  }

  get #priority(): Priority {
    return this.#owner.forward?.route.priority ?? "DEFAULT";
  }

  get #cluster(): ClusterRuntime {
    return this.#owner.cluster as ClusterRuntime;
  }

  #attempt(): void {
    const owner = this.#owner;
    const cluster = this.#cluster;
    owner.attempts++;
    const endpoint =
      cluster.requested === undefined
        ? (this.#inSession(cluster) ??
          this.#retry.pick(
            cluster,
            owner.context.random,
            cluster.hashes ? owner.hash() : undefined,
            owner.connection.socket.originalDestination,
          ))
        : cluster.requested.endpointOf(owner.authority, owner.context.clock.nowMs());
    if (endpoint === undefined) return owner.onAttemptsFailed("noHealthyUpstream", "");
    const isTcp = owner.forward?.route.upgrades?.isTcp(owner.head) ?? false;
    const source = isTcp
      ? new TcpSource(cluster, endpoint, owner.connection.view, owner.authority)
      : cluster.poolOf(endpoint, this.#priority, owner.head.isHttp2, owner.connection.view, owner.authority);
    const breaker = cluster.admission.breakerOf(this.#priority);
    if (!cluster.admission.admit(breaker, source)) return owner.onAttemptsFailed("upstreamOverflow", "");
    owner.onEndpoint(endpoint);
    this.#hold.take(cluster, breaker, endpoint);
    this.#source = source;
    source.acquire(this);
  }

  /** The endpoint that the client has been with, so long as it serves; a retry may go anywhere. */
  #inSession(cluster: ClusterRuntime): Endpoint | undefined {
    const { forward, attempts } = this.#owner;
    const wanted = forward?.session?.wanted;
    return wanted === undefined || attempts > 1 ? undefined : cluster.serving(wanted);
  }

  get keptNeeded(): KeptNeeded {
    if (this.#replacedStale) return "new";
    return this.#owner.isIdempotent ? "any" : "sure";
  }

  onUpstream(upstream: UpstreamRequest): void {
    const owner = this.#owner;
    const done = owner.isRequestDone;
    this.#source = undefined;
    this.upstream = upstream;
    this.#isAwaited = true;
    owner.upstreamSocket = upstream.socket;
    owner.upstreamStartMs = owner.context.clock.nowMs();
    if (this.#isSwitching) return this.#ask(upstream);
    const taken = upstream.send(owner, this.body, done);
    this.body.isTaken = taken;
    this.body.keep &&= this.#mayRepeat(upstream);
    this.body.sent();
    // An answer of our own comes at once.
    if (done && this.#isAwaited) this.#startTryDeadline();
    owner.onSent(taken);
  }

  /** What `upstream` has got may have to be sent again; of most requests it cannot, and their bodies are not kept. */
  #mayRepeat(upstream: UpstreamRequest): boolean {
    const { head, isIdempotent } = this.#owner;
    return upstream.mayRefuse || (upstream.isReused && isIdempotent) || this.#retry.repeatsSent(head.isGrpc);
  }

  /** For another protocol. */
  #ask(upstream: UpstreamRequest): void {
    upstream.send(this.#owner, NO_BODY, false);
    if (this.isUpgrading && this.#isAwaited) this.#startTryDeadline();
  }

  /** An upgrade is timed like a request that is complete, as by Envoy; a CONNECT is not, until it is answered. */
  get isUpgrading(): boolean {
    return this.#isSwitching && this.#owner.head.upgrade !== CONNECT;
  }

  /**
   * The client has asked for another protocol and not got it yet. Its bytes wait until then: an endpoint that does not
   * switch would take them for requests that nobody has authorized.
   */
  get #isSwitching(): boolean {
    return this.#owner.head.upgrade !== "" && !this.#owner.isSwitched;
  }

  /** An attempt has its time from when the request is complete, as in Envoy. */
  #startTryDeadline(): void {
    const { perTryMs, perTryIdleMs } = this.#retry;
    if (perTryMs > 0) this.#owner.context.deadlines.set(this.#tryDeadline, perTryMs);
    this.watchesIdle = perTryIdleMs > 0;
    if (this.watchesIdle) this.onProgress();
  }

  /** The endpoint has sent something, or has just got all of the request. */
  onProgress(): void {
    this.#idleDeadline ??= new Deadline(() => this.#onTryIdle());
    this.#owner.context.deadlines.set(this.#idleDeadline, this.#retry.perTryIdleMs);
  }

  #onTryIdle(): void {
    this.watchesIdle = false;
    if (!this.#isAwaited) return this.#owner.onStalled();
    this.drop();
    this.#failed({ kind: "perTryIdleTimeout", details: "", requestSent: true, answered: false });
  }

  onNoConnection(failure: Failure): void {
    this.#source = undefined;
    this.#failed(failure);
  }

  /** More of the request's body, which stays as it is. False: more than can be sent or kept now. */
  write(buf: Uint8Array, start: number, end: number): boolean {
    const { body, upstream } = this;
    if (end === start) return true;
    if (upstream === undefined || this.#isSwitching) {
      body.add(buf.subarray(start, end));
      return !body.isFull;
    }
    body.passed(buf, start, end);
    return (body.isTaken = upstream.write(buf, start, end));
  }

  /** The request is complete. */
  endRequest(): void {
    const { upstream } = this;
    if (upstream === undefined || this.#isSwitching) return;
    upstream.endRequest(this.body.trailers);
    if (this.#isAwaited) this.#startTryDeadline();
  }

  /** An answer has begun. True: it is not the last word, another attempt follows. */
  isRejected(head: ResponseHead): boolean {
    this.#stopTryDeadline();
    if (this.watchesIdle) this.onProgress();
    this.#judge(head);
    const mayFail = head.status >= 400 || this.#owner.head.isGrpc;
    return mayFail && this.#retry.hasPolicy && this.#retried(outcomeOfHead(head));
  }

  /** How long an endpoint took to answer, or was waited for in vain. */
  #measure(endpoint: Endpoint): void {
    const { context, upstreamStartMs } = this.#owner;
    if (upstreamStartMs > 0) this.#cluster.onLatency(endpoint, context.clock.nowMs() - upstreamStartMs);
  }

  /** One that cannot be reached fails quickly, and must not look quick. */
  #measureFailure(endpoint: Endpoint, { requestSent }: Failure): void {
    if (requestSent) this.#measure(endpoint);
    else this.#cluster.onLatency(endpoint, this.#cluster.compiled.connectTimeoutMs);
  }

  /** Of a gRPC call the head says nothing yet, unless it is all of the answer. */
  #judge(head: ResponseHead): void {
    const owner = this.#owner;
    const endpoint = owner.endpoint as Endpoint;
    if (this.#cluster.measures) this.#measure(endpoint);
    if (this.#cluster.isChecked && head.header(CHECK_FAIL) !== undefined) this.#cluster.takeOutNow(endpoint);
    if (!owner.head.isGrpc || head.status !== 200) return this.#cluster.onResponse(endpoint, head.status);
    this.#cluster.onResponseBegun(head.status);
    const status = grpcStatusIn(head);
    if (status !== undefined) this.onGrpcStatus(status);
  }

  /**
   * A gRPC call has its outcome, by which the endpoint is judged. Envoy goes by the heads of answers alone, and takes a
   * call that fails in its trailers for a good one.
   */
  onGrpcStatus(status: number | undefined): void {
    const { endpoint } = this.#owner;
    if (status !== undefined) this.#owner.grpcStatus = status;
    if (endpoint !== undefined) this.#cluster.onVerdict(endpoint, httpStatusOfGrpc(status ?? NO_STATUS));
  }

  /** The answer is this one: nothing will be sent again. @param isSwitched What waited for it goes out. */
  settle(isSwitched: boolean): void {
    this.#isAwaited = false;
    if (isSwitched) this.#flushHeld();
    this.body.giveUp();
  }

  #flushHeld(): void {
    const { body, upstream } = this;
    let taken = true;
    for (const chunk of body.chunks) taken = upstream?.write(chunk, 0, chunk.length) ?? true;
    if (this.#owner.isRequestDone) upstream?.endRequest(undefined);
    this.#owner.onSent(taken);
  }

  #stopTryDeadline(): void {
    if (this.#tryDeadline.isSet) this.#owner.context.deadlines.clear(this.#tryDeadline);
  }

  /** The attempt under way ended without an answer. */
  onFailure(failure: Failure): void {
    const { upstream } = this;
    this.upstream = undefined;
    this.#isAwaited = false;
    this.#stopIdleDeadline();
    if (upstream === undefined || !this.#isStale(failure, upstream)) return this.#failed(failure);
    this.#replacedStale = true;
    this.#stopTryDeadline();
    this.#hold.release();
    // Whoever counts resets among what is tried again means so many attempts at most.
    if (!this.#retry.wants(outcomeOf(failure))) this.#owner.attempts--;
    this.#attempt();
  }

  /**
   * The endpoint closed a kept connection just as the request went out: no byte came back, and doing the request
   * twice is doing it once. Or it says that it did nothing.
   */
  #isStale(failure: Failure, upstream: UpstreamRequest): boolean {
    if (failure.answered || !upstream.isReused || this.#replacedStale || !this.body.isComplete) return false;
    const isAllHere = this.#owner.isRequestDone || this.#isSwitching;
    return failure.refused === true || (isAllHere && this.#owner.isIdempotent);
  }

  #failed(failure: Failure): void {
    const owner = this.#owner;
    this.#stopTryDeadline();
    if (this.#cluster.measures) this.#measureFailure(owner.endpoint as Endpoint, failure);
    this.#cluster.onFailure(owner.endpoint as Endpoint, failure);
    owner.upstreamTransportFailureReason = failure.kind === "dnsFailure" ? undefined : failure.details || undefined;
    if (!this.#retried(outcomeOf(failure))) owner.onAttemptsFailed(failure.kind, failure.details);
  }

  /** Begins another attempt when the policy wants one and everything allows it. */
  #retried(outcome: AttemptOutcome): boolean {
    const owner = this.#owner;
    if (!this.body.isComplete) return false;
    const verdict = this.#retry.decide(outcome, owner.attempts, this.#cluster.admission, owner.context.clock);
    if (verdict === "limit") owner.flag(FAILURES.retryLimit.flag);
    if (verdict === "overflow") owner.flag(FAILURES.upstreamOverflow.flag);
    if (verdict !== "retry") return false;
    this.drop();
    const { deadlines, random } = owner.context;
    deadlines.set(this.#backoffDeadline, this.#retry.backoffMs(owner.endpoint, owner.attempts, random));
    return true;
  }

  #onTryTimeout(): void {
    this.drop();
    this.#failed({ kind: "perTryTimeout", details: "", requestSent: true, answered: false });
  }

  /** The time for the whole exchange has passed: counts as the endpoint's failure if it has the request. */
  onRouteTimeout(): void {
    if (!this.#isAwaited) return;
    const failure: Failure = { kind: "upstreamTimeout", details: "", requestSent: true, answered: false };
    if (this.#cluster.measures) this.#measure(this.#owner.endpoint as Endpoint);
    this.#cluster.onFailure(this.#owner.endpoint as Endpoint, failure);
  }

  /** Lets go of the attempt under way. */
  drop(): void {
    const { upstream } = this;
    this.upstream = undefined;
    this.#isAwaited = false;
    upstream?.abandon();
    this.#source?.cancel(this);
    this.#source = undefined;
    this.#hold.release();
    this.#stopIdleDeadline();
  }

  #stopIdleDeadline(): void {
    if (!this.watchesIdle) return;
    this.watchesIdle = false;
    this.#owner.context.deadlines.clear(this.#idleDeadline as Deadline);
  }

  /** The exchange is over. */
  end(succeeded: boolean): void {
    const { deadlines } = this.#owner.context;
    this.#hold.release();
    this.#retry.end(succeeded);
    deadlines.clear(this.#tryDeadline);
    deadlines.clear(this.#backoffDeadline);
    this.#stopIdleDeadline();
    this.body.reset();
  }
}
