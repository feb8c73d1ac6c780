/**
 * A copy of a request on its way to an endpoint of a mirror. Its answer is read and dropped; whatever goes wrong with it
 * concerns nobody but the statistics, circuit breakers and outlier detection of the mirror's cluster.
 *
 * Source: Envoy's shadow requests: one attempt, priority DEFAULT, the route's timeout from when the request is complete, no
 * access log. What a client sends on while the mirror does not take it is kept up to the listener's buffer limit; then the
 * copy is given up and counted (`upstream_rq_mirror_dropped`). Envoy slows the client down instead, so that a mirror can
 * hold up the request. And a copy that is quiet for the route's idle timeout ends here, while Envoy's has none.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { httpStatusOfGrpc } from "../engine/failures.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { Trailers } from "../wire/http1/trailers.ts";
import { ClusterHold } from "./cluster-hold.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { Deadline } from "./deadlines.ts";
import { ExchangeRecord } from "./exchange-record.ts";
import type { Failure } from "./failure.ts";
import { grpcStatusIn } from "./grpc-status.ts";
import { RequestBuffer } from "./request-buffer.ts";
import type { Caller, UpstreamRequest, UpstreamSource, Waiter } from "./upstream.ts";

/** Its lines are made by `writeMirrorLines`: there is no route that would edit them once more. */
export class MirrorRequest extends ExchangeRecord implements Caller, Waiter {
  /** Nothing is sent twice for a copy's sake. */
  readonly keptNeeded = "sure";
  readonly #cluster: ClusterRuntime;
  readonly #idleMs: number;
  readonly #hold = new ClusterHold();
  /** What waits for a connection, or for the endpoint to take it. */
  readonly #waiting = new RequestBuffer();
  readonly #timeout = new Deadline(() => this.#onTimeout());
  readonly #idle = new Deadline(() => this.drop());
  #source: UpstreamSource | undefined;
  #upstream: UpstreamRequest | undefined;
  /** Bytes that the connection has and could not send yet. */
  #stuckBytes = 0;
  #isStuck = false;
  #isComplete = false;
  #isOver = false;

  /** @param head As `mirrorHead` makes it; several copies may share it. @param idleMs 0: for ever. */
  constructor(of: ExchangeRecord, cluster: ClusterRuntime, head: RequestHead, authority: string, idleMs: number) {
    super(of.connection, of.context, head);
    this.cluster = this.#cluster = cluster;
    this.#idleMs = idleMs;
    this.authority = authority;
    this.method = of.method;
    this.path = this.receivedPath = of.path;
    this.timeoutMs = of.timeoutMs;
    this.attempts = 1;
  }

  /** Asks for a way to an endpoint. Where there is none, or a circuit breaker is open, that was it. */
  begin(): void {
    if (this.#isOver) return;
    const cluster = this.#cluster;
    const endpoint = cluster.pick(this.context.random, undefined, 1);
    if (endpoint === undefined) return this.#finish();
    const source = cluster.poolOf(endpoint, "DEFAULT", this.head.isHttp2, this.connection.view, this.authority);
    const breaker = cluster.admission.breakerOf("DEFAULT");
    if (!cluster.admission.admit(breaker, source)) return this.#finish();
    this.onEndpoint(endpoint);
    this.#hold.take(cluster, breaker, endpoint);
    this.#touch();
    this.#source = source;
    source.acquire(this);
  }

  onUpstream(upstream: UpstreamRequest): void {
    this.#source = undefined;
    this.#upstream = upstream;
    this.upstreamSocket = upstream.socket;
    const taken = upstream.send(this, this.#waiting, this.#isComplete);
    this.#note(taken, this.#waiting.bytes);
    this.#waiting.giveUp();
  }

  onNoConnection(failure: Failure): void {
    this.#source = undefined;
    this.onUpstreamFailure(failure);
  }

  /** More of the body. @param chunk Bytes of the copies' own. */
  write(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#touch();
    const { bytes } = this.#waiting;
    if (this.#upstream !== undefined && !this.#isStuck)
      this.#note(this.#upstream.write(chunk, 0, chunk.length), chunk.length);
    else if (this.#stuckBytes + bytes + chunk.length > this.context.bufferLimitBytes) this.drop();
    else this.#waiting.add(chunk);
  }

  /** The request is complete: the time of the copy begins. */
  end(trailers: Trailers | undefined): void {
    if (this.#isOver) return;
    this.#isComplete = true;
    if (this.timeoutMs > 0) this.context.deadlines.set(this.#timeout, this.timeoutMs);
    if (this.#upstream !== undefined && this.#waiting.bytes === 0) this.#upstream.endRequest(trailers);
    // They are their reader's, who may be at something else when the copy leaves.
    else this.#waiting.trailers = trailers?.copy();
  }

  onUpstreamDrain(): void {
    const { chunks, trailers, bytes } = this.#waiting;
    this.#note(true, 0);
    if (bytes === 0) return;
    this.#waiting.giveUp();
    let taken = true;
    for (const chunk of chunks) taken = this.#upstream?.write(chunk, 0, chunk.length) ?? true;
    this.#note(taken, bytes);
    if (this.#isComplete) this.#upstream?.endRequest(trailers);
  }

  /** How it stands with what the connection has got. */
  #note(taken: boolean, bytes: number): void {
    this.#isStuck = !taken;
    this.#stuckBytes = taken ? 0 : bytes;
  }

  onInterimHead(): void {
    this.#touch();
  }

  onResponseHead(head: ResponseHead): void {
    this.#touch();
    const endpoint = this.endpoint as Endpoint;
    if (!this.head.isGrpc || head.status !== 200) return this.#cluster.onResponse(endpoint, head.status);
    this.#cluster.onResponseBegun(head.status);
    this.#judge(grpcStatusIn(head));
  }

  onResponseBody(): boolean {
    this.#touch();
    return true;
  }

  onResponseTrailers(trailers: Trailers): void {
    if (this.head.isGrpc) this.#judge(grpcStatusIn(trailers));
  }

  #judge(grpcStatus: number | undefined): void {
    if (grpcStatus !== undefined) this.#cluster.onVerdict(this.endpoint as Endpoint, httpStatusOfGrpc(grpcStatus));
  }

  onResponseEnd(): void {
    this.#upstream = undefined;
    this.#finish();
  }

  onUpstreamFailure(failure: Failure): void {
    this.#upstream = undefined;
    this.#cluster.onFailure(this.endpoint as Endpoint, failure);
    this.#finish();
  }

  #onTimeout(): void {
    const failure: Failure = { kind: "upstreamTimeout", details: "", requestSent: true, answered: false };
    this.#cluster.onFailure(this.endpoint as Endpoint, failure);
    this.cancel();
  }

  /** The mirror does not keep up. */
  drop(): void {
    this.#cluster.stats.stats.rqMirrorDropped.add(1);
    this.cancel();
  }

  /** The request ended before it was complete: its copy has no end either. */
  cancel(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.abandon();
    this.#source?.cancel(this);
    this.#source = undefined;
    this.#finish();
  }

  #touch(): void {
    if (this.#idleMs > 0) this.context.deadlines.set(this.#idle, this.#idleMs);
  }

  #finish(): void {
    const { deadlines } = this.context;
    this.#isOver = true;
    deadlines.clear(this.#timeout);
    deadlines.clear(this.#idle);
    this.#hold.release();
    this.#waiting.reset();
  }
}
