/**
 * The proxies that the mesh should have: one for each instance, or one that stands for several.
 *
 * @module
 */
import { type Instance, spiffeIdOf } from "../../model/service.ts";
import type { MeshSettings } from "../../model/mesh.ts";
import type { ProxyTarget } from "../../translate/translate.ts";
import type { InstanceRegistry } from "./instance-registry.ts";

export interface MeshProxy {
  /** Id of the instance, or of the shared proxy. */
  readonly id: string;
  /** How it names itself in discovery. */
  readonly nodeId: string;
  /** Its own identity. */
  readonly spiffeId: string;
  /** The identities that it speaks for: its own, and in a shared proxy those of its instances. */
  readonly identities: readonly string[];
  readonly namespace: string;
  /** `reviews-v1`; of a shared proxy its id. */
  readonly workload: string;
  readonly instances: readonly string[];
  readonly target: ProxyTarget;
}

/** Service account of shared proxies, in the root namespace. */
const SHARED_ACCOUNT = "tulle-proxy";
/** Service account of the control plane, in the root namespace. */
const CONTROL_PLANE_ACCOUNT = "tulle-control-plane";

export const controlPlaneSpiffeId = ({ trustDomain, rootNamespace }: MeshSettings): string =>
  spiffeIdOf(trustDomain, { namespace: rootNamespace, serviceAccount: CONTROL_PLANE_ACCOUNT });

/** In the order of registration, shared proxies last. */
export function rosterOf(registry: InstanceRegistry, settings: MeshSettings): readonly MeshProxy[] {
  const { shared } = registry;
  const served = new Set(shared.flatMap((s) => s.instances));
  const sidecars = registry.instances.filter((i) => !served.has(i.id)).map((i) => sidecar(i, settings));
  const nodes = shared.map(({ id, instances }) => {
    const present = instances.flatMap((name) => registry.get(name) ?? []);
    return sharedProxy(id, present, settings);
  });
  return [...sidecars, ...nodes];
}

function sidecar(instance: Instance, settings: MeshSettings): MeshProxy {
  const { workload, id } = instance;
  const spiffeId = spiffeIdOf(settings.trustDomain, workload);
  return {
    id,
    nodeId: nodeIdOf(
      addressOf(instance),
      id,
      workload.namespace,
      settings,
      workload.gateway === undefined ? "sidecar" : "router",
    ),
    spiffeId,
    identities: [spiffeId],
    namespace: workload.namespace,
    workload: workload.name,
    instances: [id],
    target: { t: "sidecar", instance: id },
  };
}

function sharedProxy(id: string, instances: readonly Instance[], settings: MeshSettings): MeshProxy {
  const { trustDomain, rootNamespace } = settings;
  const spiffeId = spiffeIdOf(trustDomain, { namespace: rootNamespace, serviceAccount: SHARED_ACCOUNT });
  const [first] = instances;
  const ids = instances.map((i) => i.id);
  return {
    id,
    nodeId: nodeIdOf(first === undefined ? LOOPBACK : addressOf(first), id, rootNamespace, settings),
    spiffeId,
    identities: [...new Set([spiffeId, ...instances.map((i) => spiffeIdOf(trustDomain, i.workload))])],
    namespace: rootNamespace,
    workload: id,
    instances: ids,
    target: { t: "shared", instances: ids },
  };
}

const LOOPBACK = "127.0.0.1";

const addressOf = ({ ports, outbound }: Instance): string => ports[0]?.inbound.address ?? outbound?.address ?? LOOPBACK;

/** `sidecar~<address>~<id>.<namespace>~<namespace>.svc.<cluster domain>`, Istio's form; gateways are `router`. */
function nodeIdOf(
  address: string,
  id: string,
  namespace: string,
  { clusterDomain }: MeshSettings,
  type: "sidecar" | "router" = "sidecar",
): string {
  return `${type}~${address}~${id}.${namespace}~${namespace}.svc.${clusterDomain}`;
}
