/**
 * The bookinfo mesh twice, from the same documents: with our proxies, and with real Envoys that take their resources from
 * our control plane by ADS over mutual TLS. What is asked of the one is asked of the other, and the answers are one.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ensureEnvoy } from "../support/envoy.ts";
import { call, type CallOptions } from "./support/call.ts";
import { document, serviceOf, virtualService } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";
import { exchange, httpGet } from "./support/raw-client.ts";
import { faultsOf, requests, sharesOf } from "./support/traffic.ts";

const RATINGS = "http://ratings:9080/ratings/1";
const REVIEWS = "http://reviews:9080/reviews/1";
const DETAILS = "http://details:9080/details/1";
const MANY = 5000;

const FALTERING = [
  serviceOf("faltering", [process.execPath, `${APPS}/faltering.ts`]),
  virtualService(
    "faltering",
    `{hosts: [faltering], http: [
      {match: [{uri: {regex: "/fail/[0-9]+/[0-9]+/never"}}], retries: {attempts: 0}, route: [{destination: {host: faltering}}]},
      {match: [{uri: {prefix: /moved}}], redirect: {uri: /here, redirectCode: 302}},
      {retries: {attempts: 2, retryOn: "5xx"}, route: [{destination: {host: faltering}}]}]}`,
  ),
  document(
    "security.istio.io/v1",
    "AuthorizationPolicy",
    "{name: faltering}",
    "{selector: {matchLabels: {app: faltering}}, action: DENY, rules: [{to: [{operation: {paths: [/secret*]}}]}]}",
  ),
].join("");

interface Probe {
  readonly what: string;
  readonly from: string;
  readonly url: string;
  readonly options?: Omit<CallOptions, "via">;
  readonly status: number;
  /** What the body must be, when it is the proxy's. */
  readonly body?: string;
  /** How long it takes at least. */
  readonly minMs?: number;
  /** Of the answer's headers, these. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

const DENIED = { status: 403, body: "RBAC: access denied" };
const PROBES: readonly Probe[] = [
  {
    what: "a match on a header",
    from: "productpage-v1",
    url: REVIEWS,
    options: { headers: { "end-user": "jason" } },
    status: 200,
    headers: { "x-version": "v2", "x-canary": null },
  },
  {
    what: "a match on a path, and its rewrite",
    from: "productpage-v1",
    url: "http://reviews:9080/api/reviews/1",
    status: 200,
    headers: { "x-version": "v1" },
  },
  { what: "a principal that may", from: "reviews-v3", url: RATINGS, status: 200 },
  { what: "a principal that may not", from: "productpage-v1", url: RATINGS, ...DENIED },
  { what: "a principal of the same service", from: "reviews-v1", url: REVIEWS, ...DENIED },
  {
    what: "a method that is denied to everybody",
    from: "reviews-v2",
    url: RATINGS,
    options: { method: "POST", body: "{}" },
    ...DENIED,
  },
  { what: "a path that is not allowed", from: "productpage-v1", url: "http://details:9080/other", ...DENIED },
  {
    what: "an abort on purpose",
    from: "reviews-v2",
    url: RATINGS,
    options: { headers: { "x-test-fault": "abort" } },
    status: 503,
    body: "fault filter abort",
  },
  {
    what: "a delay on purpose",
    from: "reviews-v2",
    url: RATINGS,
    options: { headers: { "x-test-fault": "delay" } },
    status: 200,
    minMs: 1950,
  },
  { what: "a name that nobody has", from: "productpage-v1", url: "http://nobody.default:9080/", status: 502 },
  {
    what: "retries until it works",
    from: "ratings-v1",
    url: "http://faltering/fail/503/2/a",
    status: 200,
    body: "asked 3\n",
  },
  {
    what: "retries that are used up",
    from: "ratings-v1",
    url: "http://faltering/fail/500/3/a",
    status: 500,
    body: "asked 3\n",
  },
  {
    what: "no retry where none is wanted",
    from: "ratings-v1",
    url: "http://faltering/fail/503/1/never",
    status: 503,
    body: "asked 1\n",
  },
  {
    what: "no retry of what is no failure",
    from: "ratings-v1",
    url: "http://faltering/fail/404/1/a",
    status: 404,
    body: "asked 1\n",
  },
  {
    what: "a redirect",
    from: "ratings-v1",
    url: "http://faltering/moved",
    status: 302,
    headers: { location: "http://faltering/here" },
  },
  { what: "a path that is denied", from: "ratings-v1", url: "http://faltering/secret/1", ...DENIED },
];

const binary = await ensureEnvoy();

describe.skipIf(binary === undefined)("a real Envoy agrees", () => {
  const meshes = new Map<string, MeshRun>();
  const files = { "faltering.yaml": FALTERING };

  beforeAll(async () => {
    meshes.set("tulle", await MeshRun.start({ files }));
    meshes.set("envoy", await MeshRun.start({ files, args: ["--proxy", "envoy"] }));
  }, 80_000);
  afterAll(async () => void (await Promise.all([...meshes.values()].map((mesh) => mesh.stop()))), 40_000);

  for (const kind of ["tulle", "envoy"]) {
    describe(kind, () => {
      const mesh = (): MeshRun => meshes.get(kind) as MeshRun;

      test("each proxy has taken all of its resources", async () => {
        const { proxies, rejections } = await eventually("all proxies agree", async () => {
          const found = await mesh().status();
          return found.publication.acknowledged === found.publication.proxies && found;
        });
        expect(rejections).toEqual([]);
        expect(proxies.length).toBe(9);
      });

      for (const { what, from, url, options, status, body, minMs = 0, headers = {} } of PROBES)
        test(what, async () => {
          const startMs = performance.now();
          const answer = await mesh().callFrom(from, url, options);
          expect({ status: answer.status, body: body === undefined ? undefined : answer.body }).toEqual({
            status,
            body,
          });
          expect(performance.now() - startMs).toBeGreaterThanOrEqual(minMs);
          for (const [name, value] of Object.entries(headers))
            expect([name, answer.headers.get(name)]).toEqual([name, value]);
        });

      test("the page is whole, and is for reading only", async () => {
        const page = `${mesh().url("productpage")}/productpage`;
        const answer = await call(page, { headers: { "end-user": "jason" } });
        expect([answer.status, answer.headers.get("x-reviews-version")]).toEqual([200, "v2"]);
        expect(answer.body).toContain("stars black");
        expect((await call(page, { method: "POST", body: "x" })).status).toBe(403);
      });

      test("STRICT takes no plain text", async () => {
        const address = mesh().url("ratings").slice("http://".length);
        expect(await exchange(address, httpGet("/ratings/1"))).toEqual({ text: "", closed: true });
      });

      test(`the weights of ${MANY} requests, and the canary's header`, async () => {
        const via = mesh().proxy("productpage-v1").outbound;
        const result = await requests(MANY, REVIEWS, { via, splitBy: "header:x-version" });
        expect(faultsOf(result)).toEqual({});
        const { v1 = 0, v3 = 0, ...others } = sharesOf(result);
        expect(others).toEqual({});
        // Four standard deviations.
        expect(v3).toBeWithin(0.083, 0.117);
        expect(v1 + v3).toBeCloseTo(1);
        const canary = await requests(200, REVIEWS, { via, splitBy: "header:x-canary" });
        expect(faultsOf(canary)).toEqual({});
        expect(sharesOf(canary)["true"] ?? 0).toBeWithin(0.015, 0.185);
      }, 60_000);

      test("a TrafficSplit's weights", async () => {
        const via = mesh().proxy("productpage-v1").outbound;
        const result = await requests(MANY, DETAILS, { via, splitBy: "header:x-version" });
        expect(faultsOf(result)).toEqual({});
        expect(sharesOf(result)["v2"]).toBeWithin(0.177, 0.223);
      }, 60_000);
    });
  }
});
