/**
 * Rules that are handed over: a root's matches and its delegate's become one, and what does not fit is told with its place.
 */
import { describe, expect, test } from "bun:test";
import { formatProblem } from "../src/base/problem.ts";
import { analyze } from "../src/config/analyze.ts";
import { errors, load } from "./support/documents.ts";

const document = (name: string, spec: string, namespace = "shop", created = ""): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}, namespace: ${namespace}${created}}, spec: {${spec}}}\n---\n`;
const SERVICE =
  "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}\n---\n";
const root = (rule: string): string => document("root", `hosts: [a], http: [${rule}]`);
const TO = "delegate: {name: part}";

/** The rules that are left of a root with this rule and its delegate with these. */
function merged(rule: string, part: string, more = "") {
  const loaded = load(SERVICE + root(rule) + document("part", `http: [${part}]${more}`));
  expect(loaded.problems.filter((p) => p.severity === "error").map(formatProblem)).toEqual([]);
  expect(loaded.mesh.virtualServices).toHaveLength(1);
  return { rules: loaded.mesh.virtualServices[0]?.http ?? [], said: analyze(loaded).map(formatProblem) };
}
const OK = "directResponse: {status: 200}";

/** What is left of a delegate's match beside the root's: undefined where it does not fit. */
const fits = (wide: string, narrow: string) =>
  merged(`{match: [${wide}], ${TO}}`, `{match: [${narrow}], ${OK}}`).rules[0]?.matches;

describe("matches", () => {
  test.each([
    ["{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}", true],
    ["{uri: {prefix: /a}}", "{uri: {exact: /a}}", true],
    ["{uri: {prefix: /a/b}}", "{uri: {prefix: /a}}", false],
    ["{uri: {exact: /a}}", "{uri: {exact: /a}}", true],
    ["{uri: {exact: /a}}", "{uri: {prefix: /a}}", false],
    ["{uri: {exact: /a}}", "{uri: {exact: /b}}", false],
    ["{uri: {regex: /a.*}}", "{uri: {prefix: /a}}", false],
    ["{uri: {prefix: /a}}", "{uri: {regex: /a.*}}", false],
    ["{uri: {regex: /a.*}}", "{method: {exact: GET}}", true],
    ["{headers: {x: {prefix: a}}}", "{headers: {x: {exact: ab}}}", true],
    ["{headers: {x: {exact: a}}}", "{headers: {x: {exact: b}}}", false],
    ["{headers: {x: {exact: a}}}", "{headers: {y: {exact: b}}}", true],
    ["{queryParams: {x: {exact: a}}}", "{queryParams: {x: {exact: b}}}", false],
    ["{port: 80}", "{port: 81}", false],
    ["{uri: {prefix: /A}, ignoreUriCase: true}", "{uri: {prefix: /A}}", false],
    ["{sourceLabels: {a: b}}", "{sourceLabels: {a: c}}", false],
    ["{sourceLabels: {a: b}}", "{sourceLabels: {c: d}}", true],
    ["{sourceNamespace: x}", "{uri: {prefix: /}}", false],
    ["{gateways: [g]}", "{gateways: [shop/g]}", true],
    ["{gateways: [g]}", "{gateways: [h]}", false],
  ])("%s takes in %s: %p", (wide, narrow, expected) => {
    expect(fits(wide, narrow) !== undefined).toBe(expected);
  });

  test("each of the delegate's with each of the root's that it is part of", () => {
    const found = fits(
      "{name: one, uri: {prefix: /a}, headers: {x: {}}}, {name: two, port: 80}",
      "{name: part, uri: {prefix: /a/b}}",
    );
    expect(found).toMatchObject([
      { name: "one-part", uri: { value: "/a/b" }, headers: { x: { t: "present" } }, port: undefined },
      { name: "two-part", uri: { value: "/a/b" }, headers: {}, port: 80 },
    ]);
  });

  test("of one side alone hold as they are", () => {
    expect(merged(`{${TO}}`, `{match: [{uri: {exact: /b}}], ${OK}}`).rules[0]?.matches).toMatchObject([
      { uri: { value: "/b" } },
    ]);
    expect(merged(`{match: [{uri: {exact: /a}}], ${TO}}`, `{${OK}}`).rules[0]?.matches).toMatchObject([
      { uri: { value: "/a" } },
    ]);
  });
});

test("what a delegate's rule does not say, the root's says", () => {
  const common =
    "timeout: 5s, retries: {attempts: 3}, headers: {request: {set: {x: '1'}}}, fault: {abort: {httpStatus: 500}}";
  const { rules } = merged(
    `{name: root, ${common}, ${TO}}`,
    "{name: one, route: [{destination: {host: a}}]}, {timeout: 1s, headers: {request: {set: {y: '2'}}}, route: [{destination: {host: a}}]}",
  );
  expect(rules).toMatchObject([
    {
      name: "root-one",
      field: "http[0]",
      action: { timeoutMs: 5000, retries: { attempts: 3 } },
      headers: { request: { set: { x: "1" } } },
    },
    {
      name: "root",
      field: "http[1]",
      action: { timeoutMs: 1000, retries: { attempts: 3 } },
      headers: { request: { set: { y: "2" } } },
    },
  ]);
  expect(rules.map((r) => [r.delegate?.name, r.fault?.abort?.httpStatus])).toEqual([
    ["part", 500],
    ["part", 500],
  ]);
});

describe("analysis says", () => {
  const said = (...documents: readonly string[]) =>
    analyze(load(SERVICE + documents.join("")))
      .map(formatProblem)
      .join("\n");

  test.each([
    ["no such document", [root(`{${TO}}`)], "http[0].delegate: there is no VirtualService shop/part [IST0101]"],
    [
      "of another namespace",
      [root("{delegate: {name: part, namespace: other}}"), document("part", `http: [{${OK}}]`)],
      "no VirtualService other/part",
    ],
    ["itself", [root("{delegate: {name: root}}")], "cannot delegate to itself"],
    [
      "a root",
      [root(`{${TO}}`), document("part", `hosts: [b.com], http: [{${OK}}]`)],
      "VirtualService shop/part at mesh.yaml:5 has hosts of its own",
    ],
    [
      "hidden",
      [
        root("{delegate: {name: part, namespace: other}}"),
        document("part", `http: [{${OK}}], exportTo: ['.']`, "other"),
      ],
      "is not exported to the namespace shop",
    ],
    ["nobody's", [document("part", `http: [{${OK}}]`)], "has no hosts, and no VirtualService delegates to it"],
  ] as const)("%s", (_, documents, message) => expect(said(...documents)).toContain(message));

  test("which match does not fit, in the delegate's own document", () => {
    const { rules, said: found } = merged(
      `{match: [{uri: {prefix: /a}}], ${TO}}`,
      `{match: [{uri: {prefix: /b}}], ${OK}}, {${OK}}`,
    );
    expect(rules).toHaveLength(1);
    expect(found.join()).toContain("mesh.yaml:5:");
    expect(found.join()).toContain(
      "spec.http[0].match: a match of this rule is not part of any match of the rule that delegates to it (mesh.yaml:3)",
    );
  });

  test("of a destination that is not there, in the delegate's document", () => {
    const { said: found } = merged(`{name: x, ${OK}}, {${TO}}`, "{route: [{destination: {host: nobody}}]}");
    expect(found.join()).toMatch(/mesh\.yaml:5:\d+ spec\.http\[0\]\.route\[0\]\.destination\.host: no Service/);
  });
});

test.each([
  [root(`{${TO}, ${OK}}`), "cannot stand beside delegate"],
  [root(`{${TO}, route: [{destination: {host: a}}]}`), "cannot stand beside delegate"],
  [document("part", `http: [{${TO}}]`), "there is one level"],
  [document("part", `gateways: [mesh], http: [{${OK}}]`), "cannot stand in a VirtualService without hosts"],
  [root("{delegate: {namespace: a}}"), 'field "name" is missing'],
])("%s is refused", (text, message) => expect(errors(text).join()).toContain(message));

describe("several VirtualServices of a host", () => {
  const order = (...documents: readonly string[]): unknown =>
    load(documents.join("")).mesh.virtualServices.map(({ origin }) => origin.name);
  const at = (name: string, created = "", namespace = "shop"): string =>
    document(
      name,
      `hosts: [a.shop], http: [{${OK}}]`,
      namespace,
      created === "" ? "" : `, creationTimestamp: "${created}"`,
    );

  test("stand by creation, then by name", () => {
    expect(order(at("c"), at("b"), at("a"))).toEqual(["a", "b", "c"]);
    expect(order(at("a"), at("b", "2026-01-02T00:00:00Z"), at("c", "2026-01-01T00:00:00Z"))).toEqual(["c", "b", "a"]);
  });
});
