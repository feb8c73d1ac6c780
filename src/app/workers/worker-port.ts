/**
 * One worker process as its parent sees it.
 *
 * @module
 */
import { closeSync } from "node:fs";
import { type DescriptorChannel, descriptorPair } from "../../net/descriptor-channel.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** The parent's end of a worker. */
export interface WorkerPort {
  readonly pid: number;
  /** Takes connections to it. */
  readonly connections: DescriptorChannel;
  /** Nothing happens once it has ended. */
  send(message: ToWorker): void;
  /** At once. */
  kill(): void;
}

export interface WorkerEvents {
  onMessage(message: FromWorker): void;
  /** Once, last of all. @param how `with code 1`, `by SIGSEGV`. */
  onExit(how: string): void;
}

export type SpawnWorker = (events: WorkerEvents) => WorkerPort;

/** Descriptor of the channel in the worker. */
export const CHANNEL_FD = 3;

/** @param command Runs `runWorker`. Its standard output and error are those of this process. */
export function workerSpawner(command: readonly string[]): SpawnWorker {
  return (events) => {
    const { channel, otherFd } = descriptorPair();
    const child = Bun.spawn([...command], {
      stdio: ["ignore", "inherit", "inherit", otherFd],
      serialization: "advanced",
      ipc: (message: FromWorker) => events.onMessage(message),
      onExit(_, code, signal) {
        channel.close();
        events.onExit(signal === null ? `with code ${code}` : `by signal ${signal}`);
      },
    });
    closeSync(otherFd);
    return {
      pid: child.pid,
      connections: channel,
      send: (message) => {
        if (child.exitCode === null && child.signalCode === null && !child.killed) child.send(message);
      },
      kill: () => child.kill("SIGKILL"),
    };
  };
}
