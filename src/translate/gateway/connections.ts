/**
 * Where a gateway's connections go that it does not look into: plain TCP, TLS that ends here, and TLS that is passed through.
 *
 * Source: Istio. The first rule that matches holds. Differs: a name of `sniHosts` is routed only where a host of the server covers it.
 *
 * @module
 */
import { gatewayName } from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { ConnectionDestination, ConnectionMatch, VirtualService } from "../../model/virtual-service.ts";
import { SniCluster } from "../../xds/proto/filter-sni-cluster.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import type { NetworkFilter } from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";
import { proxyTo } from "../connections.ts";
import { accessLogs } from "../http-manager.ts";
import {
  connectionFilter,
  type ConnectionRoute,
  type ConnectionsInput,
  listenerConnections,
} from "../gateway-api/connections.ts";
import { virtualServicesAt } from "../mesh-index.ts";
import { isFor } from "../routes.ts";
import type { Scope } from "../scope.ts";
import { commonHosts, hostsFor } from "./hosts.ts";
import type { GatewayPort, ServedServer } from "./ports.ts";

export interface GatewayConnectionsInput extends ConnectionsInput {
  readonly port: GatewayPort;
}

/** Undefined where no `tcp` rule is for the server. */
export function tcpFilter(input: ConnectionsInput, served: ServedServer): NetworkFilter | undefined {
  const [attached] = served.listener?.routes ?? [];
  if (served.listener !== undefined) return attached && connectionFilter(input, attached);
  for (const virtualService of boundTo(input.mesh, served)) {
    if (hostsOf(virtualService, served).length === 0) continue;
    const rule = virtualService.tcp.find(
      ({ matches }) => matches.length === 0 || matches.some((match) => isHere(match, served, input.scope)),
    );
    if (rule !== undefined) return tcpProxy(input, served, rule.destinations);
  }
  return undefined;
}

/** In the order of the rules. */
export function passages(input: GatewayConnectionsInput, served: ServedServer): readonly ConnectionRoute[] {
  if (served.listener !== undefined) {
    const neighbours = input.port.servers.flatMap(({ server }) => server.hosts.map(({ host }) => host));
    return listenerConnections(input, served.listener, neighbours);
  }
  return boundTo(input.mesh, served).flatMap((virtualService) => {
    const hosts = hostsOf(virtualService, served);
    const { namespace, name } = virtualService.origin;
    return virtualService.tls.flatMap(({ matches, destinations }, i) =>
      matches.flatMap((match, j) => {
        const sniHosts = isHere(match, served, input.scope) ? commonHosts(hosts, match.sniHosts) : [];
        if (sniHosts.length === 0) return [];
        const filter = tcpProxy(input, served, destinations);
        return [{ name: `passthrough.${name}.${namespace}.tls[${i}].match[${j}]`, sniHosts, filter }];
      }),
    );
  });
}

/** A name that is no cluster's leads nowhere. */
const NOWHERE = "BlackHoleCluster";

/** To the cluster that the client names in TLS. */
export function toNamedCluster({ options }: Pick<ConnectionsInput, "options">): readonly NetworkFilter[] {
  const proxy: TcpProxy = { statPrefix: NOWHERE, cluster: NOWHERE, accessLog: accessLogs(options) };
  return [
    { name: "envoy.filters.network.sni_cluster", typedConfig: pack(SniCluster, {}) },
    { name: "envoy.filters.network.tcp_proxy", typedConfig: pack(TcpProxy, proxy) },
  ];
}

const boundTo = (mesh: Mesh, { gateway }: ServedServer): readonly VirtualService[] =>
  virtualServicesAt(mesh, gatewayName(gateway));

const hostsOf = ({ hosts, origin }: VirtualService, { server }: ServedServer): readonly string[] =>
  commonHosts(hostsFor(server.hosts, origin.namespace), hosts);

const isHere = (match: ConnectionMatch, { gateway, server }: ServedServer, scope: Scope): boolean =>
  // Connections are for the gateway itself, whatever they were meant for.
  match.destinationSubnets.length === 0 &&
  isFor(match, { port: server.port.number, gateway: gatewayName(gateway), scope });

const tcpProxy = (
  from: ConnectionsInput,
  { gateway, server }: ServedServer,
  destinations: readonly ConnectionDestination[],
): NetworkFilter => proxyTo(from, { gateway: gatewayName(gateway), port: server.port.number }, destinations);
