/**
 * The admin endpoints of a proxy, in the manner of Envoy's, so that what people and tools ask of Envoy finds an answer.
 *
 * Differs from Envoy: `/` and `/help` are the same plain list; there is one log level for all; filters are JavaScript's regular
 * expressions, of at most 256 characters.
 *
 * @module
 */
import type { LogLevel } from "../base/log.ts";
import { plainStats } from "../telemetry/plain-stats.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "../telemetry/prometheus.ts";
import { clustersJson, clustersText } from "./cluster-views.ts";
import { type Answer, dispatch, type Endpoint, helpOf, json, pieces, text } from "./http-answers.ts";
import type { CertificateDetails, ListenerView, ProxyAdminSource } from "./proxy-admin-source.ts";

/** For `serveHttp`. */
export function proxyAdmin(source: ProxyAdminSource): (request: Request) => Answer {
  const endpoints = endpointsOf(source);
  const help = (): Response => text(`admin commands are:\n${helpOf(endpoints)}`);
  const all: readonly Endpoint[] = [
    ...endpoints,
    { path: "/", method: "GET", help: "this list", answer: help },
    { path: "/help", method: "GET", help: "this list", answer: help },
  ];
  return (request) => dispatch(all, request);
}

function endpointsOf(source: ProxyAdminSource): readonly Endpoint[] {
  const get = (path: string, help: string, answer: Endpoint["answer"]): Endpoint => ({
    path,
    method: "GET",
    help,
    answer,
  });
  const post = (path: string, help: string, answer: Endpoint["answer"]): Endpoint => ({
    ...get(path, help, answer),
    method: "POST",
  });
  return [
    get("/certs", "certificates in use", () => certificates(source)),
    get("/clusters", "clusters and their endpoints; format=json, filter=<regex>", (query) => clusters(source, query)),
    get("/config_dump", "configuration; include_eds, name_regex=<regex>", (query) => configuration(source, query)),
    post("/drain_listeners", "stop accepting; graceful, inboundonly, skip_exit", (query) => drain(source, query)),
    get("/listeners", "listeners; format=json", (query) => listeners(source.listeners, query)),
    post("/logging", "show or set the log level; level=<level>", (query) => logging(source, query)),
    post("/quitquitquit", "end the process", () => {
      source.quit();
      return text("OK\n");
    }),
    get("/ready", "state; 200 when LIVE, else 503", () =>
      text(`${source.state}\n`, source.state === "LIVE" ? 200 : 503),
    ),
    get("/server_info", "version, state and node", () => json(serverInfo(source))),
    get("/stats", "statistics; filter=<regex>, format=prometheus", (query) => stats(source, query)),
    get("/stats/prometheus", "statistics for Prometheus", () => prometheus(source)),
  ];
}

const MAX_REGEX_CHARS = 256;

/** Undefined where none is asked for; an answer where it is none. */
function regexOf(query: URLSearchParams, name: string): ((text: string) => boolean) | Response | undefined {
  const pattern = query.get(name);
  if (pattern === null) return undefined;
  if (pattern.length > MAX_REGEX_CHARS) return text(`Invalid regex: at most ${MAX_REGEX_CHARS} characters`, 400);
  try {
    const regex = new RegExp(pattern);
    return (it) => regex.test(it);
  } catch (error) {
    return text(`Invalid regex: ${error instanceof Error ? error.message : ""}`, 400);
  }
}

async function clusters(source: ProxyAdminSource, query: URLSearchParams): Promise<Response> {
  const accepts = regexOf(query, "filter");
  if (accepts instanceof Response) return accepts;
  const shown = (await source.clusters).filter((c) => accepts?.(c.name) ?? true);
  if (query.get("format") === "json") return json(clustersJson(shown));
  return pieces(clustersText(shown), "text/plain; charset=UTF-8");
}

