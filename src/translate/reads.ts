/**
 * What a computation looked at in a mesh, so that it is known whether a later mesh would give the same.
 *
 * A watched mesh writes down each field that is read, whole. Questions that look for one thing among many (`lookUp`) write down the answer
 * instead: another service, another rule may change without a touch to it. So whatever a computation reads, it reads soundly, and what asks
 * by `lookUp` is kept longer. Values are compared by identity, lists item by item: `reconcile.ts` keeps what is equal identical.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";

export interface Read {
  readonly again: (mesh: Mesh) => unknown;
  readonly value: unknown;
}

interface Watch {
  readonly base: Mesh;
  readonly reads: Read[];
}

const WATCHED = new WeakMap<Mesh, Watch>();

/** A mesh that looks like `base`; `reads` grows as it is read. */
export function watch(base: Mesh): { readonly mesh: Mesh; readonly reads: readonly Read[] } {
  const reads: Read[] = [];
  const mesh = Object.create(null) as Mesh;
  const seen = new Set<string>();
  for (const field of Object.keys(base) as readonly (keyof Mesh)[])
    Object.defineProperty(mesh, field, {
      enumerable: true,
      get: () => {
        if (!seen.has(field)) reads.push({ again: (other) => other[field], value: base[field] });
        seen.add(field);
        return base[field];
      },
    });
  WATCHED.set(mesh, { base, reads });
  return { mesh, reads };
}

/** The answer to one question, which depends on nothing but the mesh and on what `ask` closes over. */
export function lookUp<T>(mesh: Mesh, ask: (mesh: Mesh) => T): T {
  const watched = WATCHED.get(mesh);
  if (watched === undefined) return ask(mesh);
  const value = ask(watched.base);
  watched.reads.push({ again: ask, value });
  return value;
}

/** The mesh behind a watched one, for what keeps its own answers by mesh: these fields are written down as read. */
export function behind(mesh: Mesh, fields: readonly (keyof Mesh)[]): Mesh {
  const watched = WATCHED.get(mesh);
  if (watched === undefined) return mesh;
  for (const field of fields) void mesh[field];
  return watched.base;
}

/** Whether `mesh` gives the same answers. */
export const readsSame = (reads: readonly Read[], mesh: Mesh): boolean =>
  reads.every(({ again, value }) => isSame(again(mesh), value));

/** One value, or lists of the same values. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
}
