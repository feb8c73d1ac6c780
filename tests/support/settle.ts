/**
 * Waits for what real sockets and processes do: on a condition, never for a time.
 *
 * @module
 */
import { systemClock } from "../../src/base/clock.ts";

/** Lets the event loop turn until `done` holds. Throws when it does not within `limitMs`. */
export async function settle(done: () => boolean, limitMs = 5000): Promise<void> {
  const untilMs = systemClock.nowMs() + limitMs;
  while (!done()) {
    if (systemClock.nowMs() > untilMs) throw new Error(`did not settle within ${limitMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
