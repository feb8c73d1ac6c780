/**
 * What one stream wants of one type, as both variants of the protocol see it.
 *
 * @module
 */
import type { Resource } from "../resources.ts";

/** The resources of a type that a stream may see now. */
export interface View {
  /** Version of the whole, for people: it takes no part in decisions. */
  readonly version: string;
  /** The same as long as all that it shows is. */
  readonly state: object;
  get(name: string): Resource | undefined;
  all(): Iterable<Resource>;
}

/** A response that waits for its ACK or NACK. */
export interface InFlight {
  readonly nonce: string;
  /** Version that people are shown. */
  readonly version: string;
  readonly sentMs: number;
}

/** What a response should hold. */
export interface Update {
  /** `version_info` in state-of-the-world; for people in delta. */
  readonly version: string;
  readonly resources: readonly Resource[];
  /** Names that are gone or never were; only delta can say so. */
  readonly removed: readonly string[];
}

/** The answer to the response in flight that a request carries. */
export type Answer = { readonly t: "ack" | "none" } | { readonly t: "nack"; readonly reason: string };

/** What both kinds of requests say. */
export interface SubscriptionRequest {
  readonly nonce: string;
  /** Reason of a NACK. */
  readonly error: string | undefined;
}

/**
 * One type of one stream. The stream owns `inFlight`; while it is set, {@link next} is not asked, so changes
 * that come meanwhile are told together.
 */
export interface Subscription<Request extends SubscriptionRequest> {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  readonly names: ReadonlySet<string>;
  /** Resources that the client holds, as far as was told. */
  readonly held: number;
  inFlight: InFlight | undefined;
  /** Whether the client was sent this resource and not told that it is gone. */
  has(name: string): boolean;
  /** Takes a request in. Says whether it answered the response in flight. */
  take(request: Request): Answer;
  /** The client needs these once more, as far as it wants them, although they have not changed. */
  again(names: readonly string[]): void;
  /** What must be sent so that the client has what it wants; undefined when nothing. Counts as sent. */
  next(view: View): Update | undefined;
}

/** Reads the answer that a request gives to the response in flight. */
export function answerOf(inFlight: InFlight | undefined, request: SubscriptionRequest): Answer {
  if (inFlight === undefined || request.nonce !== inFlight.nonce) return { t: "none" };
  return request.error === undefined ? { t: "ack" } : { t: "nack", reason: request.error };
}
