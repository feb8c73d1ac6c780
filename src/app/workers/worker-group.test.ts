import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../base/manual-clock.ts";
import { silentLog } from "../../base/log.ts";
import { listenToGive } from "../../net/bun-handover.ts";
import type { DescriptorChannel } from "../../net/descriptor-channel.ts";
import { NO_OVERLOAD } from "../../proxy/overload.ts";
import { plainStats } from "../../telemetry/plain-stats.ts";
import { Registry } from "../../telemetry/registry.ts";
import { snapshotOf } from "../../telemetry/registry-snapshot.ts";
import type { Answers, ToWorker } from "./messages.ts";
import type { WorkerEvents, WorkerPort } from "./worker-port.ts";
import type { ListenToGive } from "./acceptor.ts";
import { type GroupState, WorkerGroup } from "./worker-group.ts";

const NO_CONNECTIONS: DescriptorChannel = { send: () => false, receive: () => undefined, close() {} };

/** A worker that answers at once, as it is told to. */
class FakeWorker implements WorkerPort {
  static pids = 0;
  readonly pid = ++FakeWorker.pids;
  readonly connections = NO_CONNECTIONS;
  readonly got: ToWorker[] = [];
  readonly #events: WorkerEvents;
  refuses = "";
  isDeaf = false;
  /** It never says that it is there. */
  isMute = false;
  requests = 0;

  constructor(events: WorkerEvents) {
    this.#events = events;
  }

  send(message: ToWorker): void {
    this.got.push(message);
    if (this.isDeaf) return;
    if (message.t === "start" && this.isMute) return;
    if (message.t === "start") queueMicrotask(() => this.#events.onMessage({ t: "loaded" }));
    else if (message.t === "ask") this.#events.onMessage({ t: "answer", id: message.id, value: this.#answer(message) });
    else if (message.t === "stop") this.end("with code 0");
  }

  #answer({ question }: Extract<ToWorker, { t: "ask" }>): Answers[keyof Answers] {
    if (question.t === "clusters") return [];
    if (question.t === "apply") return this.refuses === "" ? [] : [{ name: this.refuses, reason: "no" }];
    const registry = new Registry();
    registry.counter({ name: "requests_total", help: "R" }).add(this.requests);
    registry.gauge({ name: "active", help: "A" }).add(1);
    return snapshotOf(registry);
  }

  end(how: string): void {
    this.#events.onExit(how);
  }

  kill(): void {
    this.end("by signal SIGKILL");
  }

  get applied(): string[] {
    return this.got.flatMap((m) => (m.t === "ask" && m.question.t === "apply" ? [m.question.change.typeUrl] : []));
  }
}

async function scene(count = 2, listen: ListenToGive = () => ({ port: 1, close() {} })) {
  const clock = new ManualClock();
  const workers: FakeWorker[] = [];
  const group = new WorkerGroup({
    count,
    clock,
    log: silentLog,
    self: {},
    overload: NO_OVERLOAD,
    level: () => "info",
    spawn: (events) => {
      const worker = new FakeWorker(events);
      workers.push(worker);
      return worker;
    },
    listenToGive: listen,
    dial() {},
    openSink: () => (bytes) => bytes.length,
  });
  const state: { value: GroupState } = { value: { secrets: [], changes: [change("one")] } };
  await group.start(() => state.value);
  return { clock, group, workers, state };
}

const change = (typeUrl: string) => ({ typeUrl, changed: [], removed: [] });
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe("a group of workers", () => {
  test("tells each the same in the same order, and says what any of them refuses", async () => {
    const { group, workers } = await scene();
    workers[1]!.refuses = "listener";
    expect(await group.apply(change("two"))).toEqual([{ name: "listener", reason: "no" }]);
    expect(workers.map(({ applied }) => applied)).toEqual([
      ["one", "two"],
      ["one", "two"],
    ]);
  });

  test("replaces one that ends, later each time, with all that the others know", async () => {
    const { clock, group, workers, state } = await scene();
    state.value = {
      secrets: [{ name: "s", value: { t: "trustedCa", trustedCaPem: "pem" } }],
      changes: [change("now")],
    };
    workers[0]!.end("by signal SIGSEGV");
    expect(workers.length).toBe(2);
    clock.advance(100);
    await turns();
    expect(workers.length).toBe(3);
    expect(workers[2]!.applied).toEqual(["now"]);
    expect(workers[2]!.got).toContainEqual({ t: "secret", name: "s", value: { t: "trustedCa", trustedCaPem: "pem" } });
    workers[2]!.end("with code 1");
    clock.advance(100);
    expect(workers.length).toBe(3);
    clock.advance(100);
    expect(workers.length).toBe(4);
    await turns();
    expect(plainStats(await group.statistics())).toContain("tulle_worker_restarts_total: 2\n");
  });

  test("goes on without one that has ended, and keeps what it counted", async () => {
    const { group, workers } = await scene();
    workers[0]!.requests = 5;
    workers[1]!.requests = 7;
    expect(plainStats(await group.statistics())).toContain("requests_total: 12\n");
    workers[0]!.end("with code 1");
    expect(group.isServing).toBe(true);
    expect(await group.apply(change("two"))).toEqual([]);
    const after = plainStats(await group.statistics());
    expect(after).toContain("requests_total: 12\n");
    expect(after).toContain("active: 1\n");
    expect(after).toContain("tulle_workers: 1\n");
  });

  test("ends a worker that does not answer, and then has all the answers", async () => {
    const { clock, group, workers } = await scene();
    workers[0]!.isDeaf = true;
    const applied = group.apply(change("two"));
    clock.advance(10_000);
    expect(await applied).toEqual([]);
    clock.advance(100);
    expect(workers.length).toBe(3);
  });

  test("listens where a proxy was killed that listened at a unix socket", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "tulle-workers-")), "killed.sock");
    const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL");`;
    spawnSync(process.execPath, ["-e", script]);
    const { group } = await scene(1, listenToGive);
    const listener = await group.network.listen({ address: "", port: 0, path }, () => {});
    await expect(group.network.listen({ address: "", port: 0, path }, () => {})).rejects.toThrow("EADDRINUSE");
    listener.close();
    await group.stop();
  });

  test("may be stopped while workers do not come up", async () => {
    const group = new WorkerGroup({
      count: 1,
      clock: new ManualClock(),
      log: silentLog,
      self: {},
      overload: NO_OVERLOAD,
      level: () => "info",
      spawn: (events) => {
        const worker = new FakeWorker(events);
        worker.isMute = true;
        return worker;
      },
      listenToGive: () => ({ port: 1, close() {} }),
      dial() {},
      openSink: () => (bytes) => bytes.length,
    });
    const started = group.start(() => ({ secrets: [], changes: [] }));
    await group.stop();
    await started;
    expect(group.isServing).toBe(false);
  });

  test("stops all, and starts none anew", async () => {
    const { clock, group, workers } = await scene();
    await group.stop();
    clock.advance(60_000);
    expect(workers.length).toBe(2);
    expect(group.isServing).toBe(false);
  });
});
