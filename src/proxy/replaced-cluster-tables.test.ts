/** Large hash tables of a cluster that is replaced: the next one has them until its own are made, and the last one makes no more. */
import { expect, test } from "bun:test";
import type { Clock } from "../base/clock.ts";
import type { ManualClock } from "../base/manual-clock.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { cluster } from "../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../tests/support/proxy-rig.ts";

/** Every look at it takes a millisecond. */
function slow(clock: ManualClock): Clock {
  let looks = 0;
  return {
    nowMs: () => clock.nowMs() + ++looks,
    wallMs: () => clock.wallMs(),
    after: (delayMs, fire) => clock.after(delayMs, fire),
    afterRound: (fire) => clock.afterRound(fire),
  };
}

const ring = (ports: readonly number[], connectTimeout: number): Cluster =>
  cluster("c", ports, { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: 100_000 }, connectTimeout });

test("a cluster that takes the place of another begins with its tables, and one that was replaced makes none", async () => {
  const rig = new ProxyRig({ clock: slow });
  const standing = rig.clock.pendingTimers;
  const pick = () => rig.proxy.clusters.clusters.get("c")?.pick(() => 0, undefined, 1, 7n)?.port;
  const making = (): number => rig.clock.pendingTimers - standing;
  await rig.apply(Cluster, ring([81], 1000));
  while (making() > 0) await rig.advance(1);
  expect(pick()).toBe(81);
  await rig.apply(Cluster, ring([81, 82, 83], 2000));
  expect([making(), pick()]).toEqual([1, 81]);
  // In place of one that is at work: one is at work.
  await rig.apply(Cluster, ring([81, 82, 83], 3000));
  expect([making(), pick()]).toEqual([1, 81]);
  await rig.remove(Cluster, "c");
  expect(making()).toBe(0);
  rig.proxy.close();
});
