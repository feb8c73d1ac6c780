/**
 * One HTTP/1.1 connection to an endpoint: sends one request at a time and reads its answer.
 *
 * @module
 */
import { FREED_BYTES, freeChunk } from "../../net/free-chunk.ts";
import type { Socket, SocketHandler } from "../../net/socket.ts";
import { BAD_BODY, BodyScanner } from "../../wire/http1/body.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { ResponseHead } from "../../wire/http1/response-head.ts";
import type { Trailers } from "../../wire/http1/trailers.ts";
import type { MessageWriter } from "../../wire/http1/writer.ts";
import { closeWhenSent } from "../farewell.ts";
import { Output } from "../output.ts";
import type { Failure } from "../failure.ts";
import type { RequestBuffer } from "../request-buffer.ts";
import { switches } from "../upgrade.ts";
import type { Caller, UpstreamRequest } from "../upstream.ts";
import { type KeepAlive, parseKeepAlive } from "./keep-alive.ts";
import { CRLF, writeChunk, writeLastChunk, writeTrailers } from "./chunks.ts";

/** What a connection tells its pool. */
export interface ConnectionOwner {
  onIdle(connection: ClientConnection): void;
  /** It is being closed; {@link onClosed} follows. */
  onLost(connection: ClientConnection): void;
  onClosed(connection: ClientConnection): void;
}

/** Interim answers to one request; each is passed on at once, whether the client keeps up or not. */
const MAX_INTERIM_HEADS = 32;
/** A body up to this joins its head in one write. */
const JOIN_BYTES = 16 * 1024;
/** Heads of answers longer than this are refused. */
const MAX_HEAD_BYTES = 64 * 1024;

