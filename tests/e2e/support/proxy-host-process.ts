/**
 * Several of our proxies in one process, where a test needs many that do little. Each line that it reads is `start <bootstrap
 * file>` or `stop <bootstrap file>`.
 *
 * @module
 */
import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Sidecar } from "../../../src/app/sidecar/sidecar.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { lineLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { bunNetwork } from "../../../src/net/bun-network.ts";
import { parseBootstrap } from "../../../src/xds/bootstrap.ts";

const sidecars = new Map<string, Sidecar>();
const log = lineLog("warn", (line) => void writeSync(2, line), systemClock.wallMs);
const common = { clock: systemClock, random: systemRandom, log, network: bunNetwork(systemClock) };

async function start(file: string): Promise<void> {
  const sidecar = new Sidecar({ ...common, bootstrap: parseBootstrap(readFileSync(file, "utf8"), file) });
  sidecars.set(file, sidecar);
  await sidecar.start();
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const [verb, file = ""] = line.split(" ");
  if (verb === "start") void start(file);
  else {
    const sidecar = sidecars.get(file);
    sidecars.delete(file);
    sidecar?.proxy.close();
    void sidecar?.stop();
  }
});
