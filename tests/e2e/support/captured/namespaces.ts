/**
 * Network namespaces of this test alone, joined by a bridge, as the machines of a network are. To be called in a process that `unshare -nm` has started: names,
 * links and the hosts file are its own, and go with it.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of the side that is in no mesh: this process's own. */
export const OUTSIDE = "10.1.0.1";

export function run(...command: readonly string[]): string {
  const { exitCode, stderr, stdout } = Bun.spawnSync([...command]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

/** In front of a command that shall run in a namespace. */
export const within = (name: string): readonly string[] => ["ip", "netns", "exec", name];

/** @param hosts Addresses by name, for everybody. @param more Further addresses of this side. */
export function openNetwork(folder: string, hosts: Readonly<Record<string, string>>, more: readonly string[]): void {
  mkdirSync("/run/netns", { recursive: true });
  run("mount", "-t", "tmpfs", "none", "/run/netns");
  const file = join(folder, "hosts");
  const lines = Object.entries({ localhost: "127.0.0.1", ...hosts }).map(([name, address]) => `${address} ${name}\n`);
  writeFileSync(file, lines.join(""));
  run("mount", "--bind", file, "/etc/hosts");
  run("ip", "link", "set", "lo", "up");
  run("ip", "link", "add", "mesh0", "type", "bridge");
  run("ip", "addr", "add", `${OUTSIDE}/16`, "dev", "mesh0");
  for (const address of more) run("ip", "addr", "add", `${address}/32`, "dev", "lo");
  run("ip", "addr", "add", `${v6(OUTSIDE)}/64`, "dev", "mesh0", "nodad");
  run("ip", "link", "set", "mesh0", "up");
}

/** The address of IPv6 that everybody has beside its own. */
export const v6 = (address: string): string => `fd00::${address.split(".").at(-1)}`;

/** A namespace with one address, whose way to everywhere is the bridge. */
export function openNamespace(name: string, address: string): void {
  run("ip", "netns", "add", name);
  run("ip", "link", "add", `to-${name}`, "type", "veth", "peer", "name", "eth0", "netns", name);
  run("ip", "link", "set", `to-${name}`, "master", "mesh0", "up");
  run("ip", "-n", name, "addr", "add", `${address}/16`, "dev", "eth0");
  run("ip", "-n", name, "addr", "add", `${v6(address)}/64`, "dev", "eth0", "nodad");
  run("ip", "-n", name, "link", "set", "eth0", "up");
  run("ip", "-n", name, "link", "set", "lo", "up");
  run("ip", "-n", name, "route", "add", "default", "via", OUTSIDE);
}
