/**
 * One HTTP/1.1 connection of a client: reads requests one after the other, sends their answers in the same order.
 * A request that was pipelined waits until the one before it has been answered.
 *
 * @module
 */
import type { Reply } from "../../engine/http.ts";
import { FAILURES, type FailureKind } from "../../engine/failures.ts";
import type { HttpSettings } from "../../engine/http/settings.ts";
import { FREED_BYTES, freeChunk } from "../../net/free-chunk.ts";
import type { Socket, SocketHandler } from "../../net/socket.ts";
import { BAD_BODY, BodyScanner } from "../../wire/http1/body.ts";
import { NO_BODY, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { RequestHead } from "../../wire/http1/request-head.ts";
import type { ResponseHead } from "../../wire/http1/response-head.ts";
import type { Trailers } from "../../wire/http1/trailers.ts";
import { badExpectation, brokenRequest } from "../broken-request.ts";
import { Connection } from "../connection.ts";
import { whoContinues } from "../expectation.ts";
import type { Downstream, DownstreamConnection } from "../downstream.ts";
import { Exchange } from "../exchange.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import type { HttpContext } from "../http-context.ts";
import { Output } from "../output.ts";
import { CRLF } from "./chunks.ts";
import { ResponseSender } from "./response-sender.ts";

/**
 * `head`: between requests or inside a head. `body`: a request's body is on its way. `answering`: it is all here.
 * `tunnel`: bytes go both ways and are not HTTP. `closing`: nothing more is read.
 */
type Phase = "head" | "body" | "answering" | "tunnel" | "closing";

/** Pipelined bytes that are taken before reading stops. */
const MAX_PIPELINED_BYTES = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);

export class ServerConnection implements SocketHandler, Downstream, DownstreamConnection {
  readonly connection: Connection;
  readonly #socket: Socket;
  readonly #contextNow: () => HttpContext;
  readonly #onClosed: (connection: DownstreamConnection) => void;
  readonly #output: Output;
  readonly #sender: ResponseSender;
  /** Where the connection was counted in, and will be counted out. */
  readonly #stats: HttpContext["stats"]["stats"];
  readonly #openedMs: number;
  readonly #body = new BodyScanner();
  /** What serves its requests; undefined before the first, and while it is idle. */
  #serving: Exchange | undefined;
  #context: HttpContext;
  #phase: Phase = "head";
  /** Bytes that were read and not used: a head that is not complete, or requests that wait. */
  #rest: Uint8Array = NO_BYTES;
  /** A large read of which the endpoint has not taken all. */
  #lent: Uint8Array | undefined;
  #keepAlive = true;
  #paused = false;
  #closed = false;
  /** Told to close. A client of TLS that does not read keeps it from that, until it is cut off. */
  #isLeaving = false;
  #running = false;
  /** The client has half-closed: it gets its answers and nothing more comes. */
  #ended = false;
  /** Of a tunnel: the endpoint has half-closed. */
  #responseEnded = false;
  /** Closes behind the present request. */
  #draining = false;
  #requests = 0;
  /** Something happened since the last sweep. */
  #active = true;
  #quietSinceMs = 0;
  /** When the first byte of a head came that is not complete; -1 when there is none. */
  #headSinceMs = -1;

  constructor(socket: Socket, contextNow: () => HttpContext, onClosed: (connection: DownstreamConnection) => void) {
    this.#socket = socket;
    this.connection = new Connection(socket);
    this.#contextNow = contextNow;
    this.#context = contextNow();
    this.#onClosed = onClosed;
    this.#output = new Output(socket);
    this.#sender = new ResponseSender(this.#output);
    this.#openedMs = this.#quietSinceMs = this.#context.clock.nowMs();
    this.#stats = this.#context.stats.stats;
    this.#stats.cxHttp1Total.add(1);
    socket.handler = this;
  }

