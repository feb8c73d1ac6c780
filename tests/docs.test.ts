/**
 * Documents that the docs show are documents that load, and commands that they name are there.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { overloadOf } from "../src/app/sidecar/overload-settings.ts";
import { formatProblem } from "../src/base/problem.ts";
import { COMMANDS } from "../src/cli/command-list.ts";
import { loadDocuments } from "../src/config/load.ts";
import { compileHttp } from "../src/engine/http.ts";
import { RoutePolicies } from "../src/proxy/route-policies.ts";
import { parseBootstrap } from "../src/xds/bootstrap.ts";
import { HttpConnectionManager } from "../src/xds/proto/http-connection-manager.ts";
import { fromJson } from "../src/xds/types/codec.ts";
import { ROUTER } from "./support/http-manager.ts";

const root = join(import.meta.dir, "..");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"))
    .filter((f) => f.endsWith(".md"))
    .map((f) => `docs/${f}`),
];

for (const page of pages)
  describe(page, () => {
    const text = readFileSync(join(root, page), "utf8");

    for (const [i, [, json = ""]] of [...text.matchAll(/```json\n(\{\s*"overload_manager"[\s\S]*?)```/g)].entries())
      test(`overload manager ${i + 1} is one`, () => {
        expect(overloadOf(parseBootstrap(json, page), undefined, 1).actions.length).toBeGreaterThan(0);
      });

    for (const [i, [, json = ""]] of [...text.matchAll(/```json\n(\{\s*"stat_prefix"[\s\S]*?)```/g)].entries())
      test(`connection manager ${i + 1} compiles, retries included`, () => {
        const manager = fromJson(HttpConnectionManager, JSON.parse(json));
        const { routeTable } = compileHttp({ ...manager, httpFilters: [ROUTER] }, () => undefined);
        const policies = new RoutePolicies();
        for (const { route } of routeTable.virtualHosts.flatMap(({ routes }) => routes)) policies.of(route);
        expect(routeTable.virtualHosts).not.toEqual([]);
      });

    for (const [i, [, yaml = ""]] of [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].entries())
      test(`document ${i + 1} loads`, () => {
        const { problems } = loadDocuments([{ file: `${page}#${i + 1}`, text: yaml }]);
        expect(problems.map(formatProblem)).toEqual([]);
      });

    test("commands are there", () => {
      const named = [...text.matchAll(/^\s*(?:\$ )?\.\/tulle ([a-z-]+)/gm)].map(([, name]) => name);
      const known = new Set(COMMANDS.map(({ name }) => name));
      expect(named.filter((name) => name !== undefined && !known.has(name))).toEqual([]);
    });

    test("links lead somewhere", () => {
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) =>
        join(root, page, "..", link ?? ""),
      );
      expect(links.filter((link) => !existsSync(link))).toEqual([]);
    });
  });
