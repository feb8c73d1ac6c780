/**
 * Files: what parses, what is bounded, what stands beside a bad document, and where each problem is.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatProblem } from "../src/base/problem.ts";
import { loadDocuments } from "../src/config/load.ts";
import { parseYaml } from "../src/config/parse-yaml.ts";
import { readFiles } from "../src/config/read-folder.ts";

const load = (text: string, file = "a.yaml") => loadDocuments([{ file, text }]);
const said = (text: string): string[] => load(text).problems.map(formatProblem);
const names = (text: string): string[] => load(text).mesh.workloads.map((w) => w.name);
const workload = (name: string): string => `apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: ${name}}\n`;

describe("a file", () => {
  test("holds several documents, lists of documents and empty ones", () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: c}}\n`;
    expect(names(`---\n${workload("a")}---\n# nothing\n---\n${workload("b")}...\n---\n${list}`)).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(said("")).toEqual([]);
    expect(said("---\n---\n")).toEqual([]);
  });

  test("may be JSON, tabs and all", () => {
    expect(
      names('{\n\t"apiVersion": "tulle.dev/v1",\n\t"kind": "Workload",\n\t"metadata": {"name": "a"}\n}\n'),
    ).toEqual(["a"]);
  });

  test("may end its lines with CRLF and use anchors and merge keys", () => {
    const text =
      "apiVersion: tulle.dev/v1\nkind: Workload\nmetadata:\n  name: a\n  labels: &l {app: x, version: v1}\n---\napiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: b}\nspec: &s {command: &c [run]}\n";
    expect(names(text.replaceAll("\n", "\r\n"))).toEqual(["a", "b"]);
    const merged = load(
      "x: &b {name: w, namespace: n}\napiVersion: tulle.dev/v1\nkind: Workload\nmetadata:\n  <<: *b\n  name: own\n",
    );
    expect(merged.problems.map((p) => p.message)).toEqual(['unknown field "x"']);
    expect(merged.documents[0]).toMatchObject({ name: "own", namespace: "n" });
  });

  test("keeps the documents beside one that does not parse", () => {
    const text = `${workload("a")}---\nspec: [1,\n---\n${workload("b")}---\na: 1\n b: 2\n---\n${workload("c")}`;
    expect(names(text)).toEqual(["a", "b", "c"]);
    const problems = load(text).problems;
    expect(problems.map((p) => p.place.line)).toEqual([6, 11, 11]);
    for (const p of problems) expect(p.message).toStartWith("not YAML: ");
  });

  test("keeps the good documents beside a bad one, in other files too", () => {
    const loaded = loadDocuments([
      { file: "a.yaml", text: `${workload("a")}---\n${workload("B")}` },
      { file: "b.yaml", text: "][" },
      { file: "c.yaml", text: workload("c") },
    ]);
    expect(loaded.mesh.workloads.map((w) => w.name)).toEqual(["a", "c"]);
    expect(new Set(loaded.problems.map((p) => p.place.file))).toEqual(new Set(["a.yaml", "b.yaml"]));
    expect(loaded.documents.map((d) => [d.name, d.status])).toEqual([
      ["a", "applied"],
      ["B", "refused"],
      ["c", "applied"],
    ]);
  });

  test.each([
    ["a: 1\na: 2\n", 'a.yaml:2:1 "a" stands twice in one mapping'],
    ["a: *x\n", "a.yaml:1:4 the alias *x has no anchor &x before it"],
    ["a: !secret b\n", "a.yaml:1:4 not YAML: Unresolved tag: !secret"],
    ["[a]: b\n", "a.yaml:1:1 a key must be text"],
    ["text\n", 'a.yaml:1:1 must be a document with apiVersion, kind and metadata, found text "text"'],
    ["kind: Service\n", 'a.yaml:1:1 field "apiVersion" is missing: a document has apiVersion, kind and metadata'],
    ["apiVersion: v1\nkind: 5\n", "a.yaml:2:7 kind: must be text, found number 5"],
    ["apiVersion: v1\nkind: Service\n", 'a.yaml:1:1 field "metadata" is missing'],
    ["apiVersion: v1\nkind: Service\nmetadata: {}\n", 'a.yaml:3:11 metadata: field "name" is missing'],
    [
      "apiVersion: v1\nkind: Service\nmetadata: {name: A}\n",
      'a.yaml:3:18 metadata.name: must be lower-case letters, digits, dashes and dots, with a letter or digit at both ends of each part, found text "A"',
    ],
    [
      "apiVersion: v1\nkind: Service\nmetadata: {name: a, label: {}}\n",
      'a.yaml:3:21 metadata.label: unknown field "label"; did you mean "labels"?',
    ],
    [
      "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {version: 1}}\n",
      "a.yaml:3:39 metadata.labels.version: must be text (put it in quotes), found number 1",
    ],
    [
      "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspecs: {}\n",
      'a.yaml:4:1 specs: unknown field "specs"; did you mean "spec"?',
    ],
  ])("%j has its problem at its place", (text, problem) => {
    expect(said(text)).toEqual([problem]);
  });

  test("what the API server writes is read over", () => {
    const text =
      "apiVersion: v1\nkind: Service\nmetadata: {name: a, uid: x, generation: 1, managedFields: [], creationTimestamp: null, labels: null, annotations: null}\nspec: {selector: null}\nstatus: {loadBalancer: {}}\n";
    expect(said(text)).toEqual([]);
  });
});

describe("kinds", () => {
  const kind = (apiVersion: string, k: string): string[] =>
    said(`apiVersion: ${apiVersion}\nkind: ${k}\nmetadata: {name: a}\nspec: {}\n`);

  test.each(["v1", "v1beta1", "v1alpha3"])("version %s of Istio's kinds is read alike", (version) => {
    const text = `apiVersion: networking.istio.io/${version}\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: b}\n---\napiVersion: security.istio.io/${version}\nkind: PeerAuthentication\nmetadata: {name: a}\n`;
    expect(said(text)).toEqual([]);
    expect(load(text).documents.map((d) => d.status)).toEqual(["applied", "applied"]);
  });

  test.each([
    [
      "networking.istio.io/v1",
      "VirtualServce",
      'kind: unknown kind "VirtualServce" in "networking.istio.io"; did you mean "VirtualService"?',
    ],
    [
      "networking.k8s.istio.io/v1",
      "VirtualService",
      "apiVersion: the kind VirtualService must have apiVersion networking.istio.io/v1, found",
    ],
    [
      "security.istio.io/v1",
      "DestinationRule",
      "apiVersion: the kind DestinationRule must have apiVersion networking.istio.io/v1",
    ],
    [
      "networking.istio.io/v2x",
      "VirtualService",
      "apiVersion: the kind VirtualService must have apiVersion networking.istio.io/v1",
    ],
    ["v2", "Service", "apiVersion: the kind Service must have apiVersion v1"],
    ["tulle.dev/v2", "Workload", "apiVersion: the kind Workload must have apiVersion tulle.dev/v1"],
    ["split.smi-spec.io/v1alpha9", "TrafficSplit", "must have apiVersion split.smi-spec.io/v1alpha4"],
    ["gateway.networking.k8s.io/v2", "HTTPRoute", "must have apiVersion gateway.networking.k8s.io/v1, found"],
    ["gateway.istio.io/v1", "Gateway", "apiVersion networking.istio.io/v1 or gateway.networking.k8s.io/v1, found"],
    ["gateway.networking.x-k8s.io/v1alpha1", "XBackend", "XBackend (gateway.networking.x-k8s.io) is not supported yet"],
    ["security.istio.io/v1", "RequestAuthentication", "is not supported yet"],
    ["metrics.smi-spec.io/v1alpha4", "TrafficMetrics", "is not supported yet"],
    ["access.smi-spec.io/v1beta1", "TrafficTarget", "must have apiVersion access.smi-spec.io/v1alpha3"],
    ["istio.io/v1", "ProxyConfig", "apiVersion: the kind ProxyConfig belongs to the group networking.istio.io"],
    ["v1", "constructor", "unknown kind"],
    ["__proto__/v1", "toString", "unknown kind"],
  ])("%s %s is refused", (apiVersion, k, message) => {
    const problems = kind(apiVersion, k);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
    expect(problems[0]).toMatch(/^a\.yaml:[12]:\d+ /);
  });

  test.each([
    ["apps/v1", "Deployment"],
    ["v1", "ServiceAccount"],
    ["v1", "LimitRange"],
    ["networking.k8s.io/v1", "Ingress"],
    ["install.istio.io/v1alpha1", "IstioOperator"],
  ])("%s %s is skipped, and it is said", (apiVersion, k) => {
    expect(kind(apiVersion, k)).toEqual([`a.yaml:1:1 warning: ${k} is skipped: it says nothing to the mesh`]);
  });
});

describe("the same document twice", () => {
  test("names both places, and the first stays", () => {
    const loaded = loadDocuments([
      { file: "a.yaml", text: workload("w") },
      { file: "b.yaml", text: `${workload("other")}---\n${workload("w")}` },
    ]);
    expect(loaded.problems.map(formatProblem)).toEqual([
      "b.yaml:5:1 metadata.name: Workload default/w is there already: see a.yaml:1",
    ]);
    expect(loaded.mesh.workloads.map((w) => [w.name, w.origin.place.file])).toEqual([
      ["w", "a.yaml"],
      ["other", "b.yaml"],
    ]);
  });

  test("is another where two groups have a kind of one name", () => {
    const named = (group: string, spec: string): string =>
      `apiVersion: ${group}/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: ${spec}\n`;
    const server = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}";
    const text = `${named("networking.istio.io", `{selector: {a: b}, servers: [${server}]}`)}---\n${named("gateway.networking.k8s.io", "{gatewayClassName: istio, listeners: []}")}`;
    expect(said(text)).toEqual([]);
    expect(load(text).mesh.gateways).toHaveLength(1);
    expect(load(text).mesh.gatewayApi.gateways).toHaveLength(1);
  });

  test("is another in another namespace", () => {
    expect(said(`${workload("w")}---\n${workload("w").replace("name: w", "name: w, namespace: n")}`)).toEqual([]);
  });
});

describe("bounds", () => {
  const bomb = (levels: number): string =>
    `a0: &a0 [x]\n${Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(",")}]`).join("\n")}\n`;

  test.each([
    ["an alias bomb", bomb(9), "too many values"],
    ["a deep flow", "[".repeat(200_000), "deep"],
    ["a deep block", "- ".repeat(200_000), "deep"],
    ["deep keys", "? ".repeat(200_000), "deep"],
    ["deep indentation", Array.from({ length: 1500 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), "deep"],
    [
      "depth through aliases",
      `a0: &a0 x\n${Array.from({ length: 200 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`).join("\n")}\n`,
      "deep",
    ],
    ["a huge file", `a: ${"x".repeat(4 * 1024 * 1024)}`, "a file may have 4194304 bytes"],
    ["many documents", "--- 1\n".repeat(6_000), "a file may have 5000 documents"],
    ["many anchors", "&a ".repeat(30_000), "not YAML"],
  ])("%s is refused in time", (_, text, message) => {
    const parsed = parseYaml("a.yaml", text);
    expect(parsed.problems.length).toBeGreaterThan(0);
    expect(parsed.problems.length).toBeLessThanOrEqual(10);
    expect(parsed.problems[0]?.message).toContain(message);
    expect(parsed.broken).toBe(true);
  });

  test("many keys, and many wrong ones, cost no more than their number", () => {
    const text = `apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n${Array.from({ length: 50_000 }, (_, i) => `  key${i}: v`).join("\n")}\n`;
    expect(load(text).problems.length).toBeLessThanOrEqual(20);
  });

  test("long values are shortened in messages", () => {
    expect(said(`apiVersion: v1\nkind: ${"K".repeat(100_000)}\n`).join().length).toBeLessThan(300);
  });
});

describe("a folder", () => {
  const root = mkdtempSync(join(tmpdir(), "tulle-config-"));
  afterAll(() => rmSync(root, { recursive: true }));

  test("is read in order, with what is in it, without hidden files", () => {
    mkdirSync(join(root, "sub"));
    mkdirSync(join(root, "..data-1"));
    mkdirSync(join(root, ".git"));
    writeFileSync(join(root, "b.yaml"), workload("b"));
    writeFileSync(join(root, "a.yml"), `\uFEFF${workload("a")}`);
    writeFileSync(
      join(root, "sub", "c.json"),
      '{"apiVersion": "tulle.dev/v1", "kind": "Workload", "metadata": {"name": "c"}}',
    );
    writeFileSync(join(root, "notes.txt"), "no document");
    writeFileSync(join(root, ".b.yaml.swp"), "no");
    writeFileSync(join(root, ".git", "x.yaml"), "no: [");
    writeFileSync(join(root, "..data-1", "linked.yaml"), workload("linked"));
    symlinkSync("..data-1/linked.yaml", join(root, "linked.yaml"));
    symlinkSync("nowhere.yaml", join(root, "dangling.yaml"));
    symlinkSync(root, join(root, "sub", "loop"));
    const { files, problems } = readFiles([root]);
    expect(problems).toEqual([]);
    expect(files.map((f) => f.file.slice(root.length + 1))).toEqual(["a.yml", "b.yaml", "linked.yaml", "sub/c.json"]);
    const first = loadDocuments(files);
    expect(first.problems).toEqual([]);
    expect(first.mesh.workloads.map((w) => w.name)).toEqual(["a", "b", "linked", "c"]);
  });

  test("that is not there is a problem, and a file by name is read whatever its name", () => {
    const one = join(root, "documents");
    writeFileSync(one, workload("x"));
    const { files, problems } = readFiles([join(root, "none"), one, one]);
    expect(files.map((f) => f.file)).toEqual([one]);
    expect(problems.map(formatProblem).join()).toContain("cannot be read");
  });
});
