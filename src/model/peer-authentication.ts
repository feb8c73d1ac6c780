/**
 * How a workload's port takes connections: PeerAuthentication, most specific first.
 *
 * Source: Istio: the port of a policy that selects the workload, that policy itself, the namespace's policy, the mesh's (in
 * the root namespace, without selector); what is not said is inherited, at the end PERMISSIVE. Of several policies at one
 * level the first holds. A selector in the root namespace does not reach into other namespaces, and `portLevelMtls` needs a selector.
 *
 * @module
 */
import { selects } from "./match.ts";
import type { Mesh } from "./mesh.ts";
import type { MtlsMode, PeerAuthentication } from "./security.ts";
import type { Workload } from "./service.ts";

export interface EffectiveMtls {
  readonly mode: MtlsMode;
  /** What said so; undefined for the default. */
  readonly policy: PeerAuthentication | undefined;
}

const DEFAULT: EffectiveMtls = { mode: "PERMISSIVE", policy: undefined };

/** What of a workload policies look at. */
export type PolicySubject = Pick<Workload, "namespace" | "labels">;

/** @param port The workload's port, not the service's. */
export function effectiveMtls(mesh: Mesh, workload: PolicySubject, port: number): EffectiveMtls {
  const root = mesh.settings.rootNamespace;
  const inNamespace = mesh.peerAuthentications.filter((p) => p.origin.namespace === workload.namespace);
  const own = workload.namespace === root ? undefined : inNamespace.find((p) => selectsWorkload(p, workload));
  const levels = [
    own,
    inNamespace.find((p) => !hasSelector(p)),
    mesh.peerAuthentications.find((p) => p.origin.namespace === root && !hasSelector(p)),
  ];
  const portMode = own?.portModes.get(port);
  if (portMode !== undefined) return { mode: portMode, policy: own };
  for (const policy of levels) if (policy?.mode !== undefined) return { mode: policy.mode, policy };
  return DEFAULT;
}

const hasSelector = (p: PeerAuthentication): boolean => p.selector !== undefined && Object.keys(p.selector).length > 0;

const selectsWorkload = (p: PeerAuthentication, workload: PolicySubject): boolean =>
  hasSelector(p) && selects(p.selector ?? {}, workload.labels);
