/**
 * Heads, bodies and trailers of the peer: checked as HTTP messages and passed to their stream, RFC 9113 §8.
 *
 * @module
 */
import { ErrorCode } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { inspectSection, type Section, type SectionFacts } from "./fields.ts";
import type { Fields } from "./hpack-decoder.ts";
import type { Session } from "./session.ts";
import { ORPHAN, type Stream } from "./stream.ts";

export class Messages {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** A request opens a stream. `fields` is undefined when there were too many. */
  open(streamId: number, fields: Fields | undefined, endStream: boolean): void {
    const session = this.#session;
    const { streams, config } = session;
    streams.lastPeerId = streamId;
    // After our last GOAWAY the peer knows that nobody works on new streams (§6.8).
    if (!session.acceptsStreams) return streams.ignore(streamId);
    if (streams.peerOpen >= config.settings.maxConcurrentStreams) {
      const most = config.settings.maxConcurrentStreams;
      throw new Http2Error(ErrorCode.refusedStream, `At most ${most} streams may be open`, streamId);
    }
    const facts = fields === undefined ? undefined : inspect("request", fields, streamId);
    const stream = session.createStream(streamId, ORPHAN, false);
    if (fields === undefined || facts === undefined) return this.#tooLarge(stream, endStream);
    stream.headReceived = true;
    this.#promise(stream, facts.contentLength, endStream);
    stream.handler = session.handler.onStream(stream);
    stream.handler.onHeaders(fields, endStream);
    session.removeClosed(stream);
  }

  /** A response head or trailers came for an open stream. */
  fields(stream: Stream, fields: Fields | undefined, endStream: boolean): void {
    if (!stream.canReceive) throw new Http2Error(ErrorCode.streamClosed, "HEADERS after the end", stream.id);
    if (fields === undefined) {
      throw new Http2Error(ErrorCode.enhanceYourCalm, "The field list is larger than announced", stream.id);
    }
    if (stream.headReceived) this.#trailers(stream, fields, endStream);
    else this.#response(stream, fields, endStream);
    this.#session.removeClosed(stream);
  }

  body(stream: Stream, bytes: Uint8Array, endStream: boolean): void {
    if (!stream.headReceived) throw malformed(stream.id, "DATA came before the head");
    if (!stream.receiveBody(bytes.length, endStream)) throw malformed(stream.id, "the body is not content-length long");
    if (endStream) stream.endRemote();
    stream.handler.onData(bytes, endStream);
    this.#session.removeClosed(stream);
  }

  #trailers(stream: Stream, fields: Fields, endStream: boolean): void {
    if (!endStream) throw malformed(stream.id, "trailers must end the stream");
    inspect("trailers", fields, stream.id);
    if (!stream.receiveBody(0, true)) throw malformed(stream.id, "the body is not content-length long");
    stream.endRemote();
    stream.handler.onTrailers(fields);
  }

  #response(stream: Stream, fields: Fields, endStream: boolean): void {
    const { status, contentLength } = inspect("response", fields, stream.id);
    if (status < 200) {
      if (endStream) throw malformed(stream.id, `the stream cannot end with status ${status}`);
      return stream.handler.onHeaders(fields, false);
    }
    stream.headReceived = true;
    const bodiless = stream.headRequest || status === 204 || status === 304;
    this.#promise(stream, bodiless ? undefined : contentLength, endStream);
    stream.handler.onHeaders(fields, endStream);
  }

  #promise(stream: Stream, contentLength: number | undefined, endStream: boolean): void {
    stream.promiseBody(contentLength);
    if (!endStream) return;
    if (!stream.receiveBody(0, true)) throw malformed(stream.id, "the body is not content-length long");
    stream.endRemote();
  }

  #tooLarge(stream: Stream, endStream: boolean): void {
    if (endStream) stream.endRemote();
    stream.sendHeaders([":status", "431"], true);
    if (!endStream) stream.reset(ErrorCode.noError);
  }
}

function inspect(section: Section, fields: Fields, streamId: number): SectionFacts {
  const facts = inspectSection(section, fields);
  if (typeof facts === "string") throw malformed(streamId, facts);
  return facts;
}

const malformed = (streamId: number, message: string): Http2Error =>
  new Http2Error(ErrorCode.protocolError, `Malformed message: ${message}`, streamId);
