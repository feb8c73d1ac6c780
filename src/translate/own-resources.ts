/**
 * What only one instance has: its inbound ports, and the listeners by which its application calls.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { Listener } from "../xds/proto/listener.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import { boundListeners, ofOneCaller } from "./bound-listeners.ts";
import { inboundCluster, inboundPorts } from "./inbound.ts";
import { type InboundListener, inboundListener } from "./inbound-listener.ts";
import { maySpeakHttp } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { outboundListener } from "./outbound-listener.ts";
import type { Parts } from "./parts.ts";
import { type Scope, scopeKey } from "./scope.ts";
import { type CalledPort, calledPorts, serviceListener } from "./service-listener.ts";
import { serviceRouteConfiguration, serviceRoutesName } from "./service-routes.ts";
import { visibleMesh } from "./visible-mesh.ts";

/** An instance as the proxy serves it. */
export interface Served {
  readonly instance: Instance;
  readonly scope: Scope;
}

export interface InboundResources {
  readonly listeners: readonly InboundListener[];
  readonly clusters: readonly Cluster[];
}

/** @param isShared Whether the proxy serves other instances, too. */
export function inboundOf(
  mesh: Mesh,
  { instance, scope }: Served,
  isShared: boolean,
  options: TranslateOptions,
  parts: Parts,
): InboundResources {
  const key = `${instance.id} ${isShared} ${scopeKey(scope)}`;
  return parts.of("inbound", key, mesh, [instance, scope.sidecar, options], (seen) => {
    const ports = inboundPorts(seen, instance, scope, isShared);
    return {
      listeners: ports.map((port) => inboundListener(seen, port, options)),
      clusters: ports.map((port) => inboundCluster(seen, port)),
    };
  });
}

/** By which applications call: the forward proxy, loopback ports, and what Sidecars bind. */
export function outboundListeners(
  mesh: Mesh,
  calling: readonly Served[],
  options: TranslateOptions,
  parts: Parts,
): readonly Listener[] {
  const own = calling.flatMap((served) => [
    ...forwardListener(mesh, served, options, parts),
    ...loopbackListeners(visibleMesh(mesh, served.scope), served, options, parts),
  ]);
  const bound = calling.flatMap(({ instance, scope }) =>
    boundListeners(visibleMesh(mesh, scope), instance, scope, options).map((listener) => ({ scope, listener })),
  );
  return [...own, ...ofOneCaller(bound)];
}

function forwardListener(
  mesh: Mesh,
  { instance, scope }: Served,
  options: TranslateOptions,
  parts: Parts,
): readonly Listener[] {
  const { outbound } = instance;
  if (outbound === undefined) return [];
  const key = `${instance.id} ${scopeKey(scope)}`;
  const make = (seen: Mesh): Listener => outboundListener(seen, instance, outbound, scope, options);
  return [parts.of("forward proxies", key, mesh, [instance, scope.sidecar, options], make)];
}

function loopbackListeners(
  mesh: Mesh,
  { instance, scope }: Served,
  options: TranslateOptions,
  parts: Parts,
): readonly Listener[] {
  const group = `loopback ports ${instance.id} ${scopeKey(scope)}`;
  return calledPorts(mesh, instance).map((called) =>
    parts.of(group, keyOf(called), mesh, [instance.workload, called, scope.sidecar, options], (seen) =>
      serviceListener(seen, instance, called, scope, options),
    ),
  );
}

const keyOf = ({ loopback: { address, host, port } }: CalledPort): string =>
  `${address.address}:${address.port} ${host}:${port}`;

/** The routes of loopback listeners; instances of one identity share them. */
export function serviceRoutes(mesh: Mesh, calling: readonly Served[], parts: Parts): readonly RouteConfiguration[] {
  const found = new Map<string, RouteConfiguration>();
  for (const { instance, scope } of calling) {
    const seen = visibleMesh(mesh, scope);
    const group = `service routes ${scopeKey(scope)}`;
    for (const { service, port } of calledPorts(seen, instance)) {
      const name = serviceRoutesName(service.hostname, port.number, scope);
      if (!maySpeakHttp(port) || found.has(name)) continue;
      const make = (it: Mesh): RouteConfiguration => serviceRouteConfiguration(it, service, port.number, scope);
      found.set(name, parts.of(group, name, seen, [service], make));
    }
  }
  return [...found.values()];
}
