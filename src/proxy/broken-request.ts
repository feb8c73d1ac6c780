/**
 * Replies to requests that break the protocol.
 *
 * @module
 */
import { FAILURES, type FailureKind, replyOf } from "../engine/failures.ts";
import type { Reply } from "../engine/http.ts";
import { reasonPhrase } from "../wire/http1/reason-phrases.ts";

/** With what is wrong in its details. @param reason In words; empty for none. */
export function brokenRequest(kind: FailureKind, status: number, reason: string): Reply {
  const { details } = FAILURES[kind];
  const reply = replyOf(kind);
  return {
    ...reply,
    status,
    body: status === reply.status ? reply.body : reasonPhrase(status),
    details: reason === "" ? details : `${details}{${reason.replaceAll(" ", "_")}}`,
  };
}

/** To an `Expect` that is not `100-continue` (RFC 9110 §10.1.1). */
export const badExpectation = (): Reply => ({
  ...brokenRequest("downstreamProtocolError", 417, ""),
  details: "expectation_failed",
});
