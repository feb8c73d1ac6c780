/**
 * The proxies of captured workloads: ours, or Envoys with an agent beside them.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlPlane } from "../../../../src/app/control-plane/control-plane.ts";
import { bootstrapText } from "../../../../src/app/up/bootstrap.ts";
import { EnvoyAgents } from "../../../../src/app/up/envoy-agents.ts";
import { envoyProgram } from "../../../../src/app/up/envoy-program.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import type { Log } from "../../../../src/base/log.ts";
import { systemRandom } from "../../../../src/base/random.ts";
import type { Instance } from "../../../../src/model/service.ts";
import { bunNetwork } from "../../../../src/net/bun-network.ts";
import { RunningProcess, TULLE } from "../running-process.ts";
import { within } from "./namespaces.ts";

/** In each namespace. */
export const ADMIN = "http://127.0.0.1:15000";
/** Folder of bootstraps, in that of the scene. */
export const BOOTSTRAPS = "bootstraps";
/** The group that is not captured. */
const GROUP = ["setpriv", "--regid", "1337", "--clear-groups"];

interface ProxySettings {
  readonly controlPlane: ControlPlane;
  readonly folder: string;
  readonly log: Log;
  /** The binary that stands for ours. */
  readonly envoy?: string | undefined;
  readonly workers?: number | undefined;
}

export class CapturedProxies {
  readonly #settings: ProxySettings;
  readonly #agents: EnvoyAgents;
  readonly #running: RunningProcess[] = [];
  /** Of Envoys. */
  readonly #logs: string[] = [];

  constructor(settings: ProxySettings) {
    this.#settings = settings;
    const { controlPlane, log } = settings;
    const services = { network: bunNetwork(systemClock), clock: systemClock, random: systemRandom, log };
    this.#agents = new EnvoyAgents(services, controlPlane);
  }

  get output(): string {
    return this.#running.map(({ output }) => output).join("\n") + this.#logs.map((it) => readFileSync(it)).join("\n");
  }

  start(instance: Instance): void {
    const { envoy, folder, workers } = this.#settings;
    const own = join(folder, BOOTSTRAPS, instance.id);
    const file = envoy === undefined ? join(own, "bootstrap.json") : this.#forEnvoy(instance, own);
    const more = workers === undefined ? [] : ["--workers", String(workers)];
    const program = envoy === undefined ? [...TULLE, "proxy"] : this.#logged(own, envoyProgram(envoy));
    const command = [...within(instance.workload.name), ...GROUP, ...program];
    this.#running.push(new RunningProcess(["-c", file, ...more], own, command));
  }

  /** The same, but with certificates from an agent beside it. */
  #forEnvoy(instance: Instance, folder: string): string {
    const joining = this.#settings.controlPlane.proxyBootstrap(instance.id);
    const input = {
      join: joining,
      instance,
      adminPort: 15_000,
      rootFile: join(folder, "root.pem"),
      clusterId: "local",
    };
    const file = join(folder, "envoy.json");
    writeFileSync(file, bootstrapText(input, { t: "sds", socketPath: this.#agents.serve(instance.id, folder) }));
    return file;
  }

  /** Envoy opens its standard output by name, which a file lets it. */
  #logged(folder: string, program: readonly string[]): readonly string[] {
    const file = join(folder, "log");
    this.#logs.push(file);
    return ["sh", "-c", `exec "$@" >${file} 2>&1`, "sh", ...program];
  }

  /** One of them at least. */
  get haveEnded(): boolean {
    return this.#running.some(({ hasEnded }) => hasEnded);
  }

  /** That of the first instance, alone. */
  async stopFirst(): Promise<void> {
    await this.#running[0]?.stop("SIGTERM");
  }

  async stop(): Promise<void> {
    for (const it of this.#running) await it.stop("SIGTERM");
    this.#agents.stop();
  }
}
