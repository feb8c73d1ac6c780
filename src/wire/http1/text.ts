/**
 * Bytes as text, one char a byte, and bytes beside text without making any.
 *
 * @module
 */

/** A Buffer has this; the types of Bun do not say so. */
type LatinBuffer = Uint8Array & { latin1Slice(start: number, end: number): string };

/** Bytes of a Buffer as a string, one char a byte. */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  return (buf as LatinBuffer).latin1Slice(start, end);
}

/** Whether `buf` from `start` on has these characters. */
export function spells(buf: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (buf[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** As {@link spells}, with letters in whatever case. `text` is in lower case and has no `[`, `\\`, `]`, `^` or `_`. */
export function spellsLower(buf: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (((buf[start + i] as number) | 0x20) !== text.charCodeAt(i)) return false;
  return true;
}
