/**
 * One stream of an HTTP/2 connection: a request and its response. The object may be used for one stream after another.
 *
 * @module
 */
import type { HeadError } from "../http1/head.ts";
import type { RequestHead } from "../http1/request-head.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import { compact } from "../../base/compact.ts";
import { ErrorCode } from "./constants.ts";
import type { FieldWriter } from "./field-writer.ts";
import type { Trailers } from "../http1/trailers.ts";
import { ReceiveWindow } from "./window.ts";

/** RFC 9113 §5.1, without the states of pushed streams. */
export type StreamState = "open" | "half-closed-local" | "half-closed-remote" | "closed";

/** Why a stream ended early. */
export interface StreamReset {
  /** See `ErrorCode`. */
  readonly code: number;
  /**
   * `local` we ended it, `remote` the peer did, `refused` the peer never worked on it and it may be tried again
   * elsewhere, `connection` the connection ended under it.
   */
  readonly by: "local" | "remote" | "refused" | "connection";
  readonly message: string;
}

/** Takes what arrives on a stream: the owner's half of it. */
export interface StreamHandler {
  /** Where the peer's head is decoded to: of a server's stream a `RequestHead`, of a client's a `ResponseHead`. Stays as it is until {@link onClosed}, but for the head of an interim answer. */
  readonly head: RequestHead | ResponseHead;
  /** Where trailers are decoded to; asked for when they come. */
  readonly trailers: Trailers;
  /** {@link head} is there. Of a client it may be an interim answer (`status` below 200), and the final one follows. */
  onHead(endStream: boolean): void;
  /** Server: the request's head is too large (431). It is empty; answer or reset the stream. */
  onHeadTooLarge(error: HeadError, endStream: boolean): void;
  /** Body bytes: a part of the chunk that was given to `receive`, never copied. Call `stream.consume` when they are dealt with, or the peer stops. */
  onData(buf: Buffer, start: number, end: number, endStream: boolean): void;
  /** {@link trailers} are there, and the peer's direction has ended. */
  onTrailers(): void;
  /** Everything that `write` kept is on its way, or `sendData` may take more now. */
  onWritable(): void;
  /** The stream ended early, other than by our own `reset`. */
  onReset(reset: StreamReset): void;
  /** The last call: both directions have ended, in whatever way. The stream may be used again. */
  onClosed(): void;
}

/** What a stream may ask of its session. */
export interface StreamPort {
  readonly fields: FieldWriter;
  beginHead(): void;
  endHead(stream: Stream, endStream: boolean): boolean;
  sendData(stream: Stream, buf: Uint8Array, start: number, end: number, endStream: boolean): number;
  consume(stream: Stream, bytes: number): void;
  reset(stream: Stream, code: number): void;
}

const LOCAL_ENDED = 1;
const REMOTE_ENDED = 2;
const CLOSED = 3;

export class Stream {
  readonly handler: StreamHandler;
  /** 0 until it was opened for the first time. */
  id = 0;
  /** A response to HEAD has a content-length and no body. */
  isToHead = false;
  /** For the session: the final head has been received, the next fields are trailers. */
  headReceived = false;
  /** For the session: interim answers so far. */
  interimHeads = 0;
  /** For the session: a head of ours has gone out, so the peer knows of a stream that we opened. */
  headSent = false;
  /** For the session: what we may send; below zero after the peer reduced its initial window. */
  sendWindowBytes = 0;
  /** For the session. */
  readonly receiveWindow = new ReceiveWindow();
  /** For the session: body bytes that content-length still promises; -1 when it says nothing. */
  promisedBytes = -1;
  /** For the session: when it was opened. */
  openedMs = 0;
  #port: StreamPort | undefined;
  #ended = CLOSED;
  /** What {@link write} could not send yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #endsBehindWaiting = false;

  constructor(handler: StreamHandler) {
    this.handler = handler;
  }

  /** For the session. */
  begin(port: StreamPort, id: number, sendBytes: number, receiveBytes: number, isToHead: boolean): void {
    // What the last owner did not give back belongs to the connection again.
    this.#port?.consume(this, this.receiveWindow.heldBytes);
    this.#port = port;
    this.id = id;
    this.isToHead = isToHead;
    this.headReceived = false;
    this.headSent = false;
    this.interimHeads = 0;
    this.sendWindowBytes = sendBytes;
    this.receiveWindow.begin(receiveBytes, id);
    this.promisedBytes = -1;
    this.#ended = 0;
    this.#dropWaiting();
  }

