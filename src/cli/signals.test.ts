import { expect, test } from "bun:test";
import { isIgnored, SIGHUP } from "./signals.ts";

const status = (mask: string) => (): string =>
  `SigBlk:\t0000000000000001\nSigIgn:\t${mask}\nSigCgt:\t0000000000000001\n`;

test("the bit of a signal says that it is ignored", () => {
  expect(isIgnored(SIGHUP, status("0000000001001001"))).toBe(true);
  expect(isIgnored(SIGHUP, status("0000000001001000"))).toBe(false);
  expect(isIgnored(13, status("0000000001001000"))).toBe(true);
  expect(isIgnored(64, status("8000000000000000"))).toBe(true);
});

test("where nothing is known it is not", () => {
  expect(isIgnored(SIGHUP, () => "")).toBe(false);
});
