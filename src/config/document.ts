/**
 * A document of a file, whatever its kind: its identity, its place and what became of it.
 *
 * @module
 */
import type { Place, Problem } from "../base/problem.ts";
import type { MeshSettings } from "../model/mesh.ts";
import type { Origin } from "../model/origin.ts";
import { isDnsLabel, labels, objectName, textMap } from "./names.ts";
import { type Fields, Node } from "./node.ts";
import { anyText, integer, textThat } from "./read-values.ts";
import type { Tree } from "./tree.ts";

/** Where a document has none, as `kubectl apply` does. */
export const DEFAULT_NAMESPACE = "default";

export interface Document {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly place: Place;
  readonly tree: Tree;
  /**
   * `applied`: it is part of the mesh. `kept`: what the file says now is refused, and this earlier version still is part of it.
   * `refused`: it has errors. `skipped`: its kind means nothing to a mesh.
   */
  readonly status: "applied" | "kept" | "refused" | "skipped";
}

export interface Metadata {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `creationTimestamp`; undefined in documents that no API server has seen. */
  readonly createdAtMs: number | undefined;
  readonly generation: number | undefined;
}

/** What a reader of one kind gets. */
export interface DocumentBody {
  readonly metadata: Metadata;
  readonly origin: Origin;
  readonly settings: MeshSettings;
  /** The document's node. */
  readonly node: Node;
  /** `spec`, where the document has one. */
  readonly spec: Node | undefined;
}

export type Report = (problem: Problem) => void;

/** The same document in the eyes of an operator: a second one with this key replaces or repeats the first. */
export const documentKey = ({ kind, namespace, name, apiVersion }: DocumentName): string => {
  // Two groups have a kind of this name.
  const group = kind === "Gateway" || kind === "TCPRoute" ? `${apiVersion.split("/")[0]} ` : "";
  return `${group}${kind} ${namespace}/${name}`;
};

type DocumentName = Pick<Document, "kind" | "namespace" | "name" | "apiVersion">;

/** apiVersion and kind; undefined, with problems reported, when the tree is no document at all. */
export function readHeader(
  tree: Tree,
  report: Report,
): { readonly apiVersion: string; readonly kind: string } | undefined {
  const node = new Node(tree, report);
  if (tree.t !== "map") {
    node.mustBe("a document with apiVersion, kind and metadata");
    return undefined;
  }
  let good = true;
  const field = (name: string): string => {
    const entry = tree.entries.get(name);
    const value = entry?.value.t === "scalar" ? entry.value.value : undefined;
    if (typeof value === "string" && value !== "") return value;
    good = false;
    if (entry === undefined) node.fail(`field "${name}" is missing: a document has apiVersion, kind and metadata`);
    else new Node(entry.value, report, name, entry.keyPlace).mustBe("text");
    return "";
  };
  const header = { apiVersion: field("apiVersion"), kind: field("kind") };
  return good ? header : undefined;
}

/** What the API server itself writes into metadata: read over. */
const SERVER_FIELDS = [
  "annotations",
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "finalizers",
  "generateName",
  "generation",
  "labels",
  "managedFields",
  "name",
  "namespace",
  "ownerReferences",
  "resourceVersion",
  "selfLink",
  "uid",
] as const;

/** metadata of any Kubernetes-like document. A null there is nothing, as it is to the API server. */
export function readMetadata(node: Node): Metadata {
  const fields = node.fields({ known: SERVER_FIELDS });
  const unlessNull = <T>(name: (typeof SERVER_FIELDS)[number], read: (n: Node) => T): T | undefined => {
    const at = fields.at(name);
    return at === undefined || isNull(at) ? undefined : read(at);
  };
  return {
    name: fields.required("name", objectName, "nameless"),
    namespace:
      unlessNull("namespace", textThat(isDnsLabel, "a namespace: lower-case letters, digits and dashes")) ??
      DEFAULT_NAMESPACE,
    labels: unlessNull("labels", labels) ?? {},
    annotations:
      unlessNull(
        "annotations",
        textMap(() => {}, anyText),
      ) ?? {},
    createdAtMs: unlessNull("creationTimestamp", timestamp),
    generation: unlessNull("generation", integer(0, Number.MAX_SAFE_INTEGER)),
  };
}

function timestamp(node: Node): number | undefined {
  const ms = node.tree.t === "scalar" && typeof node.tree.value === "string" ? Date.parse(node.tree.value) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  node.mustBe("a time such as 2026-01-02T03:04:05Z");
  return undefined;
}

export const isNull = (node: Node): boolean => node.tree.t === "scalar" && node.tree.value === null;

/** The spec's fields; a document without one is read as if it were empty. */
export function specFields<K extends string>(
  body: DocumentBody,
  known: readonly K[],
  unsupported: readonly string[] = [],
): Fields<K> {
  const spec =
    body.spec ??
    new Node({ t: "map", place: body.node.place, entries: new Map() }, (p) => body.node.fail(p.message), "spec");
  return spec.fields({ known, unsupported });
}
