/**
 * `tulle up examples/bookinfo`: what a person gets who has typed it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, isLong, requests, sharesOf } from "./support/traffic.ts";

const REVIEWS = "http://reviews:9080/reviews/1";
const MANY = isLong ? 100_000 : 20_000;
/** Of the answers: one in ten of so many deviates by this much less than once in ten thousand runs. */
const WITHIN = isLong ? 0.01 : 0.02;

for (const args of [[], ["--shared"]]) {
  describe(["the bookinfo mesh", ...args].join(" "), () => {
    let mesh: MeshRun;
    beforeAll(async () => void (mesh = await MeshRun.start({ args })), 40_000);
    afterAll(() => mesh.stop(), 40_000);

    const page = (query = "", headers: Readonly<Record<string, string>> = {}) =>
      call(`${mesh.url("productpage")}/productpage${query}`, { headers });

    test("says where everything is", () => {
      const { controlPlane, pid, proxies, services } = mesh.file;
      expect(pid).toBe(mesh.process.pid);
      expect(controlPlane.admin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(controlPlane.xds).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(services.map(({ name }) => name).sort()).toEqual([
        "details",
        "details-v1",
        "details-v2",
        "productpage",
        "ratings",
        "reviews",
      ]);
      expect(proxies.map(({ workload }) => workload).sort()).toEqual([
        "details-v1",
        "details-v2",
        "ingressgateway",
        "productpage-v1",
        "ratings-v1",
        "reviews-v1",
        "reviews-v2",
        "reviews-v3",
      ]);
      expect(new Set(proxies.map(({ admin }) => admin)).size).toBe(args.length === 0 ? 8 : 2);
      for (const { inbound, outbound, workload } of proxies) {
        if (workload === "ingressgateway") continue;
        expect(inbound).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
        expect(outbound).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      }
    });

    test("tells how each part came up, and what to try", () => {
      const { output } = mesh.process;
      expect(output).toContain("✓ control plane");
      for (const { workload } of mesh.file.proxies)
        if (workload !== "ingressgateway") expect(output).toContain(`✓ ${workload} (application)`);
      for (const { protocol, port, url } of mesh.file.gateways)
        expect(output).toContain(`${`${protocol} ${port}`.padEnd(16)} ${url}  * (Gateway default/bookinfo-gateway)`);
      expect(mesh.file.gateways.map(({ port }) => port)).toEqual([80, 443]);
      expect(output).toContain(`curl ${mesh.url("productpage")}/`);
    });

    test("every proxy has acknowledged everything, and nothing is wrong", async () => {
      const status = await eventually("all proxies agree", async () => {
        const found = await mesh.status();
        return found.publication.acknowledged === found.publication.proxies && found;
      });
      expect(status.publication.proxies).toBe(args.length === 0 ? 8 : 2);
      expect(status.problems).toEqual([]);
      expect(status.rejections).toEqual([]);
    });

    test("the page has its details, its reviews and their ratings in it", async () => {
      const answer = await page("?u=jason");
      expect(answer.status).toBe(200);
      expect(answer.body).toContain("Jules Verne");
      expect(answer.body).toContain("Conseil");
      expect(answer.body).toContain("stars black");
      expect(answer.body).not.toContain("not available");
      expect(answer.headers.get("x-reviews-version")).toBe("v2");
    });

    test("the gateway lets in what its routes name", async () => {
      const url = mesh.file.gateways.find(({ protocol }) => protocol === "HTTP")?.url;
      const answer = await fetch(`${url}/productpage`, { headers: { host: "bookinfo.example.com" } });
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("Jules Verne")]);
      expect((await fetch(`${url}/health`)).status).toBe(404);
    });

    test("jason gets v2, each time", async () => {
      const options = { headers: { "end-user": "jason" }, splitBy: "header:x-reviews-version", connections: 4 };
      const result = await requests(100, `${mesh.url("productpage")}/productpage`, options);
      expect(faultsOf(result)).toEqual({});
      expect(sharesOf(result)).toEqual({ v2: 1 });
    });

    test(
      `the canary gets its tenth of ${MANY} requests, and none fails`,
      async () => {
        const via = mesh.proxy("productpage-v1").outbound;
        const result = await requests(MANY, REVIEWS, { via, splitBy: "header:x-version" });
        expect(faultsOf(result)).toEqual({});
        expect(result.tally.answered).toBe(MANY);
        const { v1 = 0, v3 = 0, ...others } = sharesOf(result);
        expect(others).toEqual({});
        expect(v1).toBeWithin(0.9 - WITHIN, 0.9 + WITHIN);
        expect(v3).toBeWithin(0.1 - WITHIN, 0.1 + WITHIN);
      },
      isLong ? 180_000 : 60_000,
    );

    test("what a rule says of headers and paths holds", async () => {
      const answers = await Promise.all(Array.from({ length: 60 }, () => mesh.callFrom("productpage-v1", REVIEWS)));
      for (const { headers } of answers)
        expect(headers.get("x-canary")).toBe(headers.get("x-version") === "v3" ? "true" : null);
      const old = await mesh.callFrom("productpage-v1", "http://reviews:9080/api/reviews/1");
      expect([old.status, old.headers.get("x-version")]).toEqual([200, "v1"]);
    });

    test("a TrafficSplit sends one call in five to the other service", async () => {
      const via = mesh.proxy("productpage-v1").outbound;
      const options = { via, splitBy: "header:x-version" };
      const result = await requests(5000, "http://details:9080/details/1", options);
      expect(faultsOf(result)).toEqual({});
      // Four standard deviations.
      expect(sharesOf(result)["v2"]).toBeWithin(0.177, 0.223);
    });

    test("faults on purpose: the call is aborted, and the page copes", async () => {
      const headers = { "x-test-fault": "abort" };
      const aborted = await mesh.callFrom("reviews-v2", "http://ratings:9080/ratings/1", { headers });
      expect([aborted.status, aborted.body]).toEqual([503, "fault filter abort"]);
      const answer = await page("", { ...headers, "end-user": "jason" });
      expect(answer.status).toBe(200);
      expect(answer.body).toContain("ratings</b> is not available");
    });

    test("faults on purpose: the call is late", async () => {
      const startMs = performance.now();
      const answer = await mesh.callFrom("reviews-v2", "http://ratings:9080/ratings/1", {
        headers: { "x-test-fault": "delay" },
      });
      expect(answer.status).toBe(200);
      expect(performance.now() - startMs).toBeGreaterThan(1990);
    });

    test("who may call whom: identities stay apart", async () => {
      const ratings = "http://ratings:9080/ratings/1";
      expect((await mesh.callFrom("reviews-v3", ratings)).status).toBe(200);
      const denied = await mesh.callFrom("productpage-v1", ratings);
      expect([denied.status, denied.body]).toEqual([403, "RBAC: access denied"]);
      expect((await mesh.callFrom("reviews-v1", REVIEWS)).status).toBe(403);
      expect((await mesh.callFrom("details-v1", "http://details:9080/details/1")).status).toBe(403);
      expect((await mesh.callFrom("reviews-v2", ratings, { method: "POST", body: "{}" })).status).toBe(403);
    });

    test("a name that nobody has is answered, not waited for", async () => {
      const answer = await mesh.callFrom("productpage-v1", "http://nobody.default:9080/");
      expect([answer.status, answer.body]).toEqual([502, "no service of the mesh has this host and port\n"]);
    });
  });
}
