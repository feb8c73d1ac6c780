/**
 * Finds the end of a body that passes by untouched. Chunk sizes and trailers are read strictly (RFC 9112 §7.1):
 * hexadecimal digits, CRLF line ends, bounded extensions and trailers. A trailer that would frame, route or authorize
 * the message if its reader merged it into the head is refused (RFC 9110 §6.5.1).
 *
 * @module
 */
import { CHAR, COLON, CR, HEX, LF, LOWER, SP, TAB, TOKEN, VALUE } from "./chars.ts";
import { afterByte, EXTENSION_START, type ExtensionState, mayEnd } from "./chunk-extension.ts";
import { BY_LENGTH, CHUNKED, type Framing, NO_BODY } from "./head.ts";
import { Trailers } from "./trailers.ts";

/** A chunk's extensions. */
const MAX_EXTENSION_BYTES = 1024;
const MAX_TRAILER_BYTES = 8192;
/** Twelve digits stay exact in a double. Envoy takes sixteen and refuses the overflow. */
const MAX_SIZE_DIGITS = 12;

type ChunkState =
  | "size"
  | "extension"
  | "sizeLf"
  | "data"
  | "dataCr"
  | "dataLf"
  | "lineStart"
  | "trailerName"
  | "trailerValue"
  | "trailerLf"
  | "endLf";

/** What {@link BodyScanner.scan} returns when the bytes are not a body. */
export const BAD_BODY = -1;

export class BodyScanner {
  /** The body has ended. */
  done = true;
  /** What was wrong, after {@link BAD_BODY}. */
  reason = "";
  /** Where the byte stands that was wrong, after {@link BAD_BODY}. */
  badAt = 0;
  /** Bytes of the body so far, without its framing. */
  dataBytes = 0;
  /** A trailer has begun. From {@link trailersStart} on, no byte is part of the body any more. */
  hasTrailers = false;
  /** The first byte of trailers among those of the last scan, where it {@link hasTrailers}. */
  trailersStart = 0;
  /** What followed the body, once it is done; undefined where nothing did. */
  trailers: Trailers | undefined;
  #trailerBytes: Buffer = NO_BYTES;
  #framing: Framing = NO_BODY;
  /** Bytes left: of the body, or of the chunk. */
  #left = 0;
  #state: ChunkState = "size";
  #lineBytes = 0;
  #digits = 0;
  #isLast = false;
  #extension: ExtensionState = EXTENSION_START;
  /** The name of the trailer so far, in lower case. */
  #trailer = "";

  /** Begins a body. */
  begin(framing: Framing, contentLength: number): void {
    this.#framing = framing;
    this.#left = framing === BY_LENGTH ? contentLength : 0;
    this.#state = "size";
    this.#lineBytes = 0;
    this.#digits = 0;
    this.#isLast = false;
    this.dataBytes = 0;
    if (this.hasTrailers) this.#forgetTrailers();
    this.done = framing === NO_BODY || (framing === BY_LENGTH && contentLength === 0);
  }

