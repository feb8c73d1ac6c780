/**
 * Files of unix sockets that outlived whoever listened there: a process that was killed leaves its own, and it stands in the next one's way.
 *
 * Source: unix(7). Envoy removes whatever stands at the path; here nothing goes but a socket that nobody answers at.
 *
 * @module
 */
import { lstatSync, rmSync } from "node:fs";

/**
 * Listens, a second time where the first was in vain because of such a file.
 * @param path As the kernel has it; undefined where it is no unix socket.
 */
export async function overAbandoned<T>(path: string | undefined, listen: () => T): Promise<T> {
  try {
    return listen();
  } catch (error) {
    if (path === undefined || path.startsWith("\0") || !(await removeAbandoned(path))) throw error;
    return listen();
  }
}

/** Whether there was one at `path`; it is gone then. */
async function removeAbandoned(path: string): Promise<boolean> {
  if (!isSocket(path) || !(await refuses(path))) return false;
  rmSync(path, { force: true });
  return true;
}

const isSocket = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;

async function refuses(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data: () => undefined } });
    socket.terminate();
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
  }
}
