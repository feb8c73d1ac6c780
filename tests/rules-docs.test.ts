/**
 * The table of docs/rules.md is what becomes of those requests, by the engine that decides for traffic.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Explanation } from "../src/app/explain/explanation.ts";
import { runCli } from "./support/cli-context.ts";
import { service, workload } from "./support/mesh.ts";

const page = readFileSync(join(import.meta.dir, "../docs/rules.md"), "utf8");
const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
const rows = [...page.matchAll(/^\| `(\/[^`]*)`(?: with `([^`]+)`)? \| (.*) \|$/gm)];

const folder = mkdtempSync(join(tmpdir(), "tulle-rules-"));
const file = join(folder, "mesh.yaml");
const services = ["shop", "shop-beta", "api"].flatMap((name) => [
  service(name, ["http:80:8080"]),
  workload(name, "v1", [8080]),
]);
writeFileSync(file, [...services, workload("client", "v1", []), ...documents].join("\n---\n"));
afterAll(() => rmSync(folder, { recursive: true }));

async function explained(path: string, header: string | undefined): Promise<Explanation> {
  const more = header === undefined ? [] : ["-H", header];
  const { err, out } = await runCli([
    "explain",
    "-f",
    file,
    "-o",
    "json",
    "--from",
    "client-v1",
    `http://shop${path}`,
    ...more,
  ]);
  expect(err).toBe("");
  return JSON.parse(out) as Explanation;
}

/** In the page's words. */
function told({ destinations, routing }: Explanation): string {
  const { reply, rewrite } = routing ?? {};
  if (reply !== undefined)
    return `${reply.status}${reply.reason.replace(/^redirect (to .*)|.*/s, (_, to = "") => (to === "" ? "" : ` ${to}`))}`;
  return `${destinations[0]?.host.split(".")[0]}${rewrite?.path === undefined ? "" : ` as ${rewrite.path}`}`;
}

describe("docs/rules.md", () => {
  test("has a table", () => expect(rows.length).toBeGreaterThanOrEqual(6));

  test.each(rows.map(([, path = "", header, words = ""]) => [path, header, words.replaceAll("`", "")] as const))(
    "%s with %s: %s",
    async (path, header, words) => expect(told(await explained(path, header))).toBe(words),
  );

  test("explain tells the reasons, and how retries wait", async () => {
    const { destinations, routing } = await explained("/items?beta=1", "x-robot: yes");
    expect(destinations[0]?.retryBudget).toEqual({ percent: 10, minConcurrency: 2, intervalMs: 0 });
    expect(routing?.rules.map(({ name, matched }) => [name, matched])).toEqual([
      ["beta", false],
      ["renamed", false],
      ["legacy", false],
      ["closed", false],
      ["all", true],
    ]);
    expect(routing?.rules[0]?.reason).toBe("http[0].match[0].withoutHeaders.x-robot: any value, the header is yes");
    expect(routing?.retries).toMatchObject({ attempts: 3, perTryTimeoutMs: 1000, backoffMs: 100 });
    const other = await explained("/items?beta=2", undefined);
    expect(other.routing?.rules[0]?.reason).toBe("http[0].match[0].queryParams.beta.exact: 1, the parameter is 2");
  });

  test("a gRPC call has the time that it asks for, up to the rule's", async () => {
    const timeoutOf = async (...headers: readonly string[]): Promise<number | undefined> => {
      const args = [
        "-o",
        "json",
        "--from",
        "client-v1",
        "POST",
        "http://shop/x",
        "-H",
        "content-type: application/grpc",
      ];
      const { out } = await runCli(["explain", "-f", file, ...args, ...headers]);
      return (JSON.parse(out) as Explanation).routing?.timeoutMs;
    };
    expect(await timeoutOf("-H", "grpc-timeout: 1S")).toBe(1000);
    expect(await timeoutOf("-H", "grpc-timeout: 1M")).toBe(5000);
    expect(await timeoutOf()).toBe(5000);
  });

  test("CORS: preflight requests are answered, and the origin is told why", async () => {
    const asked = async (origin: string, method: string) => {
      const headers = ["-H", `origin: ${origin}`, "-H", "access-control-request-method: POST"];
      const args = ["explain", "-f", file, "-o", "json", "--from", "client-v1", method, "http://api/", ...headers];
      const { out } = await runCli(args);
      return JSON.parse(out) as Explanation;
    };
    const preflight = await asked("https://eu.shop.example", "OPTIONS");
    expect(preflight.summary).toBe(
      "answered by the caller's proxy: 200, the corsPolicy of the rule answers a preflight request",
    );
    expect(preflight.routing?.cors).toContain('found "https://eu.shop.example"; this is a preflight request');
    const other = await asked("https://eu.shop.example.org", "OPTIONS");
    expect([other.outcome, other.routing?.reply?.status]).toEqual(["answered", 200]);
    const actual = await asked("https://shop.example", "POST");
    expect(actual.outcome).toBe("allowed");
    expect(actual.routing?.headers.response).toContain("set access-control-expose-headers: x-request-id");
  });
});
