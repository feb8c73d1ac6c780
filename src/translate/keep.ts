/**
 * Results that are kept as long as the values that they were made from.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance } from "../model/service.ts";

export interface Kept {
  /** What `make` gave for this mesh under `key`. */
  byMesh<T>(key: string, make: () => T): T;
  /** What `make` gave for this mesh and these instances under `key`. */
  byState<T>(key: string, make: () => T): T;
}

type Results = Map<string, unknown>;

interface OfMesh {
  readonly results: Results;
  readonly byInstances: WeakMap<readonly Instance[], Results>;
}

const MESHES = new WeakMap<Mesh, OfMesh>();

export function keptFor(state: { readonly mesh: Mesh; readonly instances: readonly Instance[] }): Kept {
  const ofMesh = getOrMake(MESHES, state.mesh, () => ({ results: new Map(), byInstances: new WeakMap() }));
  const ofState = getOrMake(ofMesh.byInstances, state.instances, (): Results => new Map());
  return {
    byMesh: (key, make) => getOrMake(ofMesh.results as Map<string, ReturnType<typeof make>>, key, make),
    byState: (key, make) => getOrMake(ofState as Map<string, ReturnType<typeof make>>, key, make),
  };
}

interface Store<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

function getOrMake<K, V>(store: Store<K, V>, key: K, make: () => V): V {
  const known = store.get(key);
  if (known !== undefined) return known;
  const made = make();
  store.set(key, made);
  return made;
}
