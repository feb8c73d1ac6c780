/**
 * `tulle logs <workload>`: what an application and its proxy print; the proxy's lines have its access log.
 *
 * @module
 */
import type { Command } from "commander";
import { existsSync, watch } from "node:fs";
import { dirname } from "node:path";
import { DEFAULT_RUN_FOLDER, logPath } from "../../admin/mesh-file.ts";
import { wholeArgument } from "../arguments.ts";
import { type CliContext, CliError, EXIT } from "../context.ts";
import { FollowedFile } from "../followed-file.ts";
import { proxyOf, runningMesh } from "../running-mesh.ts";

interface Options {
  readonly follow: boolean;
  readonly app: boolean;
  readonly proxy: boolean;
  readonly tail: number | undefined;
  readonly runFolder: string;
}

const MORE = `
Without --app or --proxy both are printed, each line with its part before it. Access log lines are in the proxy's.

Exit codes: ${EXIT.ok} done, ${EXIT.failure} no mesh runs or there is no log, ${EXIT.usage} there is no such workload.`;

/** Between two looks with --follow, milliseconds. */
const LOOK_EVERY_MS = 250;

export function register(program: Command, context: CliContext): void {
  program
    .command("logs")
    .description("what an application and its proxy print, access log lines among it")
    .argument("<workload>", "a workload, or one of its instances")
    .option("-f, --follow", "go on with new lines, until Ctrl-C", false)
    .option("--app", "the application's lines alone", false)
    .option("--proxy", "the proxy's lines alone", false)
    .option("--tail <lines>", "begin with the last lines alone", wholeArgument(0, 1_000_000_000))
    .option("--run-folder <path>", "run folder of the mesh", DEFAULT_RUN_FOLDER)
    .addHelpText("after", MORE)
    .action((workload: string, options: Options) => logs(workload, options, context));
}

async function logs(workload: string, options: Options, context: CliContext): Promise<void> {
  const { instance } = proxyOf(runningMesh(options.runFolder), workload);
  const both = options.app === options.proxy;
  const parts = (["app", "proxy"] as const).filter((part) => both || options[part]);
  const files = parts.map((part) => new FollowedFile(logPath(options.runFolder, instance, part), part));
  if (!files.some((file) => existsSync(file.path)))
    throw new CliError(`there is no log of ${instance}: no ${files.map((file) => file.path).join(", no ")}`);
  const mark = (part: string): string => (both ? `${context.paint.dim(`${part.padEnd(5)} |`)} ` : "");
  const print = (tail?: number): void => {
    for (const file of files) for (const line of file.read(tail)) context.out(`${mark(file.name)}${line}\n`);
  };
  print(options.tail);
  if (options.follow) await follow(dirname(files[0]?.path ?? ""), print, context);
}

/** The system's events keep the process alive; the clock looks where they do not come. */
function follow(folder: string, print: () => void, { clock, onInterrupt }: CliContext): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, { persistent: true }, () => print());
    let timer = clock.after(LOOK_EVERY_MS, function look() {
      print();
      timer = clock.after(LOOK_EVERY_MS, look);
    });
    onInterrupt(() => {
      timer.cancel();
      watcher.close();
      resolve();
    });
  });
}
