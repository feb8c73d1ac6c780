/**
 * Bootstraps of the proxies that `up` starts: where the control plane is, who they are, and how they get certificates.
 *
 * @module
 */
import { type Instance, isCaptured } from "../../model/service.ts";
import { Bootstrap } from "../../xds/proto/bootstrap.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import { type SdsSecretConfig, UpstreamTlsContext } from "../../xds/proto/tls.ts";
import { Agent } from "../../xds/proto/tulle-identity.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { pack } from "../../xds/types/any.ts";
import { toJson } from "../../xds/types/codec.ts";
import { localBootstrap } from "../../translate/local-cluster.ts";
import type { ProxyBootstrap } from "../control-plane/options.ts";
import type { JsonObject } from "../../xds/types/struct.ts";

export interface BootstrapInput {
  readonly join: ProxyBootstrap;
  /** The only instance of a sidecar; undefined for a shared proxy. */
  readonly instance: Instance | undefined;
  readonly adminPort: number;
  /** File with the mesh's root certificates. */
  readonly rootFile: string;
  readonly clusterId: string;
}

/** How the process gets its certificates: by an agent inside of it, or from an SDS server beside it. */
export type CertificateWay =
  | { readonly t: "agent"; readonly identities: readonly { readonly secretName: string; readonly tokenFile: string }[] }
  | { readonly t: "sds"; readonly socketPath: string };

const XDS = "xds-grpc";
const SDS = "sds-grpc";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The bootstrap as JSON text. */
export function bootstrapText(input: BootstrapInput, way: CertificateWay): string {
  const { join, adminPort, instance } = input;
  const local = instance && localBootstrap(instance);
  const sds = way.t === "sds" ? [sdsCluster(way.socketPath)] : [];
  const bootstrap: Bootstrap = {
    node: { id: join.nodeId, cluster: join.nodeCluster, metadata: nodeMetadata(input), locality: local?.locality },
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: adminPort } } },
    dynamicResources: {
      adsConfig: {
        apiType: "DELTA_GRPC",
        transportApiVersion: "V3",
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ envoyGrpc: { clusterName: XDS } }],
      },
      cdsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 },
      ldsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 },
    },
    clusterManager: local && { localClusterName: local.name },
    staticResources: { clusters: [xdsCluster(input), ...sds, ...(local === undefined ? [] : [local.cluster])] },
    ...(way.t === "agent" ? { bootstrapExtensions: [agentExtension(way.identities)] } : {}),
  };
  return `${JSON.stringify(toJson(Bootstrap, bootstrap), null, 2)}\n`;
}

/** Istio's names, which metrics and tools look at. */
function nodeMetadata({ join, instance, clusterId }: BootstrapInput): JsonObject {
  if (instance === undefined) return { CLUSTER_ID: clusterId, WORKLOAD_NAME: join.proxyId };
  const { name, namespace, labels, serviceAccount } = instance.workload;
  return {
    CLUSTER_ID: clusterId,
    NAMESPACE: namespace,
    WORKLOAD_NAME: name,
    LABELS: { ...labels },
    SERVICE_ACCOUNT: serviceAccount,
    ...(isCaptured(instance) ? { INTERCEPTION_MODE: "REDIRECT" } : {}),
  };
}

function xdsCluster({ join: { controlPlane }, rootFile }: BootstrapInput): Cluster {
  return {
    name: XDS,
    type: "STATIC",
    connectTimeout: 5000,
    loadAssignment: assignment(XDS, { socketAddress: { address: controlPlane.address, portValue: controlPlane.port } }),
    typedExtensionProtocolOptions: http2,
    transportSocket: {
      name: "envoy.transport_sockets.tls",
      typedConfig: pack(UpstreamTlsContext, {
        sni: "tulle-control-plane",
        commonTlsContext: {
          alpnProtocols: ["h2"],
          tlsCertificateSdsSecretConfigs: [sdsSecret("default")],
          validationContext: {
            trustedCa: { filename: rootFile },
            matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { exact: controlPlane.spiffeId } }],
          },
        },
      }),
    },
  };
}

const sdsCluster = (path: string): Cluster => ({
  name: SDS,
  type: "STATIC",
  connectTimeout: 5000,
  loadAssignment: assignment(SDS, { pipe: { path } }),
  typedExtensionProtocolOptions: http2,
});

type Address = NonNullable<NonNullable<Bootstrap["admin"]>["address"]>;

const assignment = (clusterName: string, address: Address) => ({
  clusterName,
  endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }],
});

const http2 = { [HTTP_OPTIONS]: pack(UpstreamHttpOptions, { explicitHttpConfig: { http2ProtocolOptions: {} } }) };

const sdsSecret = (name: string): SdsSecretConfig => ({
  name,
  sdsConfig: {
    resourceApiVersion: "V3",
    apiConfigSource: {
      apiType: "GRPC",
      transportApiVersion: "V3",
      grpcServices: [{ envoyGrpc: { clusterName: SDS } }],
    },
  },
});

function agentExtension(identities: Extract<CertificateWay, { t: "agent" }>["identities"]) {
  const agent: Agent = {
    cluster: XDS,
    identities: identities.map(({ secretName, tokenFile }) => ({ secretName, joinToken: { filename: tokenFile } })),
  };
  return { name: "tulle.identity", typedConfig: pack(Agent, agent) };
}
