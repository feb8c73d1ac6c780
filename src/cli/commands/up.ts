/**
 * `tulle up <folder>`: a whole mesh on this machine.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MeshFile } from "../../admin/mesh-file.ts";
import { DEFAULT_RUN_FOLDER } from "../../admin/mesh-file.ts";
import { lineLog } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { formatProblem } from "../../base/problem.ts";
import { LiveSummary, type ServiceTraffic } from "../../app/up/live-summary.ts";
import { proxyProgram } from "../../app/up/proxy-program.ts";
import { isAnswered } from "../../app/up/readiness.ts";
import { startUp, type StartedMesh } from "../../app/up/start.ts";
import { type CliContext, CliError, EXIT, foreseen, usageError } from "../context.ts";
import { durationArgument } from "../arguments.ts";
import { version } from "../version.ts";
import { readWorkers } from "../workers.ts";

interface Options {
  readonly shared: boolean;
  readonly gateway: boolean;
  readonly workers: number;
  readonly proxy: "tulle" | "envoy";
  readonly readyFile?: string;
  readonly runFolder: string;
  readonly dataFolder: string;
  readonly svidTtl?: number;
  readonly quiet: boolean;
}

const MORE = `
Every tulle.dev/v1 Workload of the documents is started with a proxy of its own. The application gets PORT (and PORT_<number>
for each of its ports) to listen on, and http_proxy to call others by name through the mesh. Documents may be changed while the
mesh runs. Ctrl-C ends everything.

Exit codes: ${EXIT.ok} ended on request, ${EXIT.failure} a part did not start or crashed, ${EXIT.usage} wrong usage, ${EXIT.issues} errors in the documents.`;

export function register(program: Command, context: CliContext): void {
  program
    .command("up")
    .description("run a mesh on this machine: control plane, proxies and the applications of a folder")
    .argument("<paths...>", "folders or files with documents")
    .option("--shared", "one proxy process for all workloads in place of one each", false)
    .option("--gateway", "a gateway for the Gateways of the documents, where they have no workload for it", false)
    .option("--workers <number>", "processes of each gateway and of the shared proxy, or auto", readWorkers, 1)
    .addOption(new Option("--proxy <which>", "the proxy to run").choices(["tulle", "envoy"]).default("tulle"))
    .option("--ready-file <path>", "write where everything is as JSON, once all is ready")
    .option("--run-folder <path>", "where logs and bootstraps go", DEFAULT_RUN_FOLDER)
    .option("--data-folder <path>", "where the certificate authority keeps its keys", ".tulle/data")
    .option("--svid-ttl <duration>", "life of workload certificates, such as 24h or 10s", ttl)
    .option("-q, --quiet", "no live summary", false)
    .addHelpText("after", MORE)
    .action((paths: readonly string[], options: Options) => up(paths, options, context));
}

function workersOf({ workers, proxy }: Options): number {
  if (workers > 1 && proxy !== "tulle") throw usageError("--workers is for Tulle's own proxy, not for --proxy envoy");
  return workers;
}

function ttl(text: string): number {
  const ms = durationArgument(text);
  if (ms < 1000) throw new InvalidArgumentError("must be a duration of a second or more, such as 24h, 10m or 5s");
  return ms;
}

async function up(paths: readonly string[], options: Options, context: CliContext): Promise<void> {
  const { clock, err, paint } = context;
  const startMs = clock.nowMs();
  let interrupted: () => void = () => {};
  const interrupt = new Promise<"interrupted">((resolve) => (interrupted = () => resolve("interrupted")));
  context.onInterrupt(() => interrupted());
  let crashed: (message: string) => void = () => {};
  const crash = new Promise<string>((resolve) => (crashed = resolve));
  const starting = startUp({
    paths,
    clock,
    random: systemRandom,
    log: lineLog("warn", (line) => err(paint.dim(line)), clock.wallMs),
    runFolder: options.runFolder,
    dataFolder: options.dataFolder,
    shared: options.shared,
    gateway: options.gateway,
    workers: workersOf(options),
    proxy: options.proxy,
    version: version(),
    svidTtlMs: options.svidTtl,
    proxyProgram: proxyProgram(join(import.meta.dir, "../../.."), process.execPath),
    environment: context.environment,
    onProgress: (name, what, sinceMs) =>
      context.out(`${paint.green("✓")} ${name.padEnd(30)} ${what} ${paint.dim(`(${Math.round(sinceMs)} ms)`)}\n`),
    onWarning: (text) => err(`${paint.yellow("!")} ${text}\n`),
    onCrash: (message) => crashed(message),
    interrupt,
  });
  const mesh = await starting.catch((error: unknown) => {
    throw foreseen(error);
  });
  if (mesh.t === "interrupted") return;
  if (mesh.t === "refused") throw new CliError(mesh.problems.map(formatProblem).join("\n"), EXIT.issues);
  const readyMs = clock.nowMs() - startMs;
  const entry = entryOf(mesh);
  const routed = entry !== undefined && (await isAnswered(`${entry.url}/`));
  const routedMs = routed ? clock.nowMs() - startMs : undefined;
  context.out(welcome(mesh, readyMs, routedMs, context));
  if (options.readyFile !== undefined) writeFileSync(options.readyFile, `${JSON.stringify(mesh.file, null, 2)}\n`);
  const summary = options.quiet ? undefined : showTraffic(mesh.file, context);
  const end = await Promise.race([interrupt, crash]);
  summary?.stop();
  if (end === "interrupted") context.out("\nstopping\n");
  else err(`${paint.red("✗")} ${end}\nstopping\n`);
  await mesh.stop();
  context.exitWith(end === "interrupted" ? EXIT.ok : EXIT.failure);
}

type Started = Extract<StartedMesh, { t: "started" }>;

/** Where a person enters: the first service that takes plain HTTP. */
const entryOf = ({ file, plainServices }: Started) => file.services.find(({ host }) => plainServices.has(host));

