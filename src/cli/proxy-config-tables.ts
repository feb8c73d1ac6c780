/**
 * What a proxy was given, as tables in the layouts of `istioctl proxy-config`, from Envoy's `/config_dump` and `/clusters`.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { at, type Json, listAt, textAt } from "./json-view.ts";

export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The dump of a proxy, and what else is known of it. */
export interface ProxyView {
  readonly dump: Json;
  /** `/clusters?format=json`. */
  readonly clusters: Json;
  /** DestinationRules by the name of a cluster, as `DestinationRule default/reviews (reviews.yaml:12)`. */
  readonly destinationRules: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

/** Entries of the part of a dump whose type ends with `kind`. */
function part(dump: Json, kind: string): Json {
  return listAt(dump, "configs").find((c) => textAt(c, "@type").endsWith(`.${kind}`));
}

/** The resources of a part, whether of the bootstrap or of the control plane. */
function resourcesOf(
  dump: Json,
  kind: string,
  lists: readonly (readonly [list: string, ...path: string[]])[],
): readonly Json[] {
  const found = part(dump, kind);
  return lists
    .flatMap(([list, ...path]) => listAt(found, list).map((entry) => at(entry, ...path)))
    .filter((it) => it !== undefined);
}

const byText = (rows: readonly (readonly string[])[]): readonly (readonly string[])[] =>
  rows
    .map((row) => [JSON.stringify(row), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, row]) => row);

export function clusterTable({ dump, destinationRules }: ProxyView): Table {
  const clusters = resourcesOf(dump, "ClustersConfigDump", [
    ["static_clusters", "cluster"],
    ["dynamic_active_clusters", "cluster"],
    ["dynamic_warming_clusters", "cluster"],
  ]);
  const rows = clusters.map((cluster) => {
    const name = textAt(cluster, "name");
    const { fqdn, port, subset, direction } = readName(name);
    const type = textAt(cluster, "type") || textAt(cluster, "cluster_type", "name") || "STATIC";
    return [fqdn, port, subset, direction, type, documentName(destinationRules[name])];
  });
  return {
    headings: ["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"],
    rows: byText(rows),
  };
}

/** Istio's names say what a cluster is for; another name stands for itself. */
function readName(name: string): {
  readonly fqdn: string;
  readonly port: string;
  readonly subset: string;
  readonly direction: string;
} {
  const [direction = "", port = "", subset = "", ...host] = name.split("|");
  if (host.length === 0) return { fqdn: name, port: "-", subset: "-", direction: "-" };
  return { fqdn: host.join("|"), port, subset: subset || "-", direction };
}

/** `reviews.default` of `DestinationRule default/reviews (…)`, as Istio names documents. */
function documentName(described: string | undefined): string {
  const [, namespace, name] = /^\S+ ([^/\s]+)\/(\S+)/.exec(described ?? "") ?? [];
  return namespace === undefined ? "" : `${name}.${namespace}`;
}

export function listenerTable({ dump }: ProxyView): Table {
  const listeners = resourcesOf(dump, "ListenersConfigDump", [
    ["static_listeners", "listener"],
    ["dynamic_listeners", "active_state", "listener"],
    ["dynamic_listeners", "warming_state", "listener"],
  ]);
  const rows = listeners.flatMap((listener) => {
    const address = textAt(listener, "address", "socket_address", "address");
    const port = textAt(listener, "address", "socket_address", "port_value");
    const chains = [...listAt(listener, "filter_chains"), ...listAt(listener, "default_filter_chain")];
    if (textAt(listener, "address", "socket_address", "protocol") === "UDP")
      return [[address, port, "UDP", datagramDestination(listener)]];
    return chains.map((chain) => [address, port, chainMatch(at(chain, "filter_chain_match")), destination(chain)]);
  });
  const sorted = [...rows].sort((a, b) => Number(a[1]) - Number(b[1]));
  return { headings: ["ADDRESSES", "PORT", "MATCH", "DESTINATION"], rows: sorted };
}

