/**
 * The system's events on a folder. They only say "look": what changed is read from the files.
 *
 * @module
 */
import { watch } from "node:fs";
import type { Log } from "../base/log.ts";

/** Calls `wake` on each event under `path`. Where the system cannot watch it, nothing is called: polling remains. */
export function watchPath(path: string, wake: () => void, log: Log): () => void {
  try {
    const watcher = watch(path, { recursive: true, persistent: false }, wake);
    watcher.on("error", (error) =>
      log.warn("watching a folder failed, looking at it from time to time", { path, error: error.message }),
    );
    return () => watcher.close();
  } catch (error) {
    log.warn("a folder cannot be watched, looking at it from time to time", { path, error: String(error) });
    return () => {};
  }
}
