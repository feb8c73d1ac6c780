/**
 * Documents as they go to both control planes.
 *
 * @module
 */
import { parseAllDocuments } from "yaml";

export interface ConfigDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly [more: string]: unknown };
  readonly spec: unknown;
}

/** All documents of a text. @throws {Error} If it is not YAML. */
export function documentsOf(yaml: string): ConfigDocument[] {
  return parseAllDocuments(yaml).flatMap((read) => {
    if (read.errors.length > 0) throw new Error(String(read.errors[0]));
    const value = read.toJS() as ConfigDocument | null;
    if (value === null) return [];
    return [{ ...value, metadata: { ...value.metadata, namespace: value.metadata.namespace ?? "default" } }];
  });
}

/** Unique among documents that can stand together. */
export const keyOf = ({ kind, metadata }: ConfigDocument): string => `${kind}/${metadata.namespace}/${metadata.name}`;
