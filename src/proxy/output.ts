/**
 * The sending side of a socket: what the kernel does not take waits here, and whoever writes is told to stop.
 *
 * @module
 */
import { compact } from "../base/compact.ts";
import type { Socket } from "../net/socket.ts";

export class Output {
  readonly #socket: Socket;
  readonly #waiting: Uint8Array[] = [];
  /** Bytes that wait; bounded by what the writer sends after it was told to stop: one read. */
  waitingBytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Sends `buf[start, end)`. False: the socket is full, stop writing until {@link flush} says true.
   * @param owned The bytes stay as they are; otherwise what must wait is copied.
   */
  write(buf: Uint8Array, start: number, end: number, owned: boolean): boolean {
    let from = start;
    if (this.waitingBytes === 0) {
      from += this.#socket.write(buf, start, end - start);
      if (from === end) return true;
    }
    this.#waiting.push(owned ? compact(buf.subarray(from, end)) : copyOf(buf, from, end));
    this.waitingBytes += end - from;
    return false;
  }

  /** Sends what waits. True when nothing is left. */
  flush(): boolean {
    while (this.#waiting.length > 0) {
      const chunk = this.#waiting[0] as Uint8Array;
      const taken = this.#socket.write(chunk, 0, chunk.length);
      this.waitingBytes -= taken;
      if (taken < chunk.length) {
        this.#waiting[0] = chunk.subarray(taken);
        return false;
      }
      this.#waiting.shift();
    }
    return true;
  }
}

/** Not `slice`: that of a Buffer copies nothing. */
const copyOf = (buf: Uint8Array, from: number, end: number): Uint8Array => Buffer.from(buf.subarray(from, end));
