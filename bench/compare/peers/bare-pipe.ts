/**
 * Two joined sockets of the runtime and nothing else: the floor of what a TCP proxy can cost here.
 *
 * @module
 */
import { join } from "node:path";
import { start } from "../process.ts";
import { type Launcher, startHops } from "../topology.ts";

export const launchBarePipe: Launcher = (setup, topology) => {
  if (topology.protocol !== "tcp" || topology.hops !== "one") return undefined;
  const main = join(import.meta.dir, "..", "bare-pipe-server.ts");
  return startHops("bare Bun pipe", setup, topology, ({ listen, upstream }) => {
    const command = [process.execPath, main, String(listen), String(upstream)];
    return start("bare pipe", command, setup.folder, join(setup.folder, `bare-pipe-${listen}.log`));
  });
};
