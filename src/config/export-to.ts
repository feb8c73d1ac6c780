/**
 * `exportTo` of VirtualService, DestinationRule and ServiceEntry, and of Services as an annotation.
 *
 * Source: Istio's `visibility` and its validation: `*` is everybody, `.` the document's own namespace, `~` nobody (of a service), and other
 * entries are namespaces. What no document says, the Mesh document does.
 *
 * @module
 */
import type { DefaultVisibility, Visibility } from "../model/visibility.ts";
import type { DocumentBody } from "./document.ts";
import { isDnsLabel } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { text } from "./read-values.ts";
import { quote } from "./tree.ts";

/** Of a Service, which has no field for it. */
const ANNOTATION = "networking.istio.io/exportTo";
const WORDS = '"*", ".", "~" or the name of a namespace';

/** @param namespace Of the document, which `.` means. */
export function exportTo(namespace: string, fallback: DefaultVisibility, nobody: boolean): Read<Visibility> {
  return (node) => {
    const found = node.items().map((item) => entry(item, nobody));
    if (found.length === 0) return defaultVisibility(fallback, namespace);
    const seen = new Set<string>();
    for (const [i, name] of found.entries()) {
      const key = name === "." ? namespace : name;
      if (seen.has(key)) node.items()[i]?.fail(`${quote(name)} is there already`);
      seen.add(key);
    }
    for (const alone of ["*", "~"])
      if (seen.has(alone) && seen.size > 1) node.fail(`"${alone}" stands alone: beside it other entries mean nothing`);
    return visibilityOf(found, namespace);
  };
}

function entry(node: Node, nobody: boolean): string {
  const value = text(node);
  if (value === "" || isEntry(value, nobody)) return value;
  node.fail(`must be ${nobody ? WORDS : WORDS.replace(', "~"', "")}, found ${quote(value)}`);
  return value;
}

const isEntry = (value: string, nobody: boolean): boolean =>
  value === "*" || value === "." || (nobody && value === "~") || isDnsLabel(value);

function visibilityOf(entries: readonly string[], namespace: string): Visibility {
  if (entries.includes("*")) return "all";
  if (entries.includes("~")) return [];
  return entries.map((name) => (name === "." ? namespace : name));
}

export const defaultVisibility = (fallback: DefaultVisibility, namespace: string): Visibility =>
  visibilityOf([fallback], namespace);

/** Of a Service: its annotation, whose entries have commas between them. */
export function annotatedVisibility({ metadata, node, settings }: DocumentBody): Visibility {
  const { annotations, namespace } = metadata;
  const written = annotations[ANNOTATION];
  if (written === undefined) return defaultVisibility(settings.defaultExportTo.service, namespace);
  const entries = written.split(",").map((part) => part.trim());
  for (const wrong of entries.filter((name) => !isEntry(name, true)))
    node.fail(
      `metadata.annotations["${ANNOTATION}"]: must be ${WORDS}, with commas between several, found ${quote(wrong)}`,
    );
  return visibilityOf(entries, namespace);
}

/** `default…ExportTo` of the Mesh document: one entry, as Istio takes it. */
export function defaultExportTo(node: Node): DefaultVisibility {
  const items = node.items();
  const [value] = items.map(text);
  if (items.length === 1 && (value === "*" || value === "." || value === "~")) return value;
  if (node.tree.t === "list") node.fail('must be ["*"], ["."] or ["~"]');
  return "*";
}
