import { expect, test } from "bun:test";
import type { Clock, Timer } from "../base/clock.ts";
import { ManualClock } from "../base/manual-clock.ts";
import { createBalancer } from "../engine/cluster/balancer.ts";
import { compileCluster } from "../engine/cluster/cluster.ts";
import { clusterStats, type HashTableStats } from "../telemetry/envoy-stats.ts";
import { Registry } from "../telemetry/registry.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { ClusterMembers } from "./cluster-members.ts";

/** Every look at it takes a millisecond. */
class SlowClock implements Clock {
  readonly #clock = new ManualClock();
  looks = 0;
  nowMs(): number {
    this.looks += 1;
    return this.#clock.nowMs() + this.looks;
  }
  wallMs(): number {
    return this.#clock.wallMs();
  }
  after(delayMs: number, fire: () => void): Timer {
    return this.#clock.after(delayMs, fire);
  }
  afterRound(fire: () => void): void {
    this.#clock.afterRound(fire);
  }
  advance(): void {
    this.#clock.advance(1);
  }
  get pending(): number {
    return this.#clock.pendingTimers;
  }
}

const of = (...addresses: readonly string[]): ClusterLoadAssignment => ({
  endpoints: [
    {
      lbEndpoints: addresses.map((address) => ({
        endpoint: { address: { socketAddress: { address, portValue: 80 } } },
      })),
    },
  ],
});

function scene() {
  const compiled = compileCluster({
    name: "c",
    type: "STATIC",
    lbPolicy: "RING_HASH",
    ringHashLbConfig: { minimumRingSize: 100_000 },
  });
  const clock = new SlowClock();
  const sizes: number[] = [];
  const hashStats: HashTableStats = { set: ({ size }) => void sizes.push(size), remove: () => {} };
  const balancer = createBalancer(compiled.balancer);
  const members = new ClusterMembers(compiled, clusterStats(new Registry(), "c").stats, balancer, {
    clock,
    peers: () => undefined,
    hashStatsOf: () => hashStats,
    onRemoved: () => {},
  });
  const pick = () => balancer.pick(members.endpoints, () => 0, undefined, 1, 7n)?.address;
  return { clock, members, pick, sizes };
}

test("a large table is made in parts, and requests go by the last one meanwhile", () => {
  const { clock, members, pick, sizes } = scene();
  members.assign(of("a"));
  while (clock.pending > 0) clock.advance();
  expect([pick(), sizes]).toEqual(["a", [100_000]]);

  members.assign(of("a", "b"));
  expect(clock.pending).toBe(1);
  let turns = 0;
  for (; clock.pending > 0; turns += 1) {
    const before = clock.looks;
    expect(pick()).toBe("a");
    clock.advance();
    // No turn is longer than its part of the time.
    expect(clock.looks - before).toBeLessThan(8);
  }
  expect(turns).toBeGreaterThan(5);
  expect(sizes).toEqual([100_000, 100_000]);
});

test("what changes while a table is made has its own behind it, and nobody waits for one that nobody wants", () => {
  const { clock, members, pick, sizes } = scene();
  members.assign(of("a"));
  members.assign(of("a", "b"));
  members.assign(of("c"));
  while (clock.pending > 0) clock.advance();
  expect(pick()).toBe("c");
  expect(sizes).toHaveLength(2);
  members.assign(of("d"));
  members.close();
  expect(clock.pending).toBe(0);
});
