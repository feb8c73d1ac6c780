/**
 * Header operations of a route applied to a head: which lines go, which come. Empty for most routes, and then free.
 *
 * @module
 */
import type { HeaderOperation } from "../engine/http.ts";
import { applyEdits, type EditedHeaders } from "../engine/http/apply-edits.ts";
import type { SubstitutionView } from "../engine/request.ts";
import type { Head } from "../wire/http1/head.ts";
import type { HeaderSink } from "./header-sink.ts";

/** What is added to these joins their line, as in Envoy, which knows each of them once. */
const ONE_LINE: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-type",
  "etag",
  "expires",
  "last-modified",
  "location",
  "origin",
  "pragma",
  "referer",
  "user-agent",
  "vary",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
]);

interface Added {
  readonly name: string;
  readonly value: string;
}

export class HeaderOverlay implements EditedHeaders {
  readonly #dropped = new Set<string>();
  readonly #added = new Map<string, Added[]>();
  #head: Head | undefined;
  #isEmpty = true;

  apply(operations: readonly HeaderOperation[], head: Head | undefined, view: SubstitutionView): void {
    if (!this.#isEmpty) this.clear();
    this.#isEmpty = operations.length === 0;
    if (this.#isEmpty) return;
    this.#head = head;
    applyEdits(operations, this, view);
    this.#head = undefined;
  }

  clear(): void {
    this.#dropped.clear();
    this.#added.clear();
    this.#isEmpty = true;
  }

  /** Only while operations are applied. */
  has(lowerName: string): boolean {
    return this.firstOf(lowerName, this.#head?.header(lowerName)) !== undefined;
  }

  remove(lowerName: string): void {
    this.#dropped.add(lowerName);
    this.#added.delete(lowerName);
  }

  replace({ name, lowerName }: HeaderOperation, value: string): void {
    this.#dropped.add(lowerName);
    this.#added.set(lowerName, [{ name, value }]);
  }

  add(operation: HeaderOperation, value: string): void {
    const { name, lowerName } = operation;
    if (!ONE_LINE.has(lowerName)) {
      this.#added.set(lowerName, [...(this.#added.get(lowerName) ?? []), { name, value }]);
      return;
    }
    const before = this.firstOf(lowerName, this.#head?.header(lowerName));
    this.replace(operation, before === undefined ? value : `${before},${value}`);
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

  /** Lets go of what operations added. */
  forget(lowerName: string): void {
    if (!this.#isEmpty) this.#added.delete(lowerName);
  }

  /** Whether an operation leaves nothing of what was there. */
  replaces(lowerName: string): boolean {
    return !this.#isEmpty && this.#dropped.has(lowerName);
  }

  /** The first value of a header whose first was `original`, as far as the operations have come. */
  firstOf(lowerName: string, original: string | undefined): string | undefined {
    if (this.#isEmpty) return original;
    const kept = this.#dropped.has(lowerName) ? undefined : original;
    return kept ?? this.#added.get(lowerName)?.[0]?.value;
  }

  write(sink: HeaderSink): void {
    if (this.#isEmpty) return;
    for (const lines of this.#added.values()) for (const { name, value } of lines) sink.header(name, value);
  }
}
