/**
 * A real Envoy for tests and benches, in `$TULLE_CACHE`, or in `.cache` of the repository. Where it cannot be had (no
 * Python, no network) a line that begins with `SKIPPED:` says why, and the caller skips.
 *
 * @module
 */
import { join } from "node:path";
import { envoyBinary } from "../../src/app/up/envoy-binary.ts";

let found: Promise<string | undefined> | undefined;

/** The path of the binary; undefined where it cannot be had. Looked for once in a process. */
export function ensureEnvoy(): Promise<string | undefined> {
  found ??= Promise.resolve().then(() => {
    const envoy = envoyBinary(process.env["TULLE_CACHE"] ?? join(import.meta.dir, "..", "..", ".cache"));
    if (envoy.t === "found") return envoy.path;
    console.warn(`SKIPPED: no Envoy: ${envoy.reason}`);
    return undefined;
  });
  return found;
}
