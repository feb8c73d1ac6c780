/**
 * docs/gateway-api.md shows what the commands print for its documents.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServedGateway } from "../src/admin/api.ts";
import { conditionedDocuments } from "../src/app/control-plane/gateway-api-view.ts";
import { gatewayApiTables } from "../src/cli/gateway-api-tables.ts";
import { paintFor } from "../src/cli/paint.ts";
import { runCli } from "./support/cli-context.ts";
import { load } from "./support/documents.ts";
import { service, workload } from "./support/mesh.ts";

const page = readFileSync(join(import.meta.dir, "../docs/gateway-api.md"), "utf8");
const section = page.slice(page.indexOf("## Why is my route not attached?"));
const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(section) ?? [];
const printed = (command: string): string =>
  new RegExp(`\`\`\`\n\\$ tulle ${command}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? "";

const folder = mkdtempSync(join(tmpdir(), "tulle-gateway-api-"));
const file = join(folder, "mesh.yaml");
writeFileSync(file, yaml);
afterAll(() => rmSync(folder, { recursive: true }));

const EDGE: ServedGateway = {
  instance: "edge-tulle-0",
  gateway: "infra/edge",
  port: 80,
  protocol: "HTTP",
  hosts: ["*.example.com"],
  address: "127.0.0.1:8080",
  url: "http://127.0.0.1:8080",
};

describe("docs/gateway-api.md", () => {
  test("tulle validate prints what it shows", async () => {
    const { out } = await runCli(["validate", file]);
    expect(out.replaceAll(`${folder}/`, "")).toBe(printed("validate mesh\\.yaml"));
  });

  test("tulle explain prints what it shows", async () => {
    const { out } = await runCli(["explain", "-f", file, "http://reviews.example.com/"]);
    expect(out.replaceAll(`${folder}/`, "")).toEndWith(
      printed("explain -f mesh\\.yaml http://reviews\\.example\\.com/"),
    );
  });

  test("explain tells why a backend is none, and what the caller gets", async () => {
    const of = async (backends: string): Promise<string> => {
      const mesh = join(folder, "backends.yaml");
      const route = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{group: "", kind: Service, name: a}]
  rules: [{matches: [{path: {value: /x}}], backendRefs: [${backends}]}]`;
      const served = [service("a", ["http:80:8080"]), workload("a", "v1", [8080]), workload("web", "v1", [])];
      writeFileSync(mesh, [...served, route].join("\n---\n"));
      const { out } = await runCli(["explain", "-f", mesh, "--from", "web-v1", "http://a/x"]);
      return out.trim().split("\n").at(-1) ?? "";
    };
    const none = "there is no Service default/b [BackendNotFound]";
    expect(await of("{name: a, port: 80}, {name: b, port: 80}")).toBe(
      `outcome  fails for 50 % of such requests: ${none}; the caller gets 500`,
    );
    expect(await of("{name: b, port: 80}")).toBe(`outcome  answered by the caller's proxy: 500, ${none}`);
  });

  test("tulle status prints what it shows", () => {
    const tables = gatewayApiTables(conditionedDocuments(load(yaml).mesh, [EDGE]), paintFor(false));
    expect(tables.join("\n")).toBe(printed("status"));
  });

  test("a Gateway that no proxy serves says so", () => {
    const [state = ""] = gatewayApiTables(conditionedDocuments(load(yaml).mesh, []), paintFor(false));
    expect(state).toContain("AddressNotAssigned: no gateway of the mesh serves it");
  });

  test("with what is missing the route is attached", () => {
    const allowed = yaml.replace('"*.example.com"}', '"*.example.com", allowedRoutes: {namespaces: {from: All}}}');
    const grant = `---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: ratings, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: "", kind: Service}]
`;
    const documents = conditionedDocuments(load(allowed + grant).mesh, [EDGE]);
    const bad = documents
      .flatMap((d) => d.parents ?? [])
      .flatMap((p) => p.conditions.filter((c) => c.status === "False"));
    expect(bad).toEqual([]);
    expect(documents.flatMap((d) => d.listeners ?? []).map((l) => l.attachedRoutes)).toEqual([1]);
  });
});
