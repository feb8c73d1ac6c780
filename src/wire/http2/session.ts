/**
 * One HTTP/2 connection as a state machine without I/O, RFC 9113, for both roles.
 *
 * Bytes of the peer go into {@link Session.receive}, which calls the handlers. What is to be written gathers
 * in {@link Session.output} until {@link Session.consumeOutput} takes it. The owner writes it after each call
 * into the session or its streams, and stops reading while {@link Session.congested}.
 *
 * Heads are the `RequestHead` and `ResponseHead` of `wire/http1` (see `head-builder.ts` for what they hold); `fields-session.ts`
 * offers strings instead, for those who are not in a hurry.
 *
 * ```ts
 * // A server. Stream objects are the owner's: `onClosed` says when one is free for another request.
 * const session = new Session("server", { acquireStream: () => free.pop() ?? new ServerStream().stream, ... }, options);
 * class ServerStream implements StreamHandler {
 *   readonly stream = new Stream(this);
 *   readonly head = new RequestHead();
 *   get trailers() { return (this.#trailers ??= new Trailers()); }
 *   onHead(endStream) { ... }
 *   onData(buf, start, end, endStream) { ...; this.stream.consume(end - start) when they have been passed on; }
 * }
 * // An answer: head, body, trailers.
 * const fields = stream.beginHead();
 * fields.status(200);
 * fields.lines(head, drops);
 * fields.header("server", "istio-envoy");
 * if (!stream.endHead(false)) ...too large for the peer, nothing was sent;
 * if (!stream.write(buf, start, end, true)) ...stop until onWritable;
 * // A client.
 * if (session.open(stream, method === "HEAD")) { const fields = stream.beginHead(); fields.request(...); ...; stream.endHead(done); }
 * // Once an event, and about once a second:
 * session.writeOutput(socket);
 * if (!session.sweep(nowMs)) ...the peer does not answer PINGs: close;
 * ```
 *
 * Not done: server push (refused), priorities (ignored, RFC 9113 §5.3).
 *
 * @module
 */
import { DEFAULT_WINDOW_BYTES, ErrorCode, errorName, MAX_STREAM_ID, MAX_WINDOW_BYTES } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { FieldWriter } from "./field-writer.ts";
import { FloodGuard } from "./flood.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { Inbound } from "./inbound.ts";
import { type SessionConfig, type SessionOptions, sessionConfig } from "./options.ts";
import { Keepalive } from "./keepalive.ts";
import { Outbound, tooWide } from "./outbound.ts";
import { OutputBuffer } from "./output.ts";
import { StreamRegistry } from "./registry.ts";
import { INITIAL_SETTINGS, type Settings, settingsEntries } from "./settings.ts";
import type { Stream, StreamPort, StreamReset } from "./stream.ts";
import type { OutputSink, Role, SessionHandler } from "./session-handler.ts";
import { ReceiveWindow } from "./window.ts";

export type { Role, SessionHandler } from "./session-handler.ts";

type Phase =
  /** Takes and opens streams. */
  | { readonly t: "open" }
  /** We said GOAWAY with the highest number; what the peer opened before it heard that is still taken. */
  | { readonly t: "draining" }
  /** We said GOAWAY with the last stream that we answer. */
  | { readonly t: "drained" }
  | { readonly t: "closed" };

/** Pings of our own that ask nothing of the owner. */
const DRAIN_PING = 0xffff_ffff;
/** Our PINGs that only ask whether somebody is there. */
const KEEPALIVE_PING = 0xffff_fffe;
/** Body bytes stop at `maxOutputBytes`; heads of as many streams as may be open, and answers to what one read brought, go beyond it. */
const HEADS_FACTOR = 16;
const PING_BYTES = new Uint8Array(8);

