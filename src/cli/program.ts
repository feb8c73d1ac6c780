/**
 * `tulle <command>`: finds the command, reads its options, and turns what went wrong into a message and an exit code.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { COMMANDS, loadBare, loadCommand } from "./command-list.ts";
import { type CliContext, EXIT } from "./context.ts";
import { failed } from "./failed.ts";
import { version } from "./version.ts";

const EXIT_CODES = `
Exit codes: ${EXIT.ok} done, ${EXIT.failure} failed, ${EXIT.usage} wrong usage; "tulle help <command>" names those of a command.`;

/** Runs one command line. Resolves to the exit code. */
export async function runProgram(args: readonly string[], context: CliContext): Promise<number> {
  let code: number = EXIT.ok;
  try {
    const asked = askedFor(args);
    if (asked === "proxy" && args[0] === "help") return await (await loadBare("proxy")).run(["--help"], context);
    const program = frame(context);
    const own: CliContext = { ...context, exitWith: (c) => void (code = c) };
    for (const { name, description } of COMMANDS) {
      if (name === asked) (await loadCommand(name)).register(program, own);
      else program.command(name).description(description);
    }
    // Help for a command that is not there says so, with the name that was meant.
    const known = asked === undefined || asked === "help" || COMMANDS.some((c) => c.name === asked);
    await program.parseAsync(known ? args : [asked], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return failed(error, context);
  }
}

/** The first word, or the second of `help <command>`. */
const askedFor = (args: readonly string[]): string | undefined => (args[0] === "help" ? args[1] : args[0]);

function frame(context: CliContext): Command {
  const { paint } = context;
  return new Command("tulle")
    .description("A service mesh that reads the documents you have, costs little and says why.")
    .version(`tulle ${version()} (Bun ${Bun.version})`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .showHelpAfterError('("tulle help" lists the commands, "tulle help <command>" its options)')
    .addHelpText("after", EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: context.out,
      writeErr: context.err,
      outputError: (text, write) => write(text.replace(/^error: /, `${paint.red("error")}: `)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ styleTitle: paint.bold, visibleGlobalOptions: () => [] });
}
