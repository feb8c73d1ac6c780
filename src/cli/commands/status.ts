/**
 * `tulle status`: services, proxies, what they have acknowledged, and their certificates.
 *
 * @module
 */
import { type Command, Option } from "commander";
import type { MeshStatus } from "../../admin/api.ts";
import { DEFAULT_RUN_FOLDER } from "../../admin/mesh-file.ts";
import { type CliContext, EXIT } from "../context.ts";
import { ask, runningMesh } from "../running-mesh.ts";
import { statusReport } from "../status-report.ts";

interface Options {
  readonly output: "text" | "json";
  readonly runFolder: string;
}

const MORE = `
A proxy's types: SYNCED it has what it should have, STALE an answer is awaited, REJECTED it refused what it was sent and keeps
what it had, NOT SENT there was nothing to send.

Exit codes: ${EXIT.ok} there is an answer, ${EXIT.failure} no mesh runs.`;

export function register(program: Command, context: CliContext): void {
  program
    .command("status")
    .description("services, proxies, acknowledged versions and certificates of a running mesh")
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .option("--run-folder <path>", "run folder of the mesh", DEFAULT_RUN_FOLDER)
    .addHelpText("after", MORE)
    .action((options: Options) => status(options, context));
}

async function status(options: Options, { out, paint }: CliContext): Promise<void> {
  const { controlPlane } = runningMesh(options.runFolder);
  const answer = (await ask(controlPlane.admin, "/api/status")) as MeshStatus;
  out(options.output === "json" ? `${JSON.stringify(answer, null, 2)}\n` : statusReport(answer, paint));
}
