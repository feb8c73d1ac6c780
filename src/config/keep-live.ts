/**
 * What was live stays live until its file parses again, or is gone: a half-written file takes nothing away.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import { type Document, documentKey } from "./document.ts";
import { type ReadDocument, readDocument } from "./read-document.ts";

/**
 * @param broken Files in which something does not parse: what is missing from them may only be unreadable.
 * @returns `fresh`, and after it the earlier versions that stand in.
 */
export function keepLive(
  fresh: readonly ReadDocument[],
  live: readonly Document[],
  broken: ReadonlySet<string>,
  settings: MeshSettings,
): readonly ReadDocument[] {
  if (broken.size === 0 && fresh.every((r) => r.document.status !== "refused")) return fresh;
  const before = live.filter((d) => d.status === "applied" || d.status === "kept");
  const applied = new Set(fresh.filter((r) => r.meaning !== undefined).map((r) => documentKey(r.document)));
  const doubtful = doubtfulFiles(fresh, before, broken);
  const kept: ReadDocument[] = [];
  for (const document of before) {
    const key = documentKey(document);
    if (applied.has(key) || !(doubtful.files.has(document.place.file) || doubtful.refused.has(placeKey(document))))
      continue;
    const again = readDocument(document.tree, settings);
    // New settings can refuse an old document; then it goes.
    if (again.meaning === undefined) continue;
    applied.add(key);
    kept.push({ ...again, document: { ...again.document, status: "kept" } });
  }
  return [...fresh, ...kept];
}

/**
 * A refused document stands in the way of its own earlier version alone. One that had none, such as one whose kind or name is
 * half typed, may be any of those that are missing from its file.
 */
function doubtfulFiles(
  fresh: readonly ReadDocument[],
  before: readonly Document[],
  broken: ReadonlySet<string>,
): { readonly files: ReadonlySet<string>; readonly refused: ReadonlySet<string> } {
  const known = new Set(before.map(placeKey));
  const refused = fresh.filter((r) => r.document.status === "refused").map((r) => r.document);
  const strangers = refused.filter((d) => !known.has(placeKey(d)));
  return {
    files: new Set([...broken, ...strangers.map((d) => d.place.file)]),
    refused: new Set(refused.map(placeKey)),
  };
}

const placeKey = (d: Document): string => `${d.place.file} ${documentKey(d)}`;
