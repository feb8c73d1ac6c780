/** docs/differences.md lists what the comparison with a real Istio accepts, and nothing else. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ACCEPTED } from "./accepted.ts";

const PAGE = join(import.meta.dir, "../../docs/differences.md");

test("users are told of each accepted difference", () => {
  const text = readFileSync(PAGE, "utf8").replace(/\n {2}/g, " ");
  const listed = [...text.matchAll(/^- (.*)$/gm)].map(([, line]) => line ?? "");
  expect(listed).toEqual(ACCEPTED.map(({ why }) => why));
});
