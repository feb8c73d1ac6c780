/**
 * A whole mesh on one machine: the control plane in this process, a proxy for each workload (or one for all), and the
 * applications as children.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { MeshFile } from "../../admin/mesh-file.ts";
import { logPath } from "../../admin/mesh-file.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { folderAuthorityStorage } from "../../identity/authority-folder.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Instance } from "../../model/service.ts";
import { freePorts, isFreePort } from "../../net/free-ports.ts";
import type { Network } from "../../net/socket.ts";
import type { Store } from "../../store/store.ts";
import { ControlPlane } from "../control-plane/control-plane.ts";
import { relieveMemory } from "../control-plane/memory-relief.ts";
import { acceptingPlaces, applicationSpec } from "./application.ts";
import { bootstrapText, type CertificateWay } from "./bootstrap.ts";
import { Child, type ChildExit, type ChildSpec, describeExit } from "./children.ts";
import { describeMesh } from "./describe-mesh.ts";
import { isEntry } from "./entries.ts";
import { EnvoyAgents } from "./envoy-agents.ts";
import { envoyProgram } from "./envoy-program.ts";
import { GatewayPlaces } from "./gateway-places.ts";
import { addedGateways, type Plan, type PlannedInstance, planOf } from "./plan.ts";
import { proxyEnvironment } from "./proxy-program.ts";
import { accepts, isReady, until } from "./readiness.ts";
import { RunFolder } from "./run-folder.ts";

export interface UpOptions {
  readonly store: Store;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  /** Where logs, bootstraps, tokens and `mesh.json` go. */
  readonly runFolder: string;
  /** Where the certificate authority keeps its keys. */
  readonly dataFolder: string;
  readonly shared: boolean;
  /** Processes of the shared proxy, and of each gateway. */
  readonly workers: number;
  readonly svidTtlMs: number | undefined;
  /** The binary to run in the place of Tulle's own proxy. */
  readonly envoy: string | undefined;
  /** Starts a proxy, in front of `-c <bootstrap>`. */
  readonly proxyProgram: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A line of progress. */
  readonly onProgress: (name: string, what: string, sinceMs: number) => void;
  readonly onWarning: (text: string) => void;
  /** A child ended that should run. */
  readonly onCrash: (message: string) => void;
}

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 7000;
const CLUSTER_ID = "local";

export class Up {
  readonly #options: UpOptions;
  readonly #places = new GatewayPlaces({ freePort: () => freePorts(1)[0] as number, isFree: isFreePort });
  #plan: Plan;
  readonly #runFolder: string;
  /** Undefined until it is this mesh's. */
  #claimed: RunFolder | undefined;
  readonly #proxies: Child[] = [];
  /** Of the proxies, in their order. */
  readonly #adminPorts: number[] = [];
  readonly #applications: Child[] = [];
  #envoyAgents: EnvoyAgents | undefined;
  #controlPlane: ControlPlane | undefined;
  #unwatch: () => void = () => {};
  /** What the gateways serve, as it was last described. */
  #served = "[]";
  #stopping = false;
  #startedMs = 0;

  /** @throws {Error} When the documents have nothing to run. */
  constructor(options: UpOptions) {
    this.#options = options;
    this.#runFolder = resolve(options.runFolder);
    this.#plan = planOf(this.#mesh, options.shared, freePorts, this.#places);
  }

