/**
 * What the gateways of a mesh serve, and where.
 *
 * @module
 */
import type { ServedGateway } from "../../admin/api.ts";
import { gatewayName } from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Instance } from "../../model/service.ts";
import { gatewayPorts } from "../../translate/gateway/ports.ts";

const SCHEMES = { http: "http", tls: "https", tcp: "tcp", udp: "udp" } as const;

/** One for each server that `instance` listens for; none for an instance that is no gateway. */
export function servedGateways(mesh: Mesh, { workload, id, ports }: Instance): readonly ServedGateway[] {
  if (workload.gateway === undefined) return [];
  return gatewayPorts(mesh, workload).flatMap(({ targetPort, bind, kind, servers }) => {
    const place = ports.find((p) => p.targetPort === targetPort)?.inbound;
    if (place === undefined) return [];
    const address = `${bind ?? place.address}:${place.port}`;
    return servers.map(({ gateway, server }) => ({
      instance: id,
      gateway: gatewayName(gateway),
      port: server.port.number,
      protocol: server.port.protocol,
      hosts: server.hosts.map(({ host }) => host),
      address,
      url: `${SCHEMES[kind]}://${address}`,
    }));
  });
}
