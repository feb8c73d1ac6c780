/**
 * What is counted while a load runs.
 *
 * @module
 */
import { Histogram } from "./histogram.ts";

/**
 * Why a request got no answer. `backlog`: no connection became free for it. `reset`: the connection ended before the
 * answer did. `protocol`: what came was not HTTP/1.1.
 */
export type FailureKind = "connect" | "timeout" | "reset" | "protocol" | "backlog";

/** Other values than these many are counted together. */
const MAX_SPLITS = 100;
const OTHER = "(other)";

export interface Group {
  count: number;
  readonly latency: Histogram;
}

export class Tally {
  /** Requests whose time had come, whatever became of them. */
  sent = 0;
  answered = 0;
  bytes = 0;
  readonly latency = new Histogram();
  readonly statuses = new Map<number, number>();
  readonly failures = new Map<FailureKind, number>();
  /** The first message of each kind. */
  readonly examples = new Map<FailureKind, string>();
  readonly splits = new Map<string, Group>();

  answer(status: number, latencyMs: number, bytes: number): void {
    this.answered++;
    this.bytes += bytes;
    this.latency.record(latencyMs);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }

  split(value: string, latencyMs: number): void {
    const key = this.splits.has(value) || this.splits.size < MAX_SPLITS ? value : OTHER;
    let group = this.splits.get(key);
    if (group === undefined) this.splits.set(key, (group = { count: 0, latency: new Histogram() }));
    group.count++;
    group.latency.record(latencyMs);
  }

  fail(kind: FailureKind, message: string): void {
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
    if (!this.examples.has(kind)) this.examples.set(kind, message);
  }

  get failed(): number {
    let sum = 0;
    for (const n of this.failures.values()) sum += n;
    return sum;
  }

  /** Answers with a status of 500 and above. */
  get serverErrors(): number {
    let sum = 0;
    for (const [status, n] of this.statuses) if (status >= 500) sum += n;
    return sum;
  }
}
