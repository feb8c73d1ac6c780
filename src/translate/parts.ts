/**
 * Parts of proxies' resources that are kept over changes of the mesh: each as long as what it was made from is the same.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { isSame, type Read, readsSame, watch } from "./reads.ts";

interface Part {
  readonly inputs: readonly unknown[];
  readonly reads: readonly Read[];
  readonly result: unknown;
  asked: boolean;
}

export class Parts {
  readonly #parts = new Map<string, Part>();
  #made = 0;
  #kept = 0;

  /** How many were made, and how many were as they had been, since the last sweep. */
  get counts(): { readonly made: number; readonly kept: number } {
    return { made: this.#made, kept: this.#kept };
  }

  /**
   * What `make` gives, or gave for the same inputs and a mesh in which it would read the same.
   *
   * @param key Of one part of one caller: unique for what `make` closes over and `inputs` do not say.
   */
  of<T>(key: string, mesh: Mesh, inputs: readonly unknown[], make: (mesh: Mesh) => T): T {
    const known = this.#parts.get(key);
    if (known !== undefined && isSame(known.inputs, inputs) && readsSame(known.reads, mesh)) {
      known.asked = true;
      this.#kept += 1;
      return known.result as T;
    }
    const watched = watch(mesh);
    const result = make(watched.mesh);
    this.#parts.set(key, { inputs, reads: watched.reads, result, asked: true });
    this.#made += 1;
    return result;
  }

  /** Lets go of what nobody asked for since the last time. */
  sweep(): void {
    for (const [key, part] of this.#parts) {
      if (!part.asked) this.#parts.delete(key);
      part.asked = false;
    }
    this.#made = 0;
    this.#kept = 0;
  }
}
