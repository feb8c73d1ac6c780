/**
 * One request of an HTTP/2 client: a stream of its connection, with the exchange that serves it. The object serves one
 * stream after another.
 *
 * @module
 */
import type { Reply } from "../../engine/http.ts";
import type { HeadError } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { RequestHead } from "../../wire/http1/request-head.ts";
import type { ResponseHead } from "../../wire/http1/response-head.ts";
import { Trailers } from "../../wire/http1/trailers.ts";
import { ErrorCode } from "../../wire/http2/constants.ts";
import { Stream, type StreamHandler, type StreamReset } from "../../wire/http2/stream.ts";
import { badExpectation, brokenRequest } from "../broken-request.ts";
import type { Connection } from "../connection.ts";
import { whoContinues } from "../expectation.ts";
import type { Downstream } from "../downstream.ts";
import { Exchange } from "../exchange.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import type { HttpContext } from "../http-context.ts";
import { BodySender, endsWithHead } from "./body-sender.ts";

/** What a stream asks of its connection. */
export interface ServedBy {
  readonly connection: Connection;
  contextNow(): HttpContext;
  /** Something waits to be written. */
  touch(): void;
  /** A request has begun on it. */
  onServing(served: ServerStream): void;
  /** The object is free for another stream. */
  onServed(served: ServerStream): void;
}

const NO_BYTES = Buffer.alloc(0);

export class ServerStream implements Downstream, StreamHandler {
  readonly stream = new Stream(this);
  readonly head: RequestHead;
  readonly #owner: ServedBy;
  readonly #exchange: Exchange;
  readonly #body = new BodySender(this.stream);
  #trailers: Trailers | undefined;
  #responseTrailers: Trailers | undefined;
  #requestDone = false;
  #paused = false;
  /** Body bytes that were taken and not given back to the stream's window. */
  #heldBytes = 0;
  /** The exchange runs. */
  #serving = false;
  #active = true;
  #quietSinceMs = 0;
  receivedBodyBytes = 0;

  constructor(owner: ServedBy, context: HttpContext) {
    this.#owner = owner;
    this.head = new RequestHead(context.http.settings.maxHeadersCount);
    this.#exchange = new Exchange(this, owner.connection, context, this.head);
  }

  /** Few requests have some. */
  get trailers(): Trailers {
    return (this.#trailers ??= new Trailers());
  }

  onHead(endStream: boolean): void {
    const context = this.#open(endStream);
    if (this.head.first[ID.expect] !== 0 && !this.#expect(endStream, context))
      return this.#exchange.refuse(context, badExpectation());
    this.#exchange.begin(context, NO_BYTES, 0, 0, endStream);
    this.#owner.touch();
  }

  #open(endStream: boolean): HttpContext {
    const context = this.#owner.contextNow();
    this.#quietSinceMs = context.clock.nowMs();
    this.#serving = this.#active = true;
    this.#owner.onServing(this);
    this.#requestDone = endStream;
    this.#paused = false;
    this.#heldBytes = this.receivedBodyBytes = 0;
    this.#responseTrailers = undefined;
    return context;
  }

  /** False: it expects what nobody knows. */
  #expect(endStream: boolean, context: HttpContext): boolean {
    const who = whoContinues(this.head, context.http.settings.proxy100Continue);
    if (who === "proxy" && !endStream) context.http2Writers.goOn(this.stream);
    return who !== "nobody";
  }

  onHeadTooLarge({ reason, status }: HeadError, endStream: boolean): void {
    const context = this.#open(endStream);
    context.stats.stats.rqTooLarge.add(1);
    this.#exchange.refuse(context, brokenRequest("headersTooLarge", status, reason));
    this.#owner.touch();
  }