export class ClientConnection implements SocketHandler, UpstreamRequest {
  readonly socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #output: Output;
  readonly #head = new ResponseHead();
  readonly #body = new BodyScanner();
  #caller: Caller | undefined;
  #isToHead = false;
  /** A head that has begun and not ended. */
  #partial: Uint8Array | undefined;
  /** A large read of which the caller still has something. */
  #lent: Uint8Array | undefined;
  /** Until the caller takes more. What TLS has decrypted already comes all the same. */
  #isPaused = false;
  #headDone = false;
  #interims = 0;
  #requestDone = false;
  /** What the request wants the connection to become; see `RequestView`. */
  #upgrade = "";
  /** It has become that. */
  #isTunnel = false;
  /** Then: the client sends no more. */
  #tunnelEnded = false;
  /** The request came without a length: its body is chunked here. */
  #addsChunks = false;
  #closed = false;
  /** Any byte of an answer to the present request was seen. */
  #answered = false;
  /** Only HTTP/2 can say that it did nothing. */
  readonly mayRefuse = false;
  /** Requests begun on it. */
  requests = 0;
  /** When it went idle, on the proxy's clock. */
  idleSinceMs = 0;
  /** How long it may be idle, as the endpoint says; Infinity where it says nothing. */
  maxIdleMs = Infinity;
  /** Not to be used again after the present request. */
  retired = false;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.#output = new Output(socket);
    socket.handler = this;
  }

  get isReused(): boolean {
    return this.requests > 1;
  }

  send(caller: Caller, body: RequestBuffer, done: boolean): boolean {
    this.#caller = caller;
    this.#isToHead = caller.method === "HEAD";
    this.#headDone = false;
    this.#interims = 0;
    this.#requestDone = false;
    this.#answered = false;
    this.#addsChunks = caller.head.framing === UNTIL_CLOSE && caller.head.upgrade === "";
    this.#upgrade = caller.head.upgrade;
    this.requests++;
    const { requestWriter } = caller.context;
    requestWriter.head(caller, this);
    const taken = this.#sendHead(requestWriter.writer, body);
    // What follows an upgrade is another protocol's.
    if (this.#upgrade !== "") this.#requestDone = true;
    if (done) this.endRequest(body.trailers);
    return taken;
  }

  /** With what there is of the body, in one write where it is short. */
  #sendHead(writer: MessageWriter, body: RequestBuffer): boolean {
    if (body.bytes > 0 && body.bytes <= JOIN_BYTES && !this.#addsChunks) {
      for (const chunk of body.chunks) writer.bytes(chunk, 0, chunk.length);
      return this.#output.write(writer.buf, 0, writer.length, false);
    }
    let taken = this.#output.write(writer.buf, 0, writer.length, false);
    for (const chunk of body.chunks) taken = this.write(chunk, 0, chunk.length);
    return taken;
  }

  write(buf: Uint8Array, start: number, end: number): boolean {
    if (!this.#addsChunks) return this.#output.write(buf, start, end, true);
    return start === end ? this.#output.waitingBytes === 0 : writeChunk(this.#output, buf, start, end);
  }

  endRequest(trailers: Trailers | undefined): void {
    this.#requestDone = true;
    if (this.#isTunnel) this.#endTunnel();
    else if (this.#addsChunks) writeLastChunk(this.#output, this.#passes(trailers));
    else if (trailers !== undefined && this.#caller?.head.framing === CHUNKED)
      writeTrailers(this.#output, this.#passes(trailers));
  }

  #endTunnel(): void {
    this.#tunnelEnded = true;
    if (this.#body.done) this.#leave();
    else if (this.#output.waitingBytes === 0) this.socket.end();
  }

  /** Both directions of a tunnel are done. */
  #leave(): void {
    const caller = this.#caller;
    this.#caller = undefined;
    this.#owner.onLost(this);
    if (caller !== undefined)
      closeWhenSent(this.socket, this.#output, caller.context.deadlines, () => this.onClose(undefined));
  }

  /** As in Envoy, trailers of HTTP/1.1 pass where the cluster says so. */
  #passes(trailers: Trailers | undefined): Trailers | undefined {
    return this.#caller?.cluster?.compiled.http.enableTrailers ? trailers : undefined;
  }

  /** The connection cannot be used again. */
  abandon(): void {
    this.#caller = undefined;
    this.destroy();
  }

  resume(): void {
    if (this.#lent !== undefined) freeChunk(this.#lent);
    this.#goOn();
  }

  #goOn(): void {
    this.#lent = undefined;
    this.#isPaused = false;
    this.socket.resume();
  }

  destroy(): void {
    this.#owner.onLost(this);
    this.socket.destroy();
  }

  onData(chunk: Uint8Array): void {
    if (this.#caller === undefined) return this.destroy();
    this.#answered = true;
    let pos = 0;
    let buf = chunk;
    if (!this.#headDone) {
      if (this.#partial !== undefined) buf = Buffer.concat([this.#partial, chunk]);
      this.#partial = undefined;
      pos = this.#readHeads(buf);
      if (pos < 0) return;
    }
    this.#readBody(buf, pos);
  }

  /** Reads interim heads and the final one. Returns the byte behind it, or -1 when there is nothing to go on with. */
  #readHeads(buf: Uint8Array): number {
    let pos = 0;
    for (;;) {
      const behind = this.#head.parse(buf, pos, buf.length, this.#isToHead);
      if (behind < 0) return this.#protocolError(this.#head.error.reason);
      if ((behind === 0 ? buf.length : behind) - pos > MAX_HEAD_BYTES)
        return this.#protocolError(`a head of more than ${MAX_HEAD_BYTES} bytes`);
      if (behind === 0) {
        if (pos < buf.length) this.#partial = buf.subarray(pos);
        return -1;
      }
      pos = behind;
      if (this.#head.status >= 200) break;
      if (this.#head.status === 101) {
        if (this.#mayBecome(this.#head.header("upgrade"))) break;
        return this.#protocolError("101 Switching Protocols to what nobody asked for");
      }
      if (++this.#interims > MAX_INTERIM_HEADS)
        return this.#protocolError(`more than ${MAX_INTERIM_HEADS} interim answers`);
      if (this.#head.status !== 100 || this.#caller?.awaitsContinue) this.#caller?.onInterimHead(this.#head);
    }
    this.#headDone = true;
    if (this.#upgrade !== "" && switches(this.#upgrade, this.#head.status)) this.#switch();
    // So that the read can be freed before the head.
    if (buf.length >= FREED_BYTES) this.#head.buf = Buffer.from(buf.subarray(0, pos));
    this.#body.begin(this.#head.framing, this.#head.contentLength);
    this.#caller?.onResponseHead(this.#head, pos < buf.length && !this.#body.done);
    return pos;
  }

  #mayBecome(protocol: string | undefined): boolean {
    return this.#upgrade !== "" && this.#upgrade === protocol?.toLowerCase();
  }

  /** From here on bytes are not HTTP, whatever an answer to CONNECT says of its body (RFC 9110 §9.3.6). */
  #switch(): void {
    const head = this.#head;
    this.#isTunnel = true;
    head.framing = UNTIL_CLOSE;
    head.remove((line) => head.ids[line] === ID["content-length"] || head.ids[line] === ID["transfer-encoding"]);
  }

  #readBody(buf: Uint8Array, pos: number): void {
    const caller = this.#caller;
    if (caller === undefined) return;
    const end = this.#body.scan(buf, pos, buf.length);
    if (end === BAD_BODY) return this.#brokenBody(caller, buf, pos);
    const bodyEnd = this.#body.hasTrailers ? this.#body.trailersStart : end;
    const isAll = bodyEnd === buf.length;
    const taken = bodyEnd === pos || caller.onResponseBody(buf, pos, bodyEnd);
    if (!taken && !this.#body.done) this.#pause();
    if (isAll && buf.length >= FREED_BYTES) this.#lend(buf, taken);
    if (!this.#body.done || this.#caller !== caller) return;
    if (this.#body.hasTrailers) this.#passTrailers(caller);
    this.#finish(!isAll && end < buf.length);
  }

  #pause(): void {
    this.#isPaused = true;
    this.socket.pause();
  }

  /** What the caller has taken is nobody's any more; what it has not, when it asks for more. */
  #lend(buf: Uint8Array, taken: boolean): void {
    if (taken) freeChunk(buf);
    else if (!this.#body.done) this.#lent = buf;
  }

  /** What came before the break is passed on, however the answer was cut into reads. */
  #brokenBody(caller: Caller, buf: Uint8Array, pos: number): void {
    const { badAt, reason } = this.#body;
    if (badAt > pos) caller.onResponseBody(buf, pos, badAt);
    this.#protocolError(reason);
  }

  #passTrailers(caller: Caller): void {
    const trailers = this.#passes(this.#body.trailers);
    if (trailers === undefined) caller.onResponseBody(CRLF, 0, CRLF.length);
    else caller.onResponseTrailers(trailers);
  }

  get bodyBytes(): number {
    return this.#body.dataBytes;
  }

  get isResponseDone(): boolean {
    return this.#headDone && this.#body.done;
  }

  /** @param extra Bytes follow that nobody asked for: whose answer would they be? */
  #finish(extra: boolean): void {
    const caller = this.#caller;
    this.#caller = undefined;
    // Nobody will ask for more, and what was lent is the caller's still.
    if (this.#isPaused) this.#goOn();
    const head = this.#head;
    if (head.first[ID["keep-alive"]] !== 0) this.#heed(parseKeepAlive(head.header("keep-alive") ?? ""));
    const reusable = head.keepAlive && this.#requestDone && !extra && !this.retired && this.#output.waitingBytes === 0;
    if (reusable) this.#owner.onIdle(this);
    else this.destroy();
    caller?.onResponseEnd();
    // An idle connection does not keep the bytes that its last answer came in. No other can have come meanwhile.
    this.#head.buf = NO_BYTES;
  }

  #heed({ idleMs, isLast }: KeepAlive): void {
    this.maxIdleMs = idleMs;
    if (isLast) this.retired = true;
  }

  #protocolError(reason: string): -1 {
    this.#fail({ kind: "upstreamProtocolError", details: reason, requestSent: true, answered: true });
    this.destroy();
    return -1;
  }

  #fail(failure: Failure): void {
    const caller = this.#caller;
    this.#caller = undefined;
    caller?.onUpstreamFailure(failure);
  }

  onDrain(): void {
    if (!this.#output.flush()) return;
    if (this.#tunnelEnded) this.socket.end();
    else this.#caller?.onUpstreamDrain();
  }

  onEnd(): void {
    if (this.#isTunnel) return this.#onTunnelEnd();
    if (this.#caller !== undefined && this.#headDone && this.#head.framing === UNTIL_CLOSE) {
      this.#body.done = true;
      this.#requestDone = false;
      return this.#finish(false);
    }
    if (this.#caller !== undefined && this.#partial !== undefined)
      return void this.#protocolError("the connection ended within a head");
    this.destroy();
  }

  /** The endpoint sends no more; the client may. */
  #onTunnelEnd(): void {
    const caller = this.#caller;
    if (caller === undefined || this.#body.done) return;
    this.#body.done = true;
    if (this.#tunnelEnded) this.#leave();
    caller.onResponseEnd();
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onClosed(this);
    this.#fail({
      kind: "upstreamReset",
      details: error?.message ?? "",
      requestSent: true,
      answered: this.#answered,
    });
  }
}

const NO_BYTES = Buffer.alloc(0);
