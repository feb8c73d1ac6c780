/**
 * Routes whose parent is a Service: they act on calls inside the mesh. Source: the Gateway API's "mesh" chapters (GEP-1324, GEP-1426).
 *
 * @module
 */
import type { Service, ServicePort } from "../../service.ts";
import type { ParentReference } from "../reference.ts";
import type { AttachedRoute, ParentFault, ResolvedRoute, ServiceRoutes } from "./attachment.ts";
import { grouped } from "./grouped.ts";
import { byAge } from "./precedence.ts";

/** A Service, or Istio's ServiceEntry. */
export const isServiceParent = ({ group, kind }: ParentReference): boolean =>
  (group === "" && kind === "Service") || (group === "networking.istio.io" && kind === "ServiceEntry");

/** The ports that a reference means, or why it means none. */
export function portsOf(
  parent: ParentReference,
  services: readonly Service[],
): readonly Omit<AtPort, "route">[] | ParentFault {
  const fault = (message: string): ParentFault => ({ reason: "NoMatchingParent", message, at: parent.at });
  const name = `${parent.kind} ${parent.namespace}/${parent.name}`;
  if (services.length === 0) return fault(`there is no ${name}`);
  const all = services.flatMap((service) => service.ports.map((port) => ({ service, port })));
  const ports = all.filter(
    ({ port }) =>
      (parent.port === undefined || port.number === parent.port) &&
      (parent.sectionName === undefined || port.name === parent.sectionName),
  );
  if (ports.length > 0) return ports;
  const has = all.map(({ port }) => port.number).join(", ") || "none";
  return fault(`the ${name} has no port ${parent.sectionName ?? parent.port ?? ""}: it has ${has}`);
}

export interface AtPort {
  readonly service: Service;
  readonly port: ServicePort;
  readonly route: ResolvedRoute;
}

/** Gathered by port; a route that names one twice counts once. */
export function serviceRoutes(attached: readonly AtPort[]): readonly ServiceRoutes[] {
  const byPort = grouped(attached, ({ service: s, port }) => `${s.namespace} ${s.hostname} ${port.number}`);
  return [...byPort.values()].flatMap((at) => {
    const [first] = at;
    if (first === undefined) return [];
    const { service, port } = first;
    const routes = [...new Set(at.map((a) => a.route))]
      .toSorted((a, b) => byAge(a.document.meta, b.document.meta))
      .map((route): AttachedRoute => ({ route, hostnames: ["*"] }));
    const namespaceOf = ({ route }: AttachedRoute): string => route.document.meta.namespace;
    return [
      {
        service,
        port,
        producers: routes.filter((r) => namespaceOf(r) === service.namespace),
        consumers: grouped(
          routes.filter((r) => namespaceOf(r) !== service.namespace),
          namespaceOf,
        ),
      },
    ];
  });
}
