/**
 * The resources of one captured workload's proxy, but for the clusters of what it calls, which it has as any other.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance } from "../../model/service.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { Listener } from "../../xds/proto/listener.ts";
import type { RouteConfiguration } from "../../xds/proto/route.ts";
import { bindsForwardProxy, boundListeners, boundPorts } from "../bound-listeners.ts";
import type { InboundParts } from "../inbound-listener.ts";
import { inboundPorts } from "../inbound.ts";
import type { TranslateOptions } from "../options.ts";
import type { Scope } from "../scope.ts";
import { capturedInboundCluster, standingClusters } from "./clusters.ts";
import { outboundListeners } from "./outbound-listeners.ts";
import { routesByPort, serviceRoutesOf } from "./routes.ts";
import { virtualInbound, virtualOutbound } from "./virtual-listeners.ts";

export interface CapturedInput {
  readonly mesh: Mesh;
  /** As the workload sees it. */
  readonly seen: Mesh;
  readonly instance: Instance;
  readonly instances: readonly Instance[];
  readonly scope: Scope;
  readonly options: TranslateOptions;
  /** The routes to all ports, as a forward proxy has them. */
  readonly routes: RouteConfiguration;
}

export interface CapturedResources {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
  readonly clusters: readonly Cluster[];
  /** How connections are taken in, by the names of chains. */
  readonly inbound: readonly (readonly [name: string, InboundParts])[];
}

export function capturedResources(input: CapturedInput): CapturedResources {
  const { mesh, seen, instance, instances, scope, options } = input;
  const ports = inboundPorts(mesh, instance, scope, false);
  const outbound = outboundListeners({ mesh: seen, instance, instances, scope, options });
  const inbound = virtualInbound(mesh, instance, scope, ports, options);
  const bound = boundListeners(seen, instance, scope, options).map(asIstioNames);
  const byNumber = new Set([...outbound.ports, ...boundPorts(scope)]);
  return {
    listeners: [...outbound.listeners, ...bound, virtualOutbound(seen, instance, options), inbound.listener],
    routes: [
      ...routesByPort(seen, input.routes, byNumber),
      ...outbound.services.map((called) => serviceRoutesOf(seen, called, scope)),
      ...(bindsForwardProxy(scope) ? [input.routes] : []),
    ],
    clusters: [...standingClusters(mesh), ...ports.map((port) => capturedInboundCluster(mesh, port))],
    inbound: inbound.served,
  };
}

/** Those that a Sidecar binds: by address and port alone. */
const asIstioNames = (listener: Listener): Listener => ({
  ...listener,
  name: listener.name?.replace(/^outbound_/, ""),
});
