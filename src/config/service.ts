/**
 * A Kubernetes Service to the model.
 *
 * @module
 */
import type { Service, ServicePort, UdpPort } from "../model/service.ts";
import { type DocumentBody, isNull, specFields } from "./document.ts";
import { annotatedVisibility } from "./export-to.ts";
import { dnsLabel, isAddress, isHost, labels } from "./names.ts";
import type { Node } from "./node.ts";
import { anyText, choice, isText, port, text, textThat } from "./read-values.ts";
import { protocolOf } from "./service-protocol.ts";

/** How the cluster reaches the service from outside or balances it itself: nothing to a mesh. */
const CLUSTER_ONLY = [
  "allocateLoadBalancerNodePorts",
  "externalIPs",
  "externalTrafficPolicy",
  "healthCheckNodePort",
  "internalTrafficPolicy",
  "ipFamilies",
  "ipFamilyPolicy",
  "loadBalancerClass",
  "loadBalancerIP",
  "loadBalancerSourceRanges",
  "publishNotReadyAddresses",
  "sessionAffinity",
  "sessionAffinityConfig",
  "trafficDistribution",
] as const;

export function readService(body: DocumentBody): Service {
  const spec = specFields(body, [
    "ports",
    "selector",
    "type",
    "externalName",
    "clusterIP",
    "clusterIPs",
    ...CLUSTER_ONLY,
  ]);
  const type = spec.optional("type", choice(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]));
  const { name, namespace } = body.metadata;
  const selected = spec.at("selector");
  const externalName = spec.optional(
    "externalName",
    textThat((host) => isHost(host, false), "a host name"),
  );
  const { ports, udpPorts } = spec.optional("ports", servicePorts) ?? NO_PORTS;
  const own = [
    ...(spec.optional("clusterIP", (node) => [clusterIp(node)]) ?? []),
    ...spec.list("clusterIPs", clusterIp),
  ];
  const service: Service = {
    origin: body.origin,
    source: "kubernetes",
    name,
    namespace,
    hostname: `${name}.${namespace}.svc.${body.settings.clusterDomain}`,
    ports,
    ...(udpPorts.length === 0 ? {} : { udpPorts }),
    selector: selected === undefined || isNull(selected) ? {} : labels(selected),
    exportTo: annotatedVisibility(body),
    resolution: "STATIC",
    location: "MESH_INTERNAL",
    addresses: [...new Set(own)].filter(isAddress),
    ...(own.includes(HEADLESS) ? { isHeadless: true } : {}),
    endpoints: [],
    subjectAltNames: [],
  };
  if (type !== "ExternalName") return service;
  if (externalName === undefined)
    spec.at("type")?.fail("ExternalName needs externalName: the host that the name stands for");
  return { ...service, selector: {}, ...byName(externalName ?? name, service) };
}

const HEADLESS = "None";

/** Empty where the cluster has not given one yet. */
function clusterIp(node: Node): string {
  const written = anyText(node);
  if (written !== "" && written !== HEADLESS && !isAddress(written)) node.mustBe('an IP address, or "None"');
  return written;
}

/** An ExternalName: another name for a host outside, which is looked up. */
const byName = (address: string, { name, namespace, ports, udpPorts = [] }: Service): Partial<Service> => ({
  resolution: "DNS",
  location: "MESH_EXTERNAL",
  endpoints: [
    {
      name,
      namespace,
      address: address.toLowerCase().replace(/\.$/, ""),
      ports: new Map(ports.map(({ number, targetPort }) => [number, targetPort])),
      udpPorts: new Map(udpPorts.map(({ number, targetPort }) => [number, targetPort])),
      labels: {},
      weight: undefined,
      locality: undefined,
      network: "",
      serviceAccount: undefined,
      takesMtls: false,
      healthy: true,
    },
  ],
});

interface Ports {
  readonly ports: readonly ServicePort[];
  readonly udpPorts: readonly UdpPort[];
}

const NO_PORTS: Ports = { ports: [], udpPorts: [] };

function servicePorts(node: Node): Ports {
  const items = node.items();
  const numbers = new Set<string>();
  const names = new Set<string>();
  const ports: ServicePort[] = [];
  const udpPorts: UdpPort[] = [];
  for (const item of items) {
    const read = servicePort(item, items.length > 1);
    if (read === undefined) continue;
    const { number, name } = read.port;
    const key = `${read.t} ${number}`;
    if (numbers.has(key)) item.fail(`the port ${number} stands twice`);
    if (name !== "" && names.has(name)) item.fail(`the port name "${name}" stands twice`);
    numbers.add(key);
    names.add(name);
    if (read.t === "UDP") udpPorts.push(read.port);
    else ports.push(read.port);
  }
  return { ports, udpPorts };
}

type ReadPort = { readonly t: "TCP"; readonly port: ServicePort } | { readonly t: "UDP"; readonly port: UdpPort };

/** Undefined for a transport that nobody carries. */
function servicePort(node: Node, several: boolean): ReadPort | undefined {
  const fields = node.fields({ known: ["name", "port", "targetPort", "protocol", "appProtocol", "nodePort"] });
  const number = fields.required("port", port, 1);
  const name = fields.optional("name", dnsLabel);
  if (several && name === undefined && node.tree.t === "map")
    node.fail('field "name" is missing: with several ports each has a name');
  const transport = fields.optional("protocol", choice(["TCP", "UDP", "SCTP"])) ?? "TCP";
  const target = fields.optional("targetPort", portOrName) ?? number;
  const appProtocol = fields.optional("appProtocol", text);
  if (transport === "SCTP") {
    fields.at("protocol")?.warn("SCTP is left alone: a mesh carries TCP, and UDP at gateways");
    return undefined;
  }
  const read: UdpPort = {
    name: name ?? "",
    number,
    // The number of a name comes when all documents are there.
    ...(typeof target === "number" ? { targetPort: target } : { targetPort: number, targetPortName: target }),
  };
  if (transport === "UDP") return { t: transport, port: read };
  return { t: transport, port: { ...read, protocol: protocolOf(node, { number, name, appProtocol }) } };
}

function portOrName(node: Node): number | string {
  return isText(node) ? textThat(isServiceName, "a port's number, or its name at the workload")(node) : port(node);
}

/** RFC 6335, section 5.1. */
const isServiceName = (name: string): boolean =>
  name.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && /[a-z]/.test(name);
