/**
 * Who is told what filters found on the way, for statistics and logs. It must not throw and cannot change a decision.
 *
 * @module
 */
export interface Observer {
  /**
   * A set of RBAC rules was evaluated.
   *
   * @param shadow Recorded only; the request went on whatever the verdict.
   * @param policy The policy that matched; undefined for none.
   */
  rbac(statPrefix: string, shadow: boolean, allowed: boolean, policy: string | undefined): void;
}
