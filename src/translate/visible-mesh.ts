/**
 * A mesh as one caller sees it: the services, and the VirtualServices in the order in which they hold.
 *
 * Source: Istio's `exportTo` and its lookup for a proxy: what is private to the caller's namespace goes before what is exported to
 * it, and that before what everybody sees. Of DestinationRules `destination-policy.ts` chooses.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { VirtualService } from "../model/virtual-service.ts";
import { isVisibleIn } from "../model/visibility.ts";
import type { Caller } from "./caller.ts";

const VISIBLE = new WeakMap<Mesh, Map<string, Mesh>>();

/** The same value for the same mesh and a caller that sees the same; `mesh` itself where nothing is hidden. */
export function visibleMesh(mesh: Mesh, caller: Caller): Mesh {
  const known = VISIBLE.get(mesh) ?? new Map<string, Mesh>();
  VISIBLE.set(mesh, known);
  const seen = known.get(caller.namespace) ?? visibleIn(mesh, caller.namespace);
  known.set(caller.namespace, seen);
  return seen;
}

function visibleIn(mesh: Mesh, namespace: string): Mesh {
  const services = mesh.services.filter(({ exportTo }) => isVisibleIn(exportTo, namespace));
  const seen = mesh.virtualServices.filter(({ exportTo }) => isVisibleIn(exportTo, namespace));
  const limited = seen.some(({ exportTo }) => exportTo !== "all");
  if (services.length === mesh.services.length && seen.length === mesh.virtualServices.length && !limited) return mesh;
  const virtualServices = [0, 1, 2].flatMap((rank) => seen.filter((it) => rankOf(it, namespace) === rank));
  return { ...mesh, services, virtualServices };
}

function rankOf({ exportTo, origin }: VirtualService, namespace: string): number {
  if (exportTo === "all") return 2;
  return origin.namespace === namespace ? 0 : 1;
}
