/**
 * One of several workers: a proxy that gets its configuration, its certificates and its connections from the main process.
 *
 * @module
 */
import { type Clock, sleep } from "../../base/clock.ts";
import { lineLog, type Log, type LogLevel } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { bunDatagrams } from "../../net/bun-datagrams.ts";
import { datagramsElsewhere } from "../../net/datagrams.ts";
import { bunResolver } from "../../net/bun-dns.ts";
import { localAddress, localAddresses } from "../../net/local-address.ts";
import type { DescriptorChannel } from "../../net/descriptor-channel.ts";
import { HandedNetwork } from "../../net/handed-network.ts";
import { AccessSinks } from "../../proxy/access-sinks.ts";
import type { MemorySource } from "../../proxy/overload.ts";
import { Proxy } from "../../proxy/proxy.ts";
import { Registry } from "../../telemetry/registry.ts";
import { snapshotOf } from "../../telemetry/registry-snapshot.ts";
import { clusterViews } from "../sidecar/cluster-views.ts";
import { drained } from "../sidecar/drained.ts";
import type { Answers, FromWorker, Question, ResourceChange, ToWorker } from "./messages.ts";
import { RelayedOutput } from "./relayed-output.ts";

export interface WorkerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly connections: DescriptorChannel;
  readonly send: (message: FromWorker) => void;
  readonly writeLog: (line: string) => void;
  readonly fillRandom: (into: Uint8Array) => void;
  readonly readFile: (path: string) => string;
  readonly memory: MemorySource;
  /** Gives back what only the start needed. */
  readonly trimMemory: () => void;
  /** Ends the process. */
  readonly exit: () => void;
}

/** Ended connections are told of together. */
const TELL_MS = 20;
const TRIM_AFTER_MS = 1000;
/** What was written must arrive; a main process that is gone takes nothing. */
const FLUSH_LIMIT_MS = 1000;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #network: HandedNetwork;
  readonly #registry = new Registry();
  readonly #sinks = new AccessSinks();
  readonly #output: RelayedOutput;
  readonly #log: Log;
  #level: LogLevel = "info";
  #index = 0;
  #proxy: Proxy | undefined;
  #ended = 0;
  #stopping = false;

  constructor(options: WorkerOptions) {
    const { clock, connections, send, writeLog } = options;
    this.#options = options;
    // What the main process does too is told by it.
    this.#log = lineLog(
      () => (this.#level === "info" ? "warn" : this.#level),
      (line) => writeLog(line.replace(/\n$/, ` worker=${this.#index}\n`)),
      clock.wallMs,
    );
    this.#output = new RelayedOutput(this.#sinks.sink, (path, bytes) => send({ t: "output", path, bytes }));
    this.#network = new HandedNetwork(connections, clock, {
      onListening: (key, tag) => send({ t: "listening", key, tag }),
      onDeaf: (tag) => send({ t: "deaf", tag }),
      onEnded: () => this.#onEnded(),
    });
  }

  #onEnded(): void {
    if (this.#ended++ > 0) return;
    this.#options.clock.after(TELL_MS, () => {
      this.#options.send({ t: "ended", count: this.#ended });
      this.#ended = 0;
    });
  }

  receive(message: ToWorker): void {
    switch (message.t) {
      case "start":
        return this.#start(message);
      case "connections":
        return this.#network.take();
      case "secret":
        return this.#secret(message);
      case "ask":
        return void this.#answer(message.id, message.question);
      case "level":
        this.#level = message.level;
        return;
      case "drain":
        return this.#started.drain(message.which);
      case "written":
        return this.#output.written(message.bytes);
      case "stop":
        return void this.stop();
    }
  }

  #secret({ name, value }: Extract<ToWorker, { t: "secret" }>): void {
    const { secrets } = this.#started;
    if (value === undefined) secrets.delete(name);
    else secrets.set(name, value);
  }

  get #started(): Proxy {
    if (this.#proxy === undefined) throw new Error("the first message to a worker must be its start");
    return this.#proxy;
  }

  #start({
    worker,
    count,
    self,
    local,
    adminPort,
    level,
    overload,
    dnsServers = [],
  }: Extract<ToWorker, { t: "start" }>): void {
    const { clock, random, fillRandom, memory, readFile, send, trimMemory } = this.#options;
    this.#index = worker;
    this.#level = level;
    this.#proxy = new Proxy({
      network: this.#network,
      datagrams: worker === 0 ? bunDatagrams : datagramsElsewhere,
      clock,
      random,
      log: this.#log,
      registry: this.#registry,
      fillRandom,
      readFile,
      openSink: this.#output.sink,
      self,
      local,
      localAddress: localAddress(),
      ownAddresses: localAddresses,
      adminPort,
      resolver: bunResolver(clock, { servers: dnsServers }),
      share: 1 / count,
      overload: { compiled: overload, memory },
    });
    send({ t: "loaded" });
    clock.after(TRIM_AFTER_MS, trimMemory);
  }

  async #answer(id: number, question: Question): Promise<void> {
    const value = question.t === "apply" ? await this.#apply(question.change) : this.#tell(question);
    this.#options.send({ t: "answer", id, value });
  }

  async #apply({ typeUrl, changed, removed }: ResourceChange): Promise<Answers["apply"]> {
    const proxy = this.#started;
    const rejected = proxy.apply(typeUrl, changed, removed);
    return [...rejected, ...(await proxy.start())];
  }

  #tell(question: Exclude<Question, { t: "apply" }>): Answers["statistics"] | Answers["clusters"] {
    return question.t === "statistics" ? snapshotOf(this.#registry) : clusterViews(this.#started, () => false);
  }

  /** Ends once what is under way has ended, or has had its time. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { clock, send, exit } = this.#options;
    if (this.#proxy !== undefined) {
      await drained(this.#proxy, clock);
      this.#proxy.close();
    }
    this.#sinks.close();
    send({ t: "last", statistics: snapshotOf(this.#registry) });
    const untilMs = clock.nowMs() + FLUSH_LIMIT_MS;
    while (!this.#output.isWritten && clock.nowMs() < untilMs) await sleep(clock, 5);
    exit();
  }
}
