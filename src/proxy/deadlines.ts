/**
 * Many short timeouts for the price of one timer: a wheel of 10 ms ticks. Setting and clearing one costs a few
 * pointer moves, and nothing ticks while none is set.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";

const TICK_MS = 10;
const SLOTS = 512;

/** One timeout that its owner keeps and sets again and again. Fires at most 10 ms late, never early. */
export class Deadline {
  readonly fire: () => void;
  /** Links of the slot's ring; the owner leaves them alone. */
  next: Deadline | undefined;
  previous: Deadline | undefined;
  dueTick = -1;

  constructor(fire: () => void) {
    this.fire = fire;
  }

  get isSet(): boolean {
    return this.dueTick >= 0;
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #slots: (Deadline | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  #count = 0;
  #tick = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Fires `deadline` after `delayMs`; one that is set already is moved. */
  set(deadline: Deadline, delayMs: number): void {
    if (deadline.isSet) this.clear(deadline);
    const nowMs = this.#clock.nowMs();
    if (this.#count === 0) this.#tick = Math.floor(nowMs / TICK_MS);
    deadline.dueTick = Math.max(this.#tick + 1, Math.ceil((nowMs + delayMs) / TICK_MS));
    const slot = deadline.dueTick % SLOTS;
    const head = this.#slots[slot];
    deadline.next = head;
    deadline.previous = undefined;
    if (head !== undefined) head.previous = deadline;
    this.#slots[slot] = deadline;
    this.#count++;
    this.#schedule();
  }

  clear(deadline: Deadline): void {
    if (!deadline.isSet) return;
    const { next, previous } = deadline;
    if (next !== undefined) next.previous = previous;
    if (previous !== undefined) previous.next = next;
    else this.#slots[deadline.dueTick % SLOTS] = next;
    deadline.dueTick = -1;
    deadline.next = undefined;
    deadline.previous = undefined;
    this.#count--;
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    // At the end of the tick, or each deadline would be late by where in its tick the first one was set.
    const nowMs = this.#clock.nowMs();
    this.#timer = this.#clock.after(Math.ceil((Math.floor(nowMs / TICK_MS) + 1) * TICK_MS - nowMs), this.#run);
  }

  #nowTick(): number {
    return Math.floor(this.#clock.nowMs() / TICK_MS);
  }

  readonly #run = (): void => {
    this.#timer = undefined;
    const nowTick = this.#nowTick();
    const due: Deadline[] = [];
    const turns = Math.min(nowTick - this.#tick, SLOTS);
    for (let t = nowTick - turns + 1; t <= nowTick; t++) {
      for (let d = this.#slots[t % SLOTS]; d !== undefined; d = d.next) if (d.dueTick <= nowTick) due.push(d);
    }
    this.#tick = nowTick;
    for (const deadline of due) {
      // Cleared by one that fired before it, or set anew.
      if (!deadline.isSet || deadline.dueTick > nowTick) continue;
      this.clear(deadline);
      deadline.fire();
    }
    if (this.#count > 0) this.#schedule();
  };
}
