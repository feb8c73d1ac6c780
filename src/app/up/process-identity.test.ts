import { expect, test } from "bun:test";
import { identityIn, processIdentity } from "./process-identity.ts";

const stat = (name: string, state: string, began: number): string =>
  `12 (${name}) ${state} 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 ${began} 9 10 11\n`;

test("a process is known by when it began, whatever it calls itself", () => {
  expect(identityIn(stat("tulle", "S", 777), "b1\n")).toBe("b1 777");
  expect(identityIn(stat(") R 1 (", "S", 777), "b1\n")).toBe("b1 777");
  expect(identityIn(stat("tulle", "S", 778), "b1\n")).not.toBe(identityIn(stat("tulle", "S", 777), "b1\n"));
  expect(identityIn(stat("tulle", "S", 777), "b2\n")).not.toBe(identityIn(stat("tulle", "S", 777), "b1\n"));
});

test("one that has ended and was not waited for is none", () => {
  expect(identityIn(stat("tulle", "Z", 777), "b1")).toBeUndefined();
});

test("this process has one, and always the same; a number that nobody has has none", () => {
  expect(processIdentity(process.pid)).toBe(processIdentity(process.pid) as string);
  expect(processIdentity(process.pid)).toMatch(/\d/);
  expect(processIdentity(2 ** 30)).toBeUndefined();
});
