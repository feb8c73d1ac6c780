/**
 * One HTTP/2 connection as a state machine without I/O, RFC 9113, for both roles.
 *
 * Bytes of the peer go into {@link Session.receive}, which calls the handlers. What is to be written gathers
 * in {@link Session.output} until {@link Session.consumeOutput} takes it. The owner writes it after each call
 * into the session or its streams, and stops reading while {@link Session.congested}.
 *
 * Not done: server push (refused), priorities (ignored, RFC 9113 §5.3), extended CONNECT.
 *
 * @module
 */
import { DEFAULT_WINDOW_BYTES, ErrorCode, errorName, MAX_STREAM_ID } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { FloodGuard } from "./flood.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Fields } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { fieldValue } from "./fields.ts";
import { Inbound } from "./inbound.ts";
import { type SessionConfig, type SessionOptions, sessionConfig } from "./options.ts";
import { OutputBuffer } from "./output.ts";
import { StreamRegistry } from "./registry.ts";
import { INITIAL_SETTINGS, type Settings, settingsEntries } from "./settings.ts";
import { Stream, type StreamHandler, type StreamPort, type StreamReset } from "./stream.ts";
import { ReceiveWindow, SendWindow } from "./window.ts";

export type Role = "client" | "server";

export interface SessionHandler {
  /** The peer opened a stream (server role only); its head follows on the handler that is returned. */
  onStream(stream: Stream): StreamHandler;
  onSettings(settings: Settings): void;
  /** A {@link Session.ping} came back. */
  onPong(opaque: number): void;
  /** The peer takes no more streams. Those it will not answer have been reset as `refused`. */
  onGoaway(code: number, debug: string): void;
  /** The peer broke the protocol. Its GOAWAY is in the output: write it, then close. */
  onFailed(error: Http2Error): void;
}

type Phase =
  /** Takes and opens streams. */
  | { readonly t: "open" }
  /** We said GOAWAY with the highest number; what the peer opened before it heard that is still taken. */
  | { readonly t: "draining" }
  /** We said GOAWAY with the last stream that we answer. */
  | { readonly t: "drained"; readonly lastStreamId: number }
  | { readonly t: "closed" };

/** Pings of our own that ask nothing of the owner. */
const DRAIN_PING = 0xffff_ffff;

export class Session implements StreamPort {
  readonly role: Role;
  readonly config: SessionConfig;
  readonly handler: SessionHandler;
  readonly streams: StreamRegistry;
  readonly writer: FrameWriter;
  readonly flood: FloodGuard;
  readonly sendWindow = new SendWindow(DEFAULT_WINDOW_BYTES, 0);
  readonly receiveWindow: ReceiveWindow;
  readonly #out = new OutputBuffer();
  readonly #encoder = new HpackEncoder();
  readonly #reader: FrameReader;
  readonly #inbound: Inbound;
  readonly #blocked = new Set<Stream>();
  #remote: Settings;
  /** Windows of new streams: ours count from the moment the peer acknowledged them. */
  #streamWindowBytes = DEFAULT_WINDOW_BYTES;
  #phase: Phase = { t: "open" };
  #remoteGoaway = false;

