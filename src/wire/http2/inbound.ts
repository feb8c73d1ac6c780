/**
 * What each frame of the peer means for a session, RFC 9113 §5 and §6.
 *
 * @module
 */
import { CLIENT_PREFACE, ErrorCode, Flag, FrameType } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { uint31, uint32 } from "./frame-reader.ts";
import { HeaderBlockAssembler } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { Messages } from "./messages.ts";
import { checkFrame, unpadded } from "./payload.ts";
import type { Session } from "./session.ts";
import { applySettings } from "./settings.ts";

export class Inbound {
  readonly #session: Session;
  readonly #blocks: HeaderBlockAssembler;
  readonly #decoder: HpackDecoder;
  readonly #messages: Messages;
  #prefaceLeft: number;
  #settingsSeen = false;

  constructor(session: Session) {
    this.#session = session;
    this.#blocks = new HeaderBlockAssembler(session.config.headerBlock);
    this.#decoder = new HpackDecoder(session.config.settings.maxHeaderListBytes);
    this.#messages = new Messages(session);
    this.#prefaceLeft = session.role === "server" ? CLIENT_PREFACE.length : 0;
  }

  /** Checks the client's preface. @returns What follows it. */
  skipPreface(chunk: Uint8Array): Uint8Array {
    if (this.#prefaceLeft === 0) return chunk;
    const take = Math.min(this.#prefaceLeft, chunk.length);
    const from = CLIENT_PREFACE.length - this.#prefaceLeft;
    for (let i = 0; i < take; i++) {
      if (chunk[i] !== CLIENT_PREFACE[from + i]) throw fault("The connection does not begin with the HTTP/2 preface");
    }
    this.#prefaceLeft -= take;
    return chunk.subarray(take);
  }

  /** @throws {Http2Error} For a fault of the stream or of the connection. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.#checkOrder(type, flags, streamId);
    checkFrame(type, streamId, payload.length);
    switch (type) {
      case FrameType.data:
        return this.#data(flags, streamId, payload);
      case FrameType.headers:
        return this.#headers(flags, streamId, payload);
      case FrameType.continuation:
        return this.#continuation(flags, streamId, payload);
      case FrameType.rstStream:
        return this.#rstStream(streamId, uint32(payload, 0));
      case FrameType.settings:
        return this.#settings(flags, payload);
      case FrameType.ping:
        return this.#ping(flags, payload);
      case FrameType.goaway:
        return this.#goaway(payload);
      case FrameType.windowUpdate:
        return this.#windowUpdate(streamId, uint31(payload, 0));
      case FrameType.pushPromise:
        throw fault("PUSH_PROMISE came though push is off");
      default:
        // PRIORITY means nothing any more, and unknown types must be ignored (§4.1, §5.3).
        this.#session.flood.count("overhead");
    }
  }

  #checkOrder(type: number, flags: number, streamId: number): void {
    if (!this.#settingsSeen) {
      if (type !== FrameType.settings || flags & Flag.ack) throw fault("The first frame must be SETTINGS");
      this.#settingsSeen = true;
    }
    const open = this.#blocks.openStreamId;
    if (open === undefined || (type === FrameType.continuation && streamId === open)) return;
    throw fault(`Only CONTINUATION of stream ${open} may come now: found a frame of type ${type} on ${streamId}`);
  }

  #data(flags: number, streamId: number, payload: Uint8Array): void {
    const session = this.#session;
    session.receiveWindow.receive(payload.length);
    const stream = session.streams.get(streamId);
    if (stream === undefined || !stream.canReceive) {
      session.consumeConnection(payload.length);
      if (stream !== undefined) throw new Http2Error(ErrorCode.streamClosed, "DATA after the end", streamId);
      return this.#late(streamId, "DATA");
    }
    stream.receiveWindow.receive(payload.length);
    const body = unpadded(flags, payload, false);
    if (body.length < payload.length) stream.consume(payload.length - body.length);
    const ends = (flags & Flag.endStream) !== 0;
    if (body.length === 0 && !ends) session.flood.count("overhead");
    this.#messages.body(stream, body, ends);
  }

  #headers(flags: number, streamId: number, payload: Uint8Array): void {
    const { streams, role } = this.#session;
    if (streams.isIdle(streamId) && (role === "client" || !streams.byPeer(streamId))) {
      throw fault(`Stream ${streamId} cannot be opened by a ${role === "client" ? "server" : "client"}`);
    }
    const fragment = unpadded(flags, payload, (flags & Flag.priority) !== 0);
    const endStream = (flags & Flag.endStream) !== 0;
    const block = this.#blocks.begin(streamId, fragment, endStream, (flags & Flag.endHeaders) !== 0);
    if (block !== undefined) this.#fields(streamId, block.bytes, block.endStream);
  }

  #continuation(flags: number, streamId: number, payload: Uint8Array): void {
    const block = this.#blocks.extend(streamId, payload, (flags & Flag.endHeaders) !== 0);
    if (block !== undefined) this.#fields(streamId, block.bytes, block.endStream);
  }

  #fields(streamId: number, bytes: Uint8Array, endStream: boolean): void {
    // Decoded even for streams that are gone: the decoder's table belongs to the connection.
    const fields = this.#decoder.decode(bytes);
    const stream = this.#session.streams.get(streamId);
    if (stream !== undefined) this.#messages.fields(stream, fields, endStream);
    else if (this.#session.streams.isIdle(streamId)) this.#messages.open(streamId, fields, endStream);
    else this.#late(streamId, "HEADERS");
  }

  /** A frame came for a stream that is not open. */
  #late(streamId: number, what: string): void {
    const { streams, flood } = this.#session;
    if (streams.isIdle(streamId)) throw fault(`${what} came for stream ${streamId}, which is idle`);
    if (!streams.isIgnored(streamId)) {
      throw new Http2Error(ErrorCode.streamClosed, `${what} came for stream ${streamId}, which is closed`);
    }
    flood.count("overhead");
  }

  #rstStream(streamId: number, code: number): void {
    const { streams, flood, role } = this.#session;
    if (streams.isIdle(streamId)) throw fault(`RST_STREAM came for stream ${streamId}, which is idle`);
    const stream = streams.get(streamId);
    if (stream === undefined) return flood.count("overhead");
    if (role === "server") flood.count("resets");
    const by = code === ErrorCode.refusedStream ? "refused" : "remote";
    this.#session.endStream(stream, { code, by, message: "the peer reset the stream" });
  }

