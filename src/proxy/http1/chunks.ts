/**
 * Puts chunk framing (RFC 9112 §7.1) on a body that came without a length, and trailers behind one that has them.
 *
 * @module
 */
import type { Trailers } from "../../wire/http1/trailers.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import type { Output } from "../output.ts";

export const CRLF = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** `buf[start, end)`, not empty, as one chunk. The bytes stay as they are. False: the socket is full. */
export function writeChunk(output: Output, buf: Uint8Array, start: number, end: number): boolean {
  const size = Buffer.from(chunkSize(end - start), "latin1");
  output.write(size, 0, size.length, true);
  output.write(buf, start, end, true);
  return output.write(CRLF, 0, CRLF.length, true);
}

/** The line before a chunk. */
export const chunkSize = (bytes: number): string => `${bytes.toString(16)}\r\n`;

/** The end of a chunked body. */
export function writeLastChunk(output: Output, trailers: Trailers | undefined): void {
  if (trailers === undefined) return void output.write(LAST_CHUNK, 0, LAST_CHUNK.length, true);
  output.write(LAST_CHUNK, 0, LAST_CHUNK.length - CRLF.length, true);
  writeTrailers(output, trailers);
}

/** What stands behind the line of the last chunk. Undefined: there are none, or they may not pass. */
export function writeTrailers(output: Output, trailers: Trailers | undefined): void {
  if (trailers === undefined) return void output.write(CRLF, 0, CRLF.length, true);
  const writer = new MessageWriter();
  writer.lines(trailers, (line) => trailers.isHopByHop(line));
  writer.text("\r\n");
  output.write(writer.buf, 0, writer.length, true);
}
