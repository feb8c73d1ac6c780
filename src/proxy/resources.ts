/**
 * Resources on their way into the proxy: each applies or is refused by itself.
 *
 * @module
 */
import type { AnyMessage } from "../xds/types/any.ts";

export interface NamedResource {
  readonly name: string;
  readonly any: AnyMessage;
}

/** A resource that was refused; what was live under its name stays live. */
export interface Rejection {
  readonly name: string;
  readonly reason: string;
  /** Nothing is wrong with the resource: the same may be taken later. */
  readonly mayPass?: boolean;
}

/** What was sent once more as it was keeps its compiled form, and its connections. */
export function sameAny(a: AnyMessage, b: AnyMessage): boolean {
  return a === b || (a.typeUrl === b.typeUrl && Buffer.compare(a.bytes, b.bytes) === 0);
}

/** Applies each resource; one that throws is refused with its reason. */
export function rejectionsOf(changed: readonly NamedResource[], apply: (resource: NamedResource) => void): Rejection[] {
  const rejected: Rejection[] = [];
  for (const resource of changed) {
    try {
      apply(resource);
    } catch (error) {
      rejected.push({ name: resource.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return rejected;
}
