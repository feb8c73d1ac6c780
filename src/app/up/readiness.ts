/**
 * Waits until what was started answers.
 *
 * @module
 */
import { type Clock, sleep } from "../../base/clock.ts";
import { httpGet } from "../../net/http-get.ts";
import type { Network } from "../../net/socket.ts";

const POLL_MS = 25;

/** Resolves when `probe` says yes; throws what `broken` says, or after `limitMs`. */
export async function until(
  clock: Clock,
  probe: () => Promise<boolean>,
  broken: () => Error | undefined,
  what: string,
  limitMs: number,
): Promise<void> {
  const endMs = clock.nowMs() + limitMs;
  while (!(await probe())) {
    const error = broken();
    if (error !== undefined) throw error;
    if (clock.nowMs() > endMs) throw new Error(`${what} was not ready within ${limitMs / 1000} s`);
    await sleep(clock, POLL_MS);
  }
}

/** Whether something accepts connections there. */
export function accepts(network: Network, address: string, port: number): Promise<boolean> {
  return new Promise((resolve) =>
    network.dial(
      { address, port, connectTimeoutMs: 1000 },
      (socket) => {
        socket.destroy();
        resolve(true);
      },
      () => resolve(false),
    ),
  );
}

/** Whether an admin endpoint answers 200 at `/ready`. */
export async function isReady(adminUrl: string): Promise<boolean> {
  try {
    return (await httpGet(`${adminUrl}/ready`, { timeoutMs: 1000 })).status === 200;
  } catch {
    return false;
  }
}

/** Whether a request is answered by whatever is behind the URL. */
export async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await httpGet(url)).status < 500;
  } catch {
    return false;
  }
}
