/**
 * What a BackendPolicy adds to the clusters of a destination.
 *
 * Looked up as a DestinationRule: in the caller's namespace, in the service's, in the root namespace; in each the most
 * specific host, and of one host the first document.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { BackendPolicy, HealthCheck, HealthProbe, StatusRange } from "../model/backend-policy.ts";
import type { LoadBalancer } from "../model/destination-rule.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { HealthCheck as EnvoyHealthCheck } from "../xds/proto/core-health-check.ts";
import { LeastRequest, type LocalityLbConfig } from "../xds/proto/load-balancing-policies.ts";
import { PeakEwma } from "../xds/proto/tulle-balancing.ts";
import type { Int64Range } from "../xds/proto/type.ts";
import { pack } from "../xds/types/any.ts";
import type { UpstreamHttp } from "./connection-pool.ts";
import { MESH_HTTP } from "./detection.ts";
import { covers, serviceOf } from "./mesh-index.ts";

/** The policy that callers in `namespace` see for `service`. */
export function backendPolicyFor(mesh: Mesh, namespace: string, service: Service): BackendPolicy | undefined {
  if (mesh.backendPolicies.length === 0) return undefined;
  const rank = ({ host }: BackendPolicy): number => (host === service.hostname ? Number.MAX_VALUE : host.length);
  for (const from of new Set([namespace, service.namespace, mesh.settings.rootNamespace])) {
    const found = mesh.backendPolicies.filter(
      (it) => it.origin.namespace === from && covers(it.host, service.hostname),
    );
    if (found.length > 0) return found.reduce((best, next) => (rank(next) > rank(best) ? next : best));
  }
  return undefined;
}

/** A cluster, as its checks must know it. */
export interface CheckedWay {
  readonly hostname: string;
  /** What HTTP goes on as; undefined for opaque bytes. */
  readonly http: UpstreamHttp | undefined;
  /** The port's protocol is found out connection by connection. */
  readonly isDetected: boolean;
}

/**
 * The balancer of a cluster: ours, with Envoy's nearest behind it. Who knows only that takes it. Keys that a DestinationRule hashes by win.
 *
 * @param localityLbConfig How localities share; a balancer of its own has it among its settings.
 */
export function ownBalancer(
  policy: BackendPolicy | undefined,
  by: LoadBalancer | undefined,
  localityLbConfig: LocalityLbConfig | undefined,
): Partial<Cluster> {
  if (policy?.loadBalancer === undefined || typeof by?.balancer === "object") return {};
  const { decayMs } = policy.loadBalancer;
  const policies = [
    { name: "tulle.balancing.peak_ewma", typedConfig: pack(PeakEwma, { decayTime: decayMs, localityLbConfig }) },
    { name: "envoy.load_balancing_policies.least_request", typedConfig: pack(LeastRequest, { localityLbConfig }) },
  ];
  return {
    lbPolicy: "LOAD_BALANCING_POLICY_CONFIG",
    loadBalancingPolicy: { policies: policies.map((typedExtensionConfig) => ({ typedExtensionConfig })) },
  };
}

/** What is said of retries towards the first of `hosts` that has something said. */
export function backendRetries(mesh: Mesh, namespace: string, hosts: readonly string[]): BackendPolicy["retries"] {
  if (mesh.backendPolicies.length === 0) return undefined;
  const services = hosts.flatMap((host) => serviceOf(mesh, host) ?? []);
  return services
    .map((service) => backendPolicyFor(mesh, namespace, service)?.retries)
    .find((retries) => retries !== undefined);
}

/** The health check of one cluster. A check of HTTP or gRPC goes where such calls go, and nowhere else. */
export function healthChecks(policy: BackendPolicy | undefined, way: CheckedWay): Partial<Cluster> {
  const check = policy?.healthCheck;
  if (check === undefined) return {};
  const probe = probeOf(check.probe, way);
  return probe === undefined ? {} : { healthChecks: [{ ...timing(check), ...probe }] };
}

const timing = (check: HealthCheck): EnvoyHealthCheck => ({
  timeout: check.timeoutMs,
  interval: check.intervalMs,
  unhealthyInterval: check.unhealthyIntervalMs,
  noTrafficInterval: check.noTrafficIntervalMs,
  initialJitter: check.initialJitterMs,
  unhealthyThreshold: check.unhealthyThreshold,
  healthyThreshold: check.healthyThreshold,
});

function probeOf(probe: HealthProbe, way: CheckedWay): EnvoyHealthCheck | undefined {
  switch (probe.t) {
    case "tcp":
      return {
        tcpHealthCheck: {
          send: probe.send === undefined ? undefined : { text: hex(probe.send) },
          receive: probe.receive.map((part) => ({ text: hex(part) })),
        },
      };
    case "grpc":
      // Envoy refuses it for a cluster that does not speak HTTP/2.
      if (way.http !== "http2" && way.http !== "client") return undefined;
      return {
        grpcHealthCheck: { serviceName: probe.service, authority: way.hostname },
        tlsOptions: { alpnProtocols: alpn(way, true) },
      };
    case "http":
      return httpOf(probe, way);
    default:
      return unreachable(probe);
  }
}

function httpOf(probe: Extract<HealthProbe, { t: "http" }>, way: CheckedWay): EnvoyHealthCheck | undefined {
  if (way.http === undefined && way.isDetected) return undefined;
  const isHttp2 = way.http === "http2";
  return {
    httpHealthCheck: {
      path: probe.path,
      host: probe.host ?? way.hostname,
      method: probe.method === "GET" ? undefined : probe.method,
      codecClientType: isHttp2 ? "HTTP2" : undefined,
      requestHeadersToAdd: Object.entries(probe.headers).map(([key, value]) => ({ header: { key, value } })),
      expectedStatuses: probe.expectedStatuses.map(rangeOf),
      retriableStatuses: probe.retriableStatuses.map(rangeOf),
    },
    ...(way.http === undefined ? {} : { tlsOptions: { alpnProtocols: alpn(way, isHttp2) } }),
  };
}

/** What the check itself speaks: the cluster may offer more. */
function alpn({ isDetected }: CheckedWay, isHttp2: boolean): readonly string[] {
  if (!isDetected) return [isHttp2 ? "h2" : "http/1.1"];
  return MESH_HTTP.filter((name) => name === (isHttp2 ? "istio-h2" : "istio-http/1.1"));
}

const rangeOf = ({ from, to }: StatusRange): Int64Range => ({ start: from, end: to + 1 });
const hex = (text: string): string => Buffer.from(text).toString("hex");
