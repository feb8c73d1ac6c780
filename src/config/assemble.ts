/**
 * The meanings of all documents as one mesh.
 *
 * @module
 */
import type { Mesh, MeshSettings } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import { meshServices } from "./mesh-services.ts";
import type { Meaning } from "./read-document.ts";
import { splitToVirtualService } from "./traffic-split.ts";

type Of<T extends Meaning["t"]> = Extract<Meaning, { readonly t: T }>["value"];

export function assembleMesh(meanings: readonly Meaning[], settings: MeshSettings): Mesh {
  const all = <T extends Meaning["t"]>(t: T): readonly Of<T>[] =>
    meanings.flatMap((m) => (m.t === t ? [m.value as Of<T>] : []));
  const external = { serviceEntries: all("ServiceEntry"), workloadEntries: all("WorkloadEntry") };
  const endpointLists = [...all("EndpointSlice"), ...all("Endpoints")];
  const services = meshServices({ services: all("Service"), endpointLists, ...external });
  const byHost = new Map<string, Service>(services.map((s) => [s.hostname, s]));
  return {
    settings,
    services,
    ...external,
    workloadGroups: all("WorkloadGroup"),
    workloads: all("Workload"),
    virtualServices: [...all("VirtualService"), ...all("TrafficSplit").map((s) => splitToVirtualService(s, byHost))],
    gateways: all("Gateway"),
    credentials: all("Secret").filter((credential) => credential !== undefined),
    destinationRules: all("DestinationRule"),
    backendPolicies: all("BackendPolicy"),
    peerAuthentications: all("PeerAuthentication"),
    authorizationPolicies: all("AuthorizationPolicy"),
    gatewayApi: {
      classes: all("GatewayClass"),
      gateways: all("KubernetesGateway"),
      listenerSets: all("ListenerSet"),
      routes: [...all("HTTPRoute"), ...all("GRPCRoute"), ...all("TLSRoute"), ...all("TCPRoute")],
      grants: all("ReferenceGrant"),
      backendTlsPolicies: all("BackendTLSPolicy"),
    },
    namespaces: all("Namespace"),
    configMaps: all("ConfigMap"),
  };
}
