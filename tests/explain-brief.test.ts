/**
 * A brief explanation decides as the whole one, for every call that `tulle diff` asks about on the examples.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { callersOf, OUTSIDE } from "../src/app/diff/callers.ts";
import { facetsOf } from "../src/app/diff/facets.ts";
import { questionsOf } from "../src/app/diff/questions.ts";
import { explainIn } from "../src/app/explain/explain.ts";
import { SimulatedMesh } from "../src/app/explain/simulated-mesh.ts";
import { loadDocuments } from "../src/config/load.ts";
import { readFiles } from "../src/config/read-folder.ts";

test.each(["bookinfo", "protocols"])("%s", (name) => {
  const { files } = readFiles([join(import.meta.dir, "../examples", name)]);
  const mesh = new SimulatedMesh(loadDocuments(files).mesh);
  let asked = 0;
  for (const callers of [...callersOf(mesh, mesh), OUTSIDE])
    for (const question of questionsOf(mesh, callers)) {
      const [brief, whole] = [true, false].map((b) => explainIn(mesh, { ...question, brief: b }));
      if (brief === undefined || whole === undefined) throw new Error("asked for two");
      asked++;
      expect(facetsOf(brief)).toEqual(facetsOf(whole));
      expect(brief.summary).toBe(whole.summary);
      const matched = whole.routing?.rules.find((rule) => rule.matched);
      expect(brief.routing?.rules.map(({ name, source }) => [name, source])).toEqual(
        whole.routing && (matched === undefined ? [] : [[matched.name, matched.source]]),
      );
    }
  expect(asked).toBeGreaterThan(100);
});
