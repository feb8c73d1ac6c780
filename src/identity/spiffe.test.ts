import { describe, expect, test } from "bun:test";
import { CredentialError } from "./credential-error.ts";
import { parseSpiffeId, workloadOf, workloadSpiffeId } from "./spiffe.ts";
import { matchesSpiffeId, type SpiffeMatcher } from "./spiffe-matcher.ts";

describe("parseSpiffeId()", () => {
  test.each([
    ["spiffe://td", "td", ""],
    ["spiffe://cluster.local/ns/default/sa/reviews", "cluster.local", "/ns/default/sa/reviews"],
    ["spiffe://1.2.3.4/a", "1.2.3.4", "/a"],
    ["spiffe://a_b-c.d/A.b_C-9/...", "a_b-c.d", "/A.b_C-9/..."],
    [`spiffe://td/${"a".repeat(2048 - 12)}`, "td", `/${"a".repeat(2048 - 12)}`],
    [`spiffe://${"a".repeat(255)}/b`, "a".repeat(255), "/b"],
  ])("takes %s", (uri, trustDomain, path) => {
    expect(parseSpiffeId(uri)).toEqual({ uri, trustDomain, path });
  });

  test.each([
    "",
    "spiffe://",
    "spiffe:///a",
    "SPIFFE://td/a",
    "http://td/a",
    "spiffe:/td/a",
    " spiffe://td/a",
    "spiffe://TD/a",
    "spiffe://td:80/a",
    "spiffe://u@td/a",
    "spiffe://td?q",
    "spiffe://td#f",
    "spiffe://ü/a",
    "spiffe://td/",
    "spiffe://td/a/",
    "spiffe://td//a",
    "spiffe://td/./a",
    "spiffe://td/a/..",
    "spiffe://td/a?q",
    "spiffe://td/a#f",
    "spiffe://td/%61",
    "spiffe://td/a b",
    "spiffe://td/a\n",
    "spiffe://td/a\0b",
    "spiffe://td/ä",
    "spiffe://td/a, URI:spiffe://td/b",
    `spiffe://td/${"a".repeat(2048 - 11)}`,
    `spiffe://${"a".repeat(256)}/b`,
    "spiffe://t%64/a",
  ])("refuses %j", (uri) => {
    expect(() => parseSpiffeId(uri)).toThrow(CredentialError);
  });
});

describe("workloadSpiffeId()", () => {
  test("is undone by workloadOf()", () => {
    const id = workloadSpiffeId("cluster.local", "default", "reviews");
    expect(id.uri).toBe("spiffe://cluster.local/ns/default/sa/reviews");
    expect(workloadOf(id)).toEqual({ namespace: "default", serviceAccount: "reviews" });
    expect(workloadOf(parseSpiffeId("spiffe://td/ns/a/sa/b/c"))).toBeUndefined();
    expect(workloadOf(parseSpiffeId("spiffe://td/sa/b"))).toBeUndefined();
  });

  test.each([
    ["", "a"],
    ["a", ""],
    ["a/sa/b", "c"],
    ["a", "b/sa/c"],
    ["..", "a"],
  ])("refuses namespace %j and account %j", (ns, sa) => {
    expect(() => workloadSpiffeId("td", ns, sa)).toThrow(CredentialError);
  });

  test("refuses a trust domain that brings a path", () => {
    expect(() => workloadSpiffeId("td/ns/a/sa/b", "c", "d")).toThrow(CredentialError);
  });
});

describe("matchesSpiffeId()", () => {
  const id = parseSpiffeId("spiffe://td/ns/prod/sa/web");
  test.each([
    [{ kind: "exact", value: "spiffe://td/ns/prod/sa/web" }, true],
    [{ kind: "exact", value: "spiffe://td/ns/prod/sa/we" }, false],
    [{ kind: "prefix", value: "spiffe://td/ns/prod/" }, true],
    [{ kind: "prefix", value: "td/ns/prod/" }, false],
    [{ kind: "suffix", value: "/sa/web" }, true],
    [{ kind: "suffix", value: "/sa/we" }, false],
    [{ kind: "contains", value: "/ns/prod/" }, true],
    [{ kind: "contains", value: "/ns/dev/" }, false],
    [{ kind: "trustDomain", value: "td" }, true],
    [{ kind: "trustDomain", value: "t" }, false],
  ] as const satisfies readonly (readonly [SpiffeMatcher, boolean])[])("%j: %p", (matcher, expected) => {
    expect(matchesSpiffeId(matcher, id)).toBe(expected);
  });
});
