/**
 * How an attempt at an endpoint failed, as the connection saw it.
 *
 * @module
 */
import type { FailureKind } from "../engine/failures.ts";

export interface Failure {
  readonly kind: FailureKind;
  /** In words, for the access log's transport failure reason. */
  readonly details: string;
  /** A byte of the request may have reached the endpoint. */
  readonly requestSent: boolean;
  /** A byte of an answer came back. */
  readonly answered: boolean;
}
