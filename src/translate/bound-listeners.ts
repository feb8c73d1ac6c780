/**
 * Listeners that a Sidecar's egress asks for by `bind`, or by `captureMode: NONE`: applications call them on purpose.
 *
 * Source: Istio. HTTP is routed by the host that the application names, at the listener's port; a forward proxy by what it is asked for. Opaque
 * bytes go to the first service that the listener imports with its port.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { type Instance, UNIX_PREFIX } from "../model/service.ts";
import type { EgressListener } from "../model/sidecar.ts";
import type { Address } from "../xds/proto/core-address.ts";
import type { Listener, NetworkFilter } from "../xds/proto/listener.ts";
import type { RouteConfiguration, VirtualHost } from "../xds/proto/route.ts";
import { connectionFilter } from "./connections.ts";
import { socketAddress } from "./endpoints.ts";
import { isHttp, mayBeTcp } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { outboundManager } from "./outbound-listener.ts";
import { routeConfigurationName } from "./outbound-routes.ts";
import type { Scope } from "./scope.ts";
import { importsService } from "./sidecar.ts";
import { listenerMetadata } from "./workload-metadata.ts";

interface Bound {
  readonly address: string;
  readonly port: NonNullable<EgressListener["port"]>;
  readonly egress: EgressListener;
}

const boundBy = ({ sidecar }: Scope): readonly Bound[] =>
  (sidecar?.egress ?? []).flatMap((egress) =>
    egress.bind === undefined || egress.port === undefined ? [] : [{ address: egress.bind, port: egress.port, egress }],
  );

/** Of a unix socket: callers name the port with the host. */
const EVERY_PORT = 0;

function placeOf({ address, port }: Bound): Address {
  const path = address.startsWith(UNIX_PREFIX) ? address.slice(UNIX_PREFIX.length) : undefined;
  return path === undefined ? socketAddress({ address, port: port.number }) : { pipe: { path } };
}

/** @param mesh As the workload sees it. */
export function boundListeners(
  mesh: Mesh,
  instance: Instance,
  scope: Scope,
  options: TranslateOptions,
): readonly Listener[] {
  return boundBy(scope).flatMap((bound) => {
    const filter = filterOf(mesh, bound, scope, options);
    if (filter === undefined) return [];
    return [
      {
        name: `outbound_${bound.address}_${bound.port.number}`,
        address: placeOf(bound),
        bindToPort: scope.captured && bound.egress.isCaptured === true ? false : undefined,
        filterChains: [{ filters: [filter] }],
        trafficDirection: "OUTBOUND" as const,
        metadata: listenerMetadata(instance, options.clusterId, undefined),
      },
    ];
  });
}

/**
 * What one proxy can bind. Where several workloads share it and ask for the same place, copies of one identity have it together; of several
 * identities none has, since nothing tells who of them calls.
 */
export function ofOneCaller(
  bound: readonly { readonly scope: Scope; readonly listener: Listener }[],
): readonly Listener[] {
  const callers = new Map<string, Set<string>>();
  const first = new Map<string, Listener>();
  for (const { listener, scope } of bound) {
    const { name = "" } = listener;
    callers.set(name, (callers.get(name) ?? new Set()).add(scope.outboundSuffix));
    if (!first.has(name)) first.set(name, listener);
  }
  return [...first].flatMap(([name, listener]) => (callers.get(name)?.size === 1 ? [listener] : []));
}

function filterOf(mesh: Mesh, bound: Bound, scope: Scope, options: TranslateOptions): NetworkFilter | undefined {
  const { number, protocol } = bound.port;
  const stat = `outbound_${bound.address}_${number}`;
  if (protocol === "http-proxy") return outboundManager(mesh, stat, routeConfigurationName(scope), scope, options);
  if (isHttp(protocol)) {
    const name = number === EVERY_PORT ? routeConfigurationName(scope) : routesName(number, scope);
    return outboundManager(mesh, stat, name, scope, options);
  }
  for (const service of mesh.services) {
    const port = service.ports.find((it) => it.number === number && mayBeTcp(it.protocol));
    if (port !== undefined && importsService(bound.egress, scope.namespace, service))
      return connectionFilter({ mesh, scope, options }, { service, port });
  }
  return undefined;
}

/** As Istio names the routes of a port. */
const routesName = (port: number, scope: Scope): string => `${port}${scope.outboundSuffix}`;

/** Some listener is a forward proxy. */
export const bindsForwardProxy = (scope: Scope): boolean =>
  boundBy(scope).some(({ port }) => port.protocol === "http-proxy");

/** Ports whose routes are asked for by their number. */
export function boundPorts(scope: Scope): readonly number[] {
  const ports = boundBy(scope).flatMap(({ port }) =>
    port.protocol !== "http-proxy" && isHttp(port.protocol) && port.number !== EVERY_PORT ? [port.number] : [],
  );
  return [...new Set(ports)];
}

/** @param all The routes of the workload's forward proxy. */
export function boundRoutes(all: RouteConfiguration, scope: Scope): readonly RouteConfiguration[] {
  return boundPorts(scope).map((port) => ({
    ...all,
    name: routesName(port, scope),
    virtualHosts: (all.virtualHosts ?? []).flatMap((host) => atPort(host, port)),
  }));
}

/** A host without a port means the listener's here. */
function atPort(host: VirtualHost, port: number): readonly VirtualHost[] {
  const { domains = [], name = "" } = host;
  if (domains.includes("*")) return [host];
  const end = `:${port}`;
  if (!name.endsWith(end) && !name.endsWith(":*")) return [];
  const bare = name.endsWith(end) ? domains.filter((it) => it.endsWith(end)).map((it) => it.slice(0, -end.length)) : [];
  return [{ ...host, domains: [...new Set([...domains, ...bare])] }];
}
