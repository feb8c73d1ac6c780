/**
 * Files of documents to one mesh. Bad documents are left out by name, with their problems; good ones apply.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import type { ConfigTest } from "../model/config-test.ts";
import { defaultMeshSettings, type Mesh, type MeshSettings } from "../model/mesh.ts";
import { assembleMesh } from "./assemble.ts";
import { type Document, documentKey } from "./document.ts";
import { keepLive } from "./keep-live.ts";
import { type ParsedFile, parseYaml } from "./parse-yaml.ts";
import { type ReadDocument, readDocument } from "./read-document.ts";
import { type Tree } from "./tree.ts";
import { unfoldLists } from "./unfold-lists.ts";

export interface SourceFile {
  /** As it shall stand in problems: absolute, or relative to the process's folder. */
  readonly file: string;
  readonly text: string;
}

export interface Loaded {
  readonly mesh: Mesh;
  /** In the order of the files. An error means that its document, or what its file hides, is not part of the mesh. */
  readonly problems: readonly Problem[];
  /** What does not fit between documents that are part of the mesh; analysis tells it. */
  readonly remarks: readonly Problem[];
  /** All documents that could be told apart, whatever became of them. */
  readonly documents: readonly Document[];
  /** Not part of the mesh: what people expect of it. */
  readonly configTests: readonly ConfigTest[];
}

/** Reads files of YAML or JSON. Never throws. */
export function loadDocuments(files: readonly SourceFile[], live: readonly Document[] = []): Loaded {
  return loadParsed(
    files.map((f) => parseYaml(f.file, f.text)),
    live,
  );
}

/**
 * As {@link loadDocuments}, of files that are parsed already.
 *
 * @param live The documents of the last load: where a document of the same file is refused now, or where its file does not
 * parse, the version that was live stands in for it, with the status `kept`.
 */
export function loadParsed(files: readonly ParsedFile[], live: readonly Document[] = []): Loaded {
  const problems: Problem[] = files.flatMap((f) => f.problems);
  const trees = files.flatMap((f) => unfoldLists(f.trees, (p) => problems.push(p)));
  const broken = new Set(files.filter((f) => f.broken).map((f) => f.file));
  const { all, fresh, settings } = readTrees(trees, live, broken);
  problems.push(...fresh.flatMap((r) => r.problems));
  const meanings = all.flatMap((r) => r.meaning ?? []);
  return {
    ...assembleMesh(meanings, settings),
    problems: inOrder(problems, files),
    documents: all.map((r) => r.document),
    configTests: meanings.flatMap((m) => (m.t === "ConfigTest" ? [m.value] : [])),
  };
}

interface ReadTrees {
  readonly fresh: readonly ReadDocument[];
  /** With earlier versions that stand in. */
  readonly all: readonly ReadDocument[];
  readonly settings: MeshSettings;
}

/** Settings that nobody gives any more are gone: a Mesh document that was live must be among those that stay. */
function readTrees(trees: readonly Tree[], live: readonly Document[], broken: ReadonlySet<string>): ReadTrees {
  const read = (settings: MeshSettings): ReadTrees => {
    const fresh = unique(trees.map((tree) => readDocument(tree, settings)));
    return { fresh, settings, all: keepLive(fresh, live, broken, settings) };
  };
  const settings = settingsOf(trees, live);
  const found = read(settings);
  const given = settings === defaultMeshSettings || found.all.some(({ meaning }) => meaning?.t === "Mesh");
  return given ? found : read(defaultMeshSettings);
}

/** The Mesh document comes first: hosts are qualified with its cluster domain. */
function settingsOf(trees: readonly Tree[], live: readonly Document[]): MeshSettings {
  const before = live.filter(({ kind, status }) => kind === "Mesh" && (status === "applied" || status === "kept"));
  for (const tree of [...trees.filter(isMesh), ...before.map((d) => d.tree)]) {
    const { meaning } = readDocument(tree, defaultMeshSettings);
    if (meaning?.t === "Mesh") return meaning.value;
  }
  return defaultMeshSettings;
}

function isMesh(tree: Tree): boolean {
  const kind = tree.t === "map" ? tree.entries.get("kind")?.value : undefined;
  return kind?.t === "scalar" && kind.value === "Mesh";
}

/** The first of several documents with one name stays; each later one is refused, and names the first. */
function unique(read: readonly ReadDocument[]): readonly ReadDocument[] {
  const first = new Map<string, Document>();
  return read.map((r) => {
    if (r.meaning === undefined) return r;
    // One mesh has one Mesh document, whatever its name.
    const key = r.meaning.t === "Mesh" ? "Mesh" : documentKey(r.document);
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, r.document);
      return r;
    }
    const { file, line } = earlier.place;
    const what = r.meaning.t === "Mesh" ? "a mesh has one Mesh document" : `${key} is there already`;
    const problem: Problem = {
      severity: "error",
      place: r.document.place,
      path: "metadata.name",
      message: `${what}: see ${file}:${line}`,
    };
    return { document: { ...r.document, status: "refused" }, meaning: undefined, problems: [...r.problems, problem] };
  });
}

function inOrder(problems: readonly Problem[], files: readonly ParsedFile[]): readonly Problem[] {
  const rank = new Map(files.map((f, i) => [f.file, i]));
  const of = (p: Problem): number => rank.get(p.place.file) ?? files.length;
  return [...problems].sort((a, b) => of(a) - of(b) || a.place.line - b.place.line || a.place.column - b.place.column);
}
