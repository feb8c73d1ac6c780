/**
 * How a proxy ends: it stops accepting and lets what runs end, for a while.
 *
 * @module
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Proxy } from "../../proxy/proxy.ts";

/** How long requests may take to end once the process was told to. Istio's `terminationDrainDuration`. */
const DRAIN_MS = 5000;

/**
 * Resolves when nothing is under way any more, or its time is over. What the application still has to answer may need calls of
 * its own, so these go on until nothing is under way towards it.
 */
export async function drained(proxy: Proxy, clock: Clock): Promise<void> {
  const { listeners } = proxy;
  const untilMs = clock.nowMs() + DRAIN_MS;
  const until = async (done: () => boolean): Promise<void> => {
    while (!done() && clock.nowMs() < untilMs) await sleep(clock, 20);
  };
  // One proxy for several workloads calls itself: what came in from outside ends first.
  proxy.drain("plain");
  await until(() => listeners.leavingCount === 0);
  proxy.drain("inbound");
  await until(() => listeners.leavingCount === 0);
  proxy.drain();
  await until(() => listeners.connectionCount === 0);
}
