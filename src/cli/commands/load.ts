/**
 * `tulle load <url>`: requests at a steady rate, or as fast as possible, and what became of them.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_RUN_FOLDER } from "../../admin/mesh-file.ts";
import { seededRandom } from "../../base/random.ts";
import { loadNetwork } from "../../app/load/network.ts";
import { type LoadPlan, startLoad } from "../../app/load/run-load.ts";
import { parseSplit, type SplitBy } from "../../app/load/split.ts";
import { type Target, targetOf } from "../../app/load/target.ts";
import { durationArgument, type Header, headerArgument, rateArgument, wholeArgument } from "../arguments.ts";
import { type CliContext, EXIT, usageError } from "../context.ts";
import { liveLine, loadSummary, summaryData } from "../load-report.ts";
import { proxyOf, runningMesh } from "../running-mesh.ts";

interface Options {
  readonly rps: number;
  readonly duration: number;
  readonly count?: number;
  readonly connections: number;
  readonly timeout: number;
  readonly method?: string;
  readonly header: readonly Header[];
  readonly bodyBytes: number;
  readonly proxy?: string;
  readonly from?: string;
  readonly runFolder: string;
  readonly splitBy?: SplitBy;
  readonly seed: number;
  readonly output: "text" | "json";
}

const MORE = `
At a steady rate (--rps, --duration) requests are due at times that do not depend on the answers, and a latency counts
from when its request was due. With --count each connection asks again as soon as it has its answer.

Examples:
  tulle load http://127.0.0.1:9080/productpage --split-by header:x-reviews-version
  tulle load http://reviews:9080/reviews/1 --from productpage-v1 --count 100000 --split-by json:.version

Exit codes: ${EXIT.ok} every request was answered with a status below 500, ${EXIT.failure} some were not, ${EXIT.usage} wrong usage.`;

export function register(program: Command, context: CliContext): void {
  program
    .command("load")
    .description("send requests at a steady rate, or as fast as possible, and measure the answers")
    .argument("[url]", "http://host:port/path; left out: the first service of the mesh that runs here")
    .option("--rps <n>", "requests a second", rateArgument, 50)
    .option("--duration <time>", "how long", durationArgument, 30_000)
    .addOption(
      new Option("--count <n>", "this many requests, as fast as possible")
        .argParser(wholeArgument(1, 1_000_000_000))
        .conflicts(["rps", "duration"]),
    )
    .option("--connections <n>", "at most", wholeArgument(1, 10_000), 8)
    .option("--timeout <time>", "for one request", durationArgument, 10_000)
    .option("--method <name>", "GET, or POST with a body")
    .option("-H, --header <name: value>", "a header to send (repeatable)", headerArgument, [])
    .option("--body-bytes <n>", "size of a body to send", wholeArgument(0, 64 * 1024 * 1024), 0)
    .option("--proxy <url>", "a forward proxy to send through")
    .addOption(
      new Option("--from <workload>", "send through the proxy of this workload of the running mesh").conflicts("proxy"),
    )
    .option("--run-folder <path>", "run folder of the mesh", DEFAULT_RUN_FOLDER)
    .option("--split-by <field>", "count answers by header:<name> or by json:.<field>", splitArgument)
    .option("--seed <n>", "of the times between requests", wholeArgument(0, 4_294_967_295), 1)
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .addHelpText("after", MORE)
    .action((url: string | undefined, options: Options) =>
      load(url ?? firstService(options, context), options, context),
    );
}

function splitArgument(text: string): SplitBy {
  try {
    return parseSplit(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

async function load(url: string, options: Options, context: CliContext): Promise<void> {
  const plan: LoadPlan = {
    target: readTarget(url, options),
    pace:
      options.count === undefined
        ? { t: "rate", perSecond: options.rps, durationMs: options.duration }
        : { t: "count", requests: options.count },
    connections: Math.min(options.connections, options.count ?? options.connections),
    timeoutMs: options.timeout,
    splitBy: options.splitBy,
  };
  const live = options.output === "text";
  const running = startLoad(plan, {
    clock: context.clock,
    network: loadNetwork(context.clock),
    random: seededRandom(options.seed),
    onSecond: (tally, elapsedMs) => {
      if (live) context.out(liveLine(tally, elapsedMs, context.paint));
    },
  });
  context.onInterrupt(() => running.stop());
  const result = await running.done;
  context.out(
    live ? loadSummary(result, context.paint) : `${JSON.stringify(summaryData(result, options.splitBy), null, 2)}\n`,
  );
  context.exitWith(result.tally.failed + result.tally.serverErrors > 0 ? EXIT.failure : EXIT.ok);
}

/** Where a person would look first. */
function firstService({ runFolder }: Options, { err }: CliContext): string {
  const service = runningMesh(runFolder).services[0];
  if (service === undefined) throw usageError("the running mesh has no service: give a URL");
  err(`no URL was given: ${service.name} at ${service.url}/\n`);
  return `${service.url}/`;
}

function readTarget(url: string, options: Options): Target {
  const method = options.method ?? (options.bodyBytes > 0 ? "POST" : "GET");
  const proxy =
    options.from === undefined ? options.proxy : proxyOf(runningMesh(options.runFolder), options.from).outbound;
  try {
    return targetOf({ url, method, headers: options.header, bodyBytes: options.bodyBytes, proxy });
  } catch (error) {
    if (error instanceof RangeError) throw usageError(error.message);
    throw error;
  }
}
