/**
 * The proxies of captured workloads: ours, or Envoys with an agent beside them.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlPlane } from "../../../../src/app/control-plane/control-plane.ts";
import { type CertificateWay, bootstrapText } from "../../../../src/app/up/bootstrap.ts";
import { EnvoyAgents } from "../../../../src/app/up/envoy-agents.ts";
import { envoyProgram } from "../../../../src/app/up/envoy-program.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import type { Log } from "../../../../src/base/log.ts";
import { systemRandom } from "../../../../src/base/random.ts";
import type { Instance, Workload } from "../../../../src/model/service.ts";
import { bunNetwork } from "../../../../src/net/bun-network.ts";
import { RunningProcess, TULLE } from "../running-process.ts";
import { within } from "./namespaces.ts";

/** In each namespace. */
export const ADMIN = "http://127.0.0.1:15000";
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

  register(workload: Workload, address: string): Instance {
    const at = (port: number) => ({ address, port });
    const instance: Instance = {
      workload,
      id: workload.name,
      interceptionMode: "REDIRECT",
      ports: workload.ports.map((targetPort) => ({
        targetPort,
        inbound: at(targetPort),
        application: at(targetPort),
      })),
      outbound: undefined,
      loopbacks: [],
      healthy: true,
    };
    this.#settings.controlPlane.register(instance);
    return instance;
  }

  start(instance: Instance): void {
    const { envoy, controlPlane, workers } = this.#settings;
    const folder = join(this.#settings.folder, instance.id);
    mkdirSync(folder, { recursive: true });
    const joining = controlPlane.proxyBootstrap(instance.id);
    const rootFile = join(folder, "root.pem");
    const file = join(folder, "bootstrap.json");
    writeFileSync(rootFile, joining.rootCertificatesPem);
    const input = { join: joining, instance, adminPort: 15_000, rootFile, clusterId: "local" };
    writeFileSync(file, bootstrapText(input, this.#certificates(instance.id, folder)));
    const more = workers === undefined ? [] : ["--workers", String(workers)];
    const program = envoy === undefined ? [...TULLE, "proxy"] : this.#logged(folder, envoyProgram(envoy));
    const command = [...within(instance.id), ...GROUP, ...program];
    this.#running.push(new RunningProcess(["-c", file, ...more], folder, command));
  }

  /** Envoy opens its standard output by name, which a file lets it. */
  #logged(folder: string, program: readonly string[]): readonly string[] {
    const file = join(folder, "log");
    this.#logs.push(file);
    return ["sh", "-c", `exec "$@" >${file} 2>&1`, "sh", ...program];
  }

  #certificates(id: string, folder: string): CertificateWay {
    if (this.#settings.envoy !== undefined) return { t: "sds", socketPath: this.#agents.serve(id, folder) };
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, this.#settings.controlPlane.proxyBootstrap(id).identities[0]?.joinToken ?? "");
    return { t: "agent", identities: [{ secretName: "default", tokenFile }] };
  }

  /** One of them at least. */
  get haveEnded(): boolean {
    return this.#running.some(({ hasEnded }) => hasEnded);
  }

  async stop(): Promise<void> {
    for (const it of this.#running) await it.stop("SIGTERM");
    this.#agents.stop();
  }
}
