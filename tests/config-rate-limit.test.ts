/**
 * RateLimit: read, refused with its place, told by explain.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDocuments } from "../src/config/load.ts";
import { runCli } from "./support/cli-context.ts";
import { meshOf, service, workload } from "./support/mesh.ts";

const limit = (spec: string): string =>
  `{apiVersion: tulle.dev/v1, kind: RateLimit, metadata: {name: shop}, spec: ${spec}}`;
const problems = (spec: string): readonly string[] =>
  loadDocuments([{ file: "m.yaml", text: limit(spec) }]).problems.map(({ path, message }) => `${path}: ${message}`);

test.each([
  ["{}", "spec: must have at least one of requests, connections, rules"],
  ["{requests: {per: 1s}}", 'spec.requests: field "count" is missing'],
  ["{requests: {count: 0}}", "spec.requests.count: must be a whole number from 1"],
  ["{requests: {count: 1, per: 20ms}}", "spec.requests.per: must be 50ms or more"],
  ["{rules: [{requests: {count: 1}}]}", "spec.rules[0]: must have at least one of match, byHeader"],
  ["{rules: [{byHeader: 'a b', requests: {count: 1}}]}", "spec.rules[0].byHeader: must be the name of a header"],
  ["{requests: {count: 1}, dryrun: true}", 'spec.dryrun: unknown field "dryrun"; did you mean "dryRun"?'],
] as const)("%s is refused", (spec, start) => {
  expect(
    problems(spec).some((it) => it.startsWith(start)),
    problems(spec).join("\n"),
  ).toBe(true);
});

test("defaults: a second, and a burst of as many", () => {
  const [read] = meshOf(limit("{requests: {count: 7}, connections: {count: 3, per: 1m, burst: 9}}")).rateLimits;
  expect(read).toMatchObject({
    requests: { count: 7, perMs: 1000, burst: 7 },
    connections: { count: 3, perMs: 60_000, burst: 9 },
    dryRun: false,
    tellsLimits: false,
  });
});

test("explain tells which limits a request falls under", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-limit-"));
  const file = join(folder, "mesh.yaml");
  const documents = [
    service("shop", ["http:80:8080"]),
    workload("shop", "v1", [8080]),
    workload("client", "v1", []),
    limit("{requests: {count: 10}, rules: [{match: {path: {exact: /search}}, requests: {count: 1}}]}"),
  ];
  writeFileSync(file, documents.join("\n---\n"));
  const { out } = await runCli(["explain", "-f", file, "--from", "client-v1", "http://shop/search?q=1"]);
  rmSync(folder, { recursive: true });
  expect(out).toContain("10 at once, then 10 a second, with limits for 1 of its parts; this one counts as rule=0");
  expect(out).toContain("beyond that status 429 (flag RL)");
});
