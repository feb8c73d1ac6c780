/**
 * Where routes of the mesh send the calls of one namespace.
 *
 * @module
 */
import type { AttachedRoute } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import { attachedTo } from "./attached.ts";
import { CONNECTIONS, REQUESTS, routesFor } from "./service-parents.ts";

export interface RouteCalls {
  /** Of the document. */
  readonly namespace: string;
  /** Of the Service that is its parent. */
  readonly host: string;
  /** Hosts, of backends and of mirrors. */
  readonly destinations: readonly string[];
}

export const routeCalls = (mesh: Mesh, namespace: string): readonly RouteCalls[] =>
  attachedTo(mesh).services.flatMap((at) =>
    [REQUESTS, CONNECTIONS].flatMap((kinds) =>
      routesFor(at, namespace, kinds).map(
        ({ route }): RouteCalls => ({
          namespace: route.document.meta.namespace,
          host: at.service.hostname,
          destinations: destinationsOf(route),
        }),
      ),
    ),
  );

function destinationsOf({ rules }: AttachedRoute["route"]): readonly string[] {
  const targets = rules.flatMap(({ backends, mirrors }) => [
    ...backends.flatMap((it) => [it.target, ...("mirrors" in it ? it.mirrors.map(({ target }) => target) : [])]),
    ...mirrors.map(({ target }) => target),
  ]);
  return targets.flatMap((target) => (target.t === "service" ? [target.service.hostname] : []));
}
