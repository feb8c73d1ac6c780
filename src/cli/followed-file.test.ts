import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FollowedFile } from "./followed-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tulle-followed-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("FollowedFile", () => {
  test("gives whole lines, each once", () => {
    const path = join(folder, "a.log");
    const file = new FollowedFile(path, "a");
    expect([...file.read()]).toEqual([]);
    writeFileSync(path, "one\ntw");
    expect([...file.read()]).toEqual(["one"]);
    appendFileSync(path, "o\n\n");
    expect([...file.read()]).toEqual(["two", ""]);
    expect([...file.read()]).toEqual([]);
  });

  test("keeps characters whole where a read cuts them", () => {
    const path = join(folder, "a.log");
    const file = new FollowedFile(path, "a");
    const bytes = Buffer.from("ä€😀\n");
    writeFileSync(path, "");
    for (const byte of bytes.subarray(0, -1)) {
      appendFileSync(path, Uint8Array.of(byte));
      expect([...file.read()]).toEqual([]);
    }
    appendFileSync(path, "\n");
    expect([...file.read()]).toEqual(["ä€😀"]);
  });

  test("begins anew with a file that was replaced or cut", () => {
    const path = join(folder, "a.log");
    const file = new FollowedFile(path, "a");
    writeFileSync(path, "one\ntwo\n");
    expect([...file.read()]).toEqual(["one", "two"]);
    writeFileSync(path, "3\n");
    expect([...file.read()]).toEqual(["3"]);
    writeFileSync(join(folder, "b.log"), "four\nfive\n");
    renameSync(join(folder, "b.log"), path);
    expect([...file.read()]).toEqual(["four", "five"]);
  });

  test("gives the last lines of a long file", () => {
    const path = join(folder, "a.log");
    writeFileSync(path, Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join(""));
    expect([...new FollowedFile(path, "a").read(2)]).toEqual(["line 49998", "line 49999"]);
    expect([...new FollowedFile(path, "a").read(0)]).toEqual([]);
  });
});
