/**
 * A proxy's resources as the static bootstrap of an Envoy that has no control plane: routes stand in their listeners and
 * endpoints in their clusters, so that Envoy looks at all of it before it starts.
 *
 * @module
 */
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import type { Listener, NetworkFilter } from "../../src/xds/proto/listener.ts";
import { UpstreamHttpOptions } from "../../src/xds/proto/upstream-http.ts";
import { isAny, pack, unpack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import type { ProxyResources } from "../../src/translate/translate.ts";

/** The bootstrap as JSON text. Secrets are asked of a cluster `sds-grpc` that nobody serves. */
export function staticBootstrap(resources: ProxyResources): string {
  const bootstrap: Bootstrap = {
    node: { id: "test", cluster: "test" },
    staticResources: {
      listeners: resources.listeners.map((listener) => withRoutes(listener, resources)),
      clusters: [...resources.clusters.map((cluster) => withEndpoints(cluster, resources)), sds],
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}

function withRoutes(listener: Listener, resources: ProxyResources): Listener {
  const filterChains = (listener.filterChains ?? []).map((chain) => ({
    ...chain,
    filters: (chain.filters ?? []).map((filter) => inlined(filter, resources)),
  }));
  return { ...listener, filterChains };
}

function inlined(filter: NetworkFilter, { routes }: ProxyResources): NetworkFilter {
  if (filter.typedConfig === undefined || !isAny(filter.typedConfig, HttpConnectionManager)) return filter;
  const { rds, ...manager } = unpack(filter.typedConfig, HttpConnectionManager);
  if (rds === undefined) return filter;
  const routeConfig = routes.find((r) => r.name === rds.routeConfigName);
  if (routeConfig === undefined) throw new Error(`no route configuration is named ${rds.routeConfigName}`);
  return { ...filter, typedConfig: pack(HttpConnectionManager, { ...manager, routeConfig }) };
}

function withEndpoints(cluster: Cluster, { endpoints }: ProxyResources): Cluster {
  if (cluster.type !== "EDS") return cluster;
  const name = cluster.edsClusterConfig?.serviceName;
  const loadAssignment = endpoints.find((e) => e.clusterName === name);
  if (loadAssignment === undefined) throw new Error(`no endpoints are named ${name}`);
  return { ...cluster, type: "STATIC", edsClusterConfig: undefined, loadAssignment };
}

const sds: Cluster = {
  name: "sds-grpc",
  type: "STATIC",
  loadAssignment: {
    clusterName: "sds-grpc",
    endpoints: [
      { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: 9 } } } }] },
    ],
  },
  typedExtensionProtocolOptions: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, {
      explicitHttpConfig: { http2ProtocolOptions: {} },
    }),
  },
};
