/**
 * A loopback listener of a workload's proxy, for one port of one service: how an application that is not captured reaches what
 * no forward proxy carries transparently, such as TCP and gRPC.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance, Service, ServiceLoopback, ServicePort } from "../model/service.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { FilterChain, Listener, NetworkFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import { destinationRuleFor, policyFor } from "./destination-policy.ts";
import { detection, httpInspector, PLAIN_HTTP, tlsInspector } from "./detection.ts";
import { socketAddress } from "./endpoints.ts";
import { attachedConnections } from "./gateway-api/service-parents.ts";
import { accessLogs } from "./http-manager.ts";
import { tcpHashPolicy } from "./hash-policy.ts";
import { indexOf, mayBeHttp, mayBeTcp } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { outboundManager } from "./outbound-listener.ts";
import { outboundTcpCluster, type Scope } from "./scope.ts";
import { serviceRoutesName } from "./service-routes.ts";
import { listenerMetadata } from "./workload-metadata.ts";

/** A service port that an application calls by a port of its own proxy. */
export interface CalledPort {
  readonly loopback: ServiceLoopback;
  readonly service: Service;
  readonly port: ServicePort;
}

/** Of the loopback ports of `instance` those whose service is still there. */
export function calledPorts(mesh: Mesh, { loopbacks }: Instance): readonly CalledPort[] {
  const { servicesByHost } = indexOf(mesh);
  return loopbacks.flatMap((loopback) => {
    const service = servicesByHost.get(loopback.host);
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

/** What TLSRoutes and TCPRoutes say of the port; else all goes to the service itself. */
function tcpChains(mesh: Mesh, called: CalledPort, scope: Scope, options: TranslateOptions): readonly FilterChain[] {
  const attached = attachedConnections({ mesh, scope, options }, called.service, called.port.number);
  if (attached === undefined) return [{ name: "tcp", filters: [tcpFilter(mesh, called, scope, options)] }];
  return attached.map(({ name, sniHosts, filter }) => ({
    name,
    filterChainMatch: sniHosts.length === 0 ? undefined : { serverNames: sniHosts },
    filters: [filter],
  }));
}

/** Opaque bytes to a service port. */
export function tcpFilter(
  mesh: Mesh,
  { service, port }: Pick<CalledPort, "service" | "port">,
  scope: Scope,
  options: TranslateOptions,
): NetworkFilter {
  const policy = policyFor(destinationRuleFor(mesh, scope, service), undefined, port.number);
  const cluster = outboundTcpCluster(scope, port, undefined, service.hostname);
  const proxy: TcpProxy = {
    statPrefix: cluster,
    cluster,
    idleTimeout: policy.connectionPool?.tcpIdleTimeoutMs,
    hashPolicy: tcpHashPolicy(mesh, scope, [{ host: service.hostname, port: port.number }]),
    accessLog: accessLogs(options),
  };
  return { name: "envoy.filters.network.tcp_proxy", typedConfig: pack(TcpProxy, proxy) };
}
