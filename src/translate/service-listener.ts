/**
 * A loopback listener of a workload's proxy, for one port of one service: how an application that is not captured reaches what
 * no forward proxy carries transparently, such as TCP and gRPC.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance, Service, ServiceLoopback, ServicePort } from "../model/service.ts";
import type { FilterChain, Listener } from "../xds/proto/listener.ts";
import { connectionChains } from "./connections.ts";
import { detection, httpInspector, PLAIN_HTTP, tlsInspector } from "./detection.ts";
import { socketAddress } from "./endpoints.ts";
import { attachedConnections } from "./gateway-api/service-parents.ts";
import { mayBeHttp, mayBeTcp } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { outboundManager } from "./outbound-listener.ts";
import type { Scope } from "./scope.ts";
import { serviceRoutesName } from "./service-routes.ts";
import { namedService } from "./visible-mesh.ts";
import { listenerMetadata } from "./workload-metadata.ts";

/** A service port that an application calls by a port of its own proxy. */
export interface CalledPort {
  readonly loopback: ServiceLoopback;
  readonly service: Service;
  readonly port: ServicePort;
}

/** Of the loopback ports of `instance` those whose service is still there. */
export function calledPorts(mesh: Mesh, { loopbacks }: Instance): readonly CalledPort[] {
  return loopbacks.flatMap((loopback) => {
    const service = namedService(mesh, loopback.host);
    const port = service?.ports.find((p) => p.number === loopback.port);
    return service === undefined || port === undefined ? [] : [{ loopback, service, port }];
  });
}

export function serviceListener(
  mesh: Mesh,
  instance: Instance,
  called: CalledPort,
  scope: Scope,
  options: TranslateOptions,
): Listener {
  const { address } = called.loopback;
  const { protocol } = called.port;
  const filterChains = chains(mesh, called, scope, options);
  return {
    name: `outbound_${address.address}_${address.port}`,
    address: socketAddress(address),
    ...detection(mesh, [
      ...(filterChains.some(({ filterChainMatch: match }) => match?.serverNames !== undefined) ? [tlsInspector] : []),
      ...(protocol === "auto" ? [httpInspector] : []),
    ]),
    filterChains,
    trafficDirection: "OUTBOUND",
    metadata: listenerMetadata(instance, options.clusterId, undefined),
  };
}

function chains(mesh: Mesh, called: CalledPort, scope: Scope, options: TranslateOptions): readonly FilterChain[] {
  const { service, port } = called;
  const found: FilterChain[] = [];
  const httpMatch = port.protocol === "auto" ? { applicationProtocols: PLAIN_HTTP } : undefined;
  if (mayBeHttp(port.protocol)) {
    const routes = serviceRoutesName(service.hostname, port.number, scope);
    const manager = outboundManager(mesh, `outbound_${service.hostname}_${port.number}`, routes, scope, options);
    found.push({ name: "http", filters: [manager], filterChainMatch: httpMatch });
  }
  if (mayBeTcp(port.protocol)) found.push(...tcpChains(mesh, called, scope, options));
  return found;
}

/** What TLSRoutes and TCPRoutes say of the port; else what VirtualServices do. */
function tcpChains(mesh: Mesh, called: CalledPort, scope: Scope, options: TranslateOptions): readonly FilterChain[] {
  const attached = attachedConnections({ mesh, scope, options }, called.service, called.port.number);
  if (attached === undefined) return connectionChains({ mesh, scope, options }, called);
  return attached.map(({ name, sniHosts, filter }) => ({
    name,
    filterChainMatch: sniHosts.length === 0 ? undefined : { serverNames: sniHosts },
    filters: [filter],
  }));
}
