/**
 * `tulle proxy-config <workload> [part]`: what a proxy was given, as it says itself.
 *
 * @module
 */
import { Argument, type Command, Option } from "commander";
import type { ProxyDetail } from "../../admin/api.ts";
import { AdminError, askJson } from "../../admin/admin-client.ts";
import { DEFAULT_RUN_FOLDER, type MeshFile, type MeshFileProxy } from "../../admin/mesh-file.ts";
import { columns } from "../columns.ts";
import { type CliContext, EXIT } from "../context.ts";
import { at, listAt, textAt } from "../json-view.ts";
import {
  clusterTable,
  endpointTable,
  listenerTable,
  type ProxyView,
  routeTable,
  secretTable,
  type Table,
} from "../proxy-config-tables.ts";
import { ask, proxyOf, runningMesh } from "../running-mesh.ts";

interface Options {
  readonly output: "text" | "json";
  readonly runFolder: string;
}

interface Part {
  readonly name: string;
  /** Over its table in `all`. */
  readonly title: string;
  readonly table: (view: ProxyView) => Table;
  /** Its type in the dump; undefined for what the dump says elsewhere. */
  readonly dumped: string;
}

const PARTS: readonly Part[] = [
  { name: "clusters", title: "CLUSTER INFO", table: clusterTable, dumped: "ClustersConfigDump" },
  { name: "listeners", title: "LISTENER INFO", table: listenerTable, dumped: "ListenersConfigDump" },
  { name: "routes", title: "ROUTE INFO", table: routeTable, dumped: "RoutesConfigDump" },
  { name: "endpoints", title: "ENDPOINT INFO", table: endpointTable, dumped: "EndpointsConfigDump" },
  { name: "secrets", title: "SECRET INFO", table: secretTable, dumped: "SecretsConfigDump" },
];

const MORE = `
The tables are those of istioctl proxy-config; a route also says where it leads, and which rule of which document made it.
With -o json the proxy's own dump is printed, in Envoy's form.

Exit codes: ${EXIT.ok} there is an answer, ${EXIT.failure} no mesh runs, ${EXIT.usage} there is no such workload.`;

export function register(program: Command, context: CliContext): void {
  const names = PARTS.map((part) => part.name);
  program
    .command("proxy-config")
    .description("what a proxy was given: listeners, routes, clusters, endpoints, secrets")
    .argument("<workload>", "a workload, or one of its instances")
    .addArgument(new Argument("[part]", "what to print").choices([...names, "all"]).default("all"))
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .option("--run-folder <path>", "run folder of the mesh", DEFAULT_RUN_FOLDER)
    .addHelpText("after", MORE)
    .action((workload: string, part: string, options: Options) => proxyConfig(workload, part, options, context));
}

async function proxyConfig(workload: string, name: string, options: Options, context: CliContext): Promise<void> {
  const mesh = runningMesh(options.runFolder);
  const proxy = proxyOf(mesh, workload);
  const dump = await ask(proxy.admin, "/config_dump?include_eds");
  const parts = PARTS.filter((part) => name === "all" || part.name === name);
  if (options.output === "json") return context.out(asJson(dump, parts, name));
  const clusters = await ask(proxy.admin, "/clusters?format=json");
  const destinationRules = await rulesOf(mesh, proxy);
  const view: ProxyView = { dump, clusters, destinationRules, nowMs: context.clock.wallMs() };
  const sections = parts.map(({ title, table }) => {
    const { headings, rows } = table(view);
    const text = columns(headings, rows, context.paint);
    return parts.length === 1 ? text : `------ ${title} ------\n${text}`;
  });
  context.out(sections.join("\n"));
}

/** Which documents are behind clusters is known to the control plane alone. The rest can be shown without. */
async function rulesOf(mesh: MeshFile, proxy: MeshFileProxy): Promise<ProxyView["destinationRules"]> {
  try {
    const path = `/api/proxies/${encodeURIComponent(proxy.instance)}`;
    return ((await askJson(mesh.controlPlane.admin, path)) as ProxyDetail).destinationRules;
  } catch (error) {
    if (error instanceof AdminError) return {};
    throw error;
  }
}

function asJson(dump: unknown, parts: readonly Part[], name: string): string {
  const wanted = listAt(dump, "configs").filter((c) => parts.some((part) => textAt(c, "@type").endsWith(part.dumped)));
  const shown = name === "all" ? dump : (at({ configs: wanted }, "configs") ?? []);
  return `${JSON.stringify(shown, null, 2)}\n`;
}
