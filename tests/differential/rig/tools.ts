/**
 * What the comparison with a real Istio needs of the machine, and why it cannot be had where it cannot.
 *
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../../support/envoy.ts";

export interface Tools {
  /** Starts and ends API servers. */
  readonly cluster: string;
  /** istiod and istioctl in one binary. */
  readonly istio: string;
  readonly crds: string;
  readonly envoy: string;
}

const FOLDER = join(import.meta.dir, "../../../../shared/tools");

/** Undefined where something is missing; a line that begins with `SKIPPED:` says what. */
export async function findTools(): Promise<Tools | undefined> {
  const missing = whatIsMissing();
  if (missing !== undefined) {
    console.warn(`SKIPPED: no real Istio: ${missing}`);
    return undefined;
  }
  const envoy = await ensureEnvoy();
  if (envoy === undefined) return undefined;
  return {
    cluster: join(FOLDER, "cluster"),
    istio: await unpacked("istio"),
    crds: join(FOLDER, "src/istio/crds.yaml"),
    envoy,
  };
}

function whatIsMissing(): string | undefined {
  if (!existsSync(join(FOLDER, "istio.xz"))) return "../shared/tools is not there";
  if (process.getuid?.() !== 0) return "an API server of one's own needs root";
  return Bun.which("xz") === null ? "the program xz is not there" : undefined;
}

/** The binary, unpacked once into the folder where `cluster` keeps its own. */
async function unpacked(name: string): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(process.env["TULLE_CLUSTERS"] ?? join(cache, "test-clusters"), "bin");
  const [packed, path] = [join(FOLDER, `${name}.xz`), join(folder, name)];
  if (existsSync(path) && statSync(path).mtimeMs > statSync(packed).mtimeMs) return path;
  mkdirSync(folder, { recursive: true });
  const draft = `${path}.${process.pid}`;
  try {
    const made = Bun.spawn(["sh", "-c", 'xz -dc "$0" > "$1" && chmod +x "$1"', packed, draft]);
    if ((await made.exited) !== 0) throw new Error(`cannot unpack ${packed} to ${draft}`);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return path;
}
