/**
 * How much a workload takes: `tulle.dev/v1 RateLimit`.
 *
 * @module
 */
import type { LabelSelector, StringMatch } from "./match.ts";
import type { Origin } from "./origin.ts";

export interface RateLimit {
  readonly origin: Origin;
  /** Undefined: the whole namespace, or the mesh when it is in the root namespace. */
  readonly selector: LabelSelector | undefined;
  /** All requests of the workload. */
  readonly requests: Rate | undefined;
  /** New connections of TCP. */
  readonly connections: Rate | undefined;
  readonly rules: readonly RateLimitRule[];
  /** Counted, and let through all the same. */
  readonly dryRun: boolean;
  /** Answers tell how much is left (`x-ratelimit-*`). */
  readonly tellsLimits: boolean;
}

export interface Rate {
  readonly count: number;
  readonly perMs: number;
  /** At once. */
  readonly burst: number;
}

/** A part of the requests, or each of several parts. */
export interface RateLimitRule {
  readonly requests: Rate;
  /** Without its query. Undefined: any. */
  readonly path: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly headers: Readonly<Record<string, StringMatch>>;
  /** Each value of this header has a limit of its own; requests without it have none. */
  readonly byHeader: string | undefined;
}
