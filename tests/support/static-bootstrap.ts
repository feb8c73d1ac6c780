/**
 * A proxy's resources as the static bootstrap of an Envoy that has no control plane: routes stand in their listeners and
 * endpoints in their clusters, so that Envoy looks at all of it before it starts.
 *
 * @module
 */
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import type { TransportSocket } from "../../src/xds/proto/core-base.ts";
import type { Listener, NetworkFilter } from "../../src/xds/proto/listener.ts";
import {
  type CommonTlsContext,
  DownstreamTlsContext,
  type SdsSecretConfig,
  type Secret,
} from "../../src/xds/proto/tls.ts";
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
  const json = toJson(Bootstrap, bootstrap) as { static_resources: object };
  // Printed as it is: the printer of resources leaves keys out.
  return JSON.stringify({
    ...json,
    static_resources: { ...json.static_resources, secrets: resources.secrets.map(printed) },
  });
}

const printed = ({ name, tlsCertificate, validationContext }: Secret): object => ({
  name,
  tls_certificate: tlsCertificate && {
    certificate_chain: { inline_string: tlsCertificate.certificateChain?.inlineString },
    private_key: { inline_string: tlsCertificate.privateKey?.inlineString },
  },
  validation_context: validationContext && {
    trusted_ca: { inline_string: validationContext.trustedCa?.inlineString },
  },
});

function withRoutes(listener: Listener, resources: ProxyResources): Listener {
  const filterChains = (listener.filterChains ?? []).map((chain) => ({
    ...chain,
    ...(chain.transportSocket && { transportSocket: withOwnSecrets(chain.transportSocket) }),
    filters: (chain.filters ?? []).map((filter) => inlined(filter, resources)),
  }));
  return { ...listener, filterChains };
}

/** What would come by the aggregated stream stands in the bootstrap. */
function withOwnSecrets(socket: TransportSocket): TransportSocket {
  if (socket.typedConfig === undefined || !isAny(socket.typedConfig, DownstreamTlsContext)) return socket;
  const context = unpack(socket.typedConfig, DownstreamTlsContext);
  const common = context.commonTlsContext ?? {};
  const own = (secret: SdsSecretConfig): SdsSecretConfig =>
    secret.sdsConfig?.ads === undefined ? secret : { name: secret.name };
  const combined = common.combinedValidationContext;
  const commonTlsContext: CommonTlsContext = {
    ...common,
    tlsCertificateSdsSecretConfigs: common.tlsCertificateSdsSecretConfigs?.map(own),
    ...(combined?.validationContextSdsSecretConfig && {
      combinedValidationContext: {
        ...combined,
        validationContextSdsSecretConfig: own(combined.validationContextSdsSecretConfig),
      },
    }),
  };
  return { ...socket, typedConfig: pack(DownstreamTlsContext, { ...context, commonTlsContext }) };
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
