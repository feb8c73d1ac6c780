/**
 * The documents of docs/gateway.md, in front of the example: a gateway of one's own, and Istio's documents as they are.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "./support/call.ts";
import { askEdge } from "./support/edge-client.ts";
import { MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/gateway.md"), "utf8");
const [own = "", istio = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml);

describe("a gateway of one's own", () => {
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({ files: { "gateway.yaml": own } });
  }, 40_000);
  afterAll(() => mesh?.stop(), 40_000);
  const url = (port: number): string => mesh.file.gateways.find((g) => g.port === port)?.url ?? "";

  test("shows the certificate that was made for it, and the page behind it", async () => {
    const path = join(mesh.folder, "data/development-certificates/default.shop.pem");
    const rootPem = readFileSync(path, "utf8");
    const answer = await askEdge({ url: url(443), name: "shop.localhost", path: "/productpage", rootPem });
    expect(answer).toMatchObject({ names: "DNS:shop.localhost", status: 200 });
    expect(answer?.body).toContain("Jules Verne");
  });

  test("sends plain HTTP there", async () => {
    const { status, headers } = await call(`${url(80)}/productpage`, { headers: { host: "shop.localhost" } });
    expect([status, headers.get("location")]).toEqual([
      301,
      `https://shop.localhost:${new URL(url(443)).port}/productpage`,
    ]);
  });
});

describe("Istio's documents", () => {
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({ files: { "gateway.yaml": istio }, args: ["--gateway"] });
  }, 40_000);
  afterAll(() => mesh?.stop(), 40_000);

  test("are served by the gateway that --gateway adds", async () => {
    expect(mesh.file.gateways).toMatchObject([{ instance: "istio-ingressgateway", port: 80, hosts: ["*"] }]);
    const answer = await call(`${mesh.file.gateways[0]?.url}/productpage`);
    expect([answer.status, answer.body]).toEqual([200, expect.stringContaining("Jules Verne")]);
    expect((await mesh.status()).problems).toEqual([]);
  });
});
