/**
 * What a field is to the reader of a head, and what may be wrong with it (RFC 9113 §8.2 and §8.3). Told once, when the
 * field's bytes arrive; a table entry keeps the answer.
 *
 * @module
 */
import { CHAR, TAB, SP, TARGET, TOKEN, VALUE } from "../http1/chars.ts";
import { HOP_BY_HOP, ID, knownId } from "../http1/known.ts";

export const Kind = {
  regular: 0,
  host: 1,
  cookie: 2,
  contentLength: 3,
  /** From here on pseudo fields. */
  method: 4,
  scheme: 5,
  authority: 6,
  path: 7,
  protocol: 8,
  status: 9,
} as const;

/** Index into {@link PROBLEMS}. */
export const NO_PROBLEM = 0;
const BAD_NAME = 1;
const BAD_VALUE = 2;
const CONNECTION_FIELD = 3;
const BAD_TE = 4;
const UNKNOWN_PSEUDO = 5;
const BAD_PATH = 6;
/** White space around a value: it is taken off where the field is used, as HTTP/1.1 and, in the end, Envoy do. */
export const PADDED = 7;

export const PROBLEMS: readonly string[] = [
  "",
  "a field's name is no token in lower case",
  "a field's value has a forbidden character",
  "a field that belongs to HTTP/1.1 connections",
  "te may only be trailers",
  "a pseudo field that nobody defined",
  "the :path has a forbidden character",
];

/** What was found by {@link inspectField}: kind, known id and problem of one field. */
export interface FieldFacts {
  kind: number;
  id: number;
  problem: number;
}

const PSEUDO: readonly (readonly [kind: number, name: Uint8Array])[] = (
  ["method", "scheme", "authority", "path", "protocol", "status"] as const
).map((name) => [Kind[name], Buffer.from(`:${name}`)]);
const COOKIE = Buffer.from("cookie");
const TRAILERS = Buffer.from("trailers");
const LOWER_TOKEN = CHAR.map((bits, c) => (bits & TOKEN && (c < 0x41 || c > 0x5a) ? 1 : 0));

/** Looks at `name: value` in `buf`: the name in `[start, nameEnd)`, the value in `[valueStart, end)`. */
export function inspectField(
  buf: Uint8Array,
  start: number,
  nameEnd: number,
  valueStart: number,
  end: number,
  facts: FieldFacts,
): void {
  facts.id = 0;
  facts.kind = Kind.regular;
  facts.problem = NO_PROBLEM;
  if (nameEnd > start && buf[start] === 0x3a) {
    facts.kind = pseudoKind(buf, start, nameEnd);
    facts.problem = facts.kind === Kind.regular ? UNKNOWN_PSEUDO : pseudoProblem(facts.kind, buf, valueStart, end);
    return;
  }
  if (!isName(buf, start, nameEnd)) facts.problem = BAD_NAME;
  else if (!isValue(buf, valueStart, end)) facts.problem = BAD_VALUE;
  else {
    if (isPadded(buf, valueStart, end)) facts.problem = PADDED;
    inspectRegular(buf, start, nameEnd, valueStart, end, facts);
  }
}

function inspectRegular(
  buf: Uint8Array,
  start: number,
  nameEnd: number,
  valueStart: number,
  end: number,
  facts: FieldFacts,
): void {
  const id = knownId(buf, start, nameEnd);
  facts.id = id;
  if (id === 0) {
    if (nameEnd - start === COOKIE.length && spells(COOKIE, buf, start)) facts.kind = Kind.cookie;
  } else if (id === ID.host) facts.kind = Kind.host;
  else if (id === ID["content-length"]) facts.kind = Kind.contentLength;
  else if (id === ID.te) {
    if (end - valueStart !== TRAILERS.length || !spells(TRAILERS, buf, valueStart)) facts.problem = BAD_TE;
  } else if (HOP_BY_HOP[id] === 1 || id === ID["transfer-encoding"]) facts.problem = CONNECTION_FIELD;
}

function pseudoKind(buf: Uint8Array, start: number, nameEnd: number): number {
  for (const [kind, name] of PSEUDO) {
    if (name.length === nameEnd - start && spells(name, buf, start)) return kind;
  }
  return Kind.regular;
}

function pseudoProblem(kind: number, buf: Uint8Array, start: number, end: number): number {
  if (kind !== Kind.path) return isValue(buf, start, end) && !isPadded(buf, start, end) ? NO_PROBLEM : BAD_VALUE;
  for (let i = start; i < end; i++) if (((CHAR[buf[i] as number] as number) & TARGET) === 0) return BAD_PATH;
  return NO_PROBLEM;
}

function isName(buf: Uint8Array, start: number, end: number): boolean {
  if (end === start) return false;
  for (let i = start; i < end; i++) if (LOWER_TOKEN[buf[i] as number] === 0) return false;
  return true;
}

/** RFC 9113 §8.2.1, and no other control characters either, as in HTTP/1.1. */
function isValue(buf: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (((CHAR[buf[i] as number] as number) & VALUE) === 0) return false;
  return true;
}

function isPadded(buf: Uint8Array, start: number, end: number): boolean {
  if (end === start) return false;
  const first = buf[start];
  const last = buf[end - 1];
  return first === SP || first === TAB || last === SP || last === TAB;
}

function spells(text: Uint8Array, buf: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text[i] !== buf[start + i]) return false;
  return true;
}
