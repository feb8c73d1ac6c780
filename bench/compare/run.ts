/**
 * `bun bench/compare/run.ts [--scenario NAME,...] [--rounds N] [--seconds S] [--peers NAME,...] [--tulle CHECKOUT]... [--json]`
 *
 * Tulle's proxy beside Envoy, nginx, HAProxy and nghttpx, all configured alike and all measured in the same rounds of one
 * run: machines are noisy, so only ratios count. Proxies and backends run on processor 0, the load on processor 1.
 *
 * `--tulle` names checkouts of Tulle in the place of this one: two of them compare a change with what was before it.
 * `--peers none` leaves the others out.
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startHttp1Backend, startHttp2Backend } from "./backends.ts";
import { type RunOptions, runCpuScenario } from "./cpu-scenario.ts";
import { stopAll } from "./process.ts";
import { CPU_SCENARIOS } from "./scenarios/cpu.ts";
import { runIdleConnections } from "./scenarios/idle-connections.ts";
import { runLatency } from "./scenarios/latency.ts";
import { runSlowReader } from "./scenarios/slow-reader.ts";
import { prepare, type Setup } from "./setup.ts";

type Run = (setup: Setup, options: RunOptions) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Run>> = {
  ...Object.fromEntries(
    Object.entries(CPU_SCENARIOS).map(([name, scenario]): [string, Run] => [
      name,
      (setup, options) => runCpuScenario(scenario, setup, options),
    ]),
  ),
  latency: (setup, options) => runLatency("one", setup, options),
  "latency-double-hop": (setup, options) => runLatency("double", setup, options),
  "idle-plain": (setup, options) => runIdleConnections(false, setup, options),
  "idle-mtls": (setup, options) => runIdleConnections(true, setup, options),
  "slow-reader": (setup, options) => runSlowReader("one", setup, options),
  "slow-reader-double-hop": (setup, options) => runSlowReader("double", setup, options),
};

const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "one-hop,double-hop" },
    rounds: { type: "string", default: "6" },
    seconds: { type: "string", default: "3" },
    peers: { type: "string" },
    tulle: { type: "string", multiple: true },
    json: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  const names = values.scenario === "all" ? Object.keys(SCENARIOS) : values.scenario.split(",");
  const unknown = names.filter((name) => !(name in SCENARIOS));
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(", ")}; there are: ${Object.keys(SCENARIOS).join(", ")}, all`);
  const options: RunOptions = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    peers: values.peers?.split(","),
    json: values.json,
  };
  const here = join(import.meta.dir, "..", "..");
  const setup = await prepare(values.tulle?.map((path) => resolve(path)) ?? [here]);
  try {
    await startHttp1Backend(setup);
    await startHttp2Backend(setup);
    for (const name of names) await SCENARIOS[name]?.(setup, options);
  } finally {
    await stopAll();
    rmSync(setup.folder, { recursive: true, force: true });
  }
}

// Programs are not to outlive a run that is told to end.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stopAll().then(() => process.exit(1)));

await main();
