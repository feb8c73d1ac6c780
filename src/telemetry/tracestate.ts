/**
 * The tracestate header: a list of `key=value` that goes on unchanged, or not at all when it is not valid.
 *
 * Source: W3C Trace Context Level 2, §3.3. A key that comes twice stays once, the first (newest) entry; empty
 * entries go. Above {@link MAX_CHARS} entries are dropped as §3.3.1.5 says: first those longer than 128 characters,
 * then from the end.
 *
 * @module
 */

/** At least 512 must go on. */
const MAX_CHARS = 2048;
const MAX_MEMBERS = 32;
const LARGE_MEMBER_CHARS = 128;
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Reads a list, lines joined by commas; undefined if any of it is not valid or it is longer than 32 entries. */
export function parseTracestate(value: string): ReadonlyMap<string, string> | undefined {
  const members = new Map<string, string>();
  let count = 0;
  for (const part of value.split(",")) {
    const member = trimBlanks(part);
    if (member === "") continue;
    const equals = member.indexOf("=");
    const key = member.slice(0, Math.max(equals, 0));
    const text = member.slice(equals + 1);
    if (++count > MAX_MEMBERS || !KEY.test(key) || !VALUE.test(text)) return undefined;
    if (!members.has(key)) members.set(key, text);
  }
  return members;
}

/** The header to send on; undefined if there is none to send. */
export function propagatedTracestate(value: string): string | undefined {
  const members = parseTracestate(value);
  if (members === undefined || members.size === 0) return undefined;
  const texts = [...members].map(([key, text]) => `${key}=${text}`);
  return shortened(texts).join(",") || undefined;
}

function shortened(members: readonly string[]): readonly string[] {
  let kept = members;
  const tooLong = (): boolean => kept.reduce((chars, member) => chars + member.length + 1, -1) > MAX_CHARS;
  while (tooLong()) {
    const large = kept.findLastIndex((member) => member.length > LARGE_MEMBER_CHARS);
    kept = kept.filter((_, i) => i !== (large < 0 ? kept.length - 1 : large));
  }
  return kept;
}

/** Takes blanks and tabs off both ends, and nothing else. */
export function trimBlanks(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from++;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to--;
  return from === 0 && to === value.length ? value : value.slice(from, to);
}

const isBlank = (code: number): boolean => code === 32 || code === 9;
