import { expect, test } from "bun:test";
import type { RequestView } from "../request.ts";
import { cookieIn } from "./cookie.ts";

const withLines = (lines: readonly string[]): RequestView => ({
  method: "GET",
  path: "/",
  authority: "a",
  scheme: "http",
  header: (name) => (name === "cookie" && lines.length > 0 ? lines.join("; ") : undefined),
  headerLines: (name) => (name === "cookie" ? lines : []),
});

test.each<[readonly string[], string | undefined]>([
  [["stay=a"], "a"],
  [["x=1; stay=a; stay=b"], "a"],
  [["x=1", "stay=a"], "a"],
  [["stay=a=b"], "a=b"],
  [["stay="], ""],
  [['stay="a"'], "a"],
  [['stay=""'], ""],
  [['stay="'], '"'],
  [['stay="a'], '"a'],
  [['stay=a"'], 'a"'],
  [["stay"], undefined],
  [["xstay=a; =a"], undefined],
  [[], undefined],
])("of cookies %p the one named stay is %p", (lines, value) => {
  expect(cookieIn(withLines(lines), "stay")).toBe(value);
});

test("a view without lines gives its joined value", () => {
  const { headerLines: _, ...view } = withLines(["x=1", "stay=a"]);
  expect(cookieIn(view, "stay")).toBe("a");
  const { headerLines: __, ...empty } = withLines([]);
  expect(cookieIn(empty, "stay")).toBeUndefined();
});
