/**
 * The commands by name. The module of a command, `commands/<name>.ts`, is loaded when the command is asked for and not
 * before: a proxy is started once a workload and must not carry the others.
 *
 * @module
 */
import type { Command } from "commander";
import { CliError, type CliContext } from "./context.ts";

export interface CommandEntry {
  readonly name: string;
  readonly description: string;
}

export const COMMANDS: readonly CommandEntry[] = [
  { name: "up", description: "run a mesh on this machine: control plane, proxies and the applications of a folder" },
  { name: "validate", description: "check documents, alone and together" },
  { name: "explain", description: "say what would happen to a request, and why" },
  { name: "load", description: "send requests at a steady rate, or as fast as possible, and measure the answers" },
  { name: "status", description: "services, proxies, acknowledged versions and certificates of a running mesh" },
  { name: "proxy-config", description: "what a proxy was given: listeners, routes, clusters, endpoints, secrets" },
  { name: "logs", description: "access log lines of the proxies" },
  { name: "control-plane", description: "run the control plane alone" },
  { name: "proxy", description: "run one proxy from an Envoy bootstrap" },
];

/** A command's module. It adds `program.command(name)` with its options and its action. */
interface CommandModule {
  register(program: Command, context: CliContext): void;
}

/** The module of `proxy`, which does without the library that reads command lines. Resolves to the exit code. */
interface BareModule {
  run(args: readonly string[], context: CliContext): Promise<number>;
}

const isCommand = (module: object): module is CommandModule =>
  "register" in module && typeof module.register === "function";

const isBare = (module: object): module is BareModule => "run" in module && typeof module.run === "function";

export async function loadCommand(name: string): Promise<CommandModule> {
  const module = await load(name);
  if (isCommand(module)) return module;
  throw new Error(`src/cli/commands/${name}.ts must export register(program, context)`);
}

/** Loads a command that reads its arguments itself. */
export async function loadBare(name: string): Promise<BareModule> {
  const module = await load(name);
  if (isBare(module)) return module;
  throw new Error(`src/cli/commands/${name}.ts must export run(args, context)`);
}

async function load(name: string): Promise<object> {
  const path = `${import.meta.dir}/commands/${name}.ts`;
  if (!(await Bun.file(path).exists())) throw new CliError(`the command ${name} is not part of this version`);
  return (await import(path)) as object;
}