  onData(buf: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.#active = true;
    this.#requestDone = endStream;
    this.receivedBodyBytes += end - start;
    this.#heldBytes += end - start;
    if (this.#serving) this.#exchange.onRequestBody(buf, start, end, endStream);
    if (!this.#paused) this.#giveBack();
  }

  onTrailers(): void {
    this.#requestDone = true;
    if (!this.#serving) return;
    this.#exchange.onRequestTrailers(this.trailers);
    this.#exchange.onRequestBody(NO_BYTES, 0, 0, true);
  }

  onWritable(): void {
    this.#active = true;
    this.#body.onWritable();
    if (this.#serving) this.#exchange.onDownstreamDrain();
  }

  /** The client gave the stream up, or is gone. */
  onReset({ by }: StreamReset): void {
    if (by === "remote" || by === "refused") this.#owner.contextNow().stats.stats.rqRxReset.add(1);
    if (this.#serving) this.#exchange.onDownstreamClose();
  }

  onClosed(): void {
    if (!this.#serving) this.#owner.onServed(this);
  }

  sendHead(exchange: ExchangeRecord, head: ResponseHead, _more: boolean): void {
    const { isSwitched } = exchange;
    if (!exchange.context.http2Writers.response(this.stream, exchange, head, !isSwitched && endsWithHead(head)))
      this.stream.reset(ErrorCode.internalError);
    if (isSwitched) this.#body.beginTunnel();
    else this.#body.begin(head);
    this.#owner.touch();
  }

  sendInterim(head: ResponseHead): void {
    this.#exchange.context.http2Writers.interim(this.stream, head);
    this.#owner.touch();
  }

  sendBody(buf: Uint8Array, start: number, end: number): boolean {
    this.#active = true;
    this.#owner.touch();
    return this.#body.write(buf, start, end);
  }

  sendTrailers(trailers: Trailers): void {
    this.#responseTrailers = trailers;
  }

  sendReply(exchange: ExchangeRecord, reply: Reply): void {
    if (!exchange.context.http2Writers.reply(this.stream, exchange, reply)) this.stream.reset(ErrorCode.internalError);
    this.#owner.touch();
  }

  endResponse(): void {
    this.#body.end(undefined);
    this.#owner.touch();
  }

  onExchangeEnd(): void {
    this.#body.end(this.#responseTrailers);
    this.#owner.touch();
    this.#leave();
    // What is left of the request belongs to nobody (RFC 9113 §8.1).
    if (!this.#requestDone && !this.stream.canSend) this.stream.reset(ErrorCode.noError);
  }

  /** The answer cannot be completed, and must not look as if it were. */
  abort(): void {
    this.#leave();
    this.stream.reset(ErrorCode.internalError);
    this.#owner.touch();
  }

  /** The exchange is over; the stream may have a while to go. */
  #leave(): void {
    this.#serving = false;
    this.#responseTrailers = undefined;
    if (this.stream.isClosed) this.#owner.onServed(this);
  }

  pauseRequest(): void {
    this.#paused = true;
  }

  resumeRequest(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#giveBack();
  }

  /** The client may send as much again. */
  #giveBack(): void {
    const bytes = this.#heldBytes;
    if (bytes === 0) return;
    this.#heldBytes = 0;
    this.stream.consume(bytes);
    this.#owner.touch();
  }

  /** Looks after the slow timeouts. Called about once a second. */
  sweep(nowMs: number): void {
    if (this.#active) this.#quietSinceMs = nowMs;
    this.#active = false;
    const quietMs = nowMs - this.#quietSinceMs;
    if (this.#serving) return this.#exchange.sweep(nowMs, quietMs, !this.#requestDone);
    // The answer is complete, and the client does not take it or goes on sending.
    const { streamIdleTimeoutMs } = this.#owner.contextNow().http.settings;
    if (!this.stream.canSend) this.stream.reset(ErrorCode.noError);
    else if (streamIdleTimeoutMs > 0 && quietMs > streamIdleTimeoutMs) this.stream.reset(ErrorCode.cancel);
    this.#owner.touch();
  }
}
