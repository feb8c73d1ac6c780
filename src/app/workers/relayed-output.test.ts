import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RelayedOutput } from "./relayed-output.ts";

test("a regular file is written by the worker itself, anything else by the main process", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-relay-"));
  const opened: string[] = [];
  const relayed: string[] = [];
  const output = new RelayedOutput(
    (path) => {
      opened.push(path);
      return (bytes) => bytes.length;
    },
    (path) => void relayed.push(path),
  );
  const file = join(folder, "access.log");
  for (const path of [file, "/dev/null"]) expect(output.sink(path)(Buffer.from("line\n"))).toBe(5);
  expect([opened, relayed]).toEqual([[file], ["/dev/null"]]);
  rmSync(folder, { recursive: true });
});

test("what is on its way is bounded, and is a copy", () => {
  const relayed: Uint8Array[] = [];
  const output = new RelayedOutput(
    () => () => 0,
    (_, bytes) => void relayed.push(bytes),
  );
  const sink = output.sink("/dev/null");
  const batch = Buffer.alloc(200 * 1024, "a");
  expect([sink(batch), sink(batch), sink(batch)]).toEqual([batch.length, batch.length, 0]);
  batch.fill("b");
  expect(relayed.map((bytes) => bytes[0])).toEqual([97, 97]);
  expect(output.isWritten).toBe(false);
  output.written(batch.length);
  expect(sink(batch)).toBe(batch.length);
  output.written(2 * batch.length);
  expect(output.isWritten).toBe(true);
});
