/**
 * The retries of one exchange: its policy, whom it has met, and its place among the cluster's retries, which is given
 * back once however the exchange ends.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import { afterReset } from "../engine/reset-headers.ts";
import type { AttemptOutcome, CompiledRetry } from "../engine/retry.ts";
import { effectivePerTryTimeoutMs } from "../engine/retry-policy.ts";
import type { SocketAddress } from "../net/socket.ts";
import type { ClusterAdmission } from "./cluster-admission.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";

/** `limit`: no attempt is left. `overflow`: a circuit breaker says no. Both would have been tried again. */
export type RetryVerdict = "retry" | "no" | "limit" | "overflow";

export class RetryState {
  #policy: CompiledRetry | undefined;
  #tried: Set<Endpoint> | undefined;
  #admittedBy: ClusterAdmission | undefined;
  #priority: Priority = "DEFAULT";
  /** What the last answer asked for. */
  #resetMs: number | undefined;
  /** Endpoints that attempts failed on, and the priorities that no longer count for that. */
  #met: Endpoint[] | undefined;
  #left: ReadonlySet<number> | undefined;
  /** How long an attempt may take; 0 for as long as the exchange. */
  perTryMs = 0;
  /** How long it may be quiet; 0 for as long as it likes. */
  perTryIdleMs = 0;

  /** @param timeoutMs For the whole exchange; 0 for none. @returns The time of an attempt. */
  begin(policy: CompiledRetry | undefined, priority: Priority, timeoutMs: number): number {
    this.#priority = priority;
    this.#policy = policy;
    this.#tried = this.#resetMs = this.#met = this.#left = undefined;
    this.perTryMs = policy === undefined ? 0 : effectivePerTryTimeoutMs(policy, timeoutMs);
    this.perTryIdleMs = policy?.perTryIdleTimeoutMs ?? 0;
    return this.perTryMs;
  }

  get hasPolicy(): boolean {
    return this.#policy !== undefined;
  }

  /** Whether an attempt may follow one whose request an endpoint has had. */
  repeatsSent(isGrpc: boolean): boolean {
    return this.#policy?.repeatsSent(isGrpc) ?? false;
  }

  /** @param dialed Where the client's connection was meant to go. */
  pick(
    cluster: ClusterRuntime,
    random: Random,
    hash: bigint | undefined,
    dialed: SocketAddress | undefined,
  ): Endpoint | undefined {
    return cluster.pick(random, this.#tried, this.#policy?.hostSelectionAttempts ?? 1, hash, this.#left, dialed);
  }

  /** Whether the policy would try again after this, were there attempts left. */
  wants(outcome: AttemptOutcome): boolean {
    return this.#policy?.shouldRetry(outcome) ?? false;
  }

  /** Asks for another attempt behind one that failed; `retry` takes a place in the cluster. */
  decide(outcome: AttemptOutcome, attempts: number, admission: ClusterAdmission, clock: Clock): RetryVerdict {
    const policy = this.#policy;
    if (policy === undefined || !policy.shouldRetry(outcome)) return "no";
    if (attempts > policy.maxRetries) {
      admission.onRetryLimit();
      return "limit";
    }
    this.#giveBack(false);
    const breaker = admission.breakerOf(this.#priority);
    if (!admission.admitRetry(breaker)) return "overflow";
    this.#admittedBy = admission;
    if (policy.resetWait !== undefined && outcome.t === "response")
      this.#resetMs = policy.resetWait(outcome.header, clock.wallMs());
    return "retry";
  }

  /** The wait before the next attempt, which avoids `last` where the policy says so. */
  backoffMs(last: Endpoint | undefined, attempts: number, random: Random): number {
    const policy = this.#policy as CompiledRetry;
    if (policy.avoidPreviousHosts && last !== undefined) (this.#tried ??= new Set()).add(last);
    if (policy.priorityUpdateFrequency > 0 && last !== undefined) this.#leavePriorities(last, policy);
    const resetMs = this.#resetMs;
    this.#resetMs = undefined;
    this.#admittedBy?.onBackoff(resetMs !== undefined);
    return resetMs === undefined ? policy.backoffMs(attempts, random) : afterReset(resetMs, random);
  }

  /** Source: Envoy's `PreviousPrioritiesRetryPriority`. */
  #leavePriorities(last: Endpoint, { priorityUpdateFrequency }: CompiledRetry): void {
    const met = (this.#met ??= []);
    met.push(last);
    if (met.length % priorityUpdateFrequency === 0) this.#left = new Set(met.map(({ priority }) => priority));
  }

  /** The exchange is over. */
  end(succeeded: boolean): void {
    this.#giveBack(succeeded);
    this.#policy = undefined;
    this.#tried = this.#resetMs = this.#met = this.#left = undefined;
    this.perTryMs = this.perTryIdleMs = 0;
  }

  #giveBack(succeeded: boolean): void {
    this.#admittedBy?.endRetry(this.#admittedBy.breakerOf(this.#priority), succeeded);
    this.#admittedBy = undefined;
  }
}
