/**
 * What one change costs a control plane of a large mesh, from the file to the bytes for each of 50 proxies.
 *
 * `bun bench/change.bench.ts [--services 1000,3000] [--rounds 5] [--soak 0] [--loopbacks 20] [--only name]`. Milliseconds, the least of the rounds; `read` is from the
 * text to the documents' meaning and findings, `publish` to the snapshots, `push` to the bytes. With `--soak N` then N changes more, and what memory they left.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { silentLog } from "../src/base/log.ts";
import { ManualClock } from "../src/base/manual-clock.ts";
import { InstanceRegistry } from "../src/app/control-plane/instance-registry.ts";
import { Publisher } from "../src/app/control-plane/publisher.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { defaultTranslateOptions } from "../src/translate/options.ts";
import type { Snapshot } from "../src/xds/snapshot.ts";
import { SnapshotCache } from "../src/xds/snapshot-cache.ts";
import type { Instance } from "../src/model/service.ts";
import type { Mesh } from "../src/model/mesh.ts";
import { declaredPorts } from "../src/translate/gateway/ports.ts";
import { instanceOf } from "../tests/support/mesh.ts";
import {
  addedService,
  bigMesh,
  edgeRouteFile,
  endpointFile,
  policyFile,
  serviceRouteFile,
  virtualServiceFile,
} from "./change/documents.ts";
import { BenchProxy } from "./change/proxies.ts";

const { values: flags } = parseArgs({
  options: {
    services: { type: "string", default: "1000,3000" },
    rounds: { type: "string", default: "5" },
    soak: { type: "string", default: "0" },
    loopbacks: { type: "string", default: "20" },
    only: { type: "string" },
  },
});

class Bed {
  readonly proxies = new Map<string, BenchProxy>();
  readonly store: MemoryStore;
  readonly registry: InstanceRegistry;
  readonly #publisher: Publisher;
  readonly #pending: (() => void)[] = [];

  constructor(services: number) {
    this.store = new MemoryStore(bigMesh(services));
    const wrong = this.store.current.problems;
    if (wrong.length > 0) throw new Error(`the documents are wrong: ${JSON.stringify(wrong[0])}`);
    const clock = new ManualClock();
    const cache = new SnapshotCache();
    this.registry = new InstanceRegistry(() => this.#publisher.request("instances"));
    this.#publisher = new Publisher({
      clock,
      log: silentLog,
      cache,
      registry: this.registry,
      mesh: () => this.store.current.mesh,
      settings: this.store.current.mesh.settings,
      translate: defaultTranslateOptions,
      debounceMs: 20,
      onPublished: () => {},
    });
    const { mesh } = this.store.current;
    for (const [i, workload] of mesh.workloads.entries())
      this.registry.register(placed(mesh, instanceOf(workload, i % 400), Number(flags.loopbacks)));
    this.#publisher.flush();
    for (const { nodeId } of this.#publisher.roster) {
      const proxy = new BenchProxy();
      const take = (snapshot: Snapshot): void => void this.#pending.push(() => proxy.take(snapshot));
      cache.watch(nodeId, take);
      take(cache.get(nodeId) as Snapshot);
      this.proxies.set(nodeId, proxy);
    }
    for (const push of this.#pending.splice(0)) push();
    if (this.#publisher.failures.size > 0) throw new Error([...this.#publisher.failures.values()][0]);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [file, text] of Object.entries(files)) this.store.write(file, text);
  }

  publish(): void {
    this.#publisher.request("documents");
    this.#publisher.flush();
  }

  push(): number {
    const told = this.#pending.splice(0);
    for (const push of told) push();
    return told.length;
  }

  get sent(): { readonly bytes: number; readonly resources: number } {
    const all = [...this.proxies.values()];
    return {
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      resources: all.reduce((sum, { resources }) => sum + resources, 0),
    };
  }
}

function placed(mesh: Mesh, instance: Instance, loopbacks: number): Instance {
  const { workload } = instance;
  if (workload.gateway === undefined) {
    const called = mesh.services
      .slice(0, loopbacks)
      .flatMap(({ hostname: host, ports }) =>
        ports.map(({ number }, i) => ({ host, port: number, address: { address: "127.0.0.1", port: 40_000 + i } })),
      );
    return {
      ...instance,
      loopbacks: called.map((it, i) => ({ ...it, address: { ...it.address, port: 30_000 + i } })),
    };
  }
  const ports = declaredPorts(mesh, workload).map((targetPort) => {
    const place = { address: "127.0.0.1", port: 10_000 + targetPort };
    return { targetPort, inbound: place, application: place };
  });
  return { ...instance, outbound: undefined, loopbacks: [], ports };
}

type Change = readonly [name: string, change: (bed: Bed, i: number) => void];

const CHANGES: readonly Change[] = [
  ["endpoint of a document", (bed, i) => bed.write(endpointFile(100, i))],
  ["health of an instance", (bed, i) => bed.registry.setHealthy("s3-v1-0", i % 2 === 0)],
  ["VirtualService", (bed, i) => bed.write(virtualServiceFile(51, `/v${i}`))],
  ["HTTPRoute of a Service", (bed, i) => bed.write(serviceRouteFile(3, `/v${i}`))],
  ["HTTPRoute of a Gateway", (bed, i) => bed.write(edgeRouteFile(3, `/v${i}`))],
  ["AuthorizationPolicy", (bed, i) => bed.write(policyFile(3, i % 2 === 0 ? "POST" : "PUT"))],
  ["Service added", (bed, i) => bed.write(addedService(i))],
];

const least = (values: readonly number[]): number => Math.min(...values);

function timed(work: () => void): number {
  const start = Bun.nanoseconds();
  work();
  return (Bun.nanoseconds() - start) / 1e6;
}

const cell = (value: number, digits = 1): string => value.toFixed(digits).padStart(10);

let next = 2;

function measure(bed: Bed, [name, change]: Change): void {
  const [read, publish, push]: [number[], number[], number[]] = [[], [], []];
  let told = 0;
  const before = bed.sent;
  const rounds = Number(flags.rounds);
  for (let round = 0; round < rounds; round++) {
    const i = next++;
    Bun.gc(true);
    read.push(timed(() => change(bed, i)));
    publish.push(timed(() => bed.publish()));
    push.push(timed(() => (told = bed.push())));
  }
  const after = bed.sent;
  const each = rounds * Math.max(told, 1);
  console.log(
    `${name.padEnd(26)}${cell(least(read))}${cell(least(publish))}${cell(least(push))}${cell(least(read) + least(publish) + least(push))}${cell(told, 0)}${cell((after.resources - before.resources) / each)}${cell((after.bytes - before.bytes) / each, 0)}`,
  );
}

function soak(bed: Bed, changes: number): void {
  const rest = (): number => {
    Bun.gc(true);
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const round = (count: number): void => {
    for (let k = 0; k < count; k++) {
      const [, change] = CHANGES[k % (CHANGES.length - 1)] as Change;
      change(bed, next++);
      bed.publish();
      bed.push();
    }
  };
  round(50);
  const start = rest();
  round(changes);
  console.log(`${changes} changes: heap ${start.toFixed(1)} to ${rest().toFixed(1)} MB`);
}

for (const services of flags.services.split(",").map(Number)) {
  const startedMs = performance.now();
  const bed = new Bed(services);
  console.log(
    `\n${services} services, ${bed.proxies.size} proxies: first publication ${(performance.now() - startedMs).toFixed(0)} ms, ${(bed.sent.bytes / bed.proxies.size / 1e3).toFixed(0)} kB each`,
  );
  console.log(
    `${"".padEnd(26)}${["read", "publish", "push", "all ms", "proxies", "resources", "bytes"].map((it) => it.padStart(10)).join("")}`,
  );
  const chosen = CHANGES.filter(([name]) => flags.only === undefined || name.startsWith(flags.only));
  for (const change of chosen) measure(bed, change);
  if (Number(flags.soak) > 0) soak(bed, Number(flags.soak));
}
