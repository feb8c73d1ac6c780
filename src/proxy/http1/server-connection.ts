/**
 * One HTTP/1.1 connection of a client: reads requests one after the other, sends their answers in the same order.
 * A request that was pipelined waits until the one before it has been answered.
 *
 * @module
 */
import type { Reply } from "../../engine/http.ts";
import { FAILURES, type FailureKind, replyOf } from "../../engine/failures.ts";
import type { Socket, SocketHandler } from "../../net/socket.ts";
import { BAD_BODY, BodyScanner } from "../../wire/http1/body.ts";
import { Dechunker } from "../../wire/http1/dechunk.ts";
import { CHUNKED } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { RequestHead } from "../../wire/http1/request-head.ts";
import type { ResponseHead } from "../../wire/http1/response-head.ts";
import { Connection } from "../connection.ts";
import { type Downstream, Exchange } from "../exchange.ts";
import type { HttpContext } from "../http-context.ts";
import { Output } from "../output.ts";
import { type BodyForm, bodyForm } from "./response-writer.ts";

/** `head`: between requests or inside a head. `body`: a request's body is on its way. `answering`: it is all here. `closing`: nothing more is read. */
type Phase = "head" | "body" | "answering" | "closing";

/** Pipelined bytes that are taken before reading stops. */
const MAX_PIPELINED_BYTES = 64 * 1024;
/** Body bytes up to this join the head of an answer in one write. */
const JOIN_BYTES = 16 * 1024;
const NO_BYTES = Buffer.alloc(0);

export class ServerConnection implements SocketHandler, Downstream {
  readonly connection: Connection;
  readonly #socket: Socket;
  readonly #contextNow: () => HttpContext;
  readonly #onClosed: (connection: ServerConnection) => void;
  readonly #output: Output;
  readonly #head = new RequestHead();
  readonly #body = new BodyScanner();
  readonly #exchange: Exchange;
  #context: HttpContext;
  #phase: Phase = "head";
  /** Bytes that were read and not used: a head that is not complete, or requests that wait. */
  #rest: Uint8Array = NO_BYTES;
  #keepAlive = true;
  #paused = false;
  #closed = false;
  #form: BodyForm = "asIs";
  #dechunker: Dechunker | undefined;
  #headWaits = false;
  #running = false;
  /** Something happened since the last sweep. */
  #active = true;
  #quietSinceMs = 0;
  /** When the first byte of a head came that is not complete; 0 when there is none. */
  #headSinceMs = 0;

  constructor(socket: Socket, contextNow: () => HttpContext, onClosed: (connection: ServerConnection) => void) {
    this.#socket = socket;
    this.connection = new Connection(socket);
    this.#contextNow = contextNow;
    this.#context = contextNow();
    this.#onClosed = onClosed;
    this.#output = new Output(socket);
    this.#exchange = new Exchange(this, this.connection, this.#context, this.#head);
    this.#quietSinceMs = this.#context.clock.nowMs();
    const { stats } = this.#context.stats;
    stats.cxTotal.add(1);
    stats.cxHttp1Total.add(1);
    stats.cxActive.add(1);
    if (socket.secure) stats.cxSslTotal.add(1);
    socket.handler = this;
  }

  get isIdle(): boolean {
    return this.#phase === "head" && this.#rest.length === 0;
  }

  onData(chunk: Uint8Array): void {
    this.#active = true;
    if (this.#phase === "closing") return;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#phase === "answering") {
      if (this.#rest.length > MAX_PIPELINED_BYTES) this.pauseRequest();
      return;
    }
    this.#run();
  }

  /** Goes on for as long as there are bytes and nothing must be waited for. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    while (this.#rest.length > 0 && (this.#phase === "head" ? this.#readHead() : this.#readBody())) {}
    this.#running = false;
  }

  /** True when there may be more to do. */
  #readHead(): boolean {
    const buf = this.#rest;
    const head = this.#head;
    const behind = head.parse(buf, 0, buf.length);
    if (behind < 0)
      return this.#refuse(
        head.error.status === 431 ? "headersTooLarge" : "downstreamProtocolError",
        head.error.status,
        head.error.reason,
      );
    const maxBytes = this.#contextNow().http.settings.maxRequestHeadersBytes;
    if (behind > maxBytes || (behind === 0 && buf.length > maxBytes))
      return this.#refuse("headersTooLarge", 431, `a head of more than ${maxBytes} bytes`);
    if (behind === 0) {
      if (this.#headSinceMs === 0) this.#headSinceMs = this.#context.clock.nowMs();
      return false;
    }
    this.#headSinceMs = 0;
    this.#begin(buf, behind);
    return true;
  }

