/**
 * What an endpoint says of how long it keeps a connection (`Keep-Alive: timeout=5, max=100`; RFC 2068 §19.7.1, and what
 * servers send to this day). Envoy does not look at it; the ADR on idle connections says why we do.
 *
 * @module
 */

export interface KeepAlive {
  /** How long the connection may be idle and still be used; Infinity where nothing is said. */
  readonly idleMs: number;
  /** It takes no further request. */
  readonly isLast: boolean;
}

/** What a request needs on its way to the endpoint, and the endpoint for not having waited: its clock is not ours. */
const MARGIN_MS = 1000;

/** @param value Of all lines, joined by commas. What cannot be read says nothing. */
export function parseKeepAlive(value: string): KeepAlive {
  const seconds = parameter(value, /(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*"?(\d{1,9})"?[ \t]*(?=[,;]|$)/i);
  const more = parameter(value, /(?:^|[,;])[ \t]*max[ \t]*=[ \t]*"?(\d{1,9})"?[ \t]*(?=[,;]|$)/i);
  const timeoutMs = (seconds ?? Infinity) * 1000;
  return { idleMs: Math.max(timeoutMs - MARGIN_MS, timeoutMs / 2), isLast: more === 0 || seconds === 0 };
}

function parameter(value: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(value)?.[1];
  return found === undefined ? undefined : Number(found);
}
