/**
 * A clock that a test moves by hand.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class ManualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();
  readonly #epochMs: number;

  /** @param epochMs What `wallMs` says at the start. */
  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = 0;
    this.#epochMs = epochMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  /** As soon as the present task is done: there are no sockets to wait for. */
  afterRound(fire: () => void): void {
    queueMicrotask(fire);
  }

  after(delayMs: number, fire: () => void): Timer {
    const entry: Pending = { dueMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, fire };
    this.#pending.add(entry);
    return { cancel: () => void this.#pending.delete(entry) };
  }

  /** Timers that wait to fire. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Moves time on, firing what falls due in order; timers set on the way fire too when they fall due. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#nextDue(untilMs); next !== undefined; next = this.#nextDue(untilMs)) {
      this.#pending.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.fire();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time on while nothing is done, as in a process that is busy. What is due fires, late, with the next {@link advance}. */
  stall(byMs: number): void {
    this.#nowMs += byMs;
  }

  #nextDue(untilMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const p of this.#pending) {
      if (p.dueMs > untilMs) continue;
      if (first === undefined || p.dueMs < first.dueMs || (p.dueMs === first.dueMs && p.order < first.order)) first = p;
    }
    return first;
  }
}
