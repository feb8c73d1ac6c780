/**
 * How an attempt at an endpoint failed, as the connection saw it.
 *
 * @module
 */
import { FAILURES, type FailureKind } from "../engine/failures.ts";
import type { AttemptOutcome } from "../engine/retry.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";

export interface Failure {
  readonly kind: FailureKind;
  /** In words, for the access log's transport failure reason; empty where there is nothing to say. */
  readonly details: string;
  /** A byte of the request may have reached the endpoint. */
  readonly requestSent: boolean;
  /** A byte of an answer came back. */
  readonly answered: boolean;
  /** The endpoint says that it did nothing of it (HTTP/2 REFUSED_STREAM, or a GOAWAY before it). */
  readonly refused?: boolean;
}

/** An attempt has taken too long, or been quiet for too long. */
export const isTryTimeout = (kind: FailureKind): boolean => kind === "perTryTimeout" || kind === "perTryIdleTimeout";

/** What a retry policy decides by. */
export function outcomeOf({ kind, requestSent, refused }: Failure): AttemptOutcome {
  if (refused === true) return { t: "refusedStream" };
  if (isTryTimeout(kind)) return { t: "perTryTimeout", requestSent };
  return requestSent ? { t: "reset", requestSent } : { t: "connectFailure" };
}

export function outcomeOfHead(head: ResponseHead): AttemptOutcome {
  return { t: "response", status: head.status, header: (name) => head.header(name) };
}

/** `RESPONSE_CODE_DETAILS` of an answer that broke off behind its head. */
export function resetDetails(kind: FailureKind): string {
  const reason: string = FAILURES[kind].reset ?? kind;
  return `upstream_reset_after_response_started{${reason.replaceAll(" ", "_")}}`;
}
