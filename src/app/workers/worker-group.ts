/**
 * Several workers that serve as one proxy: they get the same configuration in the same order, and what they count is told
 * as a sum. One that ends is replaced.
 *
 * @module
 */
import type { LocalService } from "../../proxy/cluster-runtime.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { type CompiledOverload, shareOf } from "../../engine/overload/compile.ts";
import type { Log, LogLevel } from "../../base/log.ts";
import type { ClusterView } from "../../admin/proxy-admin-source.ts";
import { overAbandoned } from "../../net/abandoned-socket.ts";
import type { Network } from "../../net/socket.ts";
import { unixPath } from "../../net/unix-path.ts";
import type { OpenSink } from "../../proxy/access-sinks.ts";
import type { Rejection } from "../../proxy/resources.ts";
import type { SecretValue } from "../../proxy/secrets.ts";
import type { PeerLabels } from "../../telemetry/istio-labels.ts";
import type { Counter, Gauge } from "../../telemetry/metrics.ts";
import { Registry } from "../../telemetry/registry.ts";
import { mergedRegistry, type RegistrySnapshot, snapshotOf } from "../../telemetry/registry-snapshot.ts";
import { Acceptor, type ListenToGive } from "./acceptor.ts";
import { mergeClusters } from "./merge-clusters.ts";
import type { ResourceChange, ToWorker } from "./messages.ts";
import { retired, WorkerHandle } from "./worker-handle.ts";
import type { SpawnWorker } from "./worker-port.ts";

/** What a worker that starts late must be told to be like the others. */
export interface GroupState {
  readonly secrets: readonly { readonly name: string; readonly value: SecretValue }[];
  /** In the order in which they can be applied. */
  readonly changes: readonly ResourceChange[];
}

export interface WorkerGroupOptions {
  readonly count: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly self: PeerLabels;
  readonly local?: LocalService | undefined;
  readonly adminPort?: number | undefined;
  readonly overload: CompiledOverload;
  readonly dnsServers?: readonly string[];
  readonly level: () => LogLevel;
  readonly spawn: SpawnWorker;
  readonly listenToGive: ListenToGive;
  /** Dials for the main process itself. */
  readonly dial: Network["dial"];
  /** For what workers cannot write by themselves. */
  readonly openSink: OpenSink;
}

const FIRST_RESTART_MS = 100;
const MAX_RESTART_MS = 10_000;
/** A worker that lived so long may be restarted at once again. */
const STEADY_MS = 30_000;
/** What a worker that is killed has counted since the last look is lost. */
const LOOK_MS = 5000;
const STOP_LIMIT_MS = 6500;

export class WorkerGroup {
  readonly #options: WorkerGroupOptions;
  readonly #acceptor: Acceptor;
  readonly #workers: (WorkerHandle | undefined)[] = [];
  /** Restarts in a row, by worker. */
  readonly #failures: number[] = [];
  readonly #registry = new Registry();
  readonly #alive: Gauge;
  readonly #restarts: Counter;
  #state: () => GroupState = () => ({ secrets: [], changes: [] });
  #retired: RegistrySnapshot = [];
  #stopping = false;
  #onLoaded: () => void = () => {};