  get #exchange(): Exchange {
    return this.#serving ?? this.#serve();
  }

  #serve(): Exchange {
    const head = new RequestHead(this.#context.http.settings.maxHeadersCount);
    return (this.#serving = new Exchange(this, this.connection, this.#context, head));
  }

  get #head(): RequestHead {
    return this.#exchange.head;
  }

  get isIdle(): boolean {
    return this.#phase === "head" && this.#rest.length === 0;
  }

  onData(chunk: Uint8Array): void {
    // Behind the last answer bytes are read only so that the client is not reset before it has read that.
    if (this.#phase === "closing") return;
    this.#active = true;
    if (this.#phase === "tunnel") return this.#carry(chunk);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#mustWait) return this.#run();
    if (this.#rest.length > MAX_PIPELINED_BYTES) this.pauseRequest();
  }

  /** A request waits until the one before it is answered and the client has read enough of that. */
  get #mustWait(): boolean {
    return this.#phase === "answering" || (this.#phase === "head" && this.#output.waitingBytes > 0);
  }

  /** Goes on for as long as there are bytes and nothing must be waited for. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    while (
      this.#rest.length > 0 &&
      !this.#mustWait &&
      (this.#phase === "head" ? this.#readHead() : this.#readBody())
    ) {}
    this.#running = false;
    if (this.#ended && this.#phase === "head" && !this.#mustWait) this.#close();
  }

  /** True when there may be more to do. */
  #readHead(): boolean {
    const buf = this.#rest;
    const head = this.#head;
    const behind = head.parse(buf, 0, buf.length);
    if (behind < 0) {
      const { status, reason } = head.error;
      return this.#refuseUnread(status === 431 ? "tooManyHeaders" : "downstreamProtocolError", status, reason);
    }
    const maxBytes = this.#contextNow().http.settings.maxRequestHeadersBytes;
    if (behind > maxBytes || (behind === 0 && buf.length > maxBytes))
      return this.#refuseUnread("headersTooLarge", 431, `a head of more than ${maxBytes} bytes`);
    if (behind === 0) {
      if (this.#headSinceMs < 0) this.#headSinceMs = this.#context.clock.nowMs();
      return false;
    }
    this.#headSinceMs = -1;
    this.#begin(buf, behind);
    return true;
  }

  #begin(buf: Uint8Array, behind: number): void {
    const head = this.#head;
    const context = this.#contextNow();
    const { settings } = context.http;
    this.#context = context;
    this.#body.begin(head.framing, head.contentLength);
    const bodyEnd = this.#body.scan(buf, behind, buf.length);
    if (bodyEnd === BAD_BODY) return this.#refuse(brokenRequest("downstreamProtocolError", 400, this.#body.reason));
    this.#rest = bodyEnd < buf.length ? buf.subarray(bodyEnd) : NO_BYTES;
    // So that the read can be freed before the head.
    if (bodyEnd >= FREED_BYTES) head.buf = Buffer.from(buf.subarray(0, behind));
    this.#keepAlive = head.keepAlive && !this.#draining && !context.isDraining();
    // Not of any standard, but clients of forward proxies say it.
    if (head.first[ID["proxy-connection"]] !== 0 && /\bclose\b/i.test(head.header("proxy-connection") ?? ""))
      this.#keepAlive = false;
    if (++this.#requests === settings.maxRequestsPerConnection) this.#keepAlive = false;
    this.#phase = this.#body.done ? "answering" : "body";
    if (!head.isVersion11 && !settings.acceptHttp10) return this.#refuse(brokenRequest("lowVersion", 426, "HTTP/1.0"));
    if (head.first[ID.expect] !== 0 && !this.#expect(bodyEnd === behind)) return this.#refuse(badExpectation());
    if (!this.#body.hasTrailers) return this.#exchange.begin(context, buf, behind, bodyEnd, this.#body.done);
    this.#exchange.begin(context, buf, behind, this.#body.trailersStart, false);
    this.#endWithTrailers();
  }

  /** As in Envoy, trailers of HTTP/1.1 pass where the connection manager says so. */
  #endWithTrailers(): void {
    const { done, trailers } = this.#body;
    if (!done || trailers === undefined) return;
    if (!this.#context.http.settings.enableTrailers)
      return void this.#exchange.onRequestBody(CRLF, 0, CRLF.length, true);
    this.#exchange.onRequestTrailers(trailers);
    this.#exchange.onRequestBody(NO_BYTES, 0, 0, true);
  }

  /** False: it expects what nobody knows. */
  #expect(bodyMissing: boolean): boolean {
    const who = whoContinues(this.#head, this.#context.http.settings.proxy100Continue);
    if (who === "proxy" && !this.#body.done && bodyMissing && this.#head.isVersion11)
      this.#output.write(CONTINUE, 0, CONTINUE.length, true);
    return who !== "nobody";
  }

  #readBody(): boolean {
    if (this.#phase !== "body") return false;
    const buf = this.#rest;
    const end = this.#body.scan(buf, 0, buf.length);
    if (end === BAD_BODY) {
      this.#rest = NO_BYTES;
      this.#keepAlive = false;
      this.#exchange.onRequestBroken(this.#body.reason);
      return false;
    }
    this.#rest = end < buf.length ? buf.subarray(end) : NO_BYTES;
    if (this.#body.done) this.#phase = "answering";
    if (!this.#body.hasTrailers) {
      const isAll = end === buf.length && end >= FREED_BYTES;
      if (this.#exchange.onRequestBody(buf, 0, end, this.#body.done) && isAll) this.#lend(buf);
      return true;
    }
    if (this.#body.trailersStart > 0) this.#exchange.onRequestBody(buf, 0, this.#body.trailersStart, false);
    this.#endWithTrailers();
    return true;
  }

  /** What the exchange has taken is nobody's any more; where it stopped reading, as soon as that goes on. */
  #lend(buf: Uint8Array): void {
    if (!this.#paused) freeChunk(buf);
    else if (this.#phase === "body") this.#lent = buf;
  }

  get receivedBodyBytes(): number {
    return this.#body.dataBytes;
  }

  /** Answers a request that is not served, and closes. */
  #refuse(reply: Reply): void {
    this.#rest = NO_BYTES;
    this.#keepAlive = false;
    this.#phase = "answering";
    this.#context = this.#contextNow();
    if (reply.kind === "headersTooLarge" || reply.kind === "tooManyHeaders") this.#stats.rqTooLarge.add(1);
    if (reply.flag === FAILURES.downstreamProtocolError.flag) this.#stats.cxProtocolError.add(1);
    this.#exchange.refuse(this.#context, reply);
  }

  /** The same for one that could not be read: what the head holds is of the request before it, or half of each. */
  #refuseUnread(kind: FailureKind, status: number, reason: string): false {
    const head = this.#head;
    head.first.fill(0);
    head.count = 0;
    head.buf = NO_BYTES;
    head.method = head.path = head.authority = "";
    this.#body.begin(NO_BODY, 0);
    this.#refuse(brokenRequest(kind, status, reason));
    return false;
  }

  sendHead(exchange: ExchangeRecord, head: ResponseHead, more: boolean): void {
    if (exchange.isSwitched) return this.#switch(exchange, head, more);
    const endsWithConnection = this.#sender.begin(exchange, head);
    if (endsWithConnection || this.#mustClose) this.#keepAlive = false;
    this.#sender.sendHead(exchange, head, !this.#keepAlive, more);
  }

  /** What still comes of a request that is answered belongs to nobody; nor do bytes of a protocol that was refused. */
  get #mustClose(): boolean {
    return this.#phase === "body" || this.#head.upgrade !== "" || this.#draining;
  }

  #switch(exchange: ExchangeRecord, head: ResponseHead, more: boolean): void {
    const rest = this.#rest;
    this.#phase = "tunnel";
    this.#rest = NO_BYTES;
    this.#keepAlive = false;
    this.#body.begin(UNTIL_CLOSE, 0);
    this.#sender.begin(exchange, head);
    this.#sender.sendHead(exchange, head, false, more);
    this.resumeRequest();
    if (rest.length > 0) this.#carry(rest);
    if (this.#ended) this.#exchange.onRequestBody(NO_BYTES, 0, 0, true);
  }

  #carry(chunk: Uint8Array): void {
    this.#body.scan(chunk, 0, chunk.length);
    this.#exchange.onRequestBody(chunk, 0, chunk.length, false);
  }

  endResponse(): void {
    this.#responseEnded = true;
    if (this.#output.waitingBytes === 0) this.#socket.end();
  }

  sendInterim(head: ResponseHead): void {
    if (this.#head.isVersion11) this.#output.write(head.buf, head.start, head.end, false);
  }

  sendBody(buf: Uint8Array, start: number, end: number): boolean {
    this.#active = true;
    return this.#sender.sendBody(buf, start, end);
  }

  sendTrailers(trailers: Trailers): void {
    this.#sender.sendTrailers(this.#context.http.settings.enableTrailers ? trailers : undefined);
  }

  sendReply(exchange: ExchangeRecord, reply: Reply): void {
    if (reply.closes || this.#mustClose) this.#keepAlive = false;
    this.#sender.sendReply(exchange, reply, !this.#keepAlive);
  }

  onExchangeEnd(): void {
    this.#sender.finish();
    if (!this.#keepAlive || this.#phase === "body") return this.#close();
    this.#phase = "head";
    // An idle connection does not keep the bytes that its last request came in.
    this.#head.buf = NO_BYTES;
    this.#quietSinceMs = this.#exchange.endMs;
    if (this.#output.waitingBytes === 0) this.#goOn();
  }

  #goOn(): void {
    this.#resume();
    this.#run();
  }

  /** Says goodbye and waits for the client to close, so that the answer is not lost to a reset. */
  #close(): void {
    if (this.#closed) return;
    this.#phase = "closing";
    this.#rest = NO_BYTES;
    if (this.#serving !== undefined) this.#serving.head.buf = NO_BYTES;
    this.#quietSinceMs = this.#context.clock.nowMs();
    this.#active = false;
    this.#resume();
    if (this.#output.waitingBytes === 0) this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    if (this.#context.http.settings.delayedCloseTimeoutMs === 0) this.#leave();
    else this.#socket.end();
  }

  #leave(): void {
    if (this.#isLeaving) this.#socket.destroy();
    else this.#socket.close();
    this.#isLeaving = true;
  }

  abort(): void {
    this.#keepAlive = false;
    this.#sender.breakOff();
    this.#phase = "closing";
    this.#socket.destroy();
  }

  pauseRequest(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resumeRequest(): void {
    if (this.#lent !== undefined) freeChunk(this.#lent);
    this.#resume();
  }

  #resume(): void {
    this.#lent = undefined;
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  onDrain(): void {
    this.#active = true;
    if (!this.#output.flush()) return;
    if (this.#phase === "closing") return this.#sayGoodbye();
    if (this.#responseEnded) return this.#socket.end();
    if (this.#phase === "head") return this.#goOn();
    this.#exchange.onDownstreamDrain();
  }

  /** A client that half-closes still gets its answers. */
  onEnd(): void {
    this.#ended = true;
    if (this.#phase === "body") return this.#exchange.onDownstreamClose();
    if (this.#phase === "tunnel") return void this.#exchange.onRequestBody(NO_BYTES, 0, 0, true);
    if (this.#phase === "head") return this.#run();
    if (this.#phase === "answering" && this.#rest.length === 0) this.#keepAlive = false;
  }

  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#phase = "closing";
    this.#serving?.onDownstreamClose();
    this.#onClosed(this);
  }

  drain(): void {
    this.#draining = true;
    if (this.isIdle) this.#close();
  }

  sweep(nowMs: number): void {
    if (this.#active) this.#quietSinceMs = nowMs;
    this.#active = false;
    const quietMs = nowMs - this.#quietSinceMs;
    if (this.#phase === "closing") {
      if (quietMs > this.#context.http.settings.delayedCloseTimeoutMs) this.#leave();
    } else if (this.#phase === "head") {
      this.#sweepIdle(nowMs, quietMs, this.#contextNow().http.settings);
    } else {
      this.#exchange.sweep(nowMs, quietMs, this.#phase === "body");
    }
  }

  #sweepIdle(nowMs: number, quietMs: number, settings: HttpSettings): void {
    // Half of what an idle connection would keep. Who comes again soon finds it.
    if (quietMs > KEPT_MS && this.isIdle) this.#serving = undefined;
    const { idleTimeoutMs, maxConnectionDurationMs, requestHeadersTimeoutMs } = settings;
    if (this.#headSinceMs >= 0) {
      if (nowMs - this.#headSinceMs > (requestHeadersTimeoutMs || HEAD_TIMEOUT_MS))
        this.#refuseUnread("requestHeadersTimeout", 408, "");
    } else if (idleTimeoutMs > 0 && quietMs > idleTimeoutMs) {
      this.#stats.cxIdleTimeout.add(1);
      this.#close();
    } else if (maxConnectionDurationMs > 0 && nowMs - this.#openedMs > maxConnectionDurationMs) {
      this.drain();
    }
  }
}

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
/** How long an idle connection keeps what serves its requests. */
const KEPT_MS = 2000;
/** How long a head may take that has begun. Envoy has no limit unless `request_headers_timeout` is set; we do. */
const HEAD_TIMEOUT_MS = 10_000;