  /**
   * Looks at `buf[pos, end)` and returns where the body ends in it: `end` when all of it belongs to the body
   * (see `done` for whether it is complete), {@link BAD_BODY} when the framing is broken.
   */
  scan(buf: Uint8Array, pos: number, end: number): number {
    if (this.done) return pos;
    if (this.#framing === BY_LENGTH) {
      const taken = Math.min(this.#left, end - pos);
      this.#left -= taken;
      this.dataBytes += taken;
      this.done = this.#left === 0;
      return pos + taken;
    }
    if (this.#framing === CHUNKED) return this.#scanChunks(buf, pos, end);
    this.dataBytes += end - pos;
    return end;
  }

  #scanChunks(buf: Uint8Array, from: number, end: number): number {
    let pos = from;
    while (pos < end) {
      if (this.#state === "data") {
        const taken = Math.min(this.#left, end - pos);
        this.#left -= taken;
        this.dataBytes += taken;
        pos += taken;
        if (this.#left === 0) this.#state = "dataCr";
        continue;
      }
      if (!this.#step(buf[pos] as number)) {
        this.badAt = pos;
        return BAD_BODY;
      }
      pos++;
      if (this.done) break;
    }
    return this.hasTrailers && !this.#keepTrailers(buf, from, pos) ? BAD_BODY : pos;
  }

  #keepTrailers(buf: Uint8Array, from: number, end: number): boolean {
    this.trailersStart = Math.max(from, end - this.#lineBytes);
    this.#trailerBytes = Buffer.concat([this.#trailerBytes, buf.subarray(this.trailersStart, end)]);
    if (!this.done) return true;
    const trailers = new Trailers();
    this.trailers = trailers;
    return trailers.parse(this.#trailerBytes, 0, this.#trailerBytes.length) > 0 || this.#wrong(trailers.error.reason);
  }

  #forgetTrailers(): void {
    this.hasTrailers = false;
    this.trailers = undefined;
    this.#trailerBytes = NO_BYTES;
  }

  /** One byte of framing. False with `reason` set when it may not stand there. */
  #step(c: number): boolean {
    switch (this.#state) {
      case "size":
        return this.#sizeByte(c);
      case "extension":
        return this.#extensionByte(c);
      case "sizeLf":
        return this.#sizeEnds(c);
      case "data":
        return true;
      case "dataCr":
        this.#state = "dataLf";
        return c === CR || this.#wrong("a chunk is longer than its size");
      case "dataLf":
        this.#state = "size";
        this.#digits = 0;
        this.#left = 0;
        this.#lineBytes = 0;
        return c === LF || this.#wrong("a bare CR behind a chunk");
      default:
        return this.#trailerByte(c);
    }
  }

  #sizeByte(c: number): boolean {
    if ((CHAR[c] as number) & HEX) {
      this.#left = this.#left * 16 + hexValue(c);
      return ++this.#digits <= MAX_SIZE_DIGITS || this.#wrong(`a chunk size of more than ${MAX_SIZE_DIGITS} digits`);
    }
    if (this.#digits === 0) return this.#wrong("a chunk without a size");
    if (c === CR) {
      this.#state = "sizeLf";
      return true;
    }
    if (c !== SEMICOLON && c !== SP && c !== TAB) return this.#wrong("a chunk size that is not hexadecimal");
    this.#state = "extension";
    this.#extension = EXTENSION_START;
    return this.#extensionByte(c);
  }

  #extensionByte(c: number): boolean {
    if (c === CR) {
      this.#state = "sizeLf";
      return mayEnd(this.#extension) || this.#wrong("a chunk extension that is cut off");
    }
    const after = afterByte(this.#extension, c);
    if (after === undefined) return this.#wrong("a forbidden character in a chunk extension");
    this.#extension = after;
    return (
      ++this.#lineBytes <= MAX_EXTENSION_BYTES ||
      this.#wrong(`a chunk extension of more than ${MAX_EXTENSION_BYTES} bytes`)
    );
  }

  #sizeEnds(c: number): boolean {
    this.#isLast = this.#left === 0;
    this.#state = this.#isLast ? "lineStart" : "data";
    this.#lineBytes = 0;
    return c === LF || this.#wrong("a bare CR behind a chunk size");
  }

  #trailerByte(c: number): boolean {
    if (++this.#lineBytes > MAX_TRAILER_BYTES) return this.#wrong(`trailers of more than ${MAX_TRAILER_BYTES} bytes`);
    switch (this.#state) {
      case "lineStart":
        if (c === CR) this.#state = "endLf";
        else if ((CHAR[c] as number) & TOKEN) {
          this.#state = "trailerName";
          this.hasTrailers = true;
          this.#trailer = String.fromCharCode(LOWER[c] as number);
        } else return this.#wrong("a trailer line without a name");
        return true;
      case "trailerName":
        return this.#trailerNameByte(c);
      case "trailerValue":
        if (c === CR) this.#state = "trailerLf";
        else if (((CHAR[c] as number) & VALUE) === 0) return this.#wrong("a control character in a trailer");
        return true;
      case "trailerLf":
        this.#state = "lineStart";
        return c === LF || this.#wrong("a bare CR in a trailer");
      default:
        this.done = c === LF;
        return this.done || this.#wrong("a bare CR behind the last chunk");
    }
  }

  #trailerNameByte(c: number): boolean {
    if ((CHAR[c] as number) & TOKEN) this.#trailer += String.fromCharCode(LOWER[c] as number);
    else if (c !== COLON) return this.#wrong("a trailer's name has a forbidden character");
    else if (isForbiddenTrailer(this.#trailer)) return this.#wrong(`the trailer ${this.#trailer} belongs in a head`);
    else this.#state = "trailerValue";
    return true;
  }

  #wrong(reason: string): boolean {
    this.reason = reason;
    return false;
  }
}

const NO_BYTES = Buffer.alloc(0);
const SEMICOLON = 0x3b;

const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "content-encoding",
  "content-type",
  "content-range",
  "connection",
  "keep-alive",
  "upgrade",
  "te",
  "trailer",
  "expect",
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "forwarded",
]);

/** A trailer that would frame, route or authorize the message if its reader merged it into the head. In lower case. */
export const isForbiddenTrailer = (name: string): boolean =>
  FORBIDDEN_TRAILERS.has(name) || /^x-(forwarded|envoy|tulle)-/.test(name);

const hexValue = (c: number): number => (c <= 57 ? c - 48 : (c | 0x20) - 87);
