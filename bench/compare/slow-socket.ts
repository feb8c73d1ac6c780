/**
 * A socket read at a bounded rate, after it was not read at all for a second.
 *
 * @module
 */
import type { Socket } from "node:net";

const DEAF_MS = 1000;
const BYTES_PER_MS = 32_000;

/** Calls `onBytes` for each piece; nothing is read meanwhile. */
export function readSlowly(socket: Socket, onBytes: (chunk: Buffer) => void): void {
  let waitMs = DEAF_MS;
  socket.on("data", (chunk: Buffer) => {
    socket.pause();
    setTimeout(() => socket.resume(), waitMs + chunk.length / BYTES_PER_MS);
    waitMs = 0;
    onBytes(chunk);
  });
}
