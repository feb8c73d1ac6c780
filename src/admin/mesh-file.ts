/**
 * `mesh.json` in a run folder: where a running mesh can be found. `tulle up` writes it, for commands and scripts.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServedGateway } from "./api.ts";

export interface MeshFile {
  readonly controlPlane: {
    /** `http://127.0.0.1:15014`. */
    readonly admin: string;
    /** `127.0.0.1:15012`. */
    readonly xds: string;
  };
  readonly services: readonly MeshFileService[];
  readonly proxies: readonly MeshFileProxy[];
  /** One for each server of a Gateway that is served. */
  readonly gateways: readonly ServedGateway[];
  /** Process that runs the mesh. */
  readonly pid: number;
}

export interface MeshFileService {
  readonly name: string;
  readonly namespace: string;
  /** `reviews.default.svc.cluster.local`. */
  readonly host: string;
  /** Where a person reaches it. */
  readonly url: string;
}

export interface MeshFileProxy {
  readonly instance: string;
  readonly workload: string;
  /** `http://127.0.0.1:15000`. */
  readonly admin: string;
  /** Addresses that peers dial, `127.0.0.1:15006`, one a port. */
  readonly inbound: readonly string[];
  /** Forward proxy for the application: `http://127.0.0.1:15001`. */
  readonly outbound: string;
  /** Loopback ports for the application, by service port: `mongodb.default.svc.cluster.local:27017` to `127.0.0.1:38017`. */
  readonly loopbacks: Readonly<Record<string, string>>;
}

/** Relative to the current folder. */
export const DEFAULT_RUN_FOLDER = ".tulle/run";

export const meshFilePath = (runFolder: string): string => join(runFolder, "mesh.json");

/** What an instance's application and its proxy print; the proxy's has its access log. */
export const logPath = (runFolder: string, instance: string, part: "app" | "proxy"): string =>
  join(runFolder, "logs", `${instance}.${part}.log`);

/** No mesh can be found. The message says what to do. */
export class NoMeshError extends Error {
  override readonly name = "NoMeshError";
}

/**
 * Reads the file of a running mesh.
 * @throws {NoMeshError} If there is none, it cannot be read, or the process that wrote it is gone.
 */
export function readMeshFile(runFolder: string): MeshFile {
  const path = meshFilePath(runFolder);
  const mesh = parse(path, readText(path));
  if (!isRunning(mesh.pid))
    throw new NoMeshError(
      `no mesh runs: ${path} was left by process ${mesh.pid}, which is gone. Start one with "tulle up <folder>"`,
    );
  return mesh;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (!missing) throw new NoMeshError(`cannot read ${path}: ${String(cause)}`, { cause });
    throw new NoMeshError(
      `no mesh runs here: there is no ${path}. Start one with "tulle up <folder>", or name its run folder with --run-folder`,
      { cause },
    );
  }
}

/** Of our own making, so only the parts without which nothing works are looked at. */
function parse(path: string, text: string): MeshFile {
  try {
    const mesh = JSON.parse(text) as Partial<MeshFile>;
    const whole =
      typeof mesh.controlPlane?.admin === "string" && Array.isArray(mesh.proxies) && Number.isInteger(mesh.pid);
    if (whole) return mesh as MeshFile;
    throw new Error("controlPlane, proxies or pid is missing");
  } catch (cause) {
    throw new NoMeshError(`${path} does not describe a mesh: ${cause instanceof Error ? cause.message : ""}`, {
      cause,
    });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process runs, too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
