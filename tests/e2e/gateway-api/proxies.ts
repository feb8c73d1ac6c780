/**
 * The proxies of the lab: ours, all in one process beside the test, or a real Envoy for each.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlPlane } from "../../../src/app/control-plane/control-plane.ts";
import { bootstrapText } from "../../../src/app/up/bootstrap.ts";
import { EnvoyAgents } from "../../../src/app/up/envoy-agents.ts";
import { envoyProgram } from "../../../src/app/up/envoy-program.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import type { Instance } from "../../../src/model/service.ts";
import { bunNetwork } from "../../../src/net/bun-network.ts";
import { freePorts } from "../../../src/net/free-ports.ts";

const PROXY_HOST = join(import.meta.dir, "../support/proxy-host-process.ts");

export interface Proxies {
  /** @returns What ends it. */
  start(controlPlane: ControlPlane, instance: Instance): () => void;
  stop(): Promise<void>;
}

let prepared = 0;

/** What a proxy starts from, in a folder of its own, with a short name: there are sockets in it. */
function prepare(root: string, controlPlane: ControlPlane, instance: Instance) {
  const folder = join(root, String(prepared++));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const joining = controlPlane.proxyBootstrap(instance.id);
  const rootFile = join(folder, "root.pem");
  writeFileSync(rootFile, joining.rootCertificatesPem);
  return { folder, input: { join: joining, instance, adminPort: 0, rootFile, clusterId: "local" } };
}

export class TulleProxies implements Proxies {
  readonly #folder = mkdtempSync(join(tmpdir(), "tulle-conformance-"));
  readonly #host = Bun.spawn([process.execPath, PROXY_HOST], { stdin: "pipe", stdout: "inherit", stderr: "inherit" });

  start(controlPlane: ControlPlane, instance: Instance): () => void {
    const { folder, input } = prepare(this.#folder, controlPlane, instance);
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, input.join.identities[0]?.joinToken ?? "");
    const file = join(folder, "bootstrap.json");
    writeFileSync(file, bootstrapText(input, { t: "agent", identities: [{ secretName: "default", tokenFile }] }));
    this.#tell(`start ${file}`);
    return () => this.#tell(`stop ${file}`);
  }

  #tell(line: string): void {
    this.#host.stdin.write(`${line}\n`);
    void this.#host.stdin.flush();
  }

  async stop(): Promise<void> {
    this.#host.kill("SIGKILL");
    await this.#host.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class EnvoyProxies implements Proxies {
  readonly #binary: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "tulle-e-"));
  readonly #running = new Set<Bun.Subprocess>();
  #agents: EnvoyAgents | undefined;

  constructor(binary: string) {
    this.#binary = binary;
  }

  start(controlPlane: ControlPlane, instance: Instance): () => void {
    const services = { network: bunNetwork(systemClock), clock: systemClock, random: systemRandom, log: silentLog };
    this.#agents ??= new EnvoyAgents(services, controlPlane);
    const { folder, input } = prepare(this.#folder, controlPlane, instance);
    const socketPath = this.#agents.serve(instance.id, folder);
    const file = join(folder, "bootstrap.json");
    const [adminPort = 0] = freePorts(1);
    writeFileSync(file, bootstrapText({ ...input, adminPort }, { t: "sds", socketPath }));
    const command = [...envoyProgram(this.#binary), "-c", file, "--log-path", join(folder, "envoy.log")];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    this.#running.add(child);
    return () => {
      child.kill("SIGKILL");
      this.#running.delete(child);
    };
  }

  async stop(): Promise<void> {
    for (const child of this.#running) child.kill("SIGKILL");
    await Promise.all([...this.#running].map((child) => child.exited));
    this.#agents?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
