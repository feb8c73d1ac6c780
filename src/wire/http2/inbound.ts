/**
 * What each frame of the peer means for a session, RFC 9113 §5 and §6.
 *
 * @module
 */
import { CLIENT_PREFACE, ErrorCode, Flag, FrameType } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { type FrameSink, uint31, uint32 } from "./frame-reader.ts";
import { HeaderBlockAssembler } from "./header-block.ts";
import { Messages } from "./messages.ts";
import { blockEnd, blockStart, checkFrame } from "./payload.ts";
import type { Session } from "./session.ts";
import { applySettings } from "./settings.ts";
import type { Stream } from "./stream.ts";

export class Inbound implements FrameSink {
  readonly #session: Session;
  readonly #blocks: HeaderBlockAssembler;
  readonly #messages: Messages;
  #prefaceLeft: number;
  #settingsSeen = false;
  /** The stream that the present DATA frame is for; undefined when nobody wants its bytes. */
  #dataStream: Stream | undefined;
  #dataEndsStream = false;

  constructor(session: Session) {
    this.#session = session;
    this.#blocks = new HeaderBlockAssembler(session.config.headerBlock);
    this.#messages = new Messages(session);
    this.#prefaceLeft = session.role === "server" ? CLIENT_PREFACE.length : 0;
  }

  /** Checks the client's preface. @returns The byte behind it. */
  skipPreface(chunk: Uint8Array): number {
    if (this.#prefaceLeft === 0) return 0;
    const take = Math.min(this.#prefaceLeft, chunk.length);
    const from = CLIENT_PREFACE.length - this.#prefaceLeft;
    for (let i = 0; i < take; i++) {
      if (chunk[i] !== CLIENT_PREFACE[from + i]) throw fault("The connection does not begin with the HTTP/2 preface");
    }
    this.#prefaceLeft -= take;
    return take;
  }

  /** @throws {Http2Error} For a fault of the connection. One of a stream ends that stream. */
  frame(type: number, flags: number, streamId: number, buf: Buffer, start: number, end: number): void {
    const session = this.#session;
    // A handler may have ended the connection while an earlier frame of the chunk was dealt with.
    if (session.isClosed) return;
    try {
      this.#checkOrder(type, flags, streamId);
      checkFrame(type, streamId, end - start);
      this.#dispatch(type, flags, streamId, buf, start, end);
    } catch (error) {
      session.caught(error);
    }
    session.checkOutput();
  }

  #dispatch(type: number, flags: number, streamId: number, buf: Buffer, start: number, end: number): void {
    switch (type) {
      case FrameType.headers:
        return this.#headers(flags, streamId, buf, start, end);
      case FrameType.windowUpdate:
        return this.#windowUpdate(streamId, uint31(buf, start));
      case FrameType.rstStream:
        return this.#rstStream(streamId, uint32(buf, start));
      case FrameType.ping:
        return this.#ping(flags, buf, start);
      case FrameType.settings:
        return this.#settings(flags, buf.subarray(start, end));
      case FrameType.continuation:
        return this.#continuation(flags, buf, start, end);
      case FrameType.goaway:
        return this.#goaway(buf.subarray(start, end));
      case FrameType.pushPromise:
        throw fault("PUSH_PROMISE came though push is off");
      case FrameType.priority:
        // It means nothing any more (§5.3).
        return this.#session.flood.priority();
      default:
        // Unknown types must be ignored (§4.1).
        this.#session.flood.count("overhead");
    }
  }

  #checkOrder(type: number, flags: number, streamId: number): void {
    if (!this.#settingsSeen) {
      if (type !== FrameType.settings || flags & Flag.ack) throw fault("The first frame must be SETTINGS");
      this.#settingsSeen = true;
    }
    const open = this.#blocks.openStreamId;
    if (type === FrameType.continuation) {
      if (open !== 0 && streamId === open) return;
      throw fault(`CONTINUATION of stream ${streamId} follows no HEADERS`);
    }
    if (open === 0) return;
    throw fault(`Only CONTINUATION of stream ${open} may come now: found a frame of type ${type} on ${streamId}`);
  }

  dataBegins(flags: number, streamId: number, payloadBytes: number): void {
    const session = this.#session;
    this.#dataStream = undefined;
    if (session.isClosed) return;
    try {
      this.#checkOrder(FrameType.data, flags, streamId);
      if (streamId === 0) throw fault("DATA must be on a stream: found stream 0");
      this.#beginData(flags, streamId, payloadBytes);
    } catch (error) {
      session.caught(error);
    }
  }

  #beginData(flags: number, streamId: number, payloadBytes: number): void {
    const session = this.#session;
    session.receiveWindow.receive(payloadBytes);
    const stream = session.streams.get(streamId);
    if (stream === undefined || !stream.canReceive) {
      session.consumeConnection(payloadBytes);
      if (stream !== undefined) throw new Http2Error(ErrorCode.streamClosed, "DATA after the end", streamId);
      return this.#late(streamId, "DATA");
    }
    stream.receiveWindow.receive(payloadBytes);
    this.#dataEndsStream = (flags & Flag.endStream) !== 0;
    session.flood.payload(payloadBytes === 0 && !this.#dataEndsStream);
    this.#dataStream = stream;
    this.#dataId = streamId;
    this.#dataPadding = payloadBytes;
  }

  /** Guards against a stream object that serves another stream by now. */
  #dataId = 0;
  /** What is left of the payload once the body bytes are taken from it. */
  #dataPadding = 0;

