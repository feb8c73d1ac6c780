/**
 * One stream of an HTTP/2 connection: a request and its response.
 *
 * @module
 */
import { ErrorCode } from "./constants.ts";
import type { Fields } from "./hpack-decoder.ts";
import { ReceiveWindow, SendWindow } from "./window.ts";

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

/** Takes what arrives on a stream. After `onReset`, or after both directions ended, nothing more comes. */
export interface StreamHandler {
  /** The request (server) or response (client) head, or a 1xx response before it. */
  onHeaders(fields: Fields, endStream: boolean): void;
  /** `bytes` are valid only during the call. Call `stream.consume` when they are dealt with, or the peer stops. */
  onData(bytes: Uint8Array, endStream: boolean): void;
  onTrailers(fields: Fields): void;
  /** `sendData` took less than it was given, and may take more now. */
  onWritable(): void;
  onReset(reset: StreamReset): void;
}

/** What a stream may ask of its session. */
export interface StreamPort {
  sendHeaders(stream: Stream, fields: Fields, endStream: boolean): void;
  sendData(stream: Stream, bytes: Uint8Array, endStream: boolean): number;
  consume(stream: Stream, bytes: number): void;
  reset(stream: Stream, code: number, message: string): void;
}

export class Stream {
  readonly id: number;
  handler: StreamHandler;
  readonly sendWindow: SendWindow;
  readonly receiveWindow: ReceiveWindow;
  readonly #port: StreamPort;
  #state: StreamState = "open";
  /** Body bytes that content-length still promises; undefined when it says nothing. */
  #promisedBytes: number | undefined;
  /** The final head has been received: the next fields are trailers. */
  headReceived = false;
  /** A response to HEAD has a content-length and no body. */
  readonly headRequest: boolean;

  constructor(port: StreamPort, id: number, handler: StreamHandler, windows: StreamWindows, headRequest: boolean) {
    this.#port = port;
    this.id = id;
    this.handler = handler;
    this.headRequest = headRequest;
    this.sendWindow = new SendWindow(windows.sendBytes, id);
    this.receiveWindow = new ReceiveWindow(windows.receiveBytes, id);
  }

  get state(): StreamState {
    return this.#state;
  }

  get canSend(): boolean {
    return this.#state === "open" || this.#state === "half-closed-remote";
  }

  get canReceive(): boolean {
    return this.#state === "open" || this.#state === "half-closed-local";
  }

  /** Sends a head, or trailers when `endStream` is set after a head. Does nothing once our direction ended. */
  sendHeaders(fields: Fields, endStream: boolean): void {
    if (this.canSend) this.#port.sendHeaders(this, fields, endStream);
  }

  /**
   * Sends as much of `bytes` as flow control and the output bound allow. `endStream` counts once all is taken.
   *
   * @returns Bytes taken. When fewer than given, `onWritable` says when to go on.
   */
  sendData(bytes: Uint8Array, endStream: boolean): number {
    return this.canSend ? this.#port.sendData(this, bytes, endStream) : bytes.length;
  }

  /** Says that received bytes were dealt with, so that the peer may send as many more. */
  consume(bytes: number): void {
    this.#port.consume(this, bytes);
  }

  /** Ends both directions at once. `onReset` is not called for it. */
  reset(code: number = ErrorCode.cancel, message = ""): void {
    if (this.#state !== "closed") this.#port.reset(this, code, message);
  }

  /** @returns Whether the stream is closed now. */
  endLocal(): boolean {
    this.#state = this.#state === "half-closed-remote" || this.#state === "closed" ? "closed" : "half-closed-local";
    return this.#state === "closed";
  }

  /** @returns Whether the stream is closed now. */
  endRemote(): boolean {
    this.#state = this.#state === "half-closed-local" || this.#state === "closed" ? "closed" : "half-closed-remote";
    return this.#state === "closed";
  }

  close(): void {
    this.#state = "closed";
  }

  promiseBody(bytes: number | undefined): void {
    this.#promisedBytes = bytes;
  }

  /** Counts body bytes. @returns False when they do not match the content-length, which makes the message malformed. */
  receiveBody(bytes: number, endStream: boolean): boolean {
    if (this.#promisedBytes === undefined) return true;
    this.#promisedBytes -= bytes;
    return endStream ? this.#promisedBytes === 0 : this.#promisedBytes >= 0;
  }
}

export interface StreamWindows {
  readonly sendBytes: number;
  readonly receiveBytes: number;
}

/** Takes nothing: a stream's handler until somebody answers for it. */
export const ORPHAN: StreamHandler = {
  onHeaders() {},
  onData() {},
  onTrailers() {},
  onWritable() {},
  onReset() {},
};
