/**
 * Where datagrams go that UDPRoutes speak of: the listener filter, and the clusters behind it.
 *
 * Source: the Gateway API. Of several routes the oldest holds, and a rule is all that a route has. The share of backends that are invalid is
 * dropped. Envoy's UDP proxy knows no weights, so a session's share is found by the hash of its client's port, in both proxies alike.
 *
 * Datagrams go to the applications themselves, in the clear: neither mutual TLS nor a DestinationRule's `tls` is of UDP, and no sidecar takes them.
 *
 * @module
 */
import type { AttachedRoute, ResolvedUdpBackend } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Service, UdpPort, Workload } from "../../model/service.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { UdpProxyConfig, UdpRoute } from "../../xds/proto/filter-udp-proxy.ts";
import type { ListenerFilter } from "../../xds/proto/listener.ts";
import {
  type Matcher,
  type MatcherOnMatch,
  type MatcherPredicate,
  RuntimeFraction,
  SourcePortInput,
} from "../../xds/proto/xds-matcher.ts";
import { pack } from "../../xds/types/any.ts";
import { destinationRuleFor, policyFor } from "../destination-policy.ts";
import { udpTargetsOf } from "../destination.ts";
import { discovery } from "../discovery.ts";
import { loadAssignment } from "../endpoints.ts";
import { tcpHashPolicy } from "../hash-policy.ts";
import { accessLogs } from "../http-manager.ts";
import type { TranslateOptions } from "../options.ts";
import { commonCluster, localityView, serviceMetadata } from "../outbound-clusters.ts";
import { outboundCluster, type Scope } from "../scope.ts";
import type { ConnectionsInput } from "./connections.ts";
import { NO_BACKEND } from "./request-action.ts";
import { attachedServers } from "./servers.ts";

/** Whatever fits into UDP: Envoy's own limit is a packet of Ethernet, and drops what is larger. */
export const WHOLE_DATAGRAMS = { maxRxDatagramSize: 65_535 };
/** Sessions of a cluster where its DestinationRule has no `maxConnections`: each is a socket, and whoever forges senders makes as many as there may be. */
const MAX_SESSIONS = 10_000;
const MILLION = 1_000_000;

/** Undefined where the route is of no datagrams, or has no rule. */
export function datagramFilter(input: ConnectionsInput, { route }: AttachedRoute): ListenerFilter | undefined {
  const [rule] = route.t === "UDPRoute" ? route.rules : [];
  if (rule === undefined) return undefined;
  const { mesh, options, scope } = input;
  const live = rule.backends.filter(({ backend }) => backend.weight > 0);
  const hashed = live.flatMap(({ target }) =>
    target.t === "service" ? [{ host: target.service.hostname, port: target.port.number }] : [],
  );
  const { namespace, name } = route.document.meta;
  const config: UdpProxyConfig = {
    statPrefix: `UDPRoute.${namespace}.${name}`,
    matcher: byWeight(live, scope),
    hashPolicies: tcpHashPolicy(mesh, scope, hashed) && [{ sourceIp: true }],
    upstreamSocketConfig: WHOLE_DATAGRAMS,
    accessLog: accessLogs(options),
  };
  return { name: "envoy.filters.udp_listener.udp_proxy", typedConfig: pack(UdpProxyConfig, config) };
}

/** Each but the last as often as its weight and those before it say of all. */
function byWeight(live: readonly ResolvedUdpBackend[], scope: Scope): Matcher {
  const clusters = live.map(({ target }) => (target.t === "invalid" ? NO_BACKEND : clusterName(target, scope)));
  const total = live.reduce((sum, { backend }) => sum + backend.weight, 0);
  let before = 0;
  const matchers = live.slice(0, -1).map(({ backend }, i) => {
    before += backend.weight;
    return { predicate: portIsWithin(before / total), onMatch: toCluster(clusters[i] ?? NO_BACKEND) };
  });
  const onNoMatch = toCluster(clusters.at(-1) ?? NO_BACKEND);
  return matchers.length === 0 ? { onNoMatch } : { matcherList: { matchers }, onNoMatch };
}

const portIsWithin = (share: number): MatcherPredicate => ({
  singlePredicate: {
    input: { name: "envoy.matching.inputs.source_port", typedConfig: pack(SourcePortInput, {}) },
    customMatch: {
      name: "envoy.matching.matchers.runtime_fraction",
      typedConfig: pack(RuntimeFraction, {
        runtimeFraction: { defaultValue: { numerator: Math.round(share * MILLION), denominator: "MILLION" } },
      }),
    },
  },
});

const toCluster = (cluster: string): MatcherOnMatch => ({
  action: { name: "route", typedConfig: pack(UdpRoute, { cluster }) },
});

interface UdpDestination {
  readonly service: Service;
  readonly port: UdpPort;
}

/** One of TCP may have the same number. */
const clusterName = ({ service, port }: UdpDestination, scope: Scope): string =>
  `${outboundCluster(scope, port, undefined, service.hostname)}@udp`;

export interface UdpCluster {
  readonly cluster: Cluster;
  /** In the cluster itself, unless it is of type EDS. */
  readonly endpoints: ClusterLoadAssignment;
}

/** Of the routes that a gateway workload serves; most have none. */
export function udpClusters(
  mesh: Mesh,
  instances: readonly Instance[],
  workload: Workload,
  scope: Scope,
  options: TranslateOptions,
): readonly UdpCluster[] {
  const made = new Map<string, UdpCluster | undefined>();
  for (const { listener, server } of attachedServers(mesh, workload)) {
    const [first] = server.port.protocol === "UDP" ? (listener?.routes ?? []) : [];
    const rules = first?.route.t === "UDPRoute" ? first.route.rules : [];
    for (const { target } of rules.flatMap(({ backends }) => backends)) {
      if (target.t === "invalid") continue;
      const name = clusterName(target, scope);
      if (!made.has(name)) made.set(name, udpCluster(name, mesh, instances, target, scope, options));
    }
  }
  return [...made.values()].filter((it) => it !== undefined);
}

function udpCluster(
  name: string,
  mesh: Mesh,
  instances: readonly Instance[],
  { service, port }: UdpDestination,
  scope: Scope,
  options: TranslateOptions,
): UdpCluster | undefined {
  const policy = policyFor(destinationRuleFor(mesh, scope, service), undefined, port.number);
  const localities = localityView(mesh.settings, scope, policy);
  const endpoints = loadAssignment(name, udpTargetsOf(instances, service, port), localities, options.clusterId);
  const found = discovery(service, endpoints, port.targetPort, mesh.settings);
  if (found === undefined) return undefined;
  const { maxConnections = MAX_SESSIONS } = policy.connectionPool ?? {};
  const cluster: Cluster = {
    ...commonCluster(name, policy, mesh.settings),
    ...found,
    circuitBreakers: { thresholds: [{ maxConnections }] },
    metadata: { filterMetadata: { istio: serviceMetadata(service) } },
  };
  return { cluster, endpoints };
}