  /** The stream that the present DATA frame is for, unless it was closed since. */
  #dataTarget(): Stream | undefined {
    const stream = this.#dataStream;
    return stream !== undefined && stream.id === this.#dataId && stream.canReceive ? stream : undefined;
  }

  data(chunk: Buffer, start: number, end: number): void {
    const stream = this.#dataTarget();
    if (stream === undefined) return;
    this.#dataPadding -= end - start;
    // The end comes with the last bytes, unless padding follows them.
    const ends = this.#dataEndsStream && this.#dataPadding === 0;
    if (ends) this.#dataStream = undefined;
    this.#body(stream, chunk, start, end, ends);
  }

  dataEnds(): void {
    const stream = this.#dataTarget();
    this.#dataStream = undefined;
    if (stream === undefined) return;
    if (this.#dataPadding > 0) stream.consume(this.#dataPadding);
    if (this.#dataEndsStream) this.#body(stream, NO_BYTES, 0, 0, true);
  }

  #body(stream: Stream, chunk: Buffer, start: number, end: number, ends: boolean): void {
    try {
      this.#messages.body(stream, chunk, start, end, ends);
    } catch (error) {
      this.#session.caught(error);
    }
    this.#session.checkOutput();
  }

  #headers(flags: number, streamId: number, buf: Buffer, start: number, end: number): void {
    const { streams, role } = this.#session;
    if (streams.isIdle(streamId) && (role === "client" || !streams.byPeer(streamId))) {
      throw fault(`Stream ${streamId} cannot be opened by a ${role === "client" ? "server" : "client"}`);
    }
    const to = blockEnd(flags, buf, start, end);
    const from = blockStart(flags, start);
    // Priority means nothing any more, but a sender that depends on itself is broken (RFC 7540 §5.3.1), and Envoy says so.
    if (flags & Flag.priority && uint31(buf, from - 5) === streamId)
      throw fault(`Stream ${streamId} depends on itself`);
    const endStream = (flags & Flag.endStream) !== 0;
    this.#blocks.checkBytes(to - from);
    this.#session.flood.payload(from === to && !endStream);
    if (flags & Flag.endHeaders) this.#fields(streamId, buf, from, to, endStream);
    else this.#blocks.begin(streamId, endStream, buf, from, to);
  }

  #continuation(flags: number, buf: Buffer, start: number, end: number): void {
    const streamId = this.#blocks.openStreamId;
    this.#session.flood.payload(start === end);
    const block = this.#blocks.extend(buf, start, end, (flags & Flag.endHeaders) !== 0);
    if (block !== undefined) this.#fields(streamId, block, 0, block.length, this.#blocks.endStream);
  }

  #fields(streamId: number, buf: Buffer, start: number, end: number, endStream: boolean): void {
    const { streams } = this.#session;
    const stream = streams.get(streamId);
    if (stream !== undefined) return this.#messages.fields(stream, buf, start, end, endStream);
    if (streams.isIdle(streamId)) return this.#messages.open(streamId, buf, start, end, endStream);
    this.#messages.skip(buf, start, end);
    this.#late(streamId, "HEADERS");
  }

  /** A frame came for a stream that is not open. */
  #late(streamId: number, what: string): void {
    const { streams, flood } = this.#session;
    if (streams.isIdle(streamId)) throw fault(`${what} came for stream ${streamId}, which is idle`);
    if (!streams.isIgnored(streamId)) {
      throw new Http2Error(ErrorCode.streamClosed, `${what} came for stream ${streamId}, which is closed`);
    }
    // DATA is bounded by its window, and was under way when the stream ended.
    if (what !== "DATA") flood.late();
  }

  #rstStream(streamId: number, code: number): void {
    const { streams, flood, role } = this.#session;
    if (streams.isIdle(streamId)) throw fault(`RST_STREAM came for stream ${streamId}, which is idle`);
    const stream = streams.get(streamId);
    if (stream === undefined) return flood.late();
    if (role === "server") flood.reset(stream.openedMs);
    const by = code === ErrorCode.refusedStream ? "refused" : "remote";
    this.#session.endStream(stream, { code, by, message: "the peer reset the stream" });
  }

  #settings(flags: number, payload: Uint8Array): void {
    const session = this.#session;
    if (flags & Flag.ack) {
      if (payload.length > 0) throw new Http2Error(ErrorCode.frameSizeError, "An acknowledgement carries no settings");
      this.#messages.decoder.limitTable(session.config.settings.headerTableBytes);
      return session.settingsAcknowledged();
    }
    session.flood.count("settings");
    const settings = applySettings(session.remoteSettings, payload);
    if (session.role === "client" && settings.enablePush && !session.remoteSettings.enablePush)
      throw fault("A server cannot turn push on");
    session.remoteChanged(settings);
  }

  #ping(flags: number, buf: Buffer, start: number): void {
    if (flags & Flag.ack) return this.#session.pong(uint32(buf, start + 4));
    this.#session.flood.count("overhead");
    this.#session.writer.ping(buf, start, true);
  }

  #goaway(payload: Uint8Array): void {
    const debug = new TextDecoder().decode(payload.subarray(8, 8 + 256));
    this.#session.remoteGoaway(uint31(payload, 0), uint32(payload, 4), debug);
  }

  #windowUpdate(streamId: number, increment: number): void {
    const { streams, flood } = this.#session;
    flood.windowUpdate();
    if (increment === 0) throw new Http2Error(ErrorCode.protocolError, "WINDOW_UPDATE must be > 0", streamId);
    if (streamId === 0) return this.#session.outbound.widen(increment);
    if (streams.isIdle(streamId)) throw fault(`WINDOW_UPDATE came for stream ${streamId}, which is idle`);
    const stream = streams.get(streamId);
    if (stream !== undefined) this.#session.widen(stream, increment);
  }
}

const NO_BYTES = Buffer.alloc(0);

const fault = (message: string): Http2Error => new Http2Error(ErrorCode.protocolError, message);
