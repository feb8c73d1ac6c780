/**
 * The tables of docs/smi.md are what becomes of those calls, by the engine that decides for traffic.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Explanation } from "../src/app/explain/explanation.ts";
import { runCli } from "./support/cli-context.ts";
import { service, workload } from "./support/mesh.ts";

const page = readFileSync(join(import.meta.dir, "../docs/smi.md"), "utf8");
const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
const rows = [...page.matchAll(/^\| `(\w+)` `([A-Z]+) (\/[^`]*)`(?: to (\w+))?(?: with `([^`]+)`)? \| (.*) \|$/gm)];

const folder = mkdtempSync(join(tmpdir(), "tulle-smi-"));
const file = join(folder, "mesh.yaml");
const served = ["shop", "pages", "pages-next"].flatMap((name) => [
  service(name, ["http:80:8080"]),
  workload(name, "v1", [8080]),
]);
const callers = ["web", "robot"].map((name) => workload(name, "v1", []));
writeFileSync(file, [...served, ...callers, ...documents].join("\n---\n"));
afterAll(() => rmSync(folder, { recursive: true }));

type Row = readonly [caller: string, method: string, path: string, to: string, header: string | undefined];

async function explained([caller, method, path, to, header]: Row): Promise<Explanation> {
  const { err, out } = await runCli([
    "explain",
    "-f",
    file,
    "-o",
    "json",
    "--from",
    `${caller}-v1`,
    ...(header === undefined ? [] : ["-H", header]),
    method,
    `http://${to}${path}`,
  ]);
  expect(err).toBe("");
  return JSON.parse(out) as Explanation;
}

/** In the page's words. */
function told({ destinations, outcome }: Explanation, split: boolean): string {
  const [destination] = destinations;
  if (split) return outcome === "allowed" ? (destination?.host.split(".")[0] ?? "") : outcome;
  const policies = destination?.arrivals.flatMap((a) => a.policies).filter((p) => p.matched) ?? [];
  return `${outcome}${policies.map((p) => ` by ${p.policy.replace("default/", "")}`).join()}`;
}

describe("docs/smi.md", () => {
  test("has two tables", () => expect(rows.length).toBe(9));

  test.each(
    rows.map(
      ([, caller = "", method = "", path = "", to, header, words = ""]) =>
        [caller, method, path, to ?? "shop", header, words] as const,
    ),
  )("%s %s %s to %s with %s: %s", async (caller, method, path, to, header, words) => {
    const explanation = await explained([caller, method, path, to, header]);
    expect(told(explanation, to !== "shop")).toBe(words);
  });

  test("explain names the documents", async () => {
    const run = (...args: readonly string[]) => runCli(["explain", "-f", file, "--from", "web-v1", ...args]);
    const { out } = await run("http://shop/items");
    expect(out).toMatch(/✓ ALLOW {2}TrafficTarget default\/shoppers rule 0 \(.*mesh\.yaml:\d+\)/);
    const { out: split } = await run("-H", "cookie: tester=1", "http://pages/");
    expect(split).toMatch(/TrafficSplit default\/pages rule/);
  });
});