function chainMatch(match: Json): string {
  const names = listAt(match, "server_names").map(String);
  const protocols = listAt(match, "application_protocols").map(String);
  const transport = textAt(match, "transport_protocol");
  const port = textAt(match, "destination_port");
  const parts = [
    ...(names.length > 0 ? [`SNI: ${names.join(",")}`] : []),
    ...(transport === "" ? [] : [`Trans: ${transport}`]),
    ...(protocols.length > 0 ? [`App: ${protocols.join(",")}`] : []),
    ...(port === "" ? [] : [`Port: ${port}`]),
  ];
  return parts.length === 0 ? "ALL" : parts.join("; ");
}

/** Where the last filter that leads anywhere leads. */
function destination(chain: Json): string {
  for (const filter of listAt(chain, "filters")) {
    const config = at(filter, "typed_config");
    const route = textAt(config, "rds", "route_config_name");
    if (route !== "") return `Route: ${route}`;
    const inline = at(config, "route_config");
    if (inline !== undefined) return inlineDestination(inline);
    const cluster = textAt(config, "cluster");
    if (cluster !== "") return `Cluster: ${cluster}`;
  }
  return "Non-HTTP/Non-TCP";
}

/** Wherever the UDP proxy may lead. */
function datagramDestination(listener: Json): string {
  const named = listAt(listener, "listener_filters").flatMap((filter) => clustersIn(at(filter, "typed_config")));
  return [...new Set(named)].map((cluster) => `Cluster: ${cluster}`).join(", ");
}

/** Clusters that a matcher's actions name, at any depth. */
function clustersIn(config: Json): readonly string[] {
  if (typeof config !== "object" || config === null) return [];
  const own = textAt(config, "cluster");
  return [...(own === "" ? [] : [own]), ...Object.values(config).flatMap((inner: Json) => clustersIn(inner))];
}

function inlineDestination(config: Json): string {
  const routes = listAt(config, "virtual_hosts").flatMap((host) => listAt(host, "routes"));
  const clusters = [...new Set(routes.map((route) => textAt(route, "route", "cluster")).filter((name) => name !== ""))];
  return clusters.length === 1 ? `Cluster: ${clusters[0]}` : `Inline Route: ${textAt(config, "name")}`;
}

export function routeTable({ dump }: ProxyView): Table {
  const configs = resourcesOf(dump, "RoutesConfigDump", [
    ["static_route_configs", "route_config"],
    ["dynamic_route_configs", "route_config"],
  ]);
  const rows = configs.flatMap((config) =>
    listAt(config, "virtual_hosts").flatMap((host) =>
      listAt(host, "routes").map((route) => [
        textAt(config, "name"),
        textAt(host, "name"),
        domains(listAt(host, "domains").map(String)),
        routeMatch(at(route, "match")),
        routeDestination(route),
        sourceOf(route),
      ]),
    ),
  );
  return { headings: ["NAME", "VHOST NAME", "DOMAINS", "MATCH", "DESTINATION", "VIRTUAL SERVICE"], rows };
}

/** The shortest one, which a person would write, and how many more there are. */
function domains(all: readonly string[]): string {
  const [shortest = ""] = [...all].sort((a, b) => a.length - b.length);
  return all.length > 1 ? `${shortest} + ${all.length - 1} more` : shortest;
}

function routeMatch(match: Json): string {
  const path = textAt(match, "path");
  const prefix = textAt(match, "prefix") || textAt(match, "path_separated_prefix");
  const regex = textAt(match, "safe_regex", "regex");
  const target = path !== "" ? path : regex !== "" ? `regex ${regex}` : `${prefix.replace(/\/$/, "")}/*`;
  const headers = listAt(match, "headers").map((h) => {
    const [kind = "", value] = Object.entries((at(h, "string_match") ?? {}) as Readonly<Record<string, Json>>)[0] ?? [];
    const wanted = value === undefined ? "" : ` ${kind} ${typeof value === "string" ? value : textAt(value, "regex")}`;
    return `${textAt(h, "invert_match") === "true" ? "not " : ""}${textAt(h, "name")}${wanted}`;
  });
  return [target, ...headers].join(", ");
}

