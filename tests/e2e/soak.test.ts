/**
 * The short form of `bun bench/soak.ts`: every protocol, new connections, clients that break off and documents that change. When the
 * load has gone, no proxy has kept a descriptor, and none has grown beyond what it needs to work.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { lanesOf, runLanes } from "../../bench/soak/lanes.ts";
import { proxiesBelow, sample } from "../../bench/soak/samples.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";

const WARM_UP_MS = 3000;
const LOAD_MS = 8000;
/** Code that is compiled and heaps that settle; a leak of one read a connection would be hundreds. */
const MAX_GROWTH_MB = 60;
/** Kept connections to endpoints, which idle for longer than a test. */
const MAX_KEPT = 40;

test("after mixed load with churn, proxies have their descriptors back and their memory is bounded", async () => {
  const mesh = await MeshRun.start({ folder: join(import.meta.dir, "../../examples/protocols") });
  try {
    const proxies = proxiesBelow(mesh.file.pid);
    expect(proxies.length).toBeGreaterThan(5);
    const lanes = lanesOf(mesh);
    await runLanes(lanes, AbortSignal.timeout(WARM_UP_MS));
    const before = proxies.map((proxy) => sample(proxy, 0));
    const tallies = await runLanes(lanes, AbortSignal.timeout(LOAD_MS));
    for (const [name, { done, errors }] of tallies) {
      expect(errors, name).toEqual([]);
      expect(done, name).toBeGreaterThan(0);
    }
    // A descriptor kept of each would be seen.
    const comeAndGone =
      (tallies.get("new connections")?.done ?? 0) + (tallies.get("clients that break off")?.done ?? 0);
    expect(comeAndGone).toBeGreaterThan(2 * MAX_KEPT);
    for (const [i, proxy] of proxies.entries()) {
      const { descriptors, rssMb } = before[i] as ReturnType<typeof sample>;
      const now = () => sample(proxy, 0);
      await eventually(`${proxy.name} has its descriptors back`, () => now().descriptors <= descriptors + MAX_KEPT);
      expect(now().rssMb, proxy.name).toBeLessThan(rssMb + MAX_GROWTH_MB);
    }
  } finally {
    await mesh.stop();
  }
}, 120_000);
