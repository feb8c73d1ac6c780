/**
 * Gives rules to the kernel, by `nft`, in the present network namespace or in a named one.
 *
 * @module
 */
import { spawnSync } from "node:child_process";

const LIMIT_MS = 10_000;

/**
 * All of them, or none.
 *
 * @param namespace As `ip netns` names it; undefined: the present one.
 * @throws {Error} That says what is missing, or what `nft` said.
 */
export function applyRules(rules: string, namespace: string | undefined): void {
  if (process.platform !== "linux") throw new Error(`traffic can be captured on Linux; this is ${process.platform}`);
  if (process.getuid?.() !== 0)
    throw new Error("rules need root: run it with sudo, or give what --dry-run prints to nft -f - as root");
  const within = namespace === undefined ? [] : [pathOf("ip", "iproute2"), "netns", "exec", namespace];
  const [command = "", ...args] = [...within, pathOf("nft", "nftables"), "-f", "-"];
  const done = spawnSync(command, args, { encoding: "utf8", input: rules, timeout: LIMIT_MS });
  if (done.status === 0) return;
  const why = done.error?.message ?? `${done.stderr}`.trim();
  const where = namespace === undefined ? "this network namespace" : `the network namespace ${namespace}`;
  throw new Error(`nft does not take the rules in ${where}, and nothing was changed: ${why}`);
}

function pathOf(program: string, packageName: string): string {
  const found = Bun.which(program);
  if (found === null) throw new Error(`the program ${program} is not there: install it (package ${packageName})`);
  return found;
}