function routeDestination(route: Json): string {
  const cluster = textAt(route, "route", "cluster");
  if (cluster !== "") return short(cluster);
  const weighted = listAt(route, "route", "weighted_clusters", "clusters");
  if (weighted.length > 0)
    return weighted.map((w) => `${short(textAt(w, "name"))} ${textAt(w, "weight") || "0"}`).join(", ");
  const status = textAt(route, "direct_response", "status");
  if (status !== "") return `answer ${status}`;
  return at(route, "redirect") === undefined ? "" : "redirect";
}

/** `reviews:9080 v1` of Istio's name. */
function short(cluster: string): string {
  const { fqdn, port, subset } = readName(cluster);
  if (port === "-") return cluster;
  const service = fqdn === "" ? "application" : fqdn.replace(/\.svc\..*$/, "");
  return subset === "-" ? `${service}:${port}` : `${service}:${port} ${subset}`;
}

/** `reviews.default`, with the rule's name and line where the route carries them. */
function sourceOf(route: Json): string {
  const source = at(route, "metadata", "filter_metadata", "tulle");
  if (source === undefined) return "";
  const rule = textAt(source, "rule");
  const file = textAt(source, "file").split("/").at(-1);
  const name = `${textAt(source, "name")}.${textAt(source, "namespace")}`;
  return `${name}${rule === "" ? "" : ` rule ${rule}`} (${file}:${textAt(source, "line")})`;
}

export function endpointTable({ clusters }: ProxyView): Table {
  const rows = listAt(clusters, "cluster_statuses").flatMap((cluster) =>
    listAt(cluster, "host_statuses").map((host) => {
      const health = at(host, "health_status");
      const socket = at(host, "address", "socket_address");
      const where =
        socket === undefined
          ? textAt(host, "address", "pipe", "path")
          : `${textAt(socket, "address")}:${textAt(socket, "port_value")}`;
      const outlier = textAt(health, "failed_outlier_check") === "true" ? "FAILED" : "OK";
      const failsChecks = textAt(health, "failed_active_health_check") === "true";
      const status = failsChecks ? "UNHEALTHY" : textAt(health, "eds_health_status") || "HEALTHY";
      return [where, status, outlier, textAt(cluster, "name")];
    }),
  );
  return { headings: ["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"], rows: byText(rows) };
}

export function secretTable({ dump, nowMs }: ProxyView): Table {
  const found = part(dump, "SecretsConfigDump");
  const lists = [
    ["static_secrets", "ACTIVE"],
    ["dynamic_active_secrets", "ACTIVE"],
    ["dynamic_warming_secrets", "WARMING"],
  ] as const;
  const rows = lists.flatMap(([list, status]) => listAt(found, list).map((entry) => secretRow(entry, status, nowMs)));
  return {
    headings: ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"],
    rows,
  };
}

function secretRow(entry: Json, status: string, nowMs: number): readonly string[] {
  const secret = at(entry, "secret");
  const chain = at(secret, "tls_certificate", "certificate_chain");
  const source = chain ?? at(secret, "validation_context", "trusted_ca");
  const type = chain === undefined ? "CA" : "Cert Chain";
  const certificate = firstCertificate(source);
  const name = textAt(entry, "name");
  if (certificate === undefined) return [name, type, status, "false", "", "", ""];
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const valid = from <= nowMs && nowMs <= to;
  return [name, type, status, String(valid), certificate.serialNumber.toLowerCase(), iso(to), iso(from)];
}

function firstCertificate(source: Json): X509Certificate | undefined {
  const pem = textAt(source, "inline_string") || Buffer.from(textAt(source, "inline_bytes"), "base64").toString();
  try {
    return pem === "" ? undefined : new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.000Z$/, "Z");
