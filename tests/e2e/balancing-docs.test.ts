/**
 * The documents of docs/balancing.md in a mesh: clients stay with their endpoint, whichever workload calls.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer } from "./support/call.ts";
import { serviceOf, workloadOf } from "./support/documents.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/balancing.md"), "utf8");
const rules = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
const shown = /```\nset-cookie: (.*)\n```/.exec(page)?.[1] ?? "";

const ECHO = [process.execPath, `${APPS}/echo.ts`];
const endpoints = (app: string): string =>
  serviceOf(app, ECHO, { VERSION: app }) +
  ["b", "c", "d"].map((name) => workloadOf(`${app}-${name}`, app, ECHO, { VERSION: `${app}-${name}` })).join("");
const DOCUMENTS = [
  endpoints("cart"),
  endpoints("shop"),
  serviceOf("catalog", ECHO, { VERSION: "slow", WAIT_MS: "60" }),
  workloadOf("catalog-b", "catalog", ECHO, { VERSION: "quick" }),
  serviceOf("client", ECHO),
  serviceOf("other", ECHO),
  rules.join("---\n"),
].join("");
const USERS = Array.from({ length: 40 }, (_, i) => `user-${i}`);

describe("clients that stay", () => {
  const empty = mkdtempSync(join(tmpdir(), "tulle-balancing-"));
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({ folder: empty, files: { "mesh.yaml": DOCUMENTS } });
  }, 60_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(empty, { recursive: true });
  }, 40_000);

  const versionOf = ({ status, headers }: Answer): string =>
    status === 200 ? (headers.get("x-version") ?? "") : String(status);

  test("by a header: to one endpoint by every workload", async () => {
    const asked = async (from: string): Promise<string[]> => {
      const found: string[] = [];
      for (const user of USERS)
        found.push(versionOf(await mesh.callFrom(from, "http://cart/", { headers: { "x-user": user } })));
      return found;
    };
    const first = await asked("client");
    expect(await asked("client")).toEqual(first);
    expect(await asked("other")).toEqual(first);
    expect([...new Set(first)].sort()).toEqual(["cart", "cart-b", "cart-c", "cart-d"]);
  }, 30_000);

  test("by latency: the slow endpoint gets few calls", async () => {
    const counts = { slow: 0, quick: 0 };
    for (let i = 0; i < 60; i += 1)
      counts[versionOf(await mesh.callFrom("client", "http://catalog/")) as keyof typeof counts] += 1;
    expect(counts.slow + counts.quick).toBe(60);
    expect(counts.slow).toBeLessThan(10);
  }, 30_000);

  test("by a cookie: who has none gets one, and comes back to the same endpoint", async () => {
    const versions = new Set<string>();
    for (let i = 0; i < 30; i += 1) {
      const first = await mesh.callFrom("client", "http://shop/");
      const line = first.headers.get("set-cookie") ?? "";
      expect(line.replace(/"\w+"/, "")).toBe(shown.replace(/"\w+"/, ""));
      const back = await mesh.callFrom("other", "http://shop/", { headers: { cookie: line.split(";")[0] ?? "" } });
      expect([versionOf(back), back.headers.get("set-cookie")]).toEqual([versionOf(first), null]);
      versions.add(versionOf(first));
    }
    expect(versions.size).toBeGreaterThan(1);
  }, 30_000);
});
