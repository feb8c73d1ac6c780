/**
 * The process of one worker.
 *
 * @module
 */
import { readFileSync, writeSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import { descriptorChannel } from "../../net/descriptor-channel.ts";
import { memorySource } from "../sidecar/memory-source.ts";
import { trimMemory } from "../sidecar/trim-memory.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { Worker } from "./worker.ts";
import { CHANNEL_FD } from "./worker-port.ts";

/** Serves until the main process says stop, or is gone. */
export function runWorker(): Promise<never> {
  const send = (message: FromWorker): void => {
    if (process.connected) process.send?.(message);
  };
  const worker = new Worker({
    clock: systemClock,
    random: systemRandom,
    connections: descriptorChannel(CHANNEL_FD),
    send,
    writeLog: (line) => void writeSync(2, line),
    fillRandom: (into) => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
    readFile: (path) => readFileSync(path, "utf8"),
    memory: memorySource(),
    trimMemory,
    exit: () => process.exit(0),
  });
  process.on("message", (message) => worker.receive(message as ToWorker));
  process.on("disconnect", () => void worker.stop());
  // Ctrl-C reaches the whole group; the main process says in which order things end.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  return new Promise(() => {});
}
