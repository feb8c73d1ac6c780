/**
 * Waits on conditions of other processes: asks again and again, never for longer than it is told.
 *
 * @module
 */
import { systemClock } from "../../../src/base/clock.ts";

const POLL_MS = 20;

/** What `probe` finds, as soon as it finds something. @throws {Error} That `what` did not come about within `limitMs`. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 10_000,
): Promise<T> {
  const endMs = systemClock.nowMs() + limitMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (systemClock.nowMs() > endMs)
      throw new Error(`${what}: not within ${limitMs} ms${lastError === undefined ? "" : ` (${String(lastError)})`}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
