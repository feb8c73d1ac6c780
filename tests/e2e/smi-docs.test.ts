/**
 * The calls of docs/smi.md, asked of a running mesh: of our proxies, and of real Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { serviceOf } from "./support/documents.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/smi.md"), "utf8");
const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
const rows = [...page.matchAll(/^\| `(\w+)` `([A-Z]+) (\/[^`]*)`(?: to (\w+))?(?: with `([^`]+)`)? \| (.*) \|$/gm)].map(
  ([, caller = "", method = "", path = "", to = "shop", header = "", words = ""]) =>
    [caller, method, path, to, header, words] as const,
);
const echo = (name: string): string => serviceOf(name, [process.execPath, join(APPS, "echo.ts")], { VERSION: name });
const served = ["shop", "pages", "pages-next", "web", "robot"].map(echo);
const binary = await ensureEnvoy();
if (binary === undefined) console.warn("SKIPPED: SMI in real Envoys, which could not be had");

describe.each([
  ["our proxies", []],
  ...(binary === undefined ? [] : [["real Envoys", ["--proxy", "envoy"]] as const]),
] as const)("docs/smi.md by %s", (_, args) => {
  const empty = mkdtempSync(join(tmpdir(), "tulle-smi-"));
  let mesh: MeshRun;
  beforeAll(async () => {
    const files = { "mesh.yaml": [...served, ...documents].join("\n---\n") };
    mesh = await MeshRun.start({ folder: empty, files, args });
  }, 90_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(empty, { recursive: true });
  }, 40_000);

  test("there are calls", () => expect(rows.length).toBe(9));

  test.each(rows)("%s %s %s to %s with %s: %s", async (caller, method, path, to, header, words) => {
    const [name = "", value = ""] = header.split(": ");
    const headers = name === "" ? {} : { [name]: value };
    const { status, body } = await mesh.callFrom(caller, `http://${to}${path}`, { method, headers });
    expect(status).toBe(words === "denied" ? 403 : 200);
    if (to !== "shop") expect(JSON.parse(body)).toMatchObject({ version: words });
  });
});