  constructor(role: Role, handler: SessionHandler, options: SessionOptions = {}) {
    this.role = role;
    this.handler = handler;
    this.config = sessionConfig(role, options);
    // A server says nothing of push, and may not turn it on.
    this.#remote = { ...INITIAL_SETTINGS, enablePush: role === "server" };
    const { settings, connectionWindowBytes } = this.config;
    this.streams = new StreamRegistry(role);
    this.flood = new FloodGuard(this.config.flood);
    this.#reader = new FrameReader(settings.maxFrameBytes);
    this.writer = new FrameWriter(this.#out, INITIAL_SETTINGS.maxFrameBytes);
    this.receiveWindow = new ReceiveWindow(connectionWindowBytes, 0);
    this.#inbound = new Inbound(this);
    if (role === "client") this.writer.preface();
    this.writer.settings(settingsEntries(settings));
    const extra = connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (extra > 0) this.writer.windowUpdate(0, extra);
  }

  /** What must be written next. Valid until the next call into the session. */
  get output(): Uint8Array {
    return this.#out.view;
  }

  /** So much waits to be written that nothing more should be read until some of it is gone. */
  get congested(): boolean {
    return this.#out.length > 2 * this.config.maxOutputBytes;
  }

  /** A new stream of ours would be accepted now. */
  get canOpen(): boolean {
    return (
      this.#phase.t === "open" && !this.#remoteGoaway && this.streams.localOpen < this.#remote.maxConcurrentStreams
    );
  }

  /** Nothing more will happen: close once the output is written. */
  get finished(): boolean {
    if (this.#phase.t === "closed") return true;
    return this.streams.size === 0 && (this.#phase.t === "drained" || this.#remoteGoaway);
  }

  /** What the peer asks for. */
  get remoteSettings(): Settings {
    return this.#remote;
  }

  /**
   * Takes bytes of the peer. They are not kept.
   *
   * @param nowMs A clock that never goes back; refills the flood bounds.
   */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.#phase.t === "closed") return;
    this.flood.tick(nowMs);
    try {
      const rest = this.#inbound.skipPreface(chunk);
      if (rest.length > 0) this.#reader.read(rest, (type, flags, id, payload) => this.#take(type, flags, id, payload));
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.fail(error);
    }
    this.#wakeBlocked();
  }

  /** Says that `bytes` of the output were written. */
  consumeOutput(bytes: number): void {
    this.#out.consume(bytes);
    this.#wakeBlocked();
  }

  /** Opens a stream with a request. @returns Undefined while {@link canOpen} is false or stream numbers ran out. */
  request(fields: Fields, endStream: boolean, handler: StreamHandler): Stream | undefined {
    const id = this.canOpen ? this.streams.takeLocalId() : undefined;
    if (id === undefined) return undefined;
    const stream = this.createStream(id, handler, fieldValue(fields, ":method") === "HEAD");
    stream.sendHeaders(fields, endStream);
    return stream;
  }

  /** Sends a PING; `onPong` gets the same number (below 2^32 - 1) back. */
  ping(opaque: number): void {
    if (this.#phase.t === "closed") return;
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(4, opaque);
    this.writer.ping(bytes, false);
  }

  /** Stops taking streams gracefully, RFC 9113 §6.8: those open go on, and {@link finished} says when they are done. */
  drain(): void {
    if (this.#phase.t !== "open") return;
    this.#phase = { t: "draining" };
    this.writer.goaway(MAX_STREAM_ID, ErrorCode.noError, "");
    // When this comes back, the peer has seen the GOAWAY and opens no more.
    this.ping(DRAIN_PING);
  }

  /** The connection is gone: every stream ends, nothing is written. */
  disconnected(message: string): void {
    this.#close({ code: ErrorCode.cancel, by: "connection", message });
    this.#out.clear();
  }

  /** Ends the connection with GOAWAY because of a fault. */
  fail(error: Http2Error): void {
    if (this.#phase.t === "closed") return;
    this.writer.goaway(this.streams.lastPeerId, error.code, error.message);
    this.#close({ code: error.code, by: "connection", message: error.message });
    this.handler.onFailed(error);
  }

  #close(reset: StreamReset): void {
    this.#phase = { t: "closed" };
    this.#blocked.clear();
    for (const stream of this.streams.all()) this.endStream(stream, reset);
  }

  #take(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    // A handler may have ended the connection while an earlier frame of the chunk was dealt with.
    if (this.#phase.t === "closed") return;
    try {
      this.#inbound.frame(type, flags, streamId, payload);
    } catch (error) {
      if (!(error instanceof Http2Error) || error.streamId === 0) throw error;
      this.streamFault(error);
    }
    if (this.#out.length > 4 * this.config.maxOutputBytes) {
      throw new Http2Error(ErrorCode.enhanceYourCalm, `${this.#out.length} bytes wait to be written`);
    }
  }

  // ---- for Inbound ----

  get acceptsStreams(): boolean {
    return this.#phase.t === "open" || this.#phase.t === "draining";
  }

  createStream(id: number, handler: StreamHandler, headRequest: boolean): Stream {
    const windows = { sendBytes: this.#remote.initialWindowBytes, receiveBytes: this.#streamWindowBytes };
    const stream = new Stream(this, id, handler, windows, headRequest);
    this.streams.add(stream);
    return stream;
  }

  /** The peer broke the rules on one stream, which we end. */
  streamFault(error: Http2Error): void {
    this.flood.count("resets");
    const stream = this.streams.get(error.streamId);
    this.#writeReset(error.streamId, error.code);
    if (stream !== undefined) this.endStream(stream, { code: error.code, by: "local", message: error.message });
  }

  /** Ends a stream early and tells its handler. */
  endStream(stream: Stream, reset: StreamReset): void {
    this.#forget(stream);
    stream.handler.onReset(reset);
  }

  /** Removes a stream whose two directions have ended. */
  removeClosed(stream: Stream): void {
    if (stream.state !== "closed") return;
    this.streams.remove(stream);
    this.#blocked.delete(stream);
  }

  settingsAcknowledged(): void {
    const change = this.config.settings.initialWindowBytes - this.#streamWindowBytes;
    this.#streamWindowBytes += change;
    for (const stream of this.streams.all()) {
      stream.receiveWindow.resize(change);
      // What was too little to tell for a large window may be all that a small one has.
      this.consume(stream, 0);
    }
  }

  remoteChanged(settings: Settings): void {
    const change = settings.initialWindowBytes - this.#remote.initialWindowBytes;
    if (settings.headerTableBytes < this.#remote.headerTableBytes) this.#encoder.tableReduced();
    this.#remote = settings;
    this.writer.maxFrameBytes = settings.maxFrameBytes;
    this.writer.settingsAck();
    for (const stream of this.streams.all()) stream.sendWindow.widen(change);
    this.handler.onSettings(settings);
  }

  remoteGoaway(lastStreamId: number, code: number, debug: string): void {
    this.#remoteGoaway = true;
    const message = `the peer is going away (${errorName(code)}) and did not work on this stream`;
    for (const stream of this.streams.all()) {
      if (this.streams.byPeer(stream.id) || stream.id <= lastStreamId) continue;
      this.endStream(stream, { code: ErrorCode.refusedStream, by: "refused", message });
    }
    this.handler.onGoaway(code, debug);
  }

  pong(opaque: number): void {
    if (opaque !== DRAIN_PING) return this.handler.onPong(opaque);
    if (this.#phase.t !== "draining") return;
    const lastStreamId = this.streams.lastPeerId;
    this.#phase = { t: "drained", lastStreamId };
    this.writer.goaway(lastStreamId, ErrorCode.noError, "");
  }

  // ---- StreamPort ----

  sendHeaders(stream: Stream, fields: Fields, endStream: boolean): void {
    this.writer.headers(stream.id, this.#encoder.encode(fields), endStream);
    if (endStream) this.#endLocal(stream);
  }

  sendData(stream: Stream, bytes: Uint8Array, endStream: boolean): number {
    const room = this.config.maxOutputBytes - this.#out.length;
    const most = Math.max(Math.min(bytes.length, room, this.sendWindow.bytes, stream.sendWindow.bytes), 0);
    const ends = endStream && most === bytes.length;
    if (ends && most === 0) this.writer.data(stream.id, bytes, 0, 0, true);
    for (let at = 0, to = 0; to < most; at = to) {
      to = Math.min(at + this.writer.maxFrameBytes, most);
      this.writer.data(stream.id, bytes, at, to, ends && to === most);
    }
    this.sendWindow.spend(most);
    stream.sendWindow.spend(most);
    if (most < bytes.length) this.#blocked.add(stream);
    else if (ends) this.#endLocal(stream);
    return most;
  }

  consume(stream: Stream, bytes: number): void {
    const held = Math.min(bytes, stream.receiveWindow.heldBytes);
    const increment = stream.receiveWindow.consume(held);
    if (increment > 0 && stream.canReceive) this.writer.windowUpdate(stream.id, increment);
    this.consumeConnection(held);
  }

  consumeConnection(bytes: number): void {
    const increment = this.receiveWindow.consume(bytes);
    if (increment > 0 && this.#phase.t !== "closed") this.writer.windowUpdate(0, increment);
  }

  reset(stream: Stream, code: number, _message: string): void {
    this.#writeReset(stream.id, code);
    this.#forget(stream);
  }

  #writeReset(streamId: number, code: number): void {
    this.writer.rstStream(streamId, code);
    this.streams.ignore(streamId);
  }

  #endLocal(stream: Stream): void {
    if (stream.endLocal()) this.removeClosed(stream);
  }

  /** What the stream still held is given back to the connection: nobody will consume it. */
  #forget(stream: Stream): void {
    stream.close();
    this.removeClosed(stream);
    this.consume(stream, stream.receiveWindow.heldBytes);
  }

  #wakeBlocked(): void {
    if (this.#blocked.size === 0) return;
    for (const stream of Array.from(this.#blocked)) {
      if (this.sendWindow.bytes <= 0 || this.#out.length >= this.config.maxOutputBytes) return;
      if (stream.sendWindow.bytes <= 0) continue;
      // Those that block again go to the end, so that all have their turn.
      this.#blocked.delete(stream);
      stream.handler.onWritable();
    }
  }
}
