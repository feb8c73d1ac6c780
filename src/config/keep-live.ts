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
  const applied = new Set(fresh.filter((r) => r.meaning !== undefined).map((r) => documentKey(r.document)));
  const refused = new Set(fresh.filter((r) => r.document.status === "refused").map((r) => placeKey(r.document)));
  const kept: ReadDocument[] = [];
  for (const before of live) {
    if (before.status !== "applied" && before.status !== "kept") continue;
    const key = documentKey(before);
    if (applied.has(key) || !(broken.has(before.place.file) || refused.has(placeKey(before)))) continue;
    const again = readDocument(before.tree, settings);
    // New settings can refuse an old document; then it goes.
    if (again.meaning === undefined) continue;
    applied.add(key);
    kept.push({ ...again, document: { ...again.document, status: "kept" } });
  }
  return [...fresh, ...kept];
}

const placeKey = (d: Document): string => `${d.place.file} ${documentKey(d)}`;
