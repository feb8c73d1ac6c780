/**
 * Runs one proxy for as long as the process lives. Its log goes straight to the descriptor: the stream behind `process.stderr`
 * would cost 7 MB.
 *
 * @module
 */
import { readFileSync, writeSync } from "node:fs";
import { proxyAdmin } from "../../admin/proxy-admin.ts";
import { sleep, systemClock } from "../../base/clock.ts";
import { lineLog, type Log, type LogLevel } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import type { CompiledOverload } from "../../engine/overload/compile.ts";
import { bunNetwork } from "../../net/bun-network.ts";
import { type HttpServer, serveHttp } from "../../net/http-server.ts";
import { bootstrapFromValue, parseBootstrap } from "../../xds/bootstrap.ts";
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";
import type { WorkerGroup } from "../workers/worker-group.ts";
import { adminPort } from "./admin-port.ts";
import { SidecarAdmin } from "./admin-source.ts";
import { dnsServersOf } from "./dns-servers.ts";
import { memoryLimit, memorySource } from "./memory-source.ts";
import { labelsOf, localService } from "./node-labels.ts";
import { overloadOf } from "./overload-settings.ts";
import { Sidecar } from "./sidecar.ts";
import { trimMemory } from "./trim-memory.ts";

export interface RunOptions {
  /** The bootstrap; YAML by its name's ending, else JSON. */
  readonly file: string;
  readonly logLevel: LogLevel;
  /** Of this program. */
  readonly version: string;
  /** Calls back when the process is told to end. */
  readonly onInterrupt: (stop: () => void) => void;
  /** Processes that serve. One: this one. */
  readonly workers: number;
  /** Starts a process that runs `runWorker`. */
  readonly workerCommand: readonly string[];
  /** Of all processes; undefined for what the machine allows. */
  readonly maxMemoryBytes: number | undefined;
}

/** Resolves when the proxy was told to end and has drained. @throws {Error} When it cannot start, saying why. */
export async function runProxy(options: RunOptions): Promise<void> {
  const { file, logLevel, version, onInterrupt } = options;
  let level = logLevel;
  const log = lineLog(
    () => level,
    (line) => void writeSync(2, line),
    systemClock.wallMs,
  );
  const bootstrap = await readBootstrap(file);
  const memory = memorySource();
  const compiled = overloadOf(bootstrap, options.maxMemoryBytes, memoryLimit(memory));
  const workers = await workersOf(options, bootstrap, compiled, log, () => level);
  const network = workers?.network ?? bunNetwork(systemClock);
  const overload = { compiled, memory };
  const sidecar = new Sidecar({ bootstrap, network, clock: systemClock, random: systemRandom, log, workers, overload });
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => (stop = () => void sidecar.stop().then(resolve)));
  onInterrupt(() => stop());
  const source = new SidecarAdmin(sidecar, {
    version,
    startedMs: systemClock.wallMs(),
    wallMs: systemClock.wallMs,
    configPath: file,
    level: { get: () => level, set: (next) => void (level = next) },
    quit: () => stop(),
  });
  await sidecar.start();
  const admin = await serveAdmin(bootstrap, source);
  void trimWhenReady(sidecar);
  await stopped;
  await admin?.close();
}

/** What they need is loaded only where there are several. */
async function workersOf(
  { workers, workerCommand }: RunOptions,
  bootstrap: Bootstrap,
  overload: CompiledOverload,
  log: Log,
  level: () => LogLevel,
): Promise<WorkerGroup | undefined> {
  if (workers <= 1) return undefined;
  const { workerGroup } = await import("../workers/start-group.ts");
  return workerGroup({
    count: workers,
    command: workerCommand,
    self: labelsOf(bootstrap.node),
    local: localService(bootstrap),
    adminPort: adminPort(bootstrap),
    overload,
    dnsServers: dnsServersOf(bootstrap),
    log,
    level,
  });
}

/** Once what the start needed is done with. */
async function trimWhenReady(sidecar: Sidecar): Promise<void> {
  while (!sidecar.isReady && !sidecar.isDraining) await sleep(systemClock, TRIM_AFTER_MS);
  await sleep(systemClock, TRIM_AFTER_MS);
  trimMemory();
}

const TRIM_AFTER_MS = 1000;

function serveAdmin(bootstrap: Bootstrap, source: SidecarAdmin): Promise<HttpServer> | undefined {
  const socket = bootstrap.admin?.address?.socketAddress;
  if (socket?.portValue === undefined) return undefined;
  return serveHttp({ address: socket.address ?? "127.0.0.1", port: socket.portValue }, proxyAdmin(source));
}

/** The YAML library is loaded for a YAML file only: it would cost every sidecar some megabytes. */
async function readBootstrap(file: string): Promise<Bootstrap> {
  const text = readFileSync(file, "utf8");
  if (!/\.ya?ml$/.test(file)) return parseBootstrap(text, file);
  const { parse } = await import("yaml");
  return bootstrapFromValue(parse(text), file);
}
