/**
 * Heads, bodies and trailers of the peer: decoded, checked as HTTP messages and passed to their stream, RFC 9113 §8.
 *
 * @module
 */
import { BY_LENGTH, type Head, type HeadError, NO_BODY } from "../http1/head.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import { ErrorCode } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { HeadDecoder } from "./head-decoder.ts";
import type { Session } from "./session.ts";
import type { Stream } from "./stream.ts";

/** Interim answers (1xx) to one request: each is passed on at once, whether its reader keeps up or not. */
const MAX_INTERIM_HEADS = 32;

export class Messages {
  readonly decoder: HeadDecoder;
  readonly #session: Session;
  /** A stream that the owner gave and no request has used. */
  #spare: Stream | undefined;

  constructor(session: Session) {
    this.#session = session;
    const { settings, maxHeaders } = session.config;
    this.decoder = new HeadDecoder({
      maxListBytes: settings.maxHeaderListBytes,
      maxHeaders,
      allowConnect: settings.enableConnect,
    });
  }

  /** A field block came for a stream that is gone: read for the table's sake. */
  skip(buf: Buffer, start: number, end: number): void {
    this.decoder.decode(buf, start, end, undefined, false, false);
  }

  /** A request opens a stream. */
  open(streamId: number, buf: Buffer, start: number, end: number, endStream: boolean): void {
    const session = this.#session;
    const { streams, config } = session;
    streams.lastPeerId = streamId;
    const isFull = streams.peerOpen >= config.settings.maxConcurrentStreams;
    if (!session.acceptsStreams || isFull) {
      this.skip(buf, start, end);
      // After our last GOAWAY the peer knows that nobody works on new streams (§6.8).
      if (!session.acceptsStreams) return streams.ignore(streamId);
      const most = config.settings.maxConcurrentStreams;
      throw new Http2Error(ErrorCode.refusedStream, `At most ${most} streams may be open`, streamId);
    }
    const stream = (this.#spare ??= session.handler.acquireStream());
    const { handler } = stream;
    const error = this.decoder.decode(buf, start, end, handler.head, endStream, false);
    if (error !== undefined && error.status !== 431) throw malformed(streamId, error);
    this.#spare = undefined;
    session.attach(stream, streamId, false);
    stream.headReceived = true;
    if (endStream) stream.endRemote();
    if (error !== undefined) handler.onHeadTooLarge(error, endStream);
    else {
      promise(stream, handler.head);
      handler.onHead(endStream);
    }
    session.removeClosed(stream);
  }

  /** A response head or trailers came for an open stream. */
  fields(stream: Stream, buf: Buffer, start: number, end: number, endStream: boolean): void {
    if (!stream.canReceive) {
      this.skip(buf, start, end);
      throw new Http2Error(ErrorCode.streamClosed, "HEADERS after the end", stream.id);
    }
    if (stream.headReceived) this.#trailers(stream, buf, start, end, endStream);
    else this.#response(stream, buf, start, end, endStream);
    this.#session.removeClosed(stream);
  }

  body(stream: Stream, buf: Buffer, start: number, end: number, endStream: boolean): void {
    if (!stream.headReceived) throw new Http2Error(ErrorCode.protocolError, "DATA came before the head", stream.id);
    if (!stream.receiveBody(end - start, endStream)) throw wrongLength(stream.id);
    if (endStream) stream.endRemote();
    stream.handler.onData(buf, start, end, endStream);
    this.#session.removeClosed(stream);
  }

  #trailers(stream: Stream, buf: Buffer, start: number, end: number, endStream: boolean): void {
    const { handler } = stream;
    this.#decode(stream, handler.trailers, buf, start, end, endStream);
    if (!endStream) throw new Http2Error(ErrorCode.protocolError, "Trailers must end the stream", stream.id);
    if (!stream.receiveBody(0, true)) throw wrongLength(stream.id);
    stream.endRemote();
    handler.onTrailers();
  }

  #response(stream: Stream, buf: Buffer, start: number, end: number, endStream: boolean): void {
    const { handler } = stream;
    const head = handler.head as ResponseHead;
    this.#decode(stream, head, buf, start, end, endStream);
    if (head.status >= 200) {
      stream.headReceived = true;
      promise(stream, head);
      if (endStream) stream.endRemote();
    } else if (++stream.interimHeads > MAX_INTERIM_HEADS)
      throw new Http2Error(ErrorCode.enhanceYourCalm, `More than ${MAX_INTERIM_HEADS} interim answers`, stream.id);
    handler.onHead(endStream);
  }

  #decode(stream: Stream, head: Head, buf: Buffer, start: number, end: number, endStream: boolean): void {
    const error = this.decoder.decode(buf, start, end, head, endStream, stream.isToHead);
    if (error === undefined) return;
    if (error.status !== 431) throw malformed(stream.id, error);
    throw new Http2Error(ErrorCode.enhanceYourCalm, `Fields that are too large: ${error.reason}`, stream.id);
  }
}

/** Notes how much body a head allows. */
function promise(stream: Stream, head: Head): void {
  stream.promisedBytes = head.framing === BY_LENGTH ? head.contentLength : head.framing === NO_BODY ? 0 : -1;
}

const malformed = (streamId: number, error: HeadError): Http2Error =>
  new Http2Error(ErrorCode.protocolError, `Malformed message: ${error.reason}`, streamId, true);

/** Its fields were good: as in Envoy, the stream ends and no more. */
const wrongLength = (streamId: number): Http2Error =>
  new Http2Error(ErrorCode.protocolError, "Malformed message: the body is not content-length long", streamId);
