/**
 * Clusters for what a workload may call: one for each service port, and one for each subset of it. A port of unknown protocol
 * has two of each, for HTTP and for opaque bytes, which say by their ALPN what is inside.
 *
 * @module
 */
import { withRetryConstraint } from "./gateway-api/backend-traffic.ts";
import { unreachable } from "../base/unreachable.ts";
import type { ClientTls, DestinationRule } from "../model/destination-rule.ts";
import type { Mesh, MeshSettings } from "../model/mesh.ts";
import type { Instance, Service, ServicePort } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { Secret } from "../xds/proto/tls.ts";
import type { JsonValue } from "../xds/types/struct.ts";
import { backendPolicyFor, healthChecks, ownBalancer } from "./backend-policy.ts";
import { clientCredential } from "./client-credential.ts";
import {
  circuitBreakers,
  connectTimeoutMs,
  outlierDetection,
  protocolOptions,
  type UpstreamHttp,
  upstreamConnections,
} from "./connection-pool.ts";
import { type Destination, identitiesOf, targetsOf, whoTakesMtls } from "./destination.ts";
import { type DestinationPolicy, destinationRuleFor, policyFor } from "./destination-policy.ts";
import { discovery } from "./discovery.ts";
import { loadAssignment } from "./endpoints.ts";
import { MESH_HTTP, MESH_HTTP2, MESH_TCP } from "./detection.ts";
import { backendTls, backendTlsFor } from "./gateway-api/backend-tls.ts";
import { takesGrpc } from "./gateway-api/grpc-backends.ts";
import { balancerOf } from "./hash-policy.ts";
import { indexOf, isBehind, isHttp, isHttp2 } from "./mesh-index.ts";
import { localMetadata } from "./local-cluster.ts";
import { localityBalancing, type LocalityView } from "./locality.ts";
import type { TranslateOptions } from "./options.ts";
import { Parts } from "./parts.ts";
import { outboundCluster, outboundTcpCluster, type Scope, sniOf } from "./scope.ts";
import { candidatesFor } from "./selected.ts";
import { upstreamTls, withProxyProtocol } from "./upstream-tls.ts";

export interface OutboundCluster {
  readonly cluster: Cluster;
  /** In the cluster itself, unless it is of type EDS. */
  readonly endpoints: ClusterLoadAssignment;
  readonly rule: DestinationRule | undefined;
  /** That its TLS needs, for this caller's proxy alone: they may hold private keys. */
  readonly secrets: readonly Secret[];
}

/** @param parts What is kept of former times: the clusters of each service. */
export function outboundClusters(
  mesh: Mesh,
  instances: readonly Instance[],
  scope: Scope,
  options: TranslateOptions,
  parts = new Parts(),
): readonly OutboundCluster[] {
  const caller = JSON.stringify([{ ...scope, sidecar: undefined }, options.clusterId, options.systemRootsFile]);
  const group = `clusters ${caller}`;
  return indexOf(mesh).services.flatMap((service) => {
    const behind = instancesBehind(instances, service);
    const name = `${service.namespace} ${service.hostname}`;
    return parts.of(group, name, mesh, [service, behind], (seen) =>
      serviceClusters(seen, behind, service, scope, options),
    );
  });
}

export const instancesBehind = (instances: readonly Instance[], service: Service): readonly Instance[] =>
  candidatesFor(instances, ({ workload }) => workload, service).filter(({ workload }) => isBehind(service, workload));

/** @param instances Those behind the service. */
function serviceClusters(
  mesh: Mesh,
  instances: readonly Instance[],
  service: Service,
  scope: Scope,
  options: TranslateOptions,
): readonly OutboundCluster[] {
  const rule = destinationRuleFor(mesh, scope, service);
  return service.ports.flatMap((port) =>
    [undefined, ...(rule?.subsets ?? [])].flatMap((subset) =>
      waysTo(port).flatMap(
        (way) => outbound(mesh, instances, { service, port, subset }, way, rule, scope, options) ?? [],
      ),
    ),
  );
}

