/**
 * What a computation looked at in a mesh, so that it is known whether a later mesh would give the same.
 *
 * A watched mesh writes down each field that is read, whole. Questions that look for one thing among many (`lookUp`) write down the answer
 * instead: another service, another rule may change without a touch to it. So whatever a computation reads, it reads soundly, and what asks
 * by `lookUp` is kept longer.
 *
 * A question that many ask, the same function with the same arguments, is asked once of each mesh.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { isSame } from "./same.ts";

/** Who depends on answers; it is told when one is another. */
export interface Dependent {
  isStale: boolean;
}

type Ask = (mesh: Mesh, ...about: readonly never[]) => unknown;

/** A question, with the answer of the last mesh that it was asked of. */
export class Question {
  readonly ask: Ask;
  readonly about: readonly unknown[];
  readonly dependents = new Set<Dependent>();
  #value: unknown;

  constructor(ask: Ask, about: readonly unknown[], mesh: Mesh) {
    this.ask = ask;
    this.about = about;
    this.#value = this.#answer(mesh);
  }

  get value(): unknown {
    return this.#value;
  }

  /**
   * The former value where the answer is the same; else all that depend on it are told.
   *
   * @returns Whether there is an answer; where there is none, whoever asks anew meets the error.
   */
  moveTo(mesh: Mesh): boolean {
    try {
      const value = this.#answer(mesh);
      if (isSame(this.#value, value)) return true;
      this.#value = value;
    } catch {
      this.#tell();
      return false;
    }
    this.#tell();
    return true;
  }

  #tell(): void {
    for (const dependent of this.dependents) dependent.isStale = true;
  }

  #answer(mesh: Mesh): unknown {
    return this.ask(mesh, ...(this.about as readonly never[]));
  }
}

/** Where the questions stand of one function, argument by argument. */
interface Place {
  question: Question | undefined;
  readonly next: Map<unknown, Place>;
}

const place = (): Place => ({ question: undefined, next: new Map() });

/** Questions of one mesh after the other. */
export class Questions {
  readonly #places = place();
  readonly #all = new Set<Question>();
  #mesh: Mesh;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /** Asks all of them anew. */
  moveTo(mesh: Mesh): void {
    if (mesh === this.#mesh) return;
    this.#mesh = mesh;
    for (const question of this.#all) if (!question.moveTo(mesh)) this.#forget(question);
  }

  of(ask: Ask, about: readonly unknown[]): Question {
    const at = this.#placeOf(ask, about);
    if (at.question !== undefined) return at.question;
    at.question = new Question(ask, about, this.#mesh);
    this.#all.add(at.question);
    return at.question;
  }

  /** Lets go of those on which nothing depends. */
  sweep(): void {
    for (const question of this.#all) {
      if (question.dependents.size === 0) this.#forget(question);
    }
  }

  #forget(question: Question): void {
    this.#all.delete(question);
    remove(this.#places, [question.ask, ...question.about], 0);
  }

  #placeOf(ask: Ask, about: readonly unknown[]): Place {
    let at = next(this.#places, ask);
    for (const key of about) at = next(at, key);
    return at;
  }
}

function next(at: Place, key: unknown): Place {
  const known = at.next.get(key) ?? place();
  at.next.set(key, known);
  return known;
}

function remove(at: Place, keys: readonly unknown[], depth: number): void {
  const below = depth === keys.length ? undefined : at.next.get(keys[depth]);
  if (below === undefined) {
    at.question = undefined;
    return;
  }
  remove(below, keys, depth + 1);
  if (below.question === undefined && below.next.size === 0) at.next.delete(keys[depth]);
}

interface Watch {
  readonly base: Mesh;
  readonly reads: Set<Question>;
  readonly questions: Questions;
}

const WATCHED = new WeakMap<Mesh, Watch>();

const field = (mesh: Mesh, name: keyof Mesh): unknown => mesh[name];

/**
 * What `make` gave for a mesh that looks like `base`, with all that it read.
 *
 * @param questions Of `base`.
 */
export function watched<T>(
  base: Mesh,
  questions: Questions,
  make: (mesh: Mesh) => T,
): { readonly result: T; readonly reads: ReadonlySet<Question> } {
  const watch: Watch = { base, reads: new Set(), questions };
  const mesh = Object.create(null) as Mesh;
  for (const name of Object.keys(base) as readonly (keyof Mesh)[])
    Object.defineProperty(mesh, name, {
      enumerable: true,
      get: () => {
        watch.reads.add(questions.of(field, [name]));
        // Not the answer, which may be an equal one of an earlier mesh: what is kept by identity is kept for this one.
        return base[name];
      },
    });
  WATCHED.set(mesh, watch);
  return { result: make(mesh), reads: watch.reads };
}

/**
 * The answer to one question, which depends on nothing but the mesh and what it is about.
 *
 * @param ask Without anything beside its arguments: the same function and arguments are the same question.
 * @param about Texts and numbers, or values that stay as long as they are the same.
 */
export function lookUp<T, A extends readonly unknown[]>(
  mesh: Mesh,
  ask: (mesh: Mesh, ...about: A) => T,
  ...about: A
): T {
  const watch = WATCHED.get(mesh);
  if (watch === undefined) return ask(mesh, ...about);
  const question = watch.questions.of(ask as unknown as Ask, about);
  watch.reads.add(question);
  return question.value as T;
}

/** The mesh behind a watched one, for what keeps its own answers by mesh: these fields are written down as read. */
export function behind(mesh: Mesh, fields: readonly (keyof Mesh)[] | "all"): Mesh {
  const watch = WATCHED.get(mesh);
  if (watch === undefined) return mesh;
  for (const name of fields === "all" ? (Object.keys(mesh) as readonly (keyof Mesh)[]) : fields) void mesh[name];
  return watch.base;
}
