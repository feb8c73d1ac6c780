/**
 * Where connections go that TLSRoutes and TCPRoutes speak of.
 *
 * Source: the Gateway API. Of several routes the oldest holds, and a rule is all that a route has. The share of backends that are
 * invalid is closed.
 *
 * @module
 */
import type {
  AttachedListener,
  AttachedRoute,
  ResolvedBackend,
} from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import type { NetworkFilter } from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";
import { tcpHashPolicy } from "../hash-policy.ts";
import { accessLogs } from "../http-manager.ts";
import type { TranslateOptions } from "../options.ts";
import { outboundTcpCluster, type Scope } from "../scope.ts";
import { closest } from "./hosts.ts";
import { NO_BACKEND } from "./request-action.ts";

export interface ConnectionsInput {
  readonly mesh: Mesh;
  readonly scope: Scope;
  readonly options: TranslateOptions;
}

/** Connections that ask for some names, or any where there are none. */
export interface ConnectionRoute {
  readonly name: string;
  readonly sniHosts: readonly string[];
  readonly filter: NetworkFilter;
}

/**
 * Of a listener of TLS, in the order in which they hold: a name stands in one of them only.
 *
 * @param neighbours Hosts of all listeners of the port: a name that is closer to another's is not served here.
 */
export function listenerConnections(
  input: ConnectionsInput,
  attached: AttachedListener,
  neighbours: readonly string[],
): readonly ConnectionRoute[] {
  const own = attached.listener.hostname ?? "*";
  const taken = new Set<string>();
  return attached.routes.flatMap((route) => {
    const sniHosts = route.hostnames.filter((host) => closest(neighbours, host) === own && !taken.has(host));
    for (const host of sniHosts) taken.add(host);
    return (sniHosts.length === 0 ? undefined : connectionRoute(input, route, sniHosts)) ?? [];
  });
}

/** Undefined where the route is of requests, or has no rule. */
export function connectionRoute(
  input: ConnectionsInput,
  attached: AttachedRoute,
  sniHosts: readonly string[],
): ConnectionRoute | undefined {
  const filter = connectionFilter(input, attached);
  return filter && { name: nameOf(attached), sniHosts, filter };
}

const nameOf = ({ route: { t, document } }: AttachedRoute): string =>
  `${t}.${document.meta.namespace}.${document.meta.name}`;

/** Undefined where the route is of requests, or has no rule. */
export function connectionFilter(input: ConnectionsInput, { route }: AttachedRoute): NetworkFilter | undefined {
  const [rule] = route.t === "TLSRoute" || route.t === "TCPRoute" ? route.rules : [];
  if (rule === undefined) return undefined;
  const live = rule.backends.filter(({ backend }) => backend.weight > 0);
  const clusters = live.map((resolved) => ({
    name: clusterOf(resolved, input.scope),
    weight: resolved.backend.weight,
  }));
  const [only] = clusters;
  const where: Pick<TcpProxy, "cluster" | "weightedClusters"> =
    clusters.length > 1 ? { weightedClusters: { clusters } } : { cluster: only?.name ?? NO_BACKEND };
  const hashed = live.flatMap(({ target }) =>
    target.t === "service" ? [{ host: target.service.hostname, port: target.port.number }] : [],
  );
  const proxy: TcpProxy = {
    statPrefix: only?.name ?? NO_BACKEND,
    ...where,
    hashPolicy: tcpHashPolicy(input.mesh, input.scope, hashed),
    accessLog: accessLogs(input.options),
  };
  return { name: "envoy.filters.network.tcp_proxy", typedConfig: pack(TcpProxy, proxy) };
}

const clusterOf = ({ target }: ResolvedBackend, scope: Scope): string =>
  target.t === "invalid" ? NO_BACKEND : outboundTcpCluster(scope, target.port, undefined, target.service.hostname);
