/**
 * Kubernetes EndpointSlice and Endpoints to the model: who answers for a Service that selects nothing.
 *
 * @module
 */
import type { EndpointList, ExternalEndpoint } from "../model/external-service.ts";
import type { DocumentBody } from "./document.ts";
import { isNull } from "./document.ts";
import { isAddress } from "./names.ts";
import type { Node } from "./node.ts";
import { anyText, choice, flag, port, text, textThat } from "./read-values.ts";

const SERVICE_LABEL = "kubernetes.io/service-name";
/** Fields of these kinds stand at the top, beside metadata. */
export const SLICE_FIELDS = ["apiVersion", "kind", "metadata", "addressType", "endpoints", "ports"] as const;
export const ENDPOINTS_FIELDS = ["apiVersion", "kind", "metadata", "subsets"] as const;

export function readEndpointSlice(body: DocumentBody): EndpointList {
  const fields = body.node.fields({ known: SLICE_FIELDS });
  const service = body.metadata.labels[SERVICE_LABEL];
  if (service === undefined) body.node.fail(`the label ${SERVICE_LABEL} is missing: it says whose endpoints these are`);
  const type = fields.required("addressType", choice(["IPv4", "IPv6", "FQDN"]), "IPv4");
  if (type === "FQDN")
    fields.at("addressType")?.warn("has no effect: of endpoints with a name none is called, as in Istio");
  const ports = fields.optional("ports", portsOf) ?? NO_PORTS;
  const endpoints = fields.list("endpoints", (node) => sliceEndpoints(node, body, ports)).flat();
  return { origin: body.origin, service: service ?? "", endpoints };
}

const TRAITS = [
  "addresses",
  "conditions",
  "zone",
  "weight",
  "hostname",
  "nodeName",
  "targetRef",
  "hints",
  "deprecatedTopology",
] as const;

function sliceEndpoints(node: Node, body: DocumentBody, ports: Ports): readonly ExternalEndpoint[] {
  const fields = node.fields({ known: TRAITS });
  const conditions = fields.at("conditions")?.fields({ known: ["ready", "serving", "terminating"] });
  // Not known is taken for ready, as Kubernetes asks.
  const ready = conditions?.optional("ready", (at) => (isNull(at) ? true : flag(at))) ?? true;
  const zone = fields.optional("zone", text);
  return fields.list("addresses", text).map((address) => ({
    ...plainEndpoint(body, address, ports),
    locality: zone === undefined ? undefined : { region: "", zone, subZone: "" },
    healthy: ready,
  }));
}

export function readEndpoints(body: DocumentBody): EndpointList {
  const fields = body.node.fields({ known: ENDPOINTS_FIELDS });
  const endpoints = fields.list("subsets", (node) => subsetEndpoints(node, body)).flat();
  return { origin: body.origin, service: body.metadata.name, endpoints };
}

function subsetEndpoints(node: Node, body: DocumentBody): readonly ExternalEndpoint[] {
  const fields = node.fields({ known: ["addresses", "notReadyAddresses", "ports"] });
  const ports = fields.optional("ports", portsOf) ?? NO_PORTS;
  const all = (name: "addresses" | "notReadyAddresses", healthy: boolean): readonly ExternalEndpoint[] =>
    fields.list(name, subsetAddress).map((address) => ({ ...plainEndpoint(body, address, ports), healthy }));
  return [...all("addresses", true), ...all("notReadyAddresses", false)];
}

const subsetAddress = (node: Node): string =>
  node
    .fields({ known: ["ip", "hostname", "nodeName", "targetRef"] })
    .required("ip", textThat(isAddress, "an IP address"), "");

type Ports = Required<Pick<ExternalEndpoint, "ports" | "udpPorts">>;

const NO_PORTS: Ports = { ports: {}, udpPorts: {} };

/** By name. A port without a name is the only one of its transport. */
function portsOf(node: Node): Ports {
  const read = node.items().map((item) => {
    const fields = item.fields({ known: ["name", "port", "protocol", "appProtocol"] });
    const number = fields.required("port", port, 1);
    const transport = fields.optional("protocol", choice(["TCP", "UDP", "SCTP"])) ?? "TCP";
    return { transport, name: fields.optional("name", anyText) ?? "", number };
  });
  const of = (wanted: string): Readonly<Record<string, number>> =>
    Object.fromEntries(read.filter((it) => it.transport === wanted).map(({ name, number }) => [name, number]));
  return { ports: of("TCP"), udpPorts: of("UDP") };
}

const plainEndpoint = ({ metadata }: DocumentBody, address: string, ports: Ports): ExternalEndpoint => ({
  name: metadata.name,
  namespace: metadata.namespace,
  address,
  ...ports,
  labels: {},
  weight: undefined,
  locality: undefined,
  network: "",
  serviceAccount: undefined,
  takesMtls: false,
  healthy: true,
});
