/**
 * A control plane as a process of its own: documents of folders, keys and what runs in a data folder, the machine's network.
 *
 * @module
 */
import { join, resolve } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { folderAuthorityStorage } from "../../identity/authority-folder.ts";
import { bunNetwork } from "../../net/bun-network.ts";
import { FolderStore } from "../../store/folder-store.ts";
import type { CapturedBootstraps } from "../capture/bootstraps.ts";
import { ControlPlane } from "./control-plane.ts";
import { InstanceFile } from "./instance-file.ts";
import { relieveMemory } from "./memory-relief.ts";
import type { ControlPlaneOptions } from "./options.ts";

export interface RunControlPlaneOptions extends Pick<ControlPlaneOptions, "ports" | "version"> {
  /** Folders, or single files. */
  readonly documents: readonly string[];
  /** Keys of the authority are in `ca`, what runs in `instances.json`. Made when it is not there. */
  readonly dataFolder: string;
  readonly svidTtlMs: number | undefined;
  /** Where proxies of captured workloads find how to join; undefined: nobody is told. */
  readonly bootstrapFolder?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RunningControlPlane {
  readonly controlPlane: ControlPlane;
  stop(): Promise<void>;
}

/** Resolves when proxies can connect. @throws {Error} (as rejection) As {@link ControlPlane.start}. */
export async function runControlPlane(options: RunControlPlaneOptions): Promise<RunningControlPlane> {
  const { documents, dataFolder, svidTtlMs, clock, log, ports, version } = options;
  const store = new FolderStore({ paths: documents, clock, log });
  try {
    const controlPlane = await ControlPlane.start({
      store,
      authorityStorage: folderAuthorityStorage(join(dataFolder, "ca")),
      instanceFile: new InstanceFile(join(dataFolder, "instances.json")),
      network: bunNetwork(clock),
      clock,
      random: systemRandom,
      log,
      version,
      ports,
      relieveMemory,
      residentBytes: () => process.memoryUsage.rss(),
      ...(svidTtlMs === undefined ? {} : { svidTtlMs }),
    });
    const bootstraps = await bootstrapsOf(options, controlPlane);
    const unwatch = store.watch(() => bootstraps?.write());
    const stop = async (): Promise<void> => {
      unwatch();
      bootstraps?.stop();
      await controlPlane.stop();
      store.close();
    };
    return { controlPlane, stop };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Loaded where it is asked for alone. */
async function bootstrapsOf(
  { bootstrapFolder, clock, log }: RunControlPlaneOptions,
  controlPlane: ControlPlane,
): Promise<CapturedBootstraps | undefined> {
  if (bootstrapFolder === undefined) return undefined;
  const { CapturedBootstraps } = await import("../capture/bootstraps.ts");
  const bootstraps = new CapturedBootstraps({ controlPlane, folder: resolve(bootstrapFolder), clock, log });
  bootstraps.start();
  return bootstraps;
}
