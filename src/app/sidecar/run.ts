/**
 * Runs one proxy for as long as the process lives.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { lineLog, type LogLevel } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { bunNetwork } from "../../net/bun-network.ts";
import { bootstrapFromValue, parseBootstrap } from "../../xds/bootstrap.ts";
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";
import { Sidecar } from "./sidecar.ts";

export interface RunOptions {
  /** The bootstrap; YAML by its name's ending, else JSON. */
  readonly file: string;
  readonly logLevel: LogLevel;
  /** Calls back when the process is told to end. */
  readonly onInterrupt: (stop: () => void) => void;
}

/** Resolves when the proxy was told to end and has drained. @throws {Error} When it cannot start, saying why. */
export async function runProxy({ file, logLevel, onInterrupt }: RunOptions): Promise<void> {
  const log = lineLog(logLevel, (line) => void process.stderr.write(line), systemClock.wallMs);
  const bootstrap = await readBootstrap(file);
  const sidecar = new Sidecar({
    bootstrap,
    network: bunNetwork(systemClock),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const stopped = new Promise<void>((resolve) => onInterrupt(() => void sidecar.stop().then(resolve)));
  await sidecar.start();
  await stopped;
}

/** The YAML library is loaded for a YAML file only: it would cost every sidecar some megabytes. */
async function readBootstrap(file: string): Promise<Bootstrap> {
  const text = readFileSync(file, "utf8");
  if (!/\.ya?ml$/.test(file)) return parseBootstrap(text, file);
  const { parse } = await import("yaml");
  return bootstrapFromValue(parse(text), file);
}