  constructor(options: WorkerGroupOptions) {
    this.#options = options;
    const refused = this.#registry.counter(HANDOVER_FAILURES);
    const overflow = this.#registry.counter(GLOBAL_OVERFLOW);
    this.#alive = this.#registry.gauge(ALIVE);
    this.#restarts = this.#registry.counter(RESTARTS);
    this.#acceptor = new Acceptor(options.listenToGive, {
      isFull: () => this.#running.reduce((sum, { load }) => sum + load, 0) >= options.overload.maxConnections,
      onFull: () => overflow.add(1),
      onRefused: () => refused.add(1),
    });
  }

  /** What the main process listens with: the workers get what it accepts. */
  get network(): Network {
    return {
      listen: (options) => overAbandoned(options.path && unixPath(options.path), () => this.#acceptor.listen(options)),
      dial: this.#options.dial,
    };
  }

  /**
   * Resolves when all of them serve, or the group is stopped.
   * @param state What has been accepted so far, asked for again with each worker that is started.
   */
  async start(state: () => GroupState): Promise<void> {
    this.#state = state;
    const loaded = new Promise<void>((resolve) => {
      this.#onLoaded = () => {
        if (this.#stopping || this.#loaded.size === this.#options.count) resolve();
      };
    });
    for (let index = 0; index < this.#options.count; index++) this.#spawn(index);
    await loaded;
    void this.#look();
  }

  readonly #loaded = new Set<WorkerHandle>();

  get #running(): WorkerHandle[] {
    return this.#workers.filter((worker) => worker !== undefined);
  }

  /** Those that are told of changes; one that starts is told everything once it can be. */
  get #following(): WorkerHandle[] {
    return this.#running.filter(({ isFollowing }) => isFollowing);
  }

  get count(): number {
    return this.#options.count;
  }

  get isServing(): boolean {
    return this.#loaded.size > 0;
  }

  /** Process ids, by worker; for the person who looks. */
  get pids(): readonly number[] {
    return this.#running.map(({ pid }) => pid);
  }

  #spawn(index: number): void {
    const { clock, count, self, local, adminPort, level, overload, spawn, log, dnsServers = [] } = this.#options;
    const worker = new WorkerHandle(index, spawn, clock, {
      onLoaded: (it) => void this.#replay(it),
      onListening: (it, key, tag) => this.#acceptor.join(key, it, tag),
      onDeaf: (it, tag) => this.#acceptor.leave(it, tag),
      onOutput: (it, path, bytes) => this.#write(it, path, bytes),
      onExit: (it, how) => this.#onExit(it, how),
    });
    this.#workers[index] = worker;
    worker.send({
      t: "start",
      worker: index,
      count,
      self,
      local,
      adminPort,
      level: level(),
      overload: shareOf(overload, count),
      dnsServers,
    });
    log.info("worker started", { worker: index, pid: worker.pid });
  }

  /** What comes later is sent behind it, so nothing is missed and nothing overtakes. */
  async #replay(worker: WorkerHandle): Promise<void> {
    const { secrets, changes } = this.#state();
    worker.isFollowing = true;
    for (const { name, value } of secrets) worker.send({ t: "secret", name, value });
    const answers = await Promise.all(changes.map((change) => worker.ask({ t: "apply", change })));
    for (const { name, reason } of answers.flatMap((rejected) => rejected ?? []))
      this.#options.log.error("a worker refused what the others serve", { worker: worker.index, name, reason });
    if (worker.hasExited) return;
    this.#loaded.add(worker);
    this.#alive.set(this.#loaded.size);
    this.#onLoaded();
  }

  #onExit(worker: WorkerHandle, how: string): void {
    const { clock, log } = this.#options;
    const { index } = worker;
    this.#acceptor.forget(worker);
    this.#loaded.delete(worker);
    this.#alive.set(this.#loaded.size);
    this.#retired = retired(this.#retired, worker.statistics);
    this.#workers[index] = undefined;
    if (this.#stopping) return;
    const failures = clock.nowMs() - worker.startedMs > STEADY_MS ? 0 : (this.#failures[index] ?? 0);
    this.#failures[index] = failures + 1;
    const delayMs = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** failures);
    log.error("a worker ended, its connections are lost, the others go on", { worker: index, how, restartMs: delayMs });
    this.#restarts.add(1);
    clock.after(delayMs, () => {
      if (!this.#stopping) this.#spawn(index);
    });
  }

  #write(worker: WorkerHandle, path: string, bytes: Uint8Array): void {
    let rest = bytes;
    try {
      const sink = this.#options.openSink(path);
      while (rest.length > 0) rest = rest.subarray(sink(rest));
    } catch (error) {
      this.#options.log.warn("an access log cannot be written", { path, reason: String(error) });
    }
    worker.send({ t: "written", bytes: bytes.length });
  }

  #broadcast(message: ToWorker): void {
    for (const worker of this.#following) worker.send(message);
  }

  /** Puts a change in force in every worker. @returns What any of them refused. */
  async apply(change: ResourceChange): Promise<readonly Rejection[]> {
    const answers = await Promise.all(this.#following.map((worker) => worker.ask({ t: "apply", change })));
    return answers.flatMap((rejected) => rejected ?? []);
  }

  /** @param value Undefined: it is gone. */
  secret(name: string, value: SecretValue | undefined): void {
    this.#broadcast({ t: "secret", name, value });
  }

  level(level: LogLevel): void {
    this.#broadcast({ t: "level", level });
  }

  drain(which: "all" | "inbound"): void {
    this.#broadcast({ t: "drain", which });
  }

  /** Of all workers, those that have ended among them, and of the group itself. */
  async statistics(): Promise<Registry> {
    await this.#refresh();
    const parts = this.#running.map(({ statistics }) => statistics);
    return mergedRegistry([snapshotOf(this.#registry), this.#retired, ...parts]);
  }

  async #refresh(): Promise<void> {
    const refresh = async (worker: WorkerHandle): Promise<void> => {
      const statistics = await worker.ask({ t: "statistics" });
      if (statistics !== undefined && !worker.hasExited) worker.statistics = statistics;
    };
    await Promise.all([...this.#loaded].map(refresh));
    for (const worker of this.#running)
      this.#registry.gauge(CONNECTIONS, { worker: String(worker.index) }).set(worker.load);
  }

  async #look(): Promise<void> {
    while (!this.#stopping) {
      await sleep(this.#options.clock, LOOK_MS);
      if (!this.#stopping) await this.#refresh();
    }
  }

  async clusters(): Promise<readonly ClusterView[]> {
    const answers = await Promise.all([...this.#loaded].map((worker) => worker.ask({ t: "clusters" })));
    return mergeClusters(answers.filter((views) => views !== undefined));
  }

  /** Lets them drain and end; those that take too long are ended. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    this.#stopping = true;
    this.#onLoaded();
    for (const worker of this.#running) worker.send({ t: "stop" });
    const untilMs = clock.nowMs() + STOP_LIMIT_MS;
    while (this.#running.length > 0 && clock.nowMs() < untilMs) await sleep(clock, 20);
    for (const worker of this.#running) worker.kill();
    while (this.#running.length > 0) await sleep(clock, 5);
  }
}

const ALIVE = { name: "tulle_workers", help: "Worker processes that serve" };
const RESTARTS = {
  name: "tulle_worker_restarts_total",
  help: "Worker processes that ended by themselves and were started anew",
  idle: "keep",
} as const;
const CONNECTIONS = { name: "tulle_worker_connections", help: "Connections of clients that a worker has" };
const GLOBAL_OVERFLOW = {
  name: "tulle_global_cx_overflow_total",
  help: "Connections that were closed because there are as many as there may be, over all workers",
  idle: "keep",
} as const;
const HANDOVER_FAILURES = {
  name: "tulle_worker_handover_failures_total",
  help: "Connections that were closed because no worker took them",
  idle: "keep",
} as const;
