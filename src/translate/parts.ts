/**
 * Parts of proxies' resources that are kept over changes of the mesh: each as long as what it was made from is the same.
 *
 * On a change every question is asked once more, whoever asked it, and tells the parts that have its answer in them (`reads.ts`). Where a part is
 * made anew, whatever of it comes out as it was stays the value that it was: what is made of that is kept, too.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { type Dependent, type Question, Questions, watched } from "./reads.ts";
import { isSame, settled } from "./same.ts";
import { viewOf } from "./visible-mesh.ts";

interface Part extends Dependent {
  readonly inputs: readonly unknown[];
  readonly reads: Iterable<Question>;
  readonly result: unknown;
  isAsked: boolean;
}

/** Parts that are made from meshes in which the same callers see the same: questions about one do not stand for another. */
interface View {
  /** By group and name. */
  readonly groups: Map<string, Map<string, Part>>;
  readonly questions: Questions;
}

const NOTHING: readonly never[] = [];

export class Parts {
  readonly #views = new Map<string, View>();
  #made = 0;
  #kept = 0;

  /** How many were made, and how many were as they had been, since the last sweep. */
  get counts(): { readonly made: number; readonly kept: number } {
    return { made: this.#made, kept: this.#kept };
  }

  /**
   * What `make` gives, or gave for the same inputs and a mesh in which it would read the same.
   *
   * @param group With the name unique for what `make` closes over and `inputs` do not say: one kind of parts of one caller.
   * @param name Of one of the group.
   */
  of<T>(group: string, name: string, mesh: Mesh, inputs: readonly unknown[], make: (mesh: Mesh) => T): T {
    const view = this.#view(mesh);
    const parts = partsOf(view, group);
    const known = parts.get(name);
    if (known !== undefined && !known.isStale && isSame(known.inputs, inputs)) {
      known.isAsked = true;
      this.#kept += 1;
      return known.result as T;
    }
    const { reads, result: made } = watched(mesh, view.questions, make);
    const result = settled(known?.result, made);
    if (known !== undefined) release(known);
    const part: Part = { inputs, reads, result, isAsked: true, isStale: false };
    for (const question of reads) question.dependents.add(part);
    parts.set(name, part);
    this.#made += 1;
    return result;
  }

  /** `items`, or the former list of this name where it had the same items. */
  list<T>(name: string, mesh: Mesh, items: readonly T[]): readonly T[] {
    const parts = partsOf(this.#view(mesh), "lists");
    const known = parts.get(name);
    const result = known !== undefined && isSame(known.result, items) ? (known.result as readonly T[]) : items;
    parts.set(name, { inputs: NOTHING, reads: NOTHING, result, isAsked: true, isStale: false });
    return result;
  }

  /** Lets go of what nobody asked for since the last time. */
  sweep(): void {
    for (const [name, { groups, questions }] of this.#views) {
      for (const [group, parts] of groups) {
        for (const [key, part] of parts) {
          if (!part.isAsked) {
            release(part);
            parts.delete(key);
          }
          part.isAsked = false;
        }
        if (parts.size === 0) groups.delete(group);
      }
      questions.sweep();
      if (groups.size === 0) this.#views.delete(name);
    }
    this.#made = 0;
    this.#kept = 0;
  }

  /** Of the callers for whom `mesh` is, moved on to it. */
  #view(mesh: Mesh): View {
    const name = viewOf(mesh);
    const view = this.#views.get(name) ?? {
      groups: new Map<string, Map<string, Part>>(),
      questions: new Questions(mesh),
    };
    this.#views.set(name, view);
    view.questions.moveTo(mesh);
    return view;
  }
}

function partsOf({ groups }: View, group: string): Map<string, Part> {
  const parts = groups.get(group) ?? new Map<string, Part>();
  groups.set(group, parts);
  return parts;
}

function release(part: Part): void {
  for (const question of part.reads) question.dependents.delete(part);
}