  get state(): StreamState {
    return STATES[this.#ended] as StreamState;
  }

  get isClosed(): boolean {
    return this.#ended === CLOSED;
  }

  get canSend(): boolean {
    return (this.#ended & LOCAL_ENDED) === 0;
  }

  get canReceive(): boolean {
    return (this.#ended & REMOTE_ENDED) === 0;
  }

  /** Bytes that {@link write} took and could not send yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Starts a head, or trailers: write its fields to what is returned, then call {@link endHead}, and nothing else of the
   * session between. Only while {@link canSend}, and trailers only while nothing waits.
   */
  beginHead(): FieldWriter {
    const port = this.#port as StreamPort;
    port.beginHead();
    return port.fields;
  }

  /** Sends the head. False: it is larger than the peer takes (SETTINGS_MAX_HEADER_LIST_SIZE); nothing was sent. */
  endHead(endStream: boolean): boolean {
    return (this.#port as StreamPort).endHead(this, endStream);
  }

  /**
   * Sends body bytes and keeps what cannot leave yet, by reference. False: something waits; write no more until
   * `onWritable`. Once our direction has ended it does nothing.
   */
  write(buf: Uint8Array, start: number, end: number, endStream: boolean): boolean {
    if (!this.canSend) return true;
    const port = this.#port as StreamPort;
    const from = this.#waitingBytes > 0 ? start : start + port.sendData(this, buf, start, end, endStream);
    // A bare end waits behind what waits.
    if (this.#waitingBytes > 0 || from < end) {
      if (from < end) this.#waiting.push(compact(buf.subarray(from, end)));
      this.#waitingBytes += end - from;
      this.#endsBehindWaiting = endStream;
      return false;
    }
    return true;
  }

  /** For the session: there is room again. */
  wake(): void {
    const port = this.#port as StreamPort;
    const { id } = this;
    while (this.#waiting.length > 0) {
      const chunk = this.#waiting[0] as Uint8Array;
      const ends = this.#endsBehindWaiting && this.#waiting.length === 1;
      const taken = port.sendData(this, chunk, 0, chunk.length, ends);
      // The end may have closed the stream, and its owner used the object again.
      if (this.isClosed || this.id !== id) return;
      this.#waitingBytes -= taken;
      if (taken < chunk.length) {
        this.#waiting[0] = chunk.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    if (this.canSend) this.handler.onWritable();
  }

  #dropWaiting(): void {
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#waitingBytes = 0;
    this.#endsBehindWaiting = false;
  }

  /**
   * Sends as much of `buf[start, end)` as flow control and the output bound allow. `endStream` counts once all is taken.
   *
   * @returns Bytes taken. When fewer than given, `onWritable` says when to go on.
   */
  sendData(buf: Uint8Array, start: number, end: number, endStream: boolean): number {
    return this.canSend ? (this.#port as StreamPort).sendData(this, buf, start, end, endStream) : end - start;
  }

  /** Says that received bytes were dealt with, so that the peer may send as many more. */
  consume(bytes: number): void {
    this.#port?.consume(this, bytes);
  }

  /** Ends both directions at once; `onReset` is not called for it, `onClosed` is. */
  reset(code: number = ErrorCode.cancel): void {
    if (!this.isClosed) this.#port?.reset(this, code);
  }

  /** For the session: our direction has ended. */
  endLocal(): void {
    this.#ended |= LOCAL_ENDED;
  }

  /** For the session: the peer's direction has ended. */
  endRemote(): void {
    this.#ended |= REMOTE_ENDED;
  }

  /** For the session: both have. */
  close(): void {
    this.#ended = CLOSED;
    this.#dropWaiting();
  }

  /** For the session: counts body bytes. False when they do not match the content-length, which makes the message malformed. */
  receiveBody(bytes: number, endStream: boolean): boolean {
    if (this.promisedBytes < 0) return true;
    if (bytes > this.promisedBytes) return false;
    this.promisedBytes -= bytes;
    return !endStream || this.promisedBytes === 0;
  }
}

const STATES: readonly StreamState[] = ["open", "half-closed-local", "half-closed-remote", "closed"];
