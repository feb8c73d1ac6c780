/**
 * The documents of docs/gateway-api-traffic.md, beside the example: a canary in the mesh, and a gateway with TLS.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { runCli } from "../support/cli-context.ts";
import { call } from "./support/call.ts";
import { askEdge } from "./support/edge-client.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/gateway-api-traffic.md"), "utf8");
const [canary = "", gateway = "", seats = "", desk = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  ([, yaml]) => yaml,
);

const binary = await ensureEnvoy();
if (binary === undefined) console.warn("SKIPPED: sessions in real Envoys, which could not be had");
const REVIEWS = "http://reviews:9080/reviews/1";
const CALLS = 300;

describe("docs/gateway-api-traffic.md", () => {
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({
      files: { "canary.yaml": canary, "shop.yaml": gateway, "seats.yaml": seats, "desk.yaml": desk },
    });
  }, 40_000);
  afterAll(() => mesh?.stop(), 40_000);
  const url = (port: number): string =>
    mesh.file.gateways.find((g) => g.port === port && g.gateway === "default/shop")?.url ?? "";

  test("nothing is wrong with its documents", async () => expect((await mesh.status()).problems).toEqual([]));

  test("testers get the new version, of the others about a tenth", async () => {
    const versions = new Map<string, number>();
    for (let i = 0; i < CALLS; i++) {
      const version = (await mesh.callFrom("productpage-v1", REVIEWS)).headers.get("x-version") ?? "none";
      versions.set(version, (versions.get(version) ?? 0) + 1);
    }
    expect([...versions.keys()].sort()).toEqual(["v1", "v3"]);
    expect((versions.get("v3") ?? 0) / CALLS).toBeLessThan(0.2);
    const tester = await mesh.callFrom("productpage-v1", REVIEWS, { headers: { "end-user": "jason" } });
    expect(tester.headers.get("x-version")).toBe("v3");
  });

  test("a session stands above weights, one of 0 too", async () => {
    const ask = async (cookie?: string) => {
      const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
      const { headers: got } = await mesh.callFrom("productpage-v1", "http://reviews:9080/reviews/1?seat=yes", {
        headers,
      });
      return { version: got.get("x-version"), cookie: got.get("set-cookie")?.split(";")[0] };
    };
    const until = async (version: string): Promise<string> =>
      eventually(`a session with ${version}`, async () => {
        const first = await ask();
        return first.version === version && first.cookie;
      });
    const [one, three] = [await until("v1"), await until("v3")];
    const versionsOf = async (cookie: string) => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(cookie)));
      return [...new Set(answers.map(({ version }) => version))];
    };
    expect([await versionsOf(one), await versionsOf(three)]).toEqual([["v1"], ["v3"]]);
    mesh.write("seats.yaml", seats.replace("reviews-v3, port: 9080, weight: 1", "reviews-v3, port: 9080, weight: 0"));
    await eventually("no new session is with v3", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
      return answers.every(({ version }) => version === "v1");
    });
    expect(await versionsOf(three)).toEqual(["v3"]);
  });

  test("a policy for traffic keeps sessions on any way to its Service", async () => {
    const first = await mesh.callFrom("productpage-v1", "http://details-v1:9080/details/1");
    expect([first.status, first.headers.get("set-cookie")]).toEqual([
      200,
      expect.stringMatching(/^desk="[^"]+"; HttpOnly$/),
    ]);
    const cookie = first.headers.get("set-cookie")?.split(";")[0] ?? "";
    const again = await mesh.callFrom("productpage-v1", "http://details-v1:9080/details/1", { headers: { cookie } });
    expect([again.status, again.headers.get("set-cookie")]).toEqual([200, null]);
  });

  test("the gateway shows the certificate that was made for it, and the page behind a path of its own", async () => {
    const rootPem = readFileSync(join(mesh.folder, "data/development-certificates/default.shop.pem"), "utf8");
    const answer = await askEdge({ url: url(443), name: "shop.localhost", path: "/shop", rootPem });
    expect(answer).toMatchObject({ names: "DNS:shop.localhost", status: 200 });
    expect(answer?.body).toContain("Jules Verne");
    expect(await askEdge({ url: url(443), name: "shop.localhost", path: "/shopping", rootPem })).toMatchObject({
      status: 404,
    });
  });

  test.each([
    [["-H", "end-user: jason", "--from", "productpage-v1", REVIEWS], "✓ HTTPRoute default/reviews rule testers (", 24],
    [["--from", "productpage-v1", REVIEWS], "✓ HTTPRoute default/reviews rule canary (", 27],
    [["--from", "shop-tulle", "https://shop.localhost/shop"], "✓ HTTPRoute default/shop rule rules[0] (", 37],
  ])("explain names the rule and its line: %p", async (args, rule, line) => {
    const { out } = await runCli(["explain", "-f", mesh.documents, ...args]);
    const told = out.split("\n").find((it) => it.includes(rule));
    expect(told).toMatch(new RegExp(`\\.yaml:${line}:\\d+\\)$`));
  });

  test("a Gateway that comes later gets its proxy then", async () => {
    mesh.write("late.yaml", gateway.replaceAll("shop", "late").replace("name: to-https", "name: late-to-https"));
    const late = await eventually("the gateway answers", async () => {
      const { gateways } = mesh.reread();
      const place = gateways.find((g) => g.gateway === "default/late" && g.port === 80)?.url;
      return place !== undefined && (await call(`${place}/late`, { headers: { host: "late.localhost" } }));
    });
    expect(late.status).toBe(301);
  });

  test("plain HTTP is sent there", async () => {
    const { status, headers } = await call(`${url(80)}/shop`, { headers: { host: "shop.localhost" } });
    const { port } = new URL(url(443));
    expect([status, headers.get("location")]).toEqual([301, `https://shop.localhost:${port}/shop`]);
  });
});

test.skipIf(binary === undefined)(
  "real Envoys take a session that they cannot keep for what they can",
  async () => {
    const files = {
      "canary.yaml": canary,
      "seats.yaml": seats.replace("reviews-v3, port: 9080, weight: 1", "reviews-v3, port: 9080, weight: 0"),
    };
    const mesh = await MeshRun.start({ files, args: ["--proxy", "envoy"] });
    try {
      const { publication, problems } = await mesh.status();
      expect(problems).toEqual([]);
      expect(publication).toMatchObject({ acknowledged: publication?.proxies ?? 0 });
      const { headers, status } = await mesh.callFrom("productpage-v1", "http://reviews:9080/reviews/1?seat=yes");
      expect([status, headers.get("x-version")]).toEqual([200, "v1"]);
      expect(headers.get("set-cookie")).toMatch(/^seat="[^"]+"; Path=\/; HttpOnly$/);
    } finally {
      await mesh.stop();
    }
  },
  60_000,
);