type Way = "http" | "tcp";

function waysTo({ protocol }: ServicePort): readonly Way[] {
  if (protocol === "auto") return ["http", "tcp"];
  return [isHttp(protocol) ? "http" : "tcp"];
}

function outbound(
  mesh: Mesh,
  instances: readonly Instance[],
  destination: Destination,
  way: Way,
  rule: DestinationRule | undefined,
  scope: Scope,
  options: TranslateOptions,
): OutboundCluster | undefined {
  const { service, port, subset } = destination;
  const nameOf = way === "tcp" ? outboundTcpCluster : outboundCluster;
  const name = nameOf(scope, port, subset?.name, service.hostname);
  const policy = withRetryConstraint(policyFor(rule, subset, port.number), mesh, service);
  const targets = targetsOf(mesh, instances, destination);
  const endpointsTakeMtls = whoTakesMtls(mesh, targets, destination);
  const isGrpc = scope.gateway !== undefined && port.protocol === "auto" && takesGrpc(mesh, service, port);
  const spoken: ServicePort = isGrpc ? { ...port, protocol: "grpc" } : port;
  const found = backendTlsFor(mesh, scope.gateway !== undefined, service, port);
  const proxiesAnswer = endpointsTakeMtls === "all" && found === undefined;
  const http = way === "tcp" ? undefined : upstreamHttp(mesh, spoken, policy, proxiesAnswer, scope);
  const credential = clientCredential(mesh, scope, rule, policy.tls);
  const isUnknown = credential?.t === "closed";
  const { autoSni, ...sockets } = upstreamTls({
    scope,
    // Nobody is called there: what has no certificate is no TLS that a proxy takes.
    tls: isUnknown ? undefined : policy.tls && withNames(policy.tls, service),
    trustDomain: mesh.settings.trustDomain,
    sni: sniOf(port, subset?.name, service.hostname),
    identities: identitiesOf(mesh, instances, destination),
    endpointsTakeMtls,
    meshAlpn: spoken.protocol === "auto" && way === "http" ? detectedAlpn(scope) : alpnOf(http),
    fileAlpn: http === undefined ? undefined : alpnOf(http),
    http: http !== undefined,
    systemRootsFile: options.systemRootsFile,
    credential: credential?.t === "secrets" ? credential : undefined,
  });
  const alpnProtocols = http && alpnOf(http);
  const toBackend = found && backendTls({ found, scope, alpnProtocols, systemRootsFile: options.systemRootsFile });
  const isClosed = toBackend === undefined ? isUnknown : toBackend.t === "closed";
  const localities = localityView(mesh.settings, scope, policy);
  const assignment = loadAssignment(name, isClosed ? [] : targets, localities, options.clusterId);
  const discovered = discovery(
    isClosed ? { ...service, resolution: "STATIC" } : service,
    assignment,
    port.targetPort,
    mesh.settings,
    policy.loadBalancer?.balancer === "PASSTHROUGH",
    scope.captured,
  );
  if (discovered === undefined) return undefined;
  const own = backendPolicyFor(mesh, scope.namespace, service);
  const common = commonCluster(name, policy, mesh.settings);
  const sharing = localityBalancing(assignment, localities);
  const balancer = ownBalancer(own, policy.loadBalancer, sharing);
  const cluster: Cluster = {
    ...common,
    ...discovered,
    ...balancer,
    commonLbConfig: {
      ...common.commonLbConfig,
      // A balancer of its own has it among its settings.
      ...(balancer.loadBalancingPolicy === undefined ? sharing : undefined),
    },
    ...healthChecks(own, {
      hostname: service.hostname,
      http,
      isDetected: port.protocol === "auto",
    }),
    ...withProxyProtocol(toBackend?.t === "socket" ? { transportSocket: toBackend.socket } : sockets, policy),
    typedExtensionProtocolOptions:
      http &&
      protocolOptions(
        policy.connectionPool,
        http,
        toBackend === undefined ? autoSni : undefined,
        policy.outlierDetection?.errorCodes,
      ),
    metadata: {
      filterMetadata: {
        istio: serviceMetadata(service, subset?.name),
        ...(localities.setting.zoneAware === undefined ? {} : localMetadata(scope)),
      },
    },
  };
  const secrets = toBackend === undefined && credential?.t === "secrets" ? credential.secrets : [];
  return { cluster, endpoints: assignment, rule, secrets };
}