  #settings(flags: number, payload: Uint8Array): void {
    const session = this.#session;
    if (flags & Flag.ack) {
      if (payload.length > 0) throw new Http2Error(ErrorCode.frameSizeError, "An acknowledgement carries no settings");
      this.#decoder.limitTable(session.config.settings.headerTableBytes);
      return session.settingsAcknowledged();
    }
    session.flood.count("settings");
    const settings = applySettings(session.remoteSettings, payload);
    if (session.role === "client" && settings.enablePush && !session.remoteSettings.enablePush)
      throw fault("A server cannot turn push on");
    try {
      session.remoteChanged(settings);
    } catch (error) {
      // A window that grows too large by SETTINGS ends the connection, not the stream (§6.9.2).
      throw error instanceof Http2Error ? new Http2Error(error.code, error.message) : error;
    }
  }

  #ping(flags: number, payload: Uint8Array): void {
    if (flags & Flag.ack) return this.#session.pong(uint32(payload, 4));
    this.#session.flood.count("overhead");
    this.#session.writer.ping(payload, true);
  }

  #goaway(payload: Uint8Array): void {
    const debug = new TextDecoder().decode(payload.subarray(8, 8 + 256));
    this.#session.remoteGoaway(uint31(payload, 0), uint32(payload, 4), debug);
  }

  #windowUpdate(streamId: number, increment: number): void {
    const { streams, sendWindow, flood } = this.#session;
    if (increment === 0) throw new Http2Error(ErrorCode.protocolError, "WINDOW_UPDATE must be > 0", streamId);
    if (streamId === 0) return sendWindow.widen(increment);
    if (streams.isIdle(streamId)) throw fault(`WINDOW_UPDATE came for stream ${streamId}, which is idle`);
    const stream = streams.get(streamId);
    if (stream === undefined) flood.count("overhead");
    else stream.sendWindow.widen(increment);
  }
}

const fault = (message: string): Http2Error => new Http2Error(ErrorCode.protocolError, message);
