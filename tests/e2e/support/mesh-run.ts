/**
 * A whole mesh for one test file: `tulle up` in a folder of its own, with the example's documents or others.
 *
 * @module
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshStatus } from "../../../src/admin/api.ts";
import { type MeshFile, meshFilePath, type MeshFileProxy } from "../../../src/admin/mesh-file.ts";
import { type Answer, call, type CallOptions } from "./call.ts";
import { eventually } from "./eventually.ts";
import { RunningProcess } from "./running-process.ts";

export const BOOKINFO = join(import.meta.dir, "../../../examples/bookinfo");
export const APPS = join(import.meta.dir, "apps");

export interface MeshRunOptions {
  /** Written over the files of `folder`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Copied, so that a test may change it. Default: the example. */
  readonly folder?: string | undefined;
  readonly args?: readonly string[];
  /** What to run in place of `tulle`. */
  readonly program?: readonly string[];
}

export class MeshRun {
  readonly process: RunningProcess;
  /** Everything of this run is in it. */
  readonly folder: string;
  readonly documents: string;
  readonly runFolder: string;
  #file: MeshFile | undefined;

  private constructor({ files = {}, folder: from = BOOKINFO, args = [], program }: MeshRunOptions) {
    this.folder = mkdtempSync(join(tmpdir(), "tulle-e2e-"));
    this.documents = join(this.folder, "documents");
    this.runFolder = join(this.folder, "run");
    mkdirSync(this.documents);
    cpSync(from, this.documents, { recursive: true });
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    const folders = ["--run-folder", this.runFolder, "--data-folder", join(this.folder, "data")];
    const ready = ["--ready-file", this.#readyFile, "--quiet"];
    this.process = new RunningProcess(["up", this.documents, ...folders, ...ready, ...args], this.folder, program);
  }

  /** Resolves when the mesh is ready. @throws {Error} With what was printed, when it does not get there. */
  static async start(options: MeshRunOptions = {}): Promise<MeshRun> {
    const run = MeshRun.launch(options);
    try {
      await run.ready();
      return run;
    } catch (error) {
      const { output } = run.process;
      await run.stop();
      throw new Error(`${String(error)}\n${output}`, { cause: error });
    }
  }

  /** Starts it and waits for nothing. */
  static launch(options: MeshRunOptions = {}): MeshRun {
    return new MeshRun(options);
  }

  get #readyFile(): string {
    return join(this.folder, "ready.json");
  }

  async ready(limitMs = 30_000): Promise<void> {
    await eventually("the mesh is ready", () => existsSync(this.#readyFile) || this.process.hasEnded, limitMs);
    // The process may be between the creation of the file and its writing.
    await eventually("the ready file is whole", () => (this.#file = this.#read()), 2000);
  }

  #read(): MeshFile {
    return JSON.parse(readFileSync(this.#readyFile, "utf8")) as MeshFile;
  }

  get file(): MeshFile {
    if (this.#file === undefined) throw new Error("the mesh is not ready");
    return this.#file;
  }

  /** As it is written now: gateways may have got other ports. */
  reread(): MeshFile {
    return JSON.parse(readFileSync(meshFilePath(this.runFolder), "utf8")) as MeshFile;
  }

  proxy(workload: string): MeshFileProxy {
    const found = this.file.proxies.find((p) => p.workload === workload);
    if (found === undefined) throw new Error(`no proxy of ${workload}`);
    return found;
  }

  /** Where a service is entered, such as `http://127.0.0.1:37219`. */
  url(service: string): string {
    const found = this.file.services.find(({ name }) => name === service);
    if (found === undefined) throw new Error(`no service ${service}`);
    return found.url;
  }

  /** A call as the application of `workload` would make it. */
  callFrom(workload: string, url: string, options: Omit<CallOptions, "via"> = {}): Promise<Answer> {
    return call(url, { ...options, via: this.proxy(workload).outbound });
  }

  async admin(workload: string, path: string): Promise<string> {
    return (await call(`${this.proxy(workload).admin}${path}`)).body;
  }

  async status(): Promise<MeshStatus> {
    return JSON.parse((await call(`${this.file.controlPlane.admin}/api/status`)).body) as MeshStatus;
  }

  /** What an application or a proxy has printed. */
  log(instance: string, part: "app" | "proxy"): string {
    return readFileSync(join(this.runFolder, "logs", `${instance}.${part}.log`), "utf8");
  }

  read(name: string): string {
    return readFileSync(join(this.documents, name), "utf8");
  }

  /** Puts a document into the folder, as an editor does: whole or not at all. */
  write(name: string, text: string): void {
    const draft = join(this.folder, `${name}.draft`);
    writeFileSync(draft, text);
    renameSync(draft, join(this.documents, name));
  }

  remove(name: string): void {
    rmSync(join(this.documents, name));
  }

  /** Ends the mesh. @returns The exit code. */
  async stop(): Promise<number> {
    try {
      return await this.process.stop();
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
