/**
 * Views of bytes that are kept for a while.
 *
 * @module
 */

/** Less of its memory than one part in so many is not worth keeping all of it. */
const PARTS = 4;
/** Memory that is kept alive whatever looks at it. */
const SMALL_BYTES = 4096;

/**
 * `view` as it may be kept: one that is a small part of its memory is copied out of it. A peer that sends a byte now and
 * then for one stream, among much for others, would otherwise make us keep everything.
 */
export function compact(view: Uint8Array): Uint8Array {
  const memoryBytes = view.buffer.byteLength;
  if (memoryBytes <= SMALL_BYTES || view.length * PARTS >= memoryBytes) return view;
  const copied = Buffer.allocUnsafeSlow(view.length);
  copied.set(view);
  return copied;
}
