/**
 * The folder of a running mesh: one at a time. It knows the processes of the mesh, so that those which outlived it, because it was
 * killed, can be ended by the next.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MeshFile, meshFilePath } from "../../admin/mesh-file.ts";
import type { Child } from "./children.ts";
import { processIdentity } from "./process-identity.ts";

interface Recorded {
  readonly name: string;
  readonly pid: number;
  readonly identity: string;
}

interface Processes {
  readonly mesh: Recorded;
  readonly children: readonly Recorded[];
}

export class RunFolder {
  readonly path: string;
  readonly #children: Recorded[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * @param onLeftBehind Names of processes of a mesh that was killed; they have been ended.
   * @throws {Error} When a mesh is running in it.
   */
  static claim(path: string, onLeftBehind: (names: readonly string[]) => void): RunFolder {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const folder = new RunFolder(path);
    if (!folder.#isFirst()) {
      folder.#endEarlier(onLeftBehind);
      folder.#write({});
    }
    folder.#empty();
    return folder;
  }

  get #file(): string {
    return join(this.path, "processes.json");
  }

  /** False: there is a list of processes already. */
  #isFirst(): boolean {
    try {
      this.#write({ flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  }

  #write(options: { readonly flag?: "wx" }): void {
    const { pid } = process;
    const mesh: Recorded = { name: "tulle up", pid, identity: processIdentity(pid) ?? "" };
    const processes: Processes = { mesh, children: this.#children };
    writeFileSync(this.#file, `${JSON.stringify(processes, null, 2)}\n`, { mode: 0o600, ...options });
  }

  #endEarlier(onLeftBehind: (names: readonly string[]) => void): void {
    const earlier = this.#earlier();
    if (earlier === undefined) return;
    const { mesh, children } = earlier;
    if (mesh.pid !== process.pid && isRunning(mesh))
      throw new Error(
        `a mesh is running in ${this.path} (process ${mesh.pid}): end that one first, or give this one another --run-folder`,
      );
    const left = children.filter(isRunning);
    for (const { pid } of left) killGroup(pid);
    if (left.length > 0) onLeftBehind(left.map(({ name }) => name));
  }

  /** Undefined where it cannot be read: it may have been written half when the machine went down. */
  #earlier(): Processes | undefined {
    try {
      return JSON.parse(readFileSync(this.#file, "utf8")) as Processes;
    } catch {
      return undefined;
    }
  }

  #empty(): void {
    for (const part of ["logs", "proxies"]) {
      rmSync(join(this.path, part), { recursive: true, force: true });
      mkdirSync(join(this.path, part), { recursive: true, mode: 0o700 });
    }
    rmSync(meshFilePath(this.path), { force: true });
  }

  /** Remembers a process of the mesh. */
  record({ name, pid }: Child): void {
    const identity = pid === undefined ? undefined : processIdentity(pid);
    if (pid === undefined || identity === undefined) return;
    this.#children.push({ name, pid, identity });
    this.#write({});
  }

  writeMesh(mesh: MeshFile): void {
    writeWhole(meshFilePath(this.path), mesh);
  }

  /** The mesh has ended. */
  release(): void {
    rmSync(meshFilePath(this.path), { force: true });
    rmSync(this.#file, { force: true });
  }
}

const isRunning = ({ pid, identity }: Recorded): boolean => processIdentity(pid) === identity;

/** Each child leads a group, in which its own children are. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** Nobody reads half of it. */
export function writeWhole(path: string, value: unknown): void {
  writeFileSync(`${path}.tmp`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
