/**
 * Sends the body of one message on a stream: takes chunk framing off, ends the stream with the last of it.
 *
 * @module
 */
import { Dechunker } from "../../wire/http1/dechunk.ts";
import { BY_LENGTH, CHUNKED, type Head, NO_BODY } from "../../wire/http1/head.ts";
import type { Trailers } from "../../wire/http1/trailers.ts";
import type { Stream } from "../../wire/http2/stream.ts";

const NO_BYTES = Buffer.alloc(0);

/** Whether nothing follows a head. */
export const endsWithHead = ({ framing, contentLength }: Head): boolean =>
  framing === NO_BODY || (framing === BY_LENGTH && contentLength === 0);

export class BodySender {
  readonly #stream: Stream;
  #dechunker: Dechunker | undefined;
  /** Body bytes that are still to come; Infinity where nobody told. */
  #leftBytes = Infinity;
  /** Trailers that wait behind the body. */
  #trailers: Trailers | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** The head has been sent. */
  begin(head: Head): void {
    this.beginTunnel();
    if (head.framing === CHUNKED) this.#dechunker = new Dechunker();
    // Of HTTP/2 trailers may follow a body whose length is told; of HTTP/1.1 nothing does.
    else if (head.framing === BY_LENGTH && !head.isHttp2) this.#leftBytes = head.contentLength;
  }

  /** The stream has become something else: bytes pass as they are, until the end. */
  beginTunnel(): void {
    this.#dechunker = undefined;
    this.#leftBytes = Infinity;
    this.#trailers = undefined;
  }

  /** Body bytes as the head frames them, which stay as they are. False: stop until the stream is writable. */
  write(buf: Uint8Array, start: number, end: number): boolean {
    const dechunker = this.#dechunker;
    if (dechunker === undefined) return this.#send(buf, start, end);
    for (let pos = dechunker.next(buf, start, end); pos >= 0; pos = dechunker.next(buf, pos, end))
      this.#send(buf, dechunker.start, pos);
    return this.#stream.waitingBytes === 0;
  }

  #send(buf: Uint8Array, start: number, end: number): boolean {
    if (start === end) return this.#stream.waitingBytes === 0;
    this.#leftBytes -= end - start;
    return this.#stream.write(buf, start, end, this.#leftBytes === 0);
  }

  /** The body is complete. */
  end(trailers: Trailers | undefined): void {
    const stream = this.#stream;
    if (!stream.canSend || this.#leftBytes === 0) return;
    this.#leftBytes = 0;
    if (trailers === undefined) stream.write(NO_BYTES, 0, 0, true);
    else if (stream.waitingBytes === 0) sendTrailers(stream, trailers);
    // They are their sender's, who may be at something else when the body has left.
    else this.#trailers = trailers.copy();
  }

  /** Nothing of the body waits any more. */
  onWritable(): void {
    const trailers = this.#trailers;
    this.#trailers = undefined;
    if (trailers !== undefined) sendTrailers(this.#stream, trailers);
  }
}

function sendTrailers(stream: Stream, trailers: Trailers): void {
  stream.beginHead().lines(trailers, (line) => trailers.isHopByHop(line));
  // Too large for the peer: it gets none, rather than a message without an end.
  if (!stream.endHead(true)) stream.write(NO_BYTES, 0, 0, true);
}