  get #mesh(): Mesh {
    return this.#options.store.current.mesh;
  }

  /** Resolves with where everything is, once everything is ready. @throws {Error} When a part does not start, with its last words. */
  async start(): Promise<MeshFile> {
    this.#startedMs = this.#options.clock.nowMs();
    this.#claimed = RunFolder.claim(this.#runFolder, (names) =>
      this.#options.onWarning(`ended what a mesh that was killed has left behind: ${names.join(", ")}`),
    );
    process.once("exit", this.#abandon);
    await this.#startControlPlane();
    const { instances } = this.#plan;
    for (const planned of instances) this.#startApplication(planned);
    this.#startProxies();
    await Promise.all([...this.#proxyWaits(), ...instances.map((planned) => this.#awaitApplication(planned))]);
    for (const child of [...this.#proxies, ...this.#applications]) this.#watch(child);
    const mesh = this.#describe();
    this.#unwatch = this.#options.store.watch(() => this.#placeGateways());
    return mesh;
  }

  #describe(): MeshFile {
    const mesh = describeMesh(this.#mesh, this.#plan, process.pid);
    this.#claimed?.writeMesh(mesh);
    this.#served = JSON.stringify(mesh.gateways);
    return mesh;
  }

  /** Gateways may name other ports now, and there may be more of them. */
  #placeGateways(): void {
    const served = this.#served;
    this.#addGateways();
    const instances = this.#plan.instances.map((planned) => {
      const { instance } = planned;
      if (instance.workload.gateway === undefined) return planned;
      const ports = this.#places.portsOf(this.#mesh, instance.workload);
      if (samePorts(ports, instance.ports)) return planned;
      const placed = { ...instance, ports };
      this.controlPlane.register(placed);
      return { ...planned, instance: placed };
    });
    this.#plan = { ...this.#plan, instances };
    const { gateways } = describeMesh(this.#mesh, this.#plan, process.pid);
    if (JSON.stringify(gateways) === served) return;
    this.#describe();
    for (const { url, port, hosts } of gateways)
      this.#progress("gateway", `port ${port} is ${url} for ${hosts.join(", ")}`);
  }

  #addGateways(): void {
    const added = addedGateways(this.#mesh, this.#plan, freePorts, this.#places);
    this.#plan = { ...this.#plan, instances: [...this.#plan.instances, ...added] };
    for (const planned of added) {
      this.controlPlane.register(planned.instance);
      this.#watch(this.#startProxy(planned.instance.id, planned, planned.adminPort));
    }
  }

  get controlPlane(): ControlPlane {
    if (this.#controlPlane === undefined) throw new Error("the mesh has not been started");
    return this.#controlPlane;
  }

  async #startControlPlane(): Promise<void> {
    const { clock, dataFolder, log, network, random, store, svidTtlMs, version } = this.#options;
    const { adminPort, xdsPort } = this.#plan.controlPlane;
    this.#controlPlane = await ControlPlane.start({
      store,
      network,
      clock,
      random,
      log,
      version,
      authorityStorage: folderAuthorityStorage(join(dataFolder, "ca")),
      ports: { xds: xdsPort, admin: adminPort },
      // A child's output is a file, which Envoy can open by this name as well; a pipe it could not.
      translate: { clusterId: CLUSTER_ID, accessLogPath: "/dev/stdout" },
      residentBytes: () => process.memoryUsage.rss(),
      relieveMemory,
      ...(svidTtlMs === undefined ? {} : { svidTtlMs }),
    });
    for (const { instance } of this.#plan.instances) this.#controlPlane.register(instance);
    const { shared } = this.#plan;
    if (shared !== undefined)
      this.#controlPlane.share({
        id: shared.id,
        instances: this.#plan.instances.filter(({ isShared }) => isShared).map(({ instance }) => instance.id),
      });
    this.#progress("control plane", `ready, xDS on 127.0.0.1:${xdsPort}`);
  }

  #startApplication(planned: PlannedInstance): void {
    const { instance } = planned;
    const logFile = logPath(this.#runFolder, instance.id, "app");
    const spec = applicationSpec(instance, this.#mesh.services, this.#options.environment, logFile);
    if (spec !== undefined) this.#applications.push(this.#launch(spec));
  }

  #startProxies(): void {
    const { shared, instances } = this.#plan;
    if (shared !== undefined) this.#startProxy(shared.id, undefined, shared.adminPort);
    for (const planned of instances.filter(({ isShared }) => !isShared))
      this.#startProxy(planned.instance.id, planned, planned.adminPort);
  }

  #startProxy(id: string, planned: PlannedInstance | undefined, adminPort: number): Child {
    const folder = join(this.#runFolder, "proxies", id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const joining = this.controlPlane.proxyBootstrap(id);
    const rootFile = join(folder, "root.pem");
    writeFileSync(rootFile, joining.rootCertificatesPem, { mode: 0o600 });
    const way = this.#certificateWay(id, folder);
    const file = join(folder, "bootstrap.json");
    const input = { join: joining, instance: planned?.instance, adminPort, rootFile, clusterId: CLUSTER_ID };
    writeFileSync(file, bootstrapText(input, way), { mode: 0o600 });
    // A sidecar serves one workload, and that is a small part of a core.
    const isBusy = planned === undefined || planned.instance.workload.gateway !== undefined;
    const child = this.#launch(this.#proxySpec(id, file, isBusy ? this.#options.workers : 1));
    this.#proxies.push(child);
    this.#adminPorts.push(adminPort);
    return child;
  }

  #launch(spec: ChildSpec): Child {
    const child = new Child(spec);
    this.#claimed?.record(child);
    return child;
  }

  #certificateWay(id: string, folder: string): CertificateWay {
    const { identities } = this.controlPlane.proxyBootstrap(id);
    if (this.#options.envoy !== undefined) {
      this.#envoyAgents ??= new EnvoyAgents(this.#options, this.controlPlane);
      // Seen from the folder that proxies start in: paths of sockets are short.
      return { t: "sds", socketPath: relative(this.#runFolder, this.#envoyAgents.serve(id, folder)) };
    }
    return {
      t: "agent",
      identities: identities.map(({ spiffeId, joinToken }, i) => {
        const tokenFile = join(folder, `token-${i}`);
        writeFileSync(tokenFile, joinToken, { mode: 0o600 });
        return { secretName: i === 0 ? "default" : spiffeId, tokenFile };
      }),
    };
  }

  #proxySpec(id: string, bootstrapFile: string, workers: number): ChildSpec {
    const { envoy, proxyProgram, environment } = this.#options;
    const program = envoy === undefined ? proxyProgram : envoyProgram(envoy);
    return {
      name: proxyName(id),
      command: [...program, "-c", bootstrapFile, ...(workers > 1 ? ["--workers", String(workers)] : [])],
      environment: proxyEnvironment(environment),
      workingFolder: this.#runFolder,
      logFile: logPath(this.#runFolder, id, "proxy"),
    };
  }

  #proxyWaits(): Promise<void>[] {
    const { clock } = this.#options;
    return this.#proxies.map(async (child, i) => {
      const url = `http://127.0.0.1:${this.#adminPorts[i]}`;
      await until(
        clock,
        () => isReady(url),
        () => this.#firstCrash(),
        child.name,
        READY_LIMIT_MS,
      );
      this.#progress(child.name, `ready, admin on ${url}`);
    });
  }

  async #awaitApplication({ instance }: PlannedInstance): Promise<void> {
    const { clock, network } = this.#options;
    for (const { address, port } of acceptingPlaces(instance, this.#mesh)) {
      await until(
        clock,
        () => accepts(network, address, port),
        () => this.#firstCrash(),
        `${instance.id} (application)`,
        READY_LIMIT_MS,
      );
    }
    if (instance.workload.process !== undefined) this.#progress(`${instance.id} (application)`, "ready");
  }

  /** Whoever waits need not wait any longer: a part of the mesh is gone. */
  #firstCrash(): Error | undefined {
    if (this.#stopping) return new Error("interrupted");
    const gone = [...this.#applications, ...this.#proxies].find(({ exit }) => exit !== undefined);
    return gone?.exit === undefined ? undefined : new Error(describeExit(gone.exit));
  }

  #progress(name: string, what: string): void {
    this.#options.onProgress(name, what, this.#options.clock.nowMs() - this.#startedMs);
  }

  /** Tells of a child that ends while the mesh runs, and takes its instance out of load balancing. */
  #watch(child: Child): void {
    void child.exited.then((exit: ChildExit) => {
      if (this.#stopping) return;
      const id = child.name.slice(0, child.name.indexOf(" ("));
      if (this.#plan.instances.some(({ instance }) => instance.id === id)) this.controlPlane.setHealthy(id, false);
      this.#options.onCrash(describeExit(exit));
    });
  }

  /**
   * Ends everything, in an order that loses no request: the proxies where calls come in from outside drain while all others
   * still serve them, then the others, then the applications and the control plane go.
   */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#unwatch();
    const { instances } = this.#plan;
    const entries = instances.filter(({ instance }) => isEntry(this.#mesh, instance.workload));
    const first = new Set(entries.map(({ instance }) => proxyName(instance.id)));
    await endAll(
      this.#options.clock,
      this.#proxies.filter(({ name }) => first.has(name)),
    );
    await endAll(this.#options.clock, this.#proxies);
    await endAll(this.#options.clock, this.#applications);
    this.#envoyAgents?.stop();
    await this.#controlPlane?.stop();
    this.#claimed?.release();
    process.off("exit", this.#abandon);
  }

  /** This process ends before its time, by a second signal or a mistake of ours: nothing stays behind even so. */
  readonly #abandon = (): void => {
    for (const child of [...this.#proxies, ...this.#applications]) child.signal("SIGKILL");
    this.#claimed?.release();
  };
}

const samePorts = (a: Instance["ports"], b: Instance["ports"]): boolean =>
  a.length === b.length && a.every(({ inbound }, i) => inbound === b[i]?.inbound);

const proxyName = (id: string): string => `${id} (proxy)`;

async function endAll(clock: Clock, children: readonly Child[]): Promise<void> {
  const running = children.filter(({ exit }) => exit === undefined);
  for (const child of running) child.signal("SIGTERM");
  const all = Promise.all(running.map(({ exited }) => exited));
  await Promise.race([all, sleep(clock, STOP_LIMIT_MS)]);
  // Grandchildren that outlive their parent share its group.
  for (const child of children) child.signal("SIGKILL");
  await all;
}
