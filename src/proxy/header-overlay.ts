/**
 * Header operations of a route applied to a head: which lines go, which come. Empty for most routes, and then free.
 *
 * @module
 */
import type { HeaderOperation } from "../engine/http.ts";
import type { SubstitutionView } from "../engine/request.ts";
import type { Head } from "../wire/http1/head.ts";
import type { HeaderSink } from "./header-sink.ts";

interface Added {
  readonly name: string;
  readonly value: string;
}

export class HeaderOverlay {
  readonly #dropped = new Set<string>();
  readonly #added = new Map<string, Added[]>();
  #isEmpty = true;

  /** Takes the operations in order, each seeing what those before it did. */
  apply(operations: readonly HeaderOperation[], head: Head | undefined, view: SubstitutionView): void {
    if (!this.#isEmpty) this.clear();
    for (const operation of operations) this.#applyOne(operation, head, view);
    this.#isEmpty = operations.length === 0;
  }

  clear(): void {
    this.#dropped.clear();
    this.#added.clear();
    this.#isEmpty = true;
  }

  #applyOne(operation: HeaderOperation, head: Head | undefined, view: SubstitutionView): void {
    const { lowerName } = operation;
    if (operation.t === "remove") {
      this.#dropped.add(lowerName);
      this.#added.delete(lowerName);
      return;
    }
    const value = operation.value ?? operation.format?.(view) ?? "";
    if (value === "" && !operation.keepEmpty) return;
    const added = this.#added.get(lowerName) ?? [];
    const isThere = added.length > 0 || (!this.#dropped.has(lowerName) && head?.header(lowerName) !== undefined);
    if (isThere ? operation.t === "addIfAbsent" : operation.t === "setIfPresent") return;
    if (operation.t === "set" || operation.t === "setIfPresent") {
      this.#dropped.add(lowerName);
      this.#added.set(lowerName, [{ name: operation.name, value }]);
    } else {
      this.#added.set(lowerName, [...added, { name: operation.name, value }]);
    }
  }

  /** Whether line `i` of the head goes. */
  drops(head: Head, i: number): boolean {
    if (this.#dropped.size === 0) return false;
    return this.#dropped.has(head.name(i).toLowerCase());
  }

  /** Whether an operation took the header out or set it. */
  touches(lowerName: string): boolean {
    return !this.#isEmpty && (this.#dropped.has(lowerName) || this.#added.has(lowerName));
  }

  /** Whether an operation leaves nothing of what was there. */
  replaces(lowerName: string): boolean {
    return !this.#isEmpty && this.#dropped.has(lowerName);
  }

  write(sink: HeaderSink): void {
    if (this.#isEmpty) return;
    for (const lines of this.#added.values()) for (const { name, value } of lines) sink.header(name, value);
  }
}
