/**
 * A compiled condition: a test for requests, and words for people.
 *
 * @module
 */
import type { PeerView, RequestView } from "../request.ts";

export interface Check {
  /** Set where one value passes and no other: a table can then find, among many, whose condition it is. */
  readonly key?: ValueKey;
  readonly test: (request: RequestView, peer: PeerView) => boolean;
  /** What is wanted and what was found, whichever way it went: `header end-user: wanted exact "jason", found "bob"`. */
  readonly explain: (request: RequestView, peer: PeerView) => string;
}

/** A necessary condition that a table can answer: what `read` finds is `value`. */
export interface ValueKey {
  /** Names what is read; keys of the same name read alike. */
  readonly name: string;
  /** All that the request has there, as several lines of one header; undefined for nothing. */
  readonly read: (request: RequestView) => string | readonly string[] | undefined;
  readonly value: string;
}

/** All must hold; undefined when there are none. */
export function allOf(checks: readonly Check[]): Check["test"] | undefined {
  const tests = checks.map((check) => check.test);
  const [a, b] = tests;
  if (a === undefined) return undefined;
  if (b === undefined) return a;
  if (tests.length === 2) return (request, peer) => a(request, peer) && b(request, peer);
  return (request, peer) => {
    for (const test of tests) if (!test(request, peer)) return false;
    return true;
  };
}

/** One must hold. */
export function anyOf(checks: readonly Check[]): Check["test"] {
  const tests = checks.map((check) => check.test);
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (request, peer) => {
    for (const test of tests) if (test(request, peer)) return true;
    return false;
  };
}