function welcome(mesh: Started, readyMs: number, routedMs: number | undefined, { paint }: CliContext): string {
  const { file, plainServices } = mesh;
  const entry = entryOf(mesh);
  const routed = routedMs === undefined ? "" : `, first request routed after ${(routedMs / 1000).toFixed(1)} s`;
  const rows = file.services.map(({ name, host, url }) => {
    const note = plainServices.has(host) ? "" : paint.dim("  mutual TLS only");
    return `  ${name.padEnd(16)} ${url}${note}\n`;
  });
  const first = file.proxies[0];
  const tries = [
    ...(entry === undefined ? [] : [`curl ${entry.url}/`]),
    ...(entry === undefined ? [] : [`tulle load ${entry.url}/ --rps 20`]),
    ...(first === undefined ? [] : [`curl ${first.admin}/stats/prometheus`]),
    "tulle status",
  ];
  return `
${paint.bold(`The mesh is up in ${(readyMs / 1000).toFixed(1)} s`)}${routed}
${file.proxies.length} workloads, control plane ${file.controlPlane.admin}

${rows.join("")}${gatewayRows(file)}
Try, in another terminal:
${tries.map((line) => `  ${paint.cyan(line)}\n`).join("")}
Ctrl-C ends it.
`;
}

function gatewayRows({ gateways }: MeshFile): string {
  const rows = gateways.map(
    ({ gateway, port, protocol, hosts, url }) =>
      `  ${`${protocol} ${port}`.padEnd(16)} ${url}  ${hosts.join(", ")} (Gateway ${gateway})\n`,
  );
  return rows.length === 0 ? "" : `\n${rows.join("")}`;
}

const EVERY_MS = 2000;

/** A line a beat while there is traffic. */
function showTraffic(file: MeshFile, { clock, out, paint }: CliContext): { stop(): void } {
  const summary = new LiveSummary(file.proxies.map(({ admin }) => admin));
  let stopped = false;
  const beat = async (): Promise<void> => {
    if (stopped) return;
    const traffic = await summary.take(clock.nowMs());
    if (!stopped && traffic.length > 0) out(`${traffic.map((t) => cell(t, paint.red)).join(paint.dim(" │ "))}\n`);
    schedule();
  };
  const schedule = (): void => void clock.after(EVERY_MS, () => void beat());
  void beat();
  return { stop: () => void (stopped = true) };
}

function cell(
  { service, requestsPerSecond, successRatio, p50Ms, p99Ms }: ServiceTraffic,
  red: (text: string) => string,
): string {
  const percent = `${(successRatio * 100).toFixed(successRatio < 1 ? 1 : 0)} %`;
  const ok = successRatio < 0.99 ? red(percent) : percent;
  return `${service} ${requestsPerSecond.toFixed(1)}/s ${ok} p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms`;
}
