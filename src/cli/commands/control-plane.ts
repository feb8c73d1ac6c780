/**
 * `tulle control-plane`: the control plane alone, for proxies that run elsewhere.
 *
 * @module
 */
import type { Command } from "commander";
import { runControlPlane, type RunningControlPlane } from "../../app/control-plane/run.ts";
import { lineLog } from "../../base/log.ts";
import { durationArgument, wholeArgument } from "../arguments.ts";
import { type CliContext, CliError, EXIT } from "../context.ts";
import { version } from "../version.ts";

interface Options {
  readonly documents: readonly string[];
  readonly data: string;
  readonly address: string;
  readonly xds: number;
  readonly admin: number;
  readonly svidTtl: number | undefined;
  readonly bootstraps?: string;
}

const MORE = `
Documents may be changed while it runs. What was registered with it is remembered in the data folder, so that proxies find it
again after a restart. Its log is written to standard error.

Exit codes: ${EXIT.ok} ended on request, ${EXIT.failure} it did not start, ${EXIT.usage} wrong usage.`;

export function register(program: Command, context: CliContext): void {
  const port = wholeArgument(0, 65_535);
  program
    .command("control-plane")
    .description("run the control plane alone")
    .requiredOption("--documents <paths...>", "folders or files with documents")
    .option("--data <folder>", "where the certificate authority keeps its keys", ".tulle/data")
    .option("--address <address>", "address that proxies connect to", "127.0.0.1")
    .option("--xds <port>", "port of discovery and certificates, over mutual TLS; 0 picks one", port, 15_012)
    .option("--admin <port>", "port of the admin endpoints, on loopback; 0 picks one", port, 15_014)
    .option("--svid-ttl <duration>", "life of workload certificates, such as 24h or 10s", durationArgument)
    .option("--bootstraps <folder>", "where proxies of captured workloads find how to join: one folder each")
    .addHelpText("after", MORE)
    .action((options: Options) => run(options, context));
}

async function run(options: Options, context: CliContext): Promise<void> {
  const { clock, err, out, paint, onInterrupt } = context;
  const interrupted = new Promise<void>((resolve) => onInterrupt(resolve));
  const log = lineLog("info", (line) => err(line), clock.wallMs);
  const running = await started({
    documents: options.documents,
    dataFolder: options.data,
    svidTtlMs: options.svidTtl,
    bootstrapFolder: options.bootstraps,
    clock,
    log,
    version: version(),
    ports: { address: options.address, xds: options.xds, admin: options.admin },
  });
  const { xdsPort, adminPort } = running.controlPlane;
  out(
    `${paint.green("✓")} control plane: xDS on ${options.address}:${xdsPort}, admin on http://127.0.0.1:${adminPort}\n`,
  );
  await interrupted;
  await running.stop();
}

async function started(options: Parameters<typeof runControlPlane>[0]): Promise<RunningControlPlane> {
  try {
    return await runControlPlane(options);
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error));
  }
}
