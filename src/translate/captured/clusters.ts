/**
 * Clusters that only the proxy of a captured workload has: they go where each connection was meant to, or nowhere.
 *
 * Source: istiod's names and settings. What the proxy passes on to its own application it sends from 127.0.0.6, by which the rules of the
 * capture know that it has come in already. Differs: `::6`, which Istio uses for IPv6, is not given.
 *
 * @module
 */
import type { Mesh, MeshSettings } from "../../model/mesh.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { pack } from "../../xds/types/any.ts";
import { circuitBreakers, connectTimeoutMs } from "../connection-pool.ts";
import { PASSTHROUGH_CLUSTER, whereDialed } from "../discovery.ts";
import { inboundCluster, type InboundPort } from "../inbound.ts";

export const BLACK_HOLE_CLUSTER = "BlackHoleCluster";
export const INBOUND_PASSTHROUGH_CLUSTER = "InboundPassthroughCluster";

/** What the proxy's calls to its own application come from. */
export const INBOUND_SOURCE = "127.0.0.6";
/** Of connections to whomever. Istio's. */
const PASSTHROUGH_IDLE_MS = 300_000;
/** Longer than any connection: an application is not forgotten. Istio's. */
const NEVER_MS = 9_223_372_035_000;

const fromInbound: Partial<Cluster> = {
  upstreamBindConfig: { sourceAddress: { address: INBOUND_SOURCE, portValue: 0 } },
};

/** For what goes nowhere, what goes out, and what comes in to a port that nobody listed. */
export const standingClusters = ({ settings }: Mesh): readonly Cluster[] => [
  { name: BLACK_HOLE_CLUSTER, type: "STATIC", connectTimeout: connectTimeoutMs(undefined, settings) },
  passthrough(PASSTHROUGH_CLUSTER, settings),
  { ...passthrough(INBOUND_PASSTHROUGH_CLUSTER, settings), ...fromInbound },
];

const passthrough = (name: string, settings: MeshSettings): Cluster => ({
  name,
  connectTimeout: connectTimeoutMs(undefined, settings),
  circuitBreakers: circuitBreakers(undefined, undefined),
  ...whereDialed,
  typedExtensionProtocolOptions: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, {
      commonHttpProtocolOptions: { idleTimeout: PASSTHROUGH_IDLE_MS },
      useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: { allowConnect: true } },
    }),
  },
});

/** The application is where the connection was meant to go, unless a Sidecar says that it listens elsewhere. */
export function capturedInboundCluster(mesh: Mesh, inbound: InboundPort): Cluster {
  const cluster = inboundCluster(mesh, inbound);
  const { application, port } = inbound;
  if ("path" in application) return cluster;
  if (application.address !== port.inbound.address || application.port !== port.inbound.port) return cluster;
  return { ...cluster, ...whereDialed, ...fromInbound, cleanupInterval: NEVER_MS, loadAssignment: undefined };
}
