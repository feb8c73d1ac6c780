/**
 * The meanings of all documents as one mesh.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import { withGatewayWorkloads } from "../model/gateway-api/workloads.ts";
import type { Mesh, MeshSettings } from "../model/mesh.ts";
import type { Origin } from "../model/origin.ts";
import type { Service } from "../model/service.ts";
import { meshServices } from "./mesh-services.ts";
import { mergeDelegates } from "./delegates.ts";
import type { Meaning } from "./read-document.ts";
import type { IdentityBinding } from "./smi/identity-binding.ts";
import type { HttpRouteGroup, SmiTcpRoute } from "./smi/route-groups.ts";
import { targetToPolicy, type TrafficSpecs } from "./smi/traffic-target.ts";
import { splitToVirtualService } from "./traffic-split.ts";

type Of<T extends Meaning["t"]> = Extract<Meaning, { readonly t: T }>["value"];

export interface Assembled {
  readonly mesh: Mesh;
  /** What is wrong between documents, seen when they were put together. */
  readonly remarks: readonly Problem[];
}

export function assembleMesh(meanings: readonly Meaning[], settings: MeshSettings): Assembled {
  const byKind = grouped(meanings);
  const all = <T extends Meaning["t"]>(t: T): readonly Of<T>[] => (byKind.get(t) ?? []) as readonly Of<T>[];
  const external = { serviceEntries: all("ServiceEntry"), workloadEntries: all("WorkloadEntry") };
  const endpointLists = [...all("EndpointSlice"), ...all("Endpoints")];
  const services = meshServices({ services: all("Service"), workloads: all("Workload"), endpointLists, ...external });
  const byHost = new Map<string, Service>(services.map((s) => [s.hostname, s]));
  const { remarks, virtualServices } = mergeDelegates(all("VirtualService"));
  const specs = trafficSpecs(all("HTTPRouteGroup"), all("SmiTcpRoute"), all("IdentityBinding"));
  const splits = all("TrafficSplit").map((s) => splitToVirtualService(s, { services: byHost, ...specs }));
  const targets = all("TrafficTarget").map((t) => targetToPolicy(t, specs, settings.trustDomain));
  const mesh: Mesh = {
    settings,
    services,
    ...external,
    workloadGroups: all("WorkloadGroup"),
    workloads: all("Workload"),
    virtualServices: [...oldestFirst(virtualServices), ...splits.map((s) => s.virtualService)],
    sidecars: oldestFirst(all("Sidecar")),
    gateways: all("Gateway"),
    credentials: all("Secret").filter((credential) => credential !== undefined),
    backendPolicies: all("BackendPolicy"),
    destinationRules: oldestFirst(all("DestinationRule")),
    rateLimits: all("RateLimit"),
    peerAuthentications: all("PeerAuthentication"),
    authorizationPolicies: [...all("AuthorizationPolicy"), ...targets.flatMap((t) => t.policies)],
    gatewayApi: {
      classes: all("GatewayClass"),
      gateways: all("KubernetesGateway"),
      listenerSets: all("ListenerSet"),
      routes: [...all("HTTPRoute"), ...all("GRPCRoute"), ...all("TLSRoute"), ...all("TCPRoute"), ...all("UDPRoute")],
      grants: all("ReferenceGrant"),
      backendTlsPolicies: all("BackendTLSPolicy"),
      backendTrafficPolicies: all("XBackendTrafficPolicy"),
    },
    namespaces: all("Namespace"),
    configMaps: all("ConfigMap"),
  };
  return {
    mesh: withGatewayWorkloads(mesh),
    remarks: [...remarks, ...[...splits, ...targets].flatMap((made) => made.remarks)],
  };
}

function grouped(meanings: readonly Meaning[]): ReadonlyMap<Meaning["t"], readonly unknown[]> {
  const byKind = new Map<Meaning["t"], unknown[]>();
  for (const { t, value } of meanings) {
    const same = byKind.get(t);
    if (same === undefined) byKind.set(t, [value]);
    else same.push(value);
  }
  return byKind;
}

function trafficSpecs(
  groups: readonly HttpRouteGroup[],
  routes: readonly SmiTcpRoute[],
  bindings: readonly IdentityBinding[],
): TrafficSpecs {
  const named = <T extends { readonly origin: Origin }>(all: readonly T[]) =>
    new Map(all.map((one) => [`${one.origin.namespace}/${one.origin.name}`, one]));
  const [byGroup, byRoute, byBinding] = [named(groups), named(routes), named(bindings)];
  return {
    group: (namespace, name) => byGroup.get(`${namespace}/${name}`),
    tcpRoute: (namespace, name) => byRoute.get(`${namespace}/${name}`),
    binding: (namespace, name) => byBinding.get(`${namespace}/${name}`),
  };
}

/** Source: Istio: by creation, which the API server writes; then by name, then by namespace. What nobody stored yet is the newest. */
function oldestFirst<T extends { readonly origin: Origin }>(documents: readonly T[]): readonly T[] {
  const ageOf = ({ origin }: T): number => origin.createdAtMs ?? Number.MAX_VALUE;
  return [...documents].sort(
    (a, b) =>
      compare(ageOf(a), ageOf(b)) ||
      compare(a.origin.name, b.origin.name) ||
      compare(a.origin.namespace, b.origin.namespace),
  );
}

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
