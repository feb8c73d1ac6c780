/**
 * Finds a running mesh, and asks it.
 *
 * @module
 */
import { AdminError, askJson } from "../admin/admin-client.ts";
import { type MeshFile, type MeshFileProxy, NoMeshError, readMeshFile } from "../admin/mesh-file.ts";
import { CliError, usageError } from "./context.ts";

/** @throws {CliError} If none runs. */
export function runningMesh(runFolder: string): MeshFile {
  try {
    return readMeshFile(runFolder);
  } catch (error) {
    if (error instanceof NoMeshError) throw new CliError(error.message);
    throw error;
  }
}

/** The proxy of an instance or of a workload. @throws {CliError} If there is none, or more than one. */
export function proxyOf(mesh: MeshFile, name: string): MeshFileProxy {
  const found = mesh.proxies.filter((p) => p.instance === name);
  const byWorkload = found.length > 0 ? found : mesh.proxies.filter((p) => p.workload === name);
  const [proxy] = byWorkload;
  if (proxy !== undefined && byWorkload.length === 1) return proxy;
  const list = (proxies: readonly MeshFileProxy[]): string => proxies.map((p) => p.instance).join(", ");
  if (proxy === undefined)
    throw usageError(`the mesh has no workload ${JSON.stringify(name)}: it has ${list(mesh.proxies)}`);
  throw usageError(`the workload ${name} has several instances, name one: ${list(byWorkload)}`);
}

/** @throws {CliError} If there is no answer. */
export async function ask(base: string, path: string): Promise<unknown> {
  try {
    return await askJson(base, path);
  } catch (error) {
    if (error instanceof AdminError) throw new CliError(error.message);
    throw error;
  }
}
