/**
 * A mesh as one caller sees it: the services, and the VirtualServices in the order in which they hold.
 *
 * Source: Istio's `exportTo` and its lookup for a proxy: what is private to the caller's namespace goes before what is exported to
 * it, and that before what everybody sees. Of what is left a Sidecar lets its workloads know a part. Of DestinationRules
 * `destination-policy.ts` chooses.
 *
 * @module
 */
import type { Mesh, MeshSettings, OutboundTrafficPolicy } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { Sidecar } from "../model/sidecar.ts";
import type { VirtualService } from "../model/virtual-service.ts";
import { isVisibleIn } from "../model/visibility.ts";
import type { Caller } from "./caller.ts";
import { routeCalls } from "./gateway-api/route-calls.ts";
import { indexOf } from "./mesh-index.ts";
import { importedBy } from "./sidecar.ts";

const VISIBLE = new WeakMap<Mesh, Map<string, Mesh>>();
/** Of meshes that a Sidecar limits. */
const NAMED = new WeakMap<Mesh, readonly Service[]>();

/** The services that a caller may call by their names, of the mesh that it sees. */
export const namedServices = (seen: Mesh): readonly Service[] => NAMED.get(seen) ?? indexOf(seen).services;

const BY_HOST = new WeakMap<readonly Service[], ReadonlyMap<string, Service>>();

/** The service that a caller may call by this name. */
export function namedService(seen: Mesh, host: string): Service | undefined {
  const services = namedServices(seen);
  const known = BY_HOST.get(services) ?? new Map(services.map((service) => [service.hostname, service]));
  BY_HOST.set(services, known);
  return known.get(host);
}

/** What a caller may see less of than there is. */
type Seen = Pick<Mesh, "services" | "virtualServices">;

/** The same value for the same mesh and a caller that sees the same; `mesh` itself where nothing is hidden. */
export function visibleMesh(mesh: Mesh, caller: Caller): Mesh {
  const known = VISIBLE.get(mesh) ?? new Map<string, Mesh>();
  VISIBLE.set(mesh, known);
  const key = JSON.stringify([caller.namespace, caller.sidecar && documentOf(caller.sidecar)]);
  const seen = known.get(key) ?? visibleTo(mesh, caller);
  known.set(key, seen);
  if (seen !== mesh) VIEWS.set(seen, key);
  return seen;
}

/** Of meshes of which something is hidden. */
const VIEWS = new WeakMap<Mesh, string>();

/** Whose view a mesh is: two meshes of one view differ by what changed, and by nothing that is hidden from the one only. */
export const viewOf = (seen: Mesh): string => VIEWS.get(seen) ?? "";

const documentOf = ({ origin }: Sidecar): string => `${origin.namespace}/${origin.name}`;

function visibleTo(mesh: Mesh, { namespace, sidecar }: Caller): Mesh {
  const exported = exportedTo(mesh, namespace);
  if (sidecar === undefined) return equals(exported, mesh) ? mesh : { ...mesh, ...exported };
  const settings = settingsFor(mesh.settings, sidecar.outboundTrafficPolicy ?? mesh.settings.outboundTrafficPolicy);
  const { named, services, virtualServices } = importedBy(sidecar, namespace, exported, routeCalls(mesh, namespace));
  const seen = { ...mesh, services, virtualServices, settings };
  NAMED.set(seen, named);
  return seen;
}

const OTHERWISE = new WeakMap<MeshSettings, MeshSettings>();

/** The same value for the same settings: there are two policies. */
function settingsFor(settings: MeshSettings, outboundTrafficPolicy: OutboundTrafficPolicy): MeshSettings {
  if (settings.outboundTrafficPolicy === outboundTrafficPolicy) return settings;
  const other = OTHERWISE.get(settings) ?? { ...settings, outboundTrafficPolicy };
  OTHERWISE.set(settings, other);
  return other;
}

/** What workloads in `namespace` may see. */
export const exportedTo = (mesh: Mesh, namespace: string): Seen => ({
  services: servicesIn(mesh, namespace),
  virtualServices: virtualServicesIn(mesh, namespace),
});

const equals = (a: Seen, b: Seen): boolean =>
  a.services.length === b.services.length &&
  a.virtualServices.length === b.virtualServices.length &&
  a.virtualServices.every((it, i) => it === b.virtualServices[i]);

/** One of each host: that of the caller's namespace, else the first, where Kubernetes' own stand before others. */
function servicesIn(mesh: Mesh, namespace: string): readonly Service[] {
  const seen = mesh.services.filter(({ exportTo }) => isVisibleIn(exportTo, namespace));
  const chosen = new Map<string, Service>();
  for (const service of seen) {
    const known = chosen.get(service.hostname);
    if (known === undefined || (known.namespace !== namespace && service.namespace === namespace))
      chosen.set(service.hostname, service);
  }
  return chosen.size === seen.length ? seen : seen.filter((service) => chosen.get(service.hostname) === service);
}

function virtualServicesIn(mesh: Mesh, namespace: string): readonly VirtualService[] {
  const seen = mesh.virtualServices.filter(({ exportTo }) => isVisibleIn(exportTo, namespace));
  return [0, 1, 2].flatMap((rank) => seen.filter((it) => rankOf(it, namespace) === rank));
}

function rankOf({ exportTo, origin }: VirtualService, namespace: string): number {
  if (exportTo === "all") return 2;
  return origin.namespace === namespace ? 0 : 1;
}
