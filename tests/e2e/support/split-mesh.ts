/**
 * A mesh in parts: the control plane is a process that the test may kill and start again, each proxy is one of its own, and
 * the applications are in the test.
 *
 * @module
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshStatus } from "../../../src/admin/api.ts";
import { isReady } from "../../../src/app/up/readiness.ts";
import type { PlannedInstance } from "../../../src/app/up/plan.ts";
import { freePorts } from "../../../src/net/free-ports.ts";
import { call } from "./call.ts";
import { eventually } from "./eventually.ts";
import { RunningProcess } from "./running-process.ts";

const CONTROL_PLANE = [process.execPath, join(import.meta.dir, "control-plane-process.ts")];

export interface SplitMeshOptions {
  /** YAML. */
  readonly documents: string;
  readonly svidTtlMs: number;
  /** Answers for an instance's application. Default: 200 with the instance's id in the header `x-instance`. */
  readonly application?: (instance: string, request: Request) => Response | Promise<Response>;
  /** Instances that get neither proxy nor application: the test stands in for them. */
  readonly without?: readonly string[];
}

export class SplitMesh {
  readonly folder = mkdtempSync(join(tmpdir(), "tulle-split-"));
  readonly #ports = freePorts(2);
  readonly #options: SplitMeshOptions;
  readonly #proxies = new Map<string, RunningProcess>();
  readonly #applications: Bun.Server<undefined>[] = [];
  #instances: readonly PlannedInstance[] = [];
  #controlPlane: RunningProcess | undefined;

  private constructor(options: SplitMeshOptions) {
    this.#options = options;
    mkdirSync(join(this.folder, "documents"));
    this.write(options.documents);
  }

  static async start(options: SplitMeshOptions): Promise<SplitMesh> {
    const mesh = new SplitMesh(options);
    try {
      await mesh.startControlPlane();
      for (const planned of mesh.#instances) mesh.#startInstance(planned);
      await Promise.all([...mesh.#proxies.keys()].map((id) => mesh.#ready(id)));
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
  }

  async startControlPlane(): Promise<void> {
    const [xds, admin] = this.#ports.map(String);
    const args = [this.folder, xds ?? "", admin ?? "", String(this.#options.svidTtlMs)];
    const started = new RunningProcess(args, this.folder, CONTROL_PLANE);
    this.#controlPlane = started;
    await eventually("the control plane is ready", async () => {
      if (started.hasEnded) throw new Error(started.output);
      return existsSync(join(this.folder, "plan.json")) && (await isReady(this.#adminUrl));
    });
    this.#instances = JSON.parse(readFileSync(join(this.folder, "plan.json"), "utf8")) as PlannedInstance[];
  }

  get #adminUrl(): string {
    return `http://127.0.0.1:${this.#ports[1]}`;
  }

  #startInstance({ instance }: PlannedInstance): void {
    const { id, ports } = instance;
    if (this.#options.without?.includes(id) === true) return;
    const { application = (name: string) => new Response(null, { headers: { "x-instance": name } }) } = this.#options;
    for (const { application: at } of ports) {
      const fetch = (request: Request): Response | Promise<Response> => application(id, request);
      this.#applications.push(Bun.serve({ hostname: at.address, port: at.port, fetch }));
    }
    this.#proxies.set(id, new RunningProcess(["proxy", "-c", join(this.folder, `${id}.bootstrap.json`)], this.folder));
  }

  async #ready(id: string): Promise<void> {
    const proxy = this.proxy(id);
    await eventually(`proxy ${id} is ready`, async () => {
      if (proxy.hasEnded) throw new Error(proxy.output);
      return await isReady(this.adminOf(id));
    });
  }

  proxy(id: string): RunningProcess {
    const found = this.#proxies.get(id);
    if (found === undefined) throw new Error(`no proxy of ${id}`);
    return found;
  }

  planned(id: string): PlannedInstance {
    const found = this.#instances.find(({ instance }) => instance.id === id);
    if (found === undefined) throw new Error(`no instance ${id}`);
    return found;
  }

  adminOf(id: string): string {
    return `http://127.0.0.1:${this.planned(id).adminPort}`;
  }

  /** The forward proxy of an instance. */
  outboundOf(id: string): string {
    return `http://127.0.0.1:${this.planned(id).instance.outbound?.port}`;
  }

  get controlPlane(): RunningProcess {
    if (this.#controlPlane === undefined) throw new Error("the control plane has not been started");
    return this.#controlPlane;
  }

  /** As a crash: it gets no chance to say good-bye. */
  async killControlPlane(): Promise<void> {
    this.controlPlane.signal("SIGKILL");
    await this.controlPlane.ended();
  }

  async status(): Promise<MeshStatus> {
    return JSON.parse((await call(`${this.#adminUrl}/api/status`)).body) as MeshStatus;
  }

  /** Replaces the documents. */
  write(documents: string): void {
    const draft = join(this.folder, "mesh.draft");
    writeFileSync(draft, documents);
    renameSync(draft, join(this.folder, "documents", "mesh.yaml"));
  }

  async stop(): Promise<void> {
    try {
      await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop("SIGTERM")));
      await this.#controlPlane?.stop("SIGTERM");
    } finally {
      for (const server of this.#applications) await server.stop(true);
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
