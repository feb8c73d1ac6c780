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

export const isServiceParent = ({ group, kind }: ParentReference): boolean => group === "" && kind === "Service";

/** The ports that a reference means, or why it means none. */
export function portsOf(parent: ParentReference, service: Service | undefined): readonly ServicePort[] | ParentFault {
  const fault = (message: string): ParentFault => ({ reason: "NoMatchingParent", message, at: parent.at });
  if (service === undefined) return fault(`there is no Service ${parent.namespace}/${parent.name}`);
  const ports = service.ports.filter(
    (p) =>
      (parent.port === undefined || p.number === parent.port) &&
      (parent.sectionName === undefined || p.name === parent.sectionName),
  );
  const has = service.ports.map((p) => p.number).join(", ") || "none";
  const asked = parent.sectionName ?? parent.port ?? "";
  return ports.length > 0
    ? ports
    : fault(`the Service ${parent.namespace}/${parent.name} has no port ${asked}: it has ${has}`);
}

export interface AtPort {
  readonly service: Service;
  readonly port: ServicePort;
  readonly route: ResolvedRoute;
}

/** Gathered by port; a route that names one twice counts once. */
export function serviceRoutes(attached: readonly AtPort[]): readonly ServiceRoutes[] {
  const byPort = grouped(attached, ({ port }) => port);
  return [...byPort].flatMap(([port, at]) => {
    const [first] = at;
    if (first === undefined) return [];
    const { service } = first;
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
