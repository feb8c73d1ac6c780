/**
 * docs/gateway-api.md shows what the commands print for its documents.
 */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServedGateway } from "../src/admin/api.ts";
import { conditionedDocuments } from "../src/app/control-plane/gateway-api-view.ts";
import { gatewayApiTables } from "../src/cli/gateway-api-tables.ts";
import { paintFor } from "../src/cli/paint.ts";
import { runCli } from "./support/cli-context.ts";
import { load } from "./support/documents.ts";

const page = readFileSync(join(import.meta.dir, "../docs/gateway-api.md"), "utf8");
const section = page.slice(page.indexOf("## Why is my route not attached?"));
const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(section) ?? [];
const printed = (command: string): string =>
  new RegExp(`\`\`\`\n\\$ tulle ${command}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? "";

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
    const folder = mkdtempSync(join(tmpdir(), "tulle-gateway-api-"));
    try {
      writeFileSync(join(folder, "mesh.yaml"), yaml);
      const { out } = await runCli(["validate", join(folder, "mesh.yaml")]);
      expect(out.replaceAll(`${folder}/`, "")).toBe(printed("validate mesh\\.yaml"));
    } finally {
      rmSync(folder, { recursive: true });
    }
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