/** What a proxy before a port is told whose protocol is found out: a gateway sends it HTTP/1. */
const detectedAlpn = ({ gateway }: Scope): readonly string[] =>
  gateway !== undefined ? MESH_HTTP.filter((name) => name !== MESH_HTTP2) : MESH_HTTP;

/** The names that ServiceEntries give are asked for where the rule gives none. */
const withNames = (tls: ClientTls, { subjectAltNames }: Service): ClientTls =>
  tls.subjectAltNames.length > 0 || tls.mode === "ISTIO_MUTUAL" || tls.insecureSkipVerify
    ? tls
    : { ...tls, subjectAltNames };

/**
 * What HTTP to the port goes on as. Source: Istio's `h2UpgradePolicy` and `useClientProtocol`. A DestinationRule's word counts as it is; the mesh's
 * only where proxies of the mesh answer, since an application behind none may not know HTTP/2. What comes in at a gateway says nothing of what
 * an application knows whose port names no protocol: it gets HTTP/1.1.
 */
function upstreamHttp(
  { settings }: Mesh,
  { protocol }: ServicePort,
  { connectionPool, tls }: DestinationPolicy,
  proxiesAnswer: boolean,
  { gateway }: Scope,
): UpstreamHttp {
  if (connectionPool?.useClientProtocol === true) return "client";
  if (isHttp2(protocol) || connectionPool?.h2UpgradePolicy === "UPGRADE") return "http2";
  if (protocol === "auto" && gateway === undefined) return "client";
  const inMesh = proxiesAnswer && (tls === undefined || tls.mode === "ISTIO_MUTUAL");
  const upgrade = connectionPool?.h2UpgradePolicy ?? settings.h2UpgradePolicy;
  return upgrade === "UPGRADE" && inMesh ? "http2" : "http1";
}

/** The rule's setting replaces the mesh's, never merges with it. */
export function localityView(
  settings: MeshSettings,
  { labels, locality }: Scope,
  policy: DestinationPolicy,
): LocalityView {
  const setting = policy.loadBalancer?.locality ?? settings.localityLbSetting;
  return { locality, labels, setting, detectsOutliers: policy.outlierDetection !== undefined };
}

/** What a DestinationRule says of a cluster, whoever its endpoints are and however they are found. */
export function commonCluster(name: string, policy: DestinationPolicy, settings: MeshSettings): Cluster {
  return {
    name,
    connectTimeout: connectTimeoutMs(policy.connectionPool, settings),
    ...balancerOf(policy),
    circuitBreakers: circuitBreakers(policy.connectionPool, policy.retryBudget),
    outlierDetection: outlierDetection(policy.outlierDetection),
    upstreamConnectionOptions: upstreamConnections(policy.connectionPool),
    commonLbConfig: { healthyPanicThreshold: { value: policy.outlierDetection?.minHealthPercent ?? 0 } },
  };
}

/** Opaque connections say `istio`, by which a server tells our TLS from the application's own. Undefined: as each connection's protocol is called. */
function alpnOf(http: UpstreamHttp | undefined): readonly string[] | undefined {
  switch (http) {
    case undefined:
      return MESH_TCP;
    case "http1":
      return ["http/1.1"];
    case "http2":
      return ["h2"];
    case "client":
      return undefined;
    default:
      return unreachable(http);
  }
}

/** As Istio's, for the destination labels of metrics. */
export function serviceMetadata(service: Service, subset?: string): { readonly [key: string]: JsonValue } {
  const services = [{ host: service.hostname, name: service.name, namespace: service.namespace }];
  return subset === undefined ? { services } : { services, subset };
}
