/**
 * Who calls: workloads that no document tells apart are asked for once.
 *
 * @module
 */
import type { Workload } from "../../model/service.ts";
import { callerOf } from "../../translate/caller.ts";
import type { SimulatedMesh } from "../explain/simulated-mesh.ts";

export interface Callers {
  /** As `namespace/name`. Undefined: clients outside of the mesh. */
  readonly asked: string | undefined;
  /** All that it stands for; a gateway's clients are outside of the mesh. */
  readonly names: readonly string[];
  readonly gateway: boolean;
}

export const OUTSIDE: Callers = { asked: undefined, names: ["outside of the mesh"], gateway: false };

const nameOf = ({ namespace, name }: Workload): string => `${namespace}/${name}`;

/** Those of both meshes, alike where they are alike in both. */
export function callersOf(before: SimulatedMesh, after: SimulatedMesh): readonly Callers[] {
  const old = new Map(before.mesh.workloads.map((workload) => [nameOf(workload), workload]));
  const groups = new Map<string, Workload[]>();
  for (const workload of after.mesh.workloads) {
    const earlier = old.get(nameOf(workload));
    if (earlier === undefined) continue;
    const key = JSON.stringify([kindOf(before, earlier), kindOf(after, workload)]);
    groups.set(key, [...(groups.get(key) ?? []), workload]);
  }
  return [...groups.values()].map((alike) => {
    const gateway = alike[0]?.gateway !== undefined;
    const names = alike.map(({ name }) => (gateway ? `outside of the mesh, through ${name}` : name));
    return { asked: alike[0] && nameOf(alike[0]), names, gateway };
  });
}

/** A gateway is like no other. */
function kindOf({ mesh }: SimulatedMesh, workload: Workload): unknown {
  if (workload.gateway !== undefined) return nameOf(workload);
  const { locality, serviceAccount } = workload;
  return [callerOf(mesh, workload), serviceAccount, locality];
}
