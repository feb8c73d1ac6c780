/**
 * The ports of a gateway workload: the servers of all Gateways that select it, put together.
 *
 * Source: Istio's merging of Gateways. Servers of one port share a listener where all are plain HTTP, or all are TLS with
 * different hosts; of others the first holds. A port is the target port of a Service before the workload, where one has it.
 * Differs: TLS hosts are compared without their namespaces, since clients name none; a server whose certificate is not
 * there is left out alone, where Istio serves failing handshakes.
 *
 * @module
 */
import type { AttachedListener } from "../../model/gateway-api/attachment/attachment.ts";
import {
  type Gateway,
  type GatewayProtocol,
  type GatewayServer,
  gatewayName,
  type GatewayTls,
} from "../../model/gateway.ts";
import { selects } from "../../model/match.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Service, UdpPort, Workload } from "../../model/service.ts";
import { attachedServers } from "../gateway-api/servers.ts";
import { servicesBefore } from "../mesh-index.ts";
import { certificateOf } from "./credentials.ts";

export interface ServedServer {
  readonly gateway: Gateway;
  readonly server: GatewayServer;
  /** What the server is of a Gateway of the Gateway API, whose routes are attached to it. */
  readonly listener: AttachedListener | undefined;
}

export type PortKind = "http" | "tls" | "tcp" | "udp";

export interface GatewayPort {
  readonly targetPort: number;
  readonly bind: string | undefined;
  readonly kind: PortKind;
  readonly servers: readonly ServedServer[];
}

/** What no address means. */
const EVERYWHERE = "0.0.0.0";

/** In the order in which the documents name them. */
export function gatewayPorts(mesh: Mesh, workload: Workload): readonly GatewayPort[] {
  const ports = new Map<string, { readonly port: GatewayPort; readonly servers: ServedServer[] }>();
  for (const served of serversOf(mesh, workload)) {
    if (certificateOf(mesh, workload, served.server.tls).t === "missing") continue;
    const { bind } = served.server;
    const kind = kindOf(served.server);
    for (const targetPort of targetPorts(mesh, workload, served.server)) {
      // A port of UDP is another than that of TCP.
      const key = `${bind ?? EVERYWHERE} ${targetPort}${kind === "udp" ? "/udp" : ""}`;
      const known = ports.get(key);
      const servers = known?.servers ?? [];
      if (known === undefined) ports.set(key, { port: { targetPort, bind, kind, servers }, servers });
      else if (known.port.kind !== kind || !canJoin(kind, servers, served)) continue;
      servers.push(served);
    }
  }
  return [...ports.values()].map(({ port }) => port);
}

/** The servers of all Gateways that select `workload`, and those of the Gateway API that it serves. */
export const serversOf = (mesh: Mesh, workload: Workload): readonly ServedServer[] => [
  ...mesh.gateways
    .filter((gateway) => selects(gateway.selector, workload.labels))
    .flatMap((gateway) => gateway.servers.map((server) => ({ gateway, server, listener: undefined }))),
  ...attachedServers(mesh, workload),
];

/** All numbers that Gateways give to ports of `workload`, rising, as its listeners have them. */
export function declaredPorts(mesh: Mesh, workload: Workload): readonly number[] {
  const ports = serversOf(mesh, workload).flatMap(({ server }) => targetPorts(mesh, workload, server));
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** Ports that a Service before the workload leads to under this number; else the number itself. */
function targetPorts(mesh: Mesh, workload: Workload, { port: { number, protocol } }: GatewayServer): readonly number[] {
  const found = servicesBefore(mesh, workload).flatMap((service) =>
    portsFor(service, protocol)
      .filter((port) => port.number === number)
      .map((port) => port.targetPort),
  );
  return found.length === 0 ? [number] : [...new Set(found)];
}

const portsFor = ({ ports, udpPorts = [] }: Service, protocol: GatewayProtocol): readonly UdpPort[] =>
  protocol === "UDP" ? udpPorts : ports;

function kindOf({ port: { protocol } }: GatewayServer): PortKind {
  if (protocol === "HTTP") return "http";
  if (protocol === "UDP") return "udp";
  return protocol === "TCP" ? "tcp" : "tls";
}

function canJoin(kind: PortKind, servers: readonly ServedServer[], { server }: ServedServer): boolean {
  if (kind === "http") return true;
  const taken = new Set(servers.flatMap((other) => other.server.hosts.map((h) => h.host)));
  return kind === "tls" && !server.hosts.some(({ host }) => taken.has(host));
}

/** Ends TLS and speaks HTTP, or is plain HTTP. */
export const isHttpServer = ({ port, tls }: GatewayServer): boolean =>
  port.protocol === "HTTP" || (port.protocol === "HTTPS" && !isPassedThrough(tls));

const isPassedThrough = (tls: GatewayTls | undefined): boolean =>
  tls?.mode === "PASSTHROUGH" || tls?.mode === "AUTO_PASSTHROUGH";

/** Istio's names: `http.8080` for all plain servers of a port, `https.443.name.gateway.namespace` for one with TLS. */
export function routeName({ targetPort, bind }: GatewayPort, { gateway, server }: ServedServer): string {
  const end = bind === undefined ? "" : `.${bind}`;
  if (server.port.protocol === "HTTP") return `http.${targetPort}${end}`;
  const [namespace, name] = gatewayName(gateway).split("/");
  return `https.${server.port.number}.${server.port.name}.${name}.${namespace}${end}`;
}