  #begin(buf: Uint8Array, behind: number): void {
    const head = this.#head;
    const context = this.#contextNow();
    this.#context = context;
    this.#body.begin(head.framing, head.contentLength);
    const bodyEnd = this.#body.scan(buf, behind, buf.length);
    if (bodyEnd === BAD_BODY) return void this.#refuse("downstreamProtocolError", 400, this.#body.reason);
    this.#rest = bodyEnd < buf.length ? buf.subarray(bodyEnd) : NO_BYTES;
    this.#keepAlive = head.keepAlive && !context.isDraining();
    this.#phase = this.#body.done ? "answering" : "body";
    if (!head.isVersion11 && !context.http.settings.acceptHttp10)
      return void this.#refuse("lowVersion", 426, "HTTP/1.0");
    if (head.first[ID.expect] !== 0 && !this.#expect(bodyEnd === behind)) return;
    this.#exchange.begin(context, buf, behind, bodyEnd, this.#body.done);
  }

  /** Answers `Expect: 100-continue` at once, as Envoy does. False: another expectation was refused. */
  #expect(bodyMissing: boolean): boolean {
    if (this.#head.known(ID.expect)?.toLowerCase() !== "100-continue") {
      this.#keepAlive = false;
      this.#exchange.refuse(this.#context, {
        ...replyOf("downstreamProtocolError", "expectation_failed"),
        status: 417,
      });
      return false;
    }
    if (!this.#body.done && bodyMissing && this.#head.isVersion11)
      this.#output.write(CONTINUE, 0, CONTINUE.length, true);
    return true;
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
    this.#exchange.onRequestBody(buf, 0, end, this.#body.done);
    return true;
  }

  get receivedBodyBytes(): number {
    return this.#body.dataBytes;
  }

  /** Answers a request that could not be read, and closes. */
  #refuse(kind: FailureKind, status: number, reason: string): boolean {
    this.#rest = NO_BYTES;
    this.#keepAlive = false;
    this.#phase = "answering";
    this.#context = this.#contextNow();
    this.#context.stats.stats.cxProtocolError.add(1);
    if (kind === "headersTooLarge") this.#context.stats.stats.rqTooLarge.add(1);
    this.#exchange.refuse(this.#context, {
      ...replyOf(kind),
      status,
      details: `${FAILURES[kind].details}{${reason.replaceAll(" ", "_")}}`,
    });
    return false;
  }

  sendHead(exchange: Exchange, head: ResponseHead, more: boolean): void {
    const { responseWriter } = exchange.context;
    this.#form = exchange.method === "HEAD" ? "asIs" : bodyForm(head, this.#head.isVersion11);
    this.#dechunker = this.#form === "removeChunks" && head.framing === CHUNKED ? new Dechunker() : undefined;
    // A body whose end only the connection's end can tell, or a request that is still coming.
    if (this.#dechunker !== undefined || (this.#form === "asIs" && head.framing === 3) || this.#phase === "body")
      this.#keepAlive = false;
    responseWriter.head(exchange, head, this.#form, !this.#keepAlive);
    this.#headWaits = more;
    if (!more) this.#flushWriter();
  }

  #flushWriter(): boolean {
    const { writer } = this.#context.responseWriter;
    this.#headWaits = false;
    return this.#output.write(writer.buf, 0, writer.length, false);
  }

  sendInterim(head: ResponseHead): void {
    if (this.#head.isVersion11) this.#output.write(head.buf, head.start, head.end, true);
  }

  sendBody(buf: Uint8Array, start: number, end: number): boolean {
    if (this.#form === "asIs") return this.#sendBytes(buf, start, end);
    if (this.#form === "addChunks") {
      const size = Buffer.from(`${(end - start).toString(16)}\r\n`);
      this.#sendBytes(size, 0, size.length);
      this.#sendBytes(buf, start, end);
      return this.#sendBytes(CRLF, 0, 2);
    }
    let room = this.#headWaits ? this.#flushWriter() : true;
    for (const data of this.#dechunker?.data(buf, start, end) ?? []) room = this.#sendBytes(data, 0, data.length);
    return room;
  }

  #sendBytes(buf: Uint8Array, start: number, end: number): boolean {
    this.#active = true;
    if (!this.#headWaits) return this.#output.write(buf, start, end, true);
    if (end - start > JOIN_BYTES) {
      this.#flushWriter();
      return this.#output.write(buf, start, end, true);
    }
    this.#context.responseWriter.writer.bytes(buf, start, end);
    return this.#flushWriter();
  }

  sendReply(exchange: Exchange, reply: Reply): void {
    if (this.#phase === "body" || reply.closes) this.#keepAlive = false;
    const { responseWriter } = this.#context;
    this.#form = "asIs";
    responseWriter.reply(exchange, reply, !this.#keepAlive, exchange.method !== "HEAD");
    this.#flushWriter();
  }

  onExchangeEnd(): void {
    if (this.#form === "addChunks") this.#sendBytes(LAST_CHUNK, 0, LAST_CHUNK.length);
    this.#form = "asIs";
    this.#dechunker = undefined;
    if (!this.#keepAlive || this.#phase === "body") return this.#close();
    this.#phase = "head";
    this.#quietSinceMs = this.#context.clock.nowMs();
    this.resumeRequest();
    if (this.#rest.length > 0) this.#run();
  }

  /** Says goodbye and waits for the client to close, so that the answer is not lost to a reset. */
  #close(): void {
    if (this.#closed) return;
    this.#phase = "closing";
    this.#rest = NO_BYTES;
    this.#quietSinceMs = this.#context.clock.nowMs();
    this.#active = false;
    this.resumeRequest();
    if (this.#output.waitingBytes === 0) this.#socket.end();
  }

  abort(): void {
    this.#keepAlive = false;
    this.#form = "asIs";
    this.#phase = "closing";
    this.#socket.destroy();
  }

  pauseRequest(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resumeRequest(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  onDrain(): void {
    this.#active = true;
    if (!this.#output.flush()) return;
    if (this.#phase === "closing") return this.#socket.end();
    this.#exchange.onDownstreamDrain();
  }

  /** A client that half-closes still gets its answer. */
  onEnd(): void {
    this.#keepAlive = false;
    if (this.#phase === "head" || this.#phase === "closing") return this.#socket.destroy();
    if (this.#phase === "body") {
      this.#exchange.onDownstreamClose();
      this.#socket.destroy();
    }
  }

  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#phase = "closing";
    this.#exchange.onDownstreamClose();
    const { stats } = this.#context.stats;
    stats.cxActive.add(-1);
    stats.cxDestroy.add(1);
    this.#onClosed(this);
  }

  /** Closes as soon as no request is under way. */
  drain(): void {
    this.#keepAlive = false;
    if (this.isIdle) this.#close();
  }

  /** Looks after the slow timeouts. Called about once a second. */
  sweep(nowMs: number): void {
    if (this.#active) this.#quietSinceMs = nowMs;
    this.#active = false;
    const { settings } = this.#context.http;
    const quietMs = nowMs - this.#quietSinceMs;
    if (this.#phase === "closing") {
      if (quietMs > LINGER_MS) this.#socket.destroy();
    } else if (this.#phase === "head" && this.#headSinceMs > 0) {
      if (nowMs - this.#headSinceMs > HEAD_TIMEOUT_MS)
        this.#refuse("requestHeadersTimeout", 408, "request_headers_timeout");
    } else if (this.#phase === "head") {
      if (settings.idleTimeoutMs > 0 && quietMs > settings.idleTimeoutMs) this.#close();
    } else {
      const limitMs = this.#exchange.streamIdleTimeoutMs;
      if (limitMs > 0 && quietMs > limitMs) this.#exchange.onStreamIdle();
    }
  }
}

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const CRLF = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
/** How long a client may take to close after an answer that says so. */
const LINGER_MS = 1000;
/** How long a head may take that has begun. Envoy has no limit unless `request_headers_timeout` is set; we do. */
const HEAD_TIMEOUT_MS = 10_000;
