/**
 * Where a worker's access log lines go. Appending to a regular file keeps a batch of lines whole; a pipe or a terminal may mix
 * the batches of two processes in the middle of a line, so the main process writes for all.
 *
 * @module
 */
import { fstatSync, statSync } from "node:fs";
import type { OpenSink } from "../../proxy/access-sinks.ts";

/** Bytes on their way to the main process; more are dropped, as with any log that is not written out in time. */
const MAX_UNWRITTEN_BYTES = 512 * 1024;

export class RelayedOutput {
  readonly #open: OpenSink;
  readonly #relay: (path: string, bytes: Uint8Array) => void;
  #unwrittenBytes = 0;

  /**
   * @param open For regular files.
   * @param relay Gives bytes to the main process, which says when they are {@link written}.
   */
  constructor(open: OpenSink, relay: (path: string, bytes: Uint8Array) => void) {
    this.#open = open;
    this.#relay = relay;
  }

  readonly sink: OpenSink = (path) => {
    if (isRegular(path)) return this.#open(path);
    return (bytes) => {
      if (this.#unwrittenBytes + bytes.length > MAX_UNWRITTEN_BYTES) return 0;
      this.#unwrittenBytes += bytes.length;
      // The log uses its buffer again.
      this.#relay(path, Uint8Array.from(bytes));
      return bytes.length;
    };
  };

  written(bytes: number): void {
    this.#unwrittenBytes -= bytes;
  }

  /** Nothing is on its way any more. */
  get isWritten(): boolean {
    return this.#unwrittenBytes === 0;
  }
}

const STANDARD: Readonly<Record<string, number>> = { "/dev/stdout": 1, "/dev/stderr": 2 };

/** Of a path that does not exist: it will be a regular file. */
function isRegular(path: string): boolean {
  const descriptor = STANDARD[path];
  if (descriptor !== undefined) return fstatSync(descriptor).isFile();
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
}
