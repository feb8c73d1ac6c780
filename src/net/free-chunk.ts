/**
 * Gives the memory of a read back as soon as its bytes have been passed on, and not when the collector comes by. A read is
 * up to 512 kB: uncollected, a slow reader costs tens of megabytes, and a fast transfer always writes to cold memory.
 *
 * @module
 */

/** Reads below this are left to the collector. */
export const FREED_BYTES = 32 * 1024;

/** ES2024, which the types lack. */
type Transferable = { transfer(bytes: number): unknown };

/**
 * Frees what a socket's handler got and nobody looks at any more: all views of its memory are empty from here on. `chunk`
 * is all of it, or what is left behind a head that was copied; anything else, and what is small, stays.
 */
export function freeChunk(chunk: Uint8Array): void {
  if (chunk.length < FREED_BYTES || chunk.byteOffset + chunk.length !== chunk.buffer.byteLength) return;
  (chunk.buffer as unknown as Transferable).transfer(0);
}
