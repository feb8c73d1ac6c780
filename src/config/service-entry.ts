/**
 * ServiceEntry to the model. Source: networking.istio.io ServiceEntry and Istio's validation of it.
 *
 * @module
 */
import type { ExternalEndpoint, ServiceEntry } from "../model/external-service.ts";
import { type Protocol, type Resolution, type ServicePort, UNIX_PREFIX } from "../model/service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { externalEndpoint } from "./endpoint.ts";
import { defaultVisibility, exportTo } from "./export-to.ts";
import { isAddress, isAddressRange, isHost, isPortName, labels } from "./names.ts";
import type { Fields, Node } from "./node.ts";
import { choice, isText, port, text, textThat } from "./read-values.ts";
import { quote } from "./tree.ts";

const KNOWN = [
  "hosts",
  "addresses",
  "ports",
  "location",
  "resolution",
  "endpoints",
  "workloadSelector",
  "exportTo",
  "subjectAltNames",
] as const;
const RESOLUTIONS = ["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"] as const;

export function readServiceEntry(body: DocumentBody): ServiceEntry {
  const spec = specFields(body, KNOWN);
  const { namespace } = body.metadata;
  const fallback = body.settings.defaultExportTo.service;
  const entry: ServiceEntry = {
    origin: body.origin,
    hosts: spec.required("hosts", hosts, []),
    addresses: spec.list("addresses", textThat(isAddressRange, "an IP address, or a range such as 10.0.0.0/8")),
    ports: spec.optional("ports", ports) ?? [],
    location: spec.optional("location", choice(["MESH_EXTERNAL", "MESH_INTERNAL"])) ?? "MESH_EXTERNAL",
    resolution: spec.optional("resolution", choice(RESOLUTIONS)) ?? "NONE",
    endpoints: spec.list("endpoints", (node) => externalEndpoint(node, body.metadata)),
    workloadSelector: spec.optional("workloadSelector", workloadSelector),
    subjectAltNames: spec.list("subjectAltNames", text),
    exportTo: spec.optional("exportTo", exportTo(namespace, fallback, true)) ?? defaultVisibility(fallback, namespace),
  };
  if (spec.has("endpoints") && spec.has("workloadSelector"))
    spec.at("workloadSelector")?.failAtKey("cannot stand beside endpoints: a host has the ones or the others");
  checkAddresses(spec, entry);
  checkEndpoints(spec, entry);
  return entry;
}

function hosts(node: Node): readonly string[] {
  const items = node.items();
  if (node.tree.t === "list" && items.length === 0) node.fail("must name a host");
  return items.map((item) => {
    const host = textThat(
      (h) => isHost(h, true) || isAddress(h),
      "a host name, or a wildcard such as *.example.com",
    )(item);
    if (host === "*") item.fail("the host * is not allowed here: name the hosts, or a wildcard such as *.example.com");
    return host.toLowerCase();
  });
}

/** What Istio's names come to. Others are found out from the bytes. */
const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  HTTP: "http",
  HTTPS: "https",
  HTTP2: "http2",
  GRPC: "grpc",
  "GRPC-WEB": "http",
  TLS: "tls",
  TCP: "tcp",
  MONGO: "tcp",
  MYSQL: "tcp",
  REDIS: "tcp",
};

function ports(node: Node): readonly ServicePort[] {
  const read: ServicePort[] = [];
  for (const item of node.items()) {
    const one = servicePort(item);
    if (read.some(({ number }) => number === one.number)) item.fail(`the port ${one.number} stands twice`);
    if (read.some(({ name }) => name === one.name)) item.fail(`the port name ${quote(one.name)} stands twice`);
    read.push(one);
  }
  return read;
}

function servicePort(node: Node): ServicePort {
  const fields = node.fields({ known: ["number", "name", "protocol", "targetPort"] });
  const number = fields.required("number", port, 1);
  const name = fields.required("name", textThat(isPortName, "1 to 63 letters, digits and dashes"), "");
  const targetPort = fields.optional("targetPort", port) ?? number;
  return { name, number, targetPort, protocol: fields.optional("protocol", portProtocol) ?? "auto" };
}

/** Of a port that a document of Istio names. */
export function portProtocol(node: Node): Protocol {
  const upper = isText(node) ? text(node).toUpperCase() : "";
  return PROTOCOLS[upper] ?? (PROTOCOLS[choice(Object.keys(PROTOCOLS))(node)] as Protocol);
}

function workloadSelector(node: Node): Readonly<Record<string, string>> {
  return node.fields({ known: ["labels"] }).optional("labels", labels) ?? {};
}

type Spec = Fields<(typeof KNOWN)[number]>;

const isByName = (resolution: Resolution): boolean => resolution === "DNS" || resolution === "DNS_ROUND_ROBIN";

function checkAddresses(
  spec: Spec,
  { addresses, hosts: names, resolution, endpoints, workloadSelector: selects }: ServiceEntry,
): void {
  const ranged = addresses.some((address) => address.includes("/"));
  if (ranged && resolution !== "NONE" && resolution !== "STATIC")
    spec.at("addresses")?.fail(`a range of addresses needs resolution NONE or STATIC, found ${resolution}`);
  if (resolution === "DYNAMIC_DNS" && names.some((host) => !host.startsWith("*")))
    spec.at("hosts")?.fail("resolution DYNAMIC_DNS is for wildcard hosts: others have DNS");
  if (!isByName(resolution) || endpoints.length > 0 || selects !== undefined) return;
  if (names.some((host) => host.startsWith("*")))
    spec
      .at("hosts")
      ?.fail(`a wildcard has no addresses to look up: give endpoints, or another resolution than ${resolution}`);
}

function checkEndpoints(spec: Spec, { endpoints, ports: served, resolution }: ServiceEntry): void {
  const at = spec.at("endpoints");
  if (at === undefined) return;
  if ((resolution === "NONE" || resolution === "DYNAMIC_DNS") && endpoints.length > 0)
    at.fail(`resolution ${resolution} takes no endpoints: calls go where they were meant to`);
  if (resolution === "DNS_ROUND_ROBIN" && endpoints.length > 1)
    at.fail(`resolution DNS_ROUND_ROBIN takes one endpoint at most, found ${endpoints.length}`);
  const names = new Set(served.map(({ name }) => name));
  for (const [i, item] of (at.tree.t === "list" ? at.items() : []).entries())
    checkEndpoint(item, endpoints[i], resolution, names, served.length);
}

function checkEndpoint(
  node: Node,
  endpoint: ExternalEndpoint | undefined,
  resolution: Resolution,
  ports: ReadonlySet<string>,
  portCount: number,
): void {
  const { address = "", ports: own = {} } = endpoint ?? {};
  const isUnix = address.startsWith(UNIX_PREFIX);
  if (resolution === "STATIC" && address !== "" && !isUnix && !isAddress(address))
    node.fail(
      `resolution STATIC takes addresses, found the name ${quote(address)}: write its address, or resolution DNS`,
    );
  if (isByName(resolution) && isUnix)
    node.fail(`resolution ${resolution} takes names and addresses, found a unix socket`);
  if (isUnix && portCount !== 1)
    node.fail(`an endpoint that is a unix socket needs one port of the service, found ${portCount}`);
  for (const name of Object.keys(own))
    if (!ports.has(name))
      node.fail(`the service has no port ${quote(name)}: it has ${[...ports].join(", ") || "none"}`);
}
