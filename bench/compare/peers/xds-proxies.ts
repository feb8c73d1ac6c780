/**
 * Tulle's proxy and Envoy, each started from the same bootstrap but for the ports.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { start } from "../process.ts";
import type { Setup } from "../setup.ts";
import { freshPort, type Launcher, startHops, type Subject, type Topology } from "../topology.ts";
import { bootstrap } from "./bootstraps.ts";

export const launchEnvoy: Launcher = (setup, topology) => {
  const { envoy } = setup;
  if (envoy === undefined) return undefined;
  const options = ["--concurrency", "1", "-l", "error", "--disable-hot-restart"];
  return launch(setup, topology, "Envoy", (file, id) => [envoy, "-c", file, "--base-id", String(id), ...options]);
};

/** The proxy of a checkout, built to one file as it is where it is installed. */
export function launchTulle(checkout: string, isOnly: boolean): Launcher {
  return (setup, topology) => {
    build(checkout);
    const name = isOnly ? "Tulle" : `Tulle ${basename(checkout)}`;
    return launch(setup, topology, name, (file) => [join(checkout, "tulle"), "proxy", "-c", file]);
  };
}

function build(checkout: string): void {
  const done = spawnSync(process.execPath, ["scripts/build-proxy.ts"], { cwd: checkout, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`the proxy of ${checkout} could not be built: ${done.stderr}`);
}

function launch(
  setup: Setup,
  topology: Topology,
  name: string,
  command: (file: string, id: number) => readonly string[],
): Subject {
  return startHops(name, setup, topology, (hop) => {
    const file = join(setup.folder, `${name.replaceAll(" ", "-")}-${hop.listen}.json`);
    const { protocol, routes = { count: 20, by: "path" } } = topology;
    const resources = bootstrap({ ...hop, protocol, admin: freshPort(), files: setup, routes });
    writeFileSync(file, JSON.stringify(resources, null, 1));
    return start(name, command(file, hop.listen), setup.folder, `${file}.log`);
  });
}
