/**
 * Go programs that judge us, built from their modules into `$TULLE_CACHE`, or `.cache` of the repository. Where one cannot be
 * had (no Go, no network) a line that begins with `SKIPPED:` says why, and the caller skips.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

interface GoTool {
  readonly package: string;
  readonly version: string;
  /** What `go install` calls the program. */
  readonly program: string;
}

const GRPC = "v1.85.0";

const TOOLS = {
  h2spec: { package: "github.com/summerwind/h2spec/cmd/h2spec", version: "v2.2.1+incompatible", program: "h2spec" },
  "grpc-interop-client": { package: "google.golang.org/grpc/interop/client", version: GRPC, program: "client" },
  "grpc-interop-server": { package: "google.golang.org/grpc/interop/server", version: GRPC, program: "server" },
} as const satisfies Readonly<Record<string, GoTool>>;

const INSTALL_LIMIT_MS = 300_000;

/** The program's path; undefined where it cannot be had. */
export function ensureGoTool(name: keyof typeof TOOLS): string | undefined {
  const tool: GoTool = TOOLS[name];
  const cache = process.env["TULLE_CACHE"] ?? join(import.meta.dir, "..", "..", ".cache");
  const folder = join(cache, "go", `${name}-${tool.version}`);
  const path = join(folder, tool.program);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const go = Bun.which("go");
  const problem = go === null ? "no Go on this machine" : installed(go, tool, folder);
  if (problem === undefined && existsSync(path)) return path;
  console.warn(`SKIPPED: no ${name}: ${problem ?? `${path} was not built`}`);
  return undefined;
}

/** What went wrong; undefined when nothing did. */
function installed(go: string, tool: GoTool, folder: string): string | undefined {
  const done = spawnSync(go, ["install", `${tool.package}@${tool.version}`], {
    encoding: "utf8",
    timeout: INSTALL_LIMIT_MS,
    env: { ...process.env, GOBIN: folder },
  });
  return done.status === 0
    ? undefined
    : `go install ${tool.package}: ${done.error?.message ?? done.stderr.slice(-300)}`;
}