export class Session implements StreamPort {
  readonly role: Role;
  readonly config: SessionConfig;
  readonly handler: SessionHandler;
  readonly streams: StreamRegistry;
  readonly writer: FrameWriter;
  readonly fields: FieldWriter;
  readonly flood: FloodGuard;
  readonly outbound: Outbound;
  readonly receiveWindow = new ReceiveWindow();
  readonly #out = new OutputBuffer();
  readonly #reader: FrameReader;
  readonly #inbound: Inbound;
  readonly #keepalive: Keepalive;
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
    const { settings, connectionWindowBytes, encoderTableBytes } = this.config;
    this.streams = new StreamRegistry(role);
    this.flood = new FloodGuard(this.config.flood);
    this.#reader = new FrameReader(settings.maxFrameBytes);
    this.writer = new FrameWriter(this.#out, INITIAL_SETTINGS.maxFrameBytes);
    this.fields = new FieldWriter(this.#out, encoderTableBytes);
    this.outbound = new Outbound(this.#out, this.writer, this.fields, this.flood, this.config.maxOutputBytes);
    this.#keepalive = new Keepalive(this.config.keepalive);
    this.receiveWindow.begin(connectionWindowBytes, 0);
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

  /** Length of {@link output}. */
  get outputBytes(): number {
    return this.#out.length;
  }

  /**
   * So much waits to be written that nothing more should be read until some of it is gone. Never so of a client, whose
   * own requests wait there: two sides that each wait for the other to read would wait forever.
   */
  get congested(): boolean {
    return this.role === "server" && this.#out.length > 2 * this.config.maxOutputBytes;
  }

  /** A new stream of ours would be accepted now. */
  get canOpen(): boolean {
    if (this.#phase.t !== "open" || this.#remoteGoaway || !this.streams.hasLocalId) return false;
    return this.streams.localOpen < this.#remote.maxConcurrentStreams;
  }

  /** Nothing more will happen: close once the output is written. */
  get finished(): boolean {
    if (this.#phase.t === "closed") return true;
    return this.streams.size === 0 && (this.#phase.t === "drained" || this.#remoteGoaway);
  }

  get isClosed(): boolean {
    return this.#phase.t === "closed";
  }

  /** What the peer asks for. */
  get remoteSettings(): Settings {
    return this.#remote;
  }

  /**
   * Takes bytes of the peer. They are not kept, but parts of them are passed to `onData`.
   *
   * @param nowMs A clock that never goes back; refills the flood bounds.
   */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.isClosed) return;
    this.flood.tick(nowMs);
    this.#keepalive.heard();
    try {
      this.#reader.read(asBuffer(chunk), this.#inbound.skipPreface(chunk), this.#inbound);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.fail(error);
    }
    this.outbound.wake();
  }

  /** Writes what waits to a socket, until that takes no more. */
  writeOutput(socket: OutputSink): void {
    const out = this.#out;
    while (out.length > 0) {
      const taken = socket.write(out.bytes, out.from, out.length);
      if (taken === 0) return;
      this.consumeOutput(taken);
    }
  }

  /** Says that `bytes` of the output were written. */
  consumeOutput(bytes: number): void {
    const before = this.#out.length;
    this.#out.consume(bytes);
    if (before > 0) this.writer.consumed(before, this.#out.length);
    this.outbound.wake();
  }

  /**
   * Opens a stream for a request, whose head must follow at once.
   *
   * @param isToHead The method is HEAD.
   * @returns False while {@link canOpen} is false.
   */
  open(stream: Stream, isToHead: boolean): boolean {
    const id = this.canOpen ? this.streams.takeLocalId() : undefined;
    if (id === undefined) return false;
    this.attach(stream, id, isToHead);
    return true;
  }

  /** Sends a PING; `onPong` gets the same number (below 2^32 - 2) back. */
  ping(opaque: number): void {
    if (this.isClosed) return;
    new DataView(PING_BYTES.buffer).setUint32(4, opaque);
    this.writer.ping(PING_BYTES, 0, false);
  }

  /** Asks the peer whether it is there when it is time to, and gives back memory. Call about once a second. @returns False when it is not: close. */
  sweep(nowMs: number): boolean {
    this.#out.trim();
    const due = this.isClosed ? "nothing" : this.#keepalive.step(nowMs);
    if (due === "ping") this.ping(KEEPALIVE_PING);
    return due !== "dead";
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
    if (this.isClosed) return;
    this.writer.goaway(this.streams.lastPeerId, error.code, error.message);
    this.#close({ code: error.code, by: "connection", message: error.message });
    this.handler.onFailed(error);
  }

  #close(reset: StreamReset): void {
    this.#phase = { t: "closed" };
    this.outbound.forgetAll();
    for (const stream of this.streams.all()) this.endStream(stream, reset);
  }

  // ---- for Inbound ----

  /** Ends the stream that a fault belongs to. @throws What is not a fault of a stream. */
  caught(error: unknown): void {
    if (!(error instanceof Http2Error) || error.streamId === 0) throw error;
    if (error.isMalformed && !this.config.streamErrorOnMalformed) throw new Http2Error(error.code, error.message);
    this.streamFault(error);
  }

  checkOutput(): void {
    this.flood.outbound(this.writer.frames, this.writer.controlFrames);
    if (this.#out.length <= HEADS_FACTOR * this.config.maxOutputBytes) return;
    throw new Http2Error(ErrorCode.enhanceYourCalm, `${this.#out.length} bytes wait to be written`);
  }

  get acceptsStreams(): boolean {
    return this.#phase.t === "open" || this.#phase.t === "draining";
  }

  attach(stream: Stream, id: number, isToHead: boolean): void {
    if (!stream.isClosed) throw new Error(`a stream object is opened again while it serves stream ${stream.id}`);
    stream.begin(this, id, this.#remote.initialWindowBytes, this.#streamWindowBytes, isToHead);
    stream.openedMs = this.flood.nowMs;
    this.flood.opened();
    this.streams.add(stream);
  }

  /** The peer broke the rules on one stream, which we end. */
  streamFault(error: Http2Error): void {
    this.flood.count("faults");
    const stream = this.streams.get(error.streamId);
    this.#writeReset(error.streamId, error.code);
    this.handler.onStreamFault(error);
    if (stream !== undefined) this.endStream(stream, { code: error.code, by: "local", message: error.message });
  }

  /** Ends a stream early and tells its handler, unless another handler has ended it meanwhile. */
  endStream(stream: Stream, reset: StreamReset): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.#forget(stream);
    stream.handler.onReset(reset);
    stream.handler.onClosed();
  }

  /** Lets a stream go whose two directions have ended. */
  removeClosed(stream: Stream): void {
    if (!stream.isClosed || !this.streams.remove(stream)) return;
    this.flood.closed();
    this.outbound.forget(stream);
    stream.close();
    stream.handler.onClosed();
  }

  settingsAcknowledged(): void {
    const change = this.config.settings.initialWindowBytes - this.#streamWindowBytes;
    this.#streamWindowBytes += change;
    if (change === 0) return;
    for (const stream of this.streams.all()) {
      stream.receiveWindow.resize(change);
      // What was too little to tell for a large window may be all that a small one has.
      this.consume(stream, 0);
    }
  }

  remoteChanged(settings: Settings): void {
    const change = settings.initialWindowBytes - this.#remote.initialWindowBytes;
    if (settings.headerTableBytes !== this.#remote.headerTableBytes) this.fields.limitTable(settings.headerTableBytes);
    this.#remote = settings;
    this.writer.maxFrameBytes = settings.maxFrameBytes;
    this.writer.settingsAck();
    for (const stream of this.streams.all()) {
      stream.sendWindowBytes += change;
      // A window that grows too large by SETTINGS ends the connection, not the stream (§6.9.2).
      if (stream.sendWindowBytes > MAX_WINDOW_BYTES) throw tooWide(0);
    }
    this.handler.onSettings(settings);
  }

  widen(stream: Stream, bytes: number): void {
    stream.sendWindowBytes += bytes;
    if (stream.sendWindowBytes > MAX_WINDOW_BYTES) throw tooWide(stream.id);
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
    if (opaque === KEEPALIVE_PING) return;
    if (opaque !== DRAIN_PING) return this.handler.onPong(opaque);
    if (this.#phase.t !== "draining") return;
    this.#phase = { t: "drained" };
    this.writer.goaway(this.streams.lastPeerId, ErrorCode.noError, "");
  }

  // ---- StreamPort ----

  beginHead(): void {
    this.outbound.beginHead();
  }

  endHead(stream: Stream, endStream: boolean): boolean {
    if (!this.outbound.endHead(stream, endStream, this.#remote.maxHeaderListBytes)) return false;
    if (endStream) this.#endLocal(stream);
    return true;
  }

  sendData(stream: Stream, buf: Uint8Array, start: number, end: number, endStream: boolean): number {
    const taken = this.outbound.sendData(stream, buf, start, end, endStream);
    if (endStream && taken === end - start) this.#endLocal(stream);
    return taken;
  }

  consume(stream: Stream, bytes: number): void {
    const held = Math.min(bytes, stream.receiveWindow.heldBytes);
    const increment = stream.receiveWindow.consume(held);
    if (increment > 0 && stream.canReceive) this.writer.windowUpdate(stream.id, increment);
    this.consumeConnection(held);
  }

  consumeConnection(bytes: number): void {
    const increment = this.receiveWindow.consume(bytes);
    if (increment > 0 && !this.isClosed) this.writer.windowUpdate(0, increment);
  }

  reset(stream: Stream, code: number): void {
    // A stream whose head was not sent is idle to the peer, and may not be named.
    if (stream.headSent || this.streams.byPeer(stream.id)) this.#writeReset(stream.id, code);
    this.#forget(stream);
    stream.handler.onClosed();
  }

  #writeReset(streamId: number, code: number): void {
    if (this.isClosed) return;
    this.writer.rstStream(streamId, code);
    this.streams.ignore(streamId);
  }

  #endLocal(stream: Stream): void {
    stream.endLocal();
    this.removeClosed(stream);
  }

  /** What the stream still held is given back to the connection: nobody will consume it. */
  #forget(stream: Stream): void {
    stream.close();
    if (this.streams.remove(stream)) this.flood.closed();
    this.outbound.forget(stream);
    this.consume(stream, stream.receiveWindow.heldBytes);
  }
}

const asBuffer = (chunk: Uint8Array): Buffer =>
  Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
