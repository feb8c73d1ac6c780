/**
 * Time as a parameter. Everything that waits or reads the time takes a {@link Clock},
 * so tests move time by hand and never sleep.
 *
 * @module
 */

/** A timer that has been started. */
export interface Timer {
  /** Stops it; a timer that has fired is left alone. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back, with fractions. For durations. */
  nowMs(): number;
  /** Milliseconds since 1970. For dates in certificates, logs and spans. */
  wallMs(): number;
  /** Calls `fire` once after `delayMs`. The timer alone does not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
  /** Calls `fire` once when everything that is ready now has been told: the other sockets that have something, too. */
  afterRound(fire: () => void): void;
}

/** Node refuses longer timers by firing them at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fire) {
    const handle = setTimeout(fire, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  afterRound: (fire) => void setImmediate(fire),
};

/** Resolves after `delayMs` on `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}
