/**
 * How a proxy is started: from the one file that it was built to, where that is as new as the sources; else from those.
 *
 * @module
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** @param root Folder of this program. Returns the command in front of `-c <bootstrap>`. */
export function proxyProgram(root: string, runtime: string): readonly string[] {
  const built = join(root, ".cache/proxy/proxy-main.js");
  if (existsSync(built) && statSync(built).mtimeMs >= newestSource(join(root, "src"))) return [runtime, built];
  return [runtime, join(root, "src/cli/main.ts"), "proxy"];
}

/**
 * The environment of a proxy: code is compiled for good after some 1,000 requests and not after 10,000, as is the runtime's own
 * setting. Compilers and requests share processors, and a proxy that answers 1000 requests a second had a 99th percentile of 10 ms
 * for its first ten seconds; now for its first two. Measured in docs/performance.md.
 */
export const proxyEnvironment = (environment: Environment): Environment => ({
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "8000",
  ...environment,
});

type Environment = Readonly<Record<string, string | undefined>>;

function newestSource(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.name.endsWith(".ts")) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return newest;
}
