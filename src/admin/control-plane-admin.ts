/**
 * The admin endpoints of the control plane. They only show: nothing here changes the mesh or hands out an identity.
 *
 * @module
 */
import type { Registry } from "../telemetry/registry.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "../telemetry/prometheus.ts";
import type { MeshStatus, ProxyDetail } from "./api.ts";
import { configDump, type DumpedConfig } from "./config-dump.ts";
import { type Answer, dispatch, type Endpoint, helpOf, json, pieces, text } from "./http-answers.ts";

/** What the control plane shows of itself. */
export interface ControlPlaneSource {
  /** Brought up to date before it is shown. */
  readonly registry: () => Registry;
  readonly ready: () => boolean;
  readonly status: () => MeshStatus;
  /** Undefined where the mesh has no such proxy. */
  readonly proxy: (id: string) => ProxyDetail | undefined;
  /** What a node should have; undefined where the mesh has no such node. */
  readonly config: (nodeId: string) => DumpedConfig | undefined;
}

const PROXIES = "/api/proxies/";

/** For `serveHttp`. */
export function controlPlaneAdmin(source: ControlPlaneSource): (request: Request) => Answer {
  const endpoints: readonly Endpoint[] = [
    get("/ready", "200 when proxies are served, else 503", () => ready(source)),
    get("/metrics", "statistics for Prometheus", () =>
      pieces(prometheusText(source.registry()), PROMETHEUS_CONTENT_TYPE),
    ),
    get("/api/status", "services, proxies, versions, certificates, problems", () => json(source.status())),
    get("/api/config_dump", "what a proxy should have; node=<node id>", (query) => dump(source, query)),
  ];
  const help = `the control plane's admin commands are:\n${helpOf(endpoints)}  ${PROXIES}<id>: one proxy\n`;
  const all = [...endpoints, get("/", "this list", () => text(help))];
  return (request) => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith(PROXIES) && request.method === "GET") return proxy(source, pathname.slice(PROXIES.length));
    return dispatch(all, request);
  };
}

const get = (path: string, help: string, answer: Endpoint["answer"]): Endpoint => ({
  path,
  method: "GET",
  help,
  answer,
});

const ready = (source: ControlPlaneSource): Response =>
  source.ready() ? text("LIVE\n") : text("PRE_INITIALIZING\n", 503);

function proxy(source: ControlPlaneSource, encoded: string): Response {
  const id = decoded(encoded);
  const found = source.proxy(id);
  return found === undefined ? text(`the mesh has no proxy ${JSON.stringify(id)}\n`, 404) : json(found);
}

/** What is no percent-encoding is taken as it is. */
function decoded(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function dump(source: ControlPlaneSource, query: URLSearchParams): Response {
  const nodeId = query.get("node");
  if (nodeId === null) return text("say whose: ?node=<node id>\n", 400);
  const config = source.config(nodeId);
  if (config === undefined) return text(`the mesh has no node ${JSON.stringify(nodeId)}\n`, 404);
  return json(configDump(config, { endpoints: true }));
}
