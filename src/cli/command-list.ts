/**
 * The commands by name. The module of a command is loaded when the command is asked for and not before: a proxy is
 * started once a workload and must not carry the others.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "./context.ts";

/** A command's module. It adds `program.command(name)` with its options and its action. */
interface CommandModule {
  register(program: Command, context: CliContext): void;
}

/** The module of `proxy`, which does without the library that reads command lines. Resolves to the exit code. */
interface BareModule {
  run(args: readonly string[], context: CliContext): Promise<number>;
}

interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<CommandModule | BareModule>;
}

/** In the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "up",
    description: "run a mesh on this machine: control plane, proxies and the applications of a folder",
    load: () => import("./commands/up.ts"),
  },
  {
    name: "validate",
    description: "check documents, alone and together",
    load: () => import("./commands/validate.ts"),
  },
  {
    name: "explain",
    description: "say what would happen to a request, and why",
    load: () => import("./commands/explain.ts"),
  },
  {
    name: "test",
    description: "run configuration tests: what shall become of requests by the documents beside them",
    load: () => import("./commands/test.ts"),
  },
  {
    name: "diff",
    description: "say what a change of documents changes, for which calls",
    load: () => import("./commands/diff.ts"),
  },
  {
    name: "load",
    description: "send requests at a steady rate, or as fast as possible, and measure the answers",
    load: () => import("./commands/load.ts"),
  },
  {
    name: "status",
    description: "services, proxies, acknowledged versions and certificates of a running mesh",
    load: () => import("./commands/status.ts"),
  },
  {
    name: "proxy-config",
    description: "what a proxy was given: listeners, routes, clusters, endpoints, secrets",
    load: () => import("./commands/proxy-config.ts"),
  },
  {
    name: "logs",
    description: "access log lines of the proxies",
    load: () => import("./commands/logs.ts"),
  },
  {
    name: "control-plane",
    description: "run the control plane alone",
    load: () => import("./commands/control-plane.ts"),
  },
  {
    name: "capture",
    description: "lead the TCP of a network namespace to its proxy, or stop doing so",
    load: () => import("./commands/capture.ts"),
  },
  {
    name: "proxy",
    description: "run one proxy from an Envoy bootstrap",
    load: () => import("./commands/proxy.ts"),
  },
];

/** Loads a command that reads its options with the library. */
export async function loadCommand(name: string): Promise<CommandModule> {
  const module = await find(name).load();
  if ("register" in module) return module;
  throw new Error(`commands/${name}.ts must export register(program, context)`);
}

/** Loads a command that reads its arguments itself. */
export async function loadBare(name: string): Promise<BareModule> {
  const module = await find(name).load();
  if ("run" in module) return module;
  throw new Error(`commands/${name}.ts must export run(args, context)`);
}

function find(name: string): CommandEntry {
  const found = COMMANDS.find((c) => c.name === name);
  if (found === undefined) throw new Error(`there is no command ${name}`);
  return found;
}
