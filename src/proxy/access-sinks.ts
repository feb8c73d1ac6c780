/**
 * Files that access logs are written to. Several logs of one path share one descriptor; what a file cannot take is
 * dropped and counted by the log.
 *
 * @module
 */
import { closeSync, openSync, writeSync } from "node:fs";
import type { AccessSink } from "../telemetry/access-log.ts";

/** Opens the sink for a path; `/dev/stdout` and `/dev/stderr` are the process's own, wherever they lead. */
export type OpenSink = (path: string) => AccessSink;

const STANDARD: Readonly<Record<string, number>> = { "/dev/stdout": 1, "/dev/stderr": 2 };

export class AccessSinks {
  readonly #open = new Map<string, number>();

  /** @throws {Error} If the file cannot be opened. */
  readonly sink: OpenSink = (path) => {
    let descriptor = STANDARD[path] ?? this.#open.get(path);
    if (descriptor === undefined) {
      descriptor = openSync(path, "a", 0o640);
      this.#open.set(path, descriptor);
    }
    const fd = descriptor;
    return (bytes) => writeSync(fd, bytes, 0, bytes.length);
  };

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }
}
