/**
 * The bootstrap of a proxy that asks a control plane for everything, the same for an Envoy and for ours.
 *
 * @module
 */
import type { Caller } from "./world.ts";

const ADS = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
const HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export interface BootstrapPorts {
  readonly admin: number;
  readonly xds: number;
}

const address = (port_value: number) => ({ socket_address: { address: "127.0.0.1", port_value } });

/** Interception NONE: an Istio then has a listener at each service port, and nothing needs to be captured. */
const metadata = ({ labels, namespace, serviceAccount }: Caller) => ({
  NAMESPACE: namespace,
  LABELS: labels,
  SERVICE_ACCOUNT: serviceAccount,
  CLUSTER_ID: "Kubernetes",
  ISTIO_VERSION: "1.30.0",
  INTERCEPTION_MODE: "NONE",
});

export const istioNodeId = ({ address, name, namespace }: Caller): string =>
  `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;

export const istioGatewayId = (gateway: Caller): string => istioNodeId(gateway).replace("sidecar", "router");

/**
 * @param apiType All resources with each change: istiod's increments forget to take clusters away when a DestinationRule
 * goes that was one with another.
 */
export const bootstrapText = (
  caller: Caller,
  nodeId: string,
  ports: BootstrapPorts,
  apiType: "GRPC" | "DELTA_GRPC",
): string =>
  JSON.stringify({
    node: { id: nodeId, cluster: `${caller.name}.${caller.namespace}`, metadata: metadata(caller) },
    admin: { address: address(ports.admin) },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ADS,
      lds_config: ADS,
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            [HTTP2]: {
              "@type": `type.googleapis.com/${HTTP2}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: "xds",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ports.xds) } }] }],
          },
        },
      ],
    },
  });
