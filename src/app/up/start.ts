/**
 * Starts a mesh from documents: reads and judges them, finds what it needs on the machine, and brings everything up.
 *
 * @module
 */
import { join } from "node:path";
import type { MeshFile } from "../../admin/mesh-file.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { formatProblem, type Problem } from "../../base/problem.ts";
import type { Random } from "../../base/random.ts";
import type { Mesh } from "../../model/mesh.ts";
import { bunNetwork } from "../../net/bun-network.ts";
import { FolderStore } from "../../store/folder-store.ts";
import type { Store } from "../../store/store.ts";
import { DevelopmentCertificates } from "./development-certificates.ts";
import { plainServices } from "./entries.ts";
import { envoyBinary } from "./envoy-binary.ts";
import { Up } from "./up.ts";

export interface StartOptions {
  readonly paths: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly runFolder: string;
  readonly dataFolder: string;
  readonly shared: boolean;
  /** Adds a gateway workload where the documents have none. */
  readonly gateway: boolean;
  /** Processes of the shared proxy, and of each gateway. */
  readonly workers: number;
  readonly proxy: "tulle" | "envoy";
  readonly svidTtlMs: number | undefined;
  /** Of this program. */
  readonly version: string;
  readonly proxyProgram: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (name: string, what: string, sinceMs: number) => void;
  readonly onWarning: (text: string) => void;
  readonly onCrash: (message: string) => void;
  /** Resolves when the person wants no more of it. */
  readonly interrupt: Promise<"interrupted">;
}

export type StartedMesh =
  | {
      readonly t: "started";
      readonly file: MeshFile;
      /** Hosts that take plain HTTP from anybody. */
      readonly plainServices: ReadonlySet<string>;
      stop(): Promise<void>;
    }
  /** The documents are wrong: nothing was started, since a policy that is left out leaves its path open. */
  | { readonly t: "refused"; readonly problems: readonly Problem[] }
  | { readonly t: "interrupted" };

/** @throws {Error} When a part does not start, with its last words; everything that had started is ended. */
export async function startUp(options: StartOptions): Promise<StartedMesh> {
  const store = openStore(options);
  const { problems, findings, mesh } = store.current;
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    store.close();
    return { t: "refused", problems: errors };
  }
  for (const problem of [...problems, ...findings]) options.onWarning(formatProblem(problem));
  try {
    return await bringUp(options, store, mesh);
  } catch (error) {
    store.close();
    throw error;
  }
}

function openStore({ paths, gateway, dataFolder, clock, log }: StartOptions): DevelopmentCertificates {
  const open = (more: readonly string[]): FolderStore => new FolderStore({ paths: [...paths, ...more], clock, log });
  let store = open([]);
  if (gateway && store.current.mesh.workloads.every((workload) => workload.gateway === undefined)) {
    store.close();
    store = open([INGRESS_GATEWAY]);
  }
  const folder = join(dataFolder, "development-certificates");
  return new DevelopmentCertificates(store, { folder, wallMs: () => clock.wallMs() });
}

/** The documents' own would be found in their folder. */
const INGRESS_GATEWAY = join(import.meta.dir, "ingress-gateway.yaml");

async function bringUp(options: StartOptions, store: Store, mesh: Mesh): Promise<StartedMesh> {
  const envoy = options.proxy === "envoy" ? requireEnvoy(options) : undefined;
  const up = new Up({ ...options, store, network: bunNetwork(options.clock), envoy });
  const stop = async (): Promise<void> => {
    await up.stop();
    store.close();
  };
  try {
    const file = await Promise.race([up.start(), options.interrupt]);
    if (file !== "interrupted") return { t: "started", file, plainServices: plainServices(mesh), stop };
  } catch (error) {
    await stop();
    throw error;
  }
  await stop();
  return { t: "interrupted" };
}

function requireEnvoy({ dataFolder, onWarning }: StartOptions): string {
  const found = envoyBinary(dataFolder, () => onWarning("installing Envoy, once"));
  if (found.t === "missing") throw new Error(`--proxy envoy needs an Envoy: ${found.reason}`);
  return found.path;
}
