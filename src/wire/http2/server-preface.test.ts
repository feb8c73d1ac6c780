import { expect, test } from "bun:test";
import { beginsWithSettings } from "./server-preface.ts";

const frame = (bytes: number, type: number, flags = 0, stream = 0): Uint8Array =>
  new Uint8Array([
    bytes >> 16,
    (bytes >> 8) & 255,
    bytes & 255,
    type,
    flags,
    0,
    0,
    0,
    stream,
    ...Array<number>(bytes).fill(1),
  ]);

test("SETTINGS, empty or not, are the first frame of a server", () => {
  for (const bytes of [0, 6, 18]) expect(beginsWithSettings(frame(bytes, 4))).toBe(true);
  // With more behind them, or with the rest still to come.
  expect(beginsWithSettings(new Uint8Array([...frame(6, 4), ...frame(4, 8)]))).toBe(true);
  expect(beginsWithSettings(frame(600, 4).subarray(0, 100))).toBe(true);
});

test("other frames are not, nor is what other servers say", () => {
  for (const other of [frame(7, 4), frame(0, 4, 1), frame(6, 4, 0, 1), frame(4, 8), frame(16_386, 4)])
    expect(beginsWithSettings(other)).toBe(false);
  for (const text of ["", "220 ready\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "\x4a\0\0\0\x0a8.0.36\0", "+OK POP3\r\n"])
    expect(beginsWithSettings(Buffer.from(text, "latin1"))).toBe(false);
  for (let bytes = 0; bytes < 9; bytes++) expect(beginsWithSettings(frame(6, 4).subarray(0, bytes))).toBe(false);
});
