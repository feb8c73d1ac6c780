/**
 * Who is told what filters found on the way, for statistics and logs. It must not throw and cannot change a decision.
 *
 * @module
 */
/** `rateLimited`: beyond the limit and let through all the same. `enforced`: refused. */
export type RateLimitOutcome = "ok" | "rateLimited" | "enforced";

export interface Observer {
  /**
   * A set of RBAC rules was evaluated.
   *
   * @param shadow Recorded only; the request went on whatever the verdict.
   * @param policy The policy that matched; undefined for none.
   */
  rbac(statPrefix: string, shadow: boolean, allowed: boolean, policy: string | undefined): void;
  /** A page of another origin asked, and may or may not read the answer. */
  cors?(isAllowed: boolean): void;
  /** A local rate limit looked at a request. */
  rateLimit?(statPrefix: string, outcome: RateLimitOutcome): void;
}
