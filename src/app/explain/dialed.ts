/**
 * A client that dials the endpoints of a service itself: nothing of the mesh is on its side.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { namesOf } from "../../translate/domains.ts";
import { isBehind } from "../../translate/mesh-index.ts";
import { arrive, type Caller } from "./arrival.ts";
import { endpointOf, outcomeOf, together } from "./destination.ts";
import type { DestinationExplanation } from "./explanation.ts";
import type { SimulatedMesh } from "./simulated-mesh.ts";
import { seenBy, type SimulatedRequest } from "./simulated-request.ts";

const HTTP_PORT = 80;

const OUTSIDE: Caller = { tls: undefined, tlsReason: "a client outside of the mesh has no proxy", identity: undefined };

export interface CalledService {
  readonly service: Service;
  readonly port: ServicePort;
}

/** @param request Undefined for a TCP connection. */
export function dialed(
  simulated: SimulatedMesh,
  { service, port }: CalledService,
  request: SimulatedRequest | undefined,
): DestinationExplanation {
  const behind = simulated.instances.filter((i) => isBehind(service, i.workload));
  const arrivals = behind.flatMap((instance) => {
    const at = instance.ports.find((p) => p.targetPort === port.targetPort);
    return at === undefined ? [] : [arrive(simulated, instance, at, OUTSIDE, request)];
  });
  return {
    cluster: "",
    host: service.hostname,
    port: port.number,
    subset: undefined,
    share: 1,
    weight: undefined,
    seen: request && seenBy(request),
    answerEdits: [],
    destinationRule: undefined,
    loadBalancer: undefined,
    retryBudget: undefined,
    endpoints: behind.map((i) => endpointOf(i, service, port, undefined)),
    arrivals: together(arrivals),
    outcome: outcomeOf(arrivals),
  };
}

/**
 * The service port of `host:port`, or of `host` at port 80.
 *
 * @param namespace Of the caller, whose own services have short names; undefined: every service has one.
 */
export function serviceAt(mesh: Mesh, authority: string, namespace: string | undefined): CalledService | undefined {
  const [, host, number] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  for (const service of mesh.services) {
    const scope = { namespace: namespace ?? service.namespace };
    const port = service.ports.find((p) => p.number === Number(number ?? HTTP_PORT));
    if (port !== undefined && namesOf(service.hostname, scope, mesh.settings.clusterDomain).includes(host ?? ""))
      return { service, port };
  }
  return undefined;
}
