/**
 * Configuration is Unicode text; what comes from the wire is one character a byte. To compare them, configured text is
 * turned into its UTF-8 bytes, one character each.
 *
 * @module
 */

/** `é` becomes the two characters of its UTF-8 bytes. ASCII stays as it is. */
export function wireText(configured: string): string {
  return isAscii(configured) ? configured : Buffer.from(configured, "utf8").toString("latin1");
}

/**
 * A to Z made small, and no other byte touched: two bytes of UTF-8 are not letters of Latin-1. The same string when it
 * has none.
 */
export const lowerCase = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
