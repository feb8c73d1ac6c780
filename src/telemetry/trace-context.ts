/**
 * W3C trace context of one hop: what came in is checked, and what goes on is made from it.
 *
 * A valid context is continued: same trace, a new parent id, same sampling. One that is not valid, or none, starts a
 * new trace, and its tracestate is dropped with it.
 *
 * Repeated header lines come joined by commas (RFC 9110 §5.2): two traceparents are thereby not valid, as the
 * specification wants it.
 *
 * Source: W3C Trace Context Level 2, §3.2 (traceparent), §4 (processing). Versions above 00 are read by what they
 * share with 00 and go on as 00. Of the flags, sampled and random-trace-id are known; others go on as zero.
 *
 * @module
 */
import type { RandomIds } from "./random-ids.ts";
import { propagatedTracestate, trimBlanks } from "./tracestate.ts";

export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** The caller's span, 16 hex digits. */
  readonly parentId: string;
  readonly sampled: boolean;
  /** Whether the trace id is known to be random (Level 2). */
  readonly random: boolean;
}

/** What a request carries on. */
export interface TraceHop {
  /** `parentId` is this hop's span. */
  readonly context: TraceParent;
  /** The caller's span, if the request came with a valid context. */
  readonly callerSpanId: string | undefined;
  readonly traceparent: string;
  /** Undefined: send none. */
  readonly tracestate: string | undefined;
}

const LENGTH = 55;
const DASH = 45;
const ZERO = 48;
const SAMPLED = 1;
const RANDOM = 2;

/** Reads a traceparent; undefined if it is not valid. Blanks around it are not part of a header's value, and are left out. */
export function parseTraceparent(value: string): TraceParent | undefined {
  const text = trimBlanks(value);
  if (!hasDashes(text) || !isLongEnough(text)) return undefined;
  const wellFormed = isHex(text, 0, 2) && isHex(text, 3, 35) && isHex(text, 36, 52) && isHex(text, 53, LENGTH);
  if (!wellFormed || text.startsWith("ff") || isZero(text, 3, 35) || isZero(text, 36, 52)) return undefined;
  const flags = Number.parseInt(text.slice(53, LENGTH), 16);
  return {
    traceId: text.slice(3, 35),
    parentId: text.slice(36, 52),
    sampled: (flags & SAMPLED) !== 0,
    random: (flags & RANDOM) !== 0,
  };
}

/** Writes version 00. */
export function formatTraceparent({ traceId, parentId, sampled, random }: TraceParent): string {
  return `00-${traceId}-${parentId}-0${(sampled ? SAMPLED : 0) + (random ? RANDOM : 0)}`;
}

/** A trace that begins here. */
export function newTrace(ids: RandomIds, sampleRatio: number): TraceParent {
  const traceId = ids.traceId();
  return { traceId, parentId: ids.spanId(), sampled: isSampled(traceId, sampleRatio), random: true };
}

/** The same trace with a span of this hop. */
export function childOf(parent: TraceParent, ids: RandomIds): TraceParent {
  return { traceId: parent.traceId, parentId: ids.spanId(), sampled: parent.sampled, random: parent.random };
}

/**
 * Whether a trace that begins here is recorded. It depends on the trace id alone, so all who use a ratio at least as
 * large agree.
 *
 * Source: the 56 random bits of a trace id (Level 2, §3.2.2.3) against a threshold, as OpenTelemetry's consistent
 * probability sampling has it.
 */
export function isSampled(traceId: string, ratio: number): boolean {
  if (ratio >= 1) return true;
  return ratio > 0 && Number.parseInt(traceId.slice(18), 16) >= (1 - ratio) * 2 ** 56;
}

/**
 * The context to send on for a request that came with these headers.
 *
 * @param sampleRatio Share of new traces to record, 0 to 1. A caller's decision is kept.
 */
export function nextHop(
  traceparent: string | undefined,
  tracestate: string | undefined,
  ids: RandomIds,
  sampleRatio: number,
): TraceHop {
  const caller = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  const context = caller ? childOf(caller, ids) : newTrace(ids, sampleRatio);
  return {
    context,
    callerSpanId: caller?.parentId,
    traceparent: formatTraceparent(context),
    tracestate: caller && tracestate !== undefined ? propagatedTracestate(tracestate) : undefined,
  };
}

function hasDashes(text: string): boolean {
  return text.charCodeAt(2) === DASH && text.charCodeAt(35) === DASH && text.charCodeAt(52) === DASH;
}

/** Version 00 ends after the flags; a later one may go on after another dash. */
function isLongEnough(text: string): boolean {
  if (text.length === LENGTH) return true;
  return text.length > LENGTH && text.charCodeAt(LENGTH) === DASH && !text.startsWith("00");
}

function isHex(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false;
  }
  return true;
}

function isZero(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) !== ZERO) return false;
  return true;
}
