/**
 * The document of docs/health-checks.md in a mesh, with our proxies and with Envoys: an endpoint that says it is ill gets no calls
 * until it is well.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { serviceOf, workloadOf } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/health-checks.md"), "utf8");
const [, policy = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const envoy = await ensureEnvoy();

describe.each([
  ["our proxies", []],
  ["Envoys", ["--proxy", "envoy"]],
] as const)("health checks of a mesh of %s", (name, args) => {
  const skips = name === "Envoys" && envoy === undefined;
  const empty = mkdtempSync(join(tmpdir(), "tulle-health-docs-"));
  const sick = (version: string): string => join(empty, `${version}-is-sick`);
  const app = (version: string) =>
    [[process.execPath, `${APPS}/moody.ts`], { VERSION: version, SICK: join(empty, `${version}-is-sick`) }] as const;
  const documents = [
    serviceOf("shop", ...app("shop")),
    workloadOf("shop-b", "shop", ...app("shop-b")),
    serviceOf("client", ...app("client")),
    policy,
  ].join("");
  let mesh: MeshRun;

  beforeAll(async () => {
    const folder = mkdtempSync(join(empty, "documents-"));
    if (!skips) mesh = await MeshRun.start({ folder, files: { "mesh.yaml": documents }, args });
  }, 60_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(empty, { recursive: true });
  }, 40_000);

  async function answering(): Promise<string> {
    const names = new Set<string>();
    for (let i = 0; i < 12; i += 1) {
      const { status, body } = await mesh.callFrom("client", "http://shop/");
      names.add(status === 200 ? body : String(status));
    }
    return [...names].sort().join(" ");
  }

  test.skipIf(skips)(
    "who is ill is left alone; when all are, calls fail at once",
    async () => {
      await eventually("both answer", async () => (await answering()) === "shop shop-b");
      writeFileSync(sick("shop"), "");
      await eventually("one answers", async () => (await answering()) === "shop-b");
      expect(await mesh.admin("client", "/clusters")).toMatch(
        /outbound\|80\|\|shop\.\S+::health_flags::\/failed_active_hc/,
      );
      writeFileSync(sick("shop-b"), "");
      await eventually("nobody is left", async () => (await answering()) === "503");
      rmSync(sick("shop"));
      await eventually("one is back", async () => (await answering()) === "shop");
      rmSync(sick("shop-b"));
      await eventually("both are back", async () => (await answering()) === "shop shop-b");
    },
    60_000,
  );
});
