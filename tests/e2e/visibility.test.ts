/**
 * Callers that documents tell apart, in the example: by their labels, by what is exported to them, by a Sidecar. With a proxy each, with one for
 * all workloads, and with Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ensureEnvoy } from "../support/envoy.ts";
import { MeshRun } from "./support/mesh-run.ts";

const documents = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings}
spec:
  hosts: [ratings]
  http:
  - match: [{sourceLabels: {version: v2}}]
    directResponse: {status: 418, body: {string: "not for v2"}}
  - match: [{uri: {prefix: /ratings}}]
    delegate: {name: ratings-rules}
  - directResponse: {status: 204}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings-rules}
spec:
  http:
  - match: [{uri: {exact: /ratings/9}}]
    directResponse: {status: 410, body: {string: "gone"}}
  - route: [{destination: {host: ratings}}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: page}
spec:
  workloadSelector: {labels: {app: reviews, version: v3}}
  egress:
  - hosts: ["./details.default.svc.cluster.local"]
`;

const envoy = (await ensureEnvoy()) === undefined ? [] : [["--proxy", "envoy"]];
const ways: readonly (readonly string[])[] = [[], ["--shared"], ...envoy];

for (const args of ways)
  describe(`up ${args.join(" ")}`, () => {
    let mesh: MeshRun;
    beforeAll(async () => {
      mesh = await MeshRun.start({ files: { "ratings.yaml": documents }, args });
    }, 60_000);
    afterAll(() => mesh?.stop(), 40_000);

    const status = async (from: string, url: string): Promise<number> => (await mesh.callFrom(from, url)).status;

    test("rules are chosen by the caller's labels", async () => {
      expect(await status("reviews-v2", "http://ratings:9080/ratings/1")).toBe(418);
      expect(await status("productpage-v1", "http://ratings:9080/other")).toBe(204);
    });

    test("a delegate's rules are the root's", async () => {
      expect(await status("productpage-v1", "http://ratings:9080/ratings/9")).toBe(410);
      expect(await status("reviews-v2", "http://ratings:9080/ratings/9")).toBe(418);
    });

    test("what a Sidecar does not import is no host", async () => {
      expect(await status("reviews-v3", "http://ratings:9080/ratings/9")).toBe(502);
      expect(await status("reviews-v2", "http://details:9080/details/1")).not.toBe(502);
      expect(await status("reviews-v3", "http://details:9080/details/1")).not.toBe(502);
    });
  });
