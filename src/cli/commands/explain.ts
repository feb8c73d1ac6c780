/**
 * `tulle explain -f <folder> --from <workload> [method] <url>`: what would happen, and why. No mesh runs for it.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { explain as explainRequest } from "../../app/explain/explain.ts";
import type { Explanation, Outcome } from "../../app/explain/explanation.ts";
import { type Header, headerArgument } from "../arguments.ts";
import { type CliContext, EXIT, usageError } from "../context.ts";
import { readDocuments } from "../documents.ts";
import { explanationText } from "../explain-report.ts";

interface Options {
  readonly file: readonly string[];
  readonly from?: string;
  readonly header: readonly Header[];
  readonly output: "text" | "json";
}

const CODES: Readonly<Record<Outcome, number>> = {
  allowed: EXIT.ok,
  answered: EXIT.ok,
  denied: 3,
  noRoute: 4,
  fails: 5,
};

const MORE = `
The documents are translated and compiled as for real proxies, and what decides for traffic decides here. One healthy copy
of each workload is assumed; all addresses are loopback.

Examples:
  tulle explain -f examples/bookinfo --from productpage-v1 GET http://reviews:9080/reviews/1 -H 'end-user: jason'
  tulle explain -f examples/bookinfo http://productpage:9080/productpage      (a browser, outside of the mesh)
  tulle explain -f examples/protocols --from page-v1 tcp://store:6379         (a connection of whatever bytes)

Exit codes: ${EXIT.ok} allowed (or answered by the caller's proxy as it is told), ${EXIT.usage} wrong usage, 3 denied, 4 no route, 5 it would fail
(no endpoint, TLS that does not fit, a fault), ${EXIT.failure} anything else. Of several destinations the worst counts, denied first.`;

export function register(program: Command, context: CliContext): void {
  program
    .command("explain")
    .description("say what would happen to a request, and why")
    .usage("-f <path> [options] [method] <url>")
    .argument(
      "<request...>",
      "a method, GET where it is left out, and http://host:port/path as the application writes it; or tcp://host:port",
    )
    .requiredOption("-f, --file <path>", "a file or folder of documents (repeatable)", collect)
    .option("--from <workload>", "who calls, as name or namespace/name; left out: a client outside of the mesh")
    .option("-H, --header <name: value>", "a header of the request (repeatable)", headerArgument, [])
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .addHelpText("after", MORE)
    .action((words: readonly string[], options: Options) => {
      const [method, url, more] = words.length === 1 ? [undefined, words[0]] : words;
      if (url === undefined || more !== undefined)
        throw usageError(`the request must be a method and a URL, found ${words.join(" ")}`);
      explain(method, url, options, context);
    });
}

const collect = (path: string, before: readonly string[] = []): readonly string[] => [...before, path];

function explain(method: string | undefined, url: string, options: Options, context: CliContext): void {
  if (method !== undefined && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method))
    throw usageError(`${JSON.stringify(method)} is not a method`);
  const { mesh } = readDocuments(options.file, context).loaded;
  const explanation = asked(() => explainRequest(mesh, { from: options.from, method, url, headers: options.header }));
  context.out(
    options.output === "json"
      ? `${JSON.stringify(explanation, null, 2)}\n`
      : explanationText(explanation, context.paint),
  );
  context.exitWith(CODES[explanation.outcome]);
}

/** What is wrong with the question is wrong usage. */
function asked(run: () => Explanation): Explanation {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) throw usageError(error.message);
    throw error;
  }
}
