/**
 * The document of docs/rate-limits.md in a mesh of our proxies and in one of Envoys: the same requests pass, and the same are refused.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { call } from "./support/call.ts";
import { document, serviceOf } from "./support/documents.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/rate-limits.md"), "utf8");
const [, limit = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const envoy = await ensureEnvoy();
const ECHO = [process.execPath, `${APPS}/echo.ts`];

const DOCUMENTS = [
  serviceOf("shop", ECHO),
  serviceOf("dry", ECHO),
  serviceOf("client", ECHO),
  document(
    "tulle.dev/v1",
    "RateLimit",
    "{name: dry}",
    "{selector: {matchLabels: {app: dry}}, requests: {count: 1, per: 1h}, dryRun: true}",
  ),
  document("tulle.dev/v1", "Workload", "{name: edge, labels: {istio: edge}}", "{role: gateway}"),
  document(
    "networking.istio.io/v1",
    "Gateway",
    "{name: edge}",
    "{selector: {istio: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}",
  ),
  document(
    "networking.istio.io/v1",
    "VirtualService",
    "{name: edge}",
    "{hosts: ['*'], gateways: [edge], http: [{route: [{destination: {host: client}}]}]}",
  ),
  document(
    "tulle.dev/v1",
    "RateLimit",
    "{name: edge}",
    "{selector: {matchLabels: {istio: edge}}, rules: [{match: {path: {prefix: /in}}, requests: {count: 2, per: 1h}}]}",
  ),
  limit,
].join("");

describe.each([
  ["our proxies", []],
  ["Envoys", ["--proxy", "envoy"]],
] as const)("rate limits of a mesh of %s", (name, args) => {
  const skips = name === "Envoys" && envoy === undefined;
  const empty = mkdtempSync(join(tmpdir(), "tulle-limits-"));
  let mesh: MeshRun;

  beforeAll(async () => {
    if (!skips) mesh = await MeshRun.start({ folder: empty, files: { "mesh.yaml": DOCUMENTS }, args });
  }, 60_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(empty, { recursive: true });
  }, 40_000);

  const ask = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const { status, headers: answered, body } = await mesh.callFrom("client", `http://shop${path}`, { headers });
    const left = ["limit", "remaining"].map((what) => answered.get(`x-ratelimit-${what}`)).join("/");
    return `${status} ${left}${status === 429 ? ` ${body}` : ""}`;
  };

  test.skipIf(skips)(
    "parts, users and the whole",
    async () => {
      const REFUSED = "local_rate_limited";
      const seen: string[] = [];
      for (const path of ["/search?q=1", "/search", "/search/x", "/search", "/"]) seen.push(await ask(path));
      expect(seen).toEqual(["200 3/2", "200 3/1", "200 3/0", `429 3/0 ${REFUSED}`, "200 20/16"]);
      const users: string[] = [];
      for (const user of ["ann", "ann", "ann", "ann", "bob", "ann", "ann"])
        users.push(await ask("/", { "x-user": user }));
      expect(users).toEqual(["200 5/4", "200 5/3", "200 5/2", "200 5/1", "200 5/4", "200 5/0", `429 5/0 ${REFUSED}`]);
      for (let i = 0; i < 10; i += 1) await ask("/");
      expect(await ask("/")).toBe(`429 20/0 ${REFUSED}`);
      const stats = await mesh.admin("shop", "/stats?filter=rate_limit");
      expect(stats).toContain("rate_limit.default.shop.http_local_rate_limit.enforced: 3\n");
      // `up` itself may have asked once, in plain text, which is counted apart.
      expect(stats).toMatch(/rate_limit\.default\.shop\.http_local_rate_limit\.ok: 2[01]\n/);
    },
    30_000,
  );

  test.skipIf(skips)("a gateway takes as much as is said of its workload", async () => {
    const { url = "" } = mesh.file.gateways.find(({ port }) => port === 80) ?? {};
    const statuses: number[] = [];
    for (const path of ["/in", "/in?x", "/in/y", "/out", "/in"]) statuses.push((await call(`${url}${path}`)).status);
    expect(statuses).toEqual([200, 200, 429, 200, 429]);
    expect(await mesh.admin("edge", "/stats?filter=rate_limit")).toContain(
      "rate_limit.default.edge.http_local_rate_limit.enforced: 2\n",
    );
  });

  test.skipIf(skips)("a dry run counts and refuses nothing", async () => {
    for (let i = 0; i < 3; i += 1) expect((await mesh.callFrom("client", "http://dry/")).status).toBe(200);
    const stats = await mesh.admin("dry", "/stats?filter=rate_limit");
    expect(stats).toContain("rate_limit.default.dry.http_local_rate_limit.rate_limited: 2\n");
    expect(stats).toContain("rate_limit.default.dry.http_local_rate_limit.enforced: 0\n");
  });
});
