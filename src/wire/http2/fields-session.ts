/**
 * A session whose heads are strings: for gRPC of the control plane, where a call lives for hours and a head costs nothing.
 *
 * @module
 */
import type { HeadError } from "../http1/head.ts";
import { RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { ErrorCode } from "./constants.ts";
import { type Fields, fieldValue, regularFields, requestFields, responseFields, writeFields } from "./fields.ts";
import type { SessionOptions } from "./options.ts";
import { type Role, Session, type SessionHandler } from "./session.ts";
import { Stream, type StreamHandler, type StreamReset } from "./stream.ts";
import { Trailers } from "../http1/trailers.ts";

/** Takes what arrives on a stream. After `onReset`, or after both directions ended, nothing more comes. */
export interface FieldsHandler {
  /** The request (server) or response (client) head, or a 1xx response before it. */
  onHeaders(fields: Fields, endStream: boolean): void;
  /** `bytes` are valid only during the call. Call `stream.consume` when they are dealt with, or the peer stops. */
  onData(bytes: Uint8Array, endStream: boolean): void;
  onTrailers(fields: Fields): void;
  /** `sendData` took less than it was given, and may take more now. */
  onWritable(): void;
  onReset(reset: StreamReset): void;
}

export interface FieldsSessionHandler extends Omit<SessionHandler, "acquireStream" | "onStreamFault"> {
  /** The peer opened a stream (server role only); its head follows on the handler that is returned. */
  onStream(stream: FieldsStream): FieldsHandler;
}

export class FieldsStream implements StreamHandler {
  readonly stream = new Stream(this);
  readonly head: RequestHead | ResponseHead;
  readonly trailers = new Trailers();
  handler: FieldsHandler = ORPHAN;
  readonly #opened: ((stream: FieldsStream) => FieldsHandler) | undefined;

  /** @param opened Of a server: says who answers. */
  constructor(opened?: (stream: FieldsStream) => FieldsHandler) {
    this.#opened = opened;
    this.head = opened === undefined ? new ResponseHead() : new RequestHead();
  }

  get id(): number {
    return this.stream.id;
  }

  get canSend(): boolean {
    return this.stream.canSend;
  }

  /**
   * Sends a head, or trailers when `endStream` is set after a head. Does nothing once our direction ended.
   * @throws {RangeError} If a name or value is not Latin-1.
   */
  sendHeaders(fields: Fields, endStream: boolean): void {
    if (!this.canSend) return;
    writeFields(this.stream.beginHead(), fields);
    if (!this.stream.endHead(endStream)) this.stream.reset(ErrorCode.internalError);
  }

  /** As {@link Stream.sendData}. */
  sendData(bytes: Uint8Array, endStream: boolean): number {
    const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.stream.sendData(buf, 0, buf.length, endStream);
  }

  /** Says that received bytes were dealt with, so that the peer may send as many more. */
  consume(bytes: number): void {
    this.stream.consume(bytes);
  }

  /** Ends both directions at once. `onReset` is not called for it. */
  reset(code: number = ErrorCode.cancel): void {
    this.stream.reset(code);
  }

  onHead(endStream: boolean): void {
    if (this.#opened !== undefined) this.handler = this.#opened(this);
    const fields = this.head instanceof RequestHead ? requestFields(this.head) : responseFields(this.head);
    this.handler.onHeaders(fields, endStream);
  }

  onHeadTooLarge(_error: HeadError, endStream: boolean): void {
    this.sendHeaders([":status", "431"], true);
    if (!endStream) this.reset(ErrorCode.noError);
  }

  onData(buf: Buffer, start: number, end: number, endStream: boolean): void {
    this.handler.onData(buf.subarray(start, end), endStream);
  }

  onTrailers(): void {
    this.handler.onTrailers(regularFields(this.trailers, 0));
  }

  onWritable(): void {
    this.handler.onWritable();
  }

  onReset(reset: StreamReset): void {
    this.handler.onReset(reset);
  }

  onClosed(): void {}
}

/** Takes nothing: a stream's handler until somebody answers for it. */
export const ORPHAN: FieldsHandler = {
  onHeaders() {},
  onData() {},
  onTrailers() {},
  onWritable() {},
  onReset() {},
};

export class FieldsSession extends Session {
  constructor(role: Role, handler: FieldsSessionHandler, options: SessionOptions = {}) {
    super(
      role,
      {
        acquireStream: () => new FieldsStream((stream) => handler.onStream(stream)).stream,
        onSettings: (settings) => handler.onSettings(settings),
        onPong: (opaque) => handler.onPong(opaque),
        onGoaway: (code, debug) => handler.onGoaway(code, debug),
        onStreamFault: () => {},
        onFailed: (error) => handler.onFailed(error),
      },
      options,
    );
  }

  /** Opens a stream with a request. @returns Undefined while `canOpen` is false or stream numbers ran out. */
  request(fields: Fields, endStream: boolean, handler: FieldsHandler): FieldsStream | undefined {
    const stream = new FieldsStream();
    stream.handler = handler;
    if (!this.open(stream.stream, fieldValue(fields, ":method") === "HEAD")) return undefined;
    stream.sendHeaders(fields, endStream);
    return stream;
  }
}
