/**
 * The table of docs/visibility.md is what becomes of those calls, by the engine that decides for traffic.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Explanation } from "../src/app/explain/explanation.ts";
import { runCli } from "./support/cli-context.ts";
import { service } from "./support/mesh.ts";

const page = readFileSync(join(import.meta.dir, "../docs/visibility.md"), "utf8");
const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const rows = [...page.matchAll(/^\| `(\w+)` to `([^`]+)` \| (.*) \|$/gm)];

const workload = (name: string, namespace: string, labels = ""): string =>
  `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${name}${labels}}}, spec: {ports: [8080]}}`;
const others = [
  ...[
    ["web", "shop"],
    ["web-next", "shop"],
    ["desk", "support"],
  ].map(([name = "", ns]) => service(name, ["http:80:8080"], ns)),
  ...[
    ["web", "shop"],
    ["web-next", "shop"],
    ["store", "shop"],
    ["desk", "support"],
  ].map(([name = "", ns = ""]) => workload(name, ns)),
  ...[
    ["front", "edge"],
    ["nightly", "jobs"],
    ["report", "jobs"],
  ].map(([name = "", ns = ""]) => workload(name, ns)),
  workload("tester", "edge", ', trial: "yes"'),
];

const folder = mkdtempSync(join(tmpdir(), "tulle-visibility-"));
const file = join(folder, "mesh.yaml");
writeFileSync(file, [yaml, ...others].join("\n---\n"));
afterAll(() => rmSync(folder, { recursive: true }));

async function explained(from: string, url: string): Promise<Explanation> {
  const { err, out } = await runCli(["explain", "-f", file, "-o", "json", "--from", from, url]);
  expect(err).toBe("");
  return JSON.parse(out) as Explanation;
}

/** In the page's words: without places. */
function told({ destinations, routing, summary, outcome }: Explanation): string {
  if (outcome === "noRoute")
    return summary.replace(/^no route: (.*); the caller gets 502$/, "$1").replace(/ \([^)]*\)/, "");
  return String(routing?.reply?.status ?? destinations[0]?.host.split(".")[0]);
}

describe("docs/visibility.md", () => {
  test("has a table", () => expect(rows.length).toBeGreaterThanOrEqual(9));

  test.each(rows.map(([, from = "", url = "", words = ""]) => [from, url, words.replaceAll("`", "")] as const))(
    "%s to %s: %s",
    async (from, url, words) => expect(told(await explained(from, url))).toBe(words),
  );

  test("explain names the delegate's own document and line, and the rule's timeout is the root's", async () => {
    const { routing } = await explained("front", "http://web.shop/help/7");
    const matched = routing?.rules.find((rule) => rule.matched);
    expect(matched?.name).toBe("help-rest");
    expect(matched?.source).toMatchObject({ namespace: "support", name: "help" });
    expect(routing?.timeoutMs).toBe(2000);
  });

  test("explain names the place of what hides a service, of a connection too", async () => {
    const line = 1 + yaml.split("\n").findIndex((text) => text.includes("kind: Sidecar")) - 1;
    expect((await explained("report", "http://web.shop/")).summary).toContain(`Sidecar jobs/report (${file}:${line})`);
    const { summary } = await explained("report", "tcp://web.shop:80");
    expect(summary).toContain("not visible: Sidecar jobs/report");
  });

  test("nothing is wrong with the documents", async () => {
    expect((await runCli(["validate", file])).out).toContain("no errors");
  });
});
