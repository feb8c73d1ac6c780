/**
 * Trust domain and root namespace stay what they were at the start: every certificate that is out carries them.
 *
 * @module
 */
import type { Place, Problem } from "../../base/problem.ts";
import type { Mesh, MeshSettings } from "../../model/mesh.ts";

export class PinnedMesh {
  readonly settings: MeshSettings;
  readonly #pinned = new WeakMap<Mesh, Mesh>();

  constructor(settings: MeshSettings) {
    this.settings = settings;
  }

  /** The mesh under the settings of the start; the same value for the same mesh. */
  of(mesh: Mesh): Mesh {
    if (this.#differing(mesh).length === 0) return mesh;
    const known = this.#pinned.get(mesh);
    if (known !== undefined) return known;
    const { trustDomain, rootNamespace } = this.settings;
    const pinned = { ...mesh, settings: { ...mesh.settings, trustDomain, rootNamespace } };
    this.#pinned.set(mesh, pinned);
    return pinned;
  }

  /**
   * Says what does not take effect.
   *
   * @param place Of the document that says it.
   */
  problemsOf(mesh: Mesh, place: Place): readonly Problem[] {
    return this.#differing(mesh).map((name) => ({
      severity: "warning",
      place,
      path: `spec.${name}`,
      message: `takes effect when the mesh is started anew: ${mesh.settings[name]} is written, ${this.settings[name]} holds`,
    }));
  }

  #differing({ settings }: Mesh): readonly ("trustDomain" | "rootNamespace")[] {
    return (["trustDomain", "rootNamespace"] as const).filter((name) => settings[name] !== this.settings[name]);
  }
}