async function configuration(source: ProxyAdminSource, query: URLSearchParams): Promise<Response> {
  const accepts = regexOf(query, "name_regex");
  if (accepts instanceof Response) return accepts;
  // Loaded when somebody asks: its tables are of no use to traffic.
  const { configDump } = await import("./config-dump.ts");
  const endpoints = query.has("include_eds");
  return json(configDump(source.config, accepts === undefined ? { endpoints } : { endpoints, accepts }));
}

function drain(source: ProxyAdminSource, query: URLSearchParams): Response {
  source.drainListeners({
    graceful: query.has("graceful"),
    inboundOnly: query.has("inboundonly"),
    skipExit: query.has("skip_exit"),
  });
  return text("OK\n");
}

function listeners(all: readonly ListenerView[], query: URLSearchParams): Response {
  if (query.get("format") !== "json")
    return text(all.map(({ name, address, port }) => `${name}::${address}:${port}\n`).join(""));
  const socket = ({ address, port }: ListenerView) => ({ socket_address: { address, port_value: port } });
  return json({ listener_statuses: all.map((it) => ({ name: it.name, local_address: socket(it) })) });
}

/** Envoy's levels to ours. */
const LEVELS = new Map<string, LogLevel>([
  ["trace", "debug"],
  ["debug", "debug"],
  ["info", "info"],
  ["warning", "warn"],
  ["warn", "warn"],
  ["error", "error"],
  ["critical", "error"],
]);

function logging(source: ProxyAdminSource, query: URLSearchParams): Response {
  const asked = query.get("level");
  if (asked !== null) {
    const level = LEVELS.get(asked);
    const known = [...LEVELS.keys()].join(" ");
    if (level === undefined)
      return text(`error: unknown logger level\n\nusage: /logging?level=<level>\nlevels: ${known}\n`, 400);
    source.logLevel = level;
  }
  return text(`active loggers:\n  all: ${source.logLevel === "warn" ? "warning" : source.logLevel}\n`);
}

function serverInfo({ info, state }: ProxyAdminSource): unknown {
  const { version, nodeId, nodeCluster, startedMs, nowMs, options } = info;
  const uptime = `${Math.floor((nowMs - startedMs) / 1000)}s`;
  return {
    version: `tulle/${version}`,
    state,
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    command_line_options: { service_node: nodeId, service_cluster: nodeCluster, ...options },
    node: { id: nodeId, cluster: nodeCluster, user_agent_name: "tulle", user_agent_version: version },
  };
}

async function stats(source: ProxyAdminSource, query: URLSearchParams): Promise<Response> {
  if (query.get("format") === "prometheus") return prometheus(source);
  const accepts = regexOf(query, "filter");
  if (accepts instanceof Response) return accepts;
  return text(plainStats(await source.registry, accepts === undefined ? {} : { accepts }));
}

const prometheus = async ({ registry }: ProxyAdminSource): Promise<Response> =>
  pieces(prometheusText(await registry), PROMETHEUS_CONTENT_TYPE);

function certificates({ certificates, info }: ProxyAdminSource): Response {
  const details = (it: CertificateDetails): unknown => detailsJson(it, info.nowMs);
  return json({
    certificates: certificates.map(({ trustedRoots, chain }) => ({
      ca_cert: trustedRoots.map(details),
      cert_chain: chain.map(details),
    })),
  });
}

/** `envoy.admin.v3.CertificateDetails`. */
function detailsJson(certificate: CertificateDetails, nowMs: number): unknown {
  const { origin, serial, uriSans, dnsSans, notBeforeMs, notAfterMs } = certificate;
  return {
    path: origin,
    serial_number: serial.toLowerCase(),
    subject_alt_names: [...uriSans.map((uri) => ({ uri })), ...dnsSans.map((dns) => ({ dns }))],
    days_until_expiration: String(Math.max(0, Math.floor((notAfterMs - nowMs) / 86_400_000))),
    valid_from: new Date(notBeforeMs).toISOString(),
    expiration_time: new Date(notAfterMs).toISOString(),
  };
}
