import { describe, expect, test } from "bun:test";
import { service, stateOf, withLoopbacks, workload } from "../../tests/support/mesh.ts";
import type { MeshState, ProxyResources } from "./translate.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { translate } from "./translate.ts";

const HOST = "reviews.shop.svc.cluster.local";
const base = [
  service("reviews", ["http:80:8080"], "shop"),
  workload("reviews", "v1", [8080], "shop"),
  workload("reviews", "v2", [8080], "shop"),
  workload("web", "v1", [], "shop"),
  workload("batch", "v1", [], "jobs"),
];

/** A VirtualService of `reviews.shop` in `namespace` that answers with `status`, and what else it says. */
const answers = (name: string, status: number, more = "", namespace = "shop", http = ""): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}, namespace: ${namespace}},
 spec: {hosts: [${HOST}], http: [${http}{directResponse: {status: ${status}}}]${more}}}`;

/** A DestinationRule of `reviews.shop` whose pool has `limit` connections. */
const limits = (name: string, limit: number, namespace: string, more = "", host = HOST): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${name}, namespace: ${namespace}},
 spec: {host: "${host}", trafficPolicy: {connectionPool: {tcp: {maxConnections: ${limit}}}}${more}}}`;

const resourcesOf = (state: MeshState, workloadName: string): ProxyResources =>
  translate(state, { t: "sidecar", instance: `${workloadName}-0` }, options);

/** Status that a workload's calls to reviews get by the first route; 0 where they go to the service. */
function statusFor(state: MeshState, workloadName: string): number {
  const hosts = resourcesOf(state, workloadName).routes.flatMap(({ virtualHosts }) => virtualHosts ?? []);
  const routes = hosts.find(({ name }) => name === `${HOST}:80`)?.routes;
  if (routes === undefined) throw new Error(`${workloadName} knows no ${HOST}`);
  return routes[0]?.directResponse?.status ?? 0;
}

const limitFor = (state: MeshState, workloadName: string): number | undefined =>
  resourcesOf(state, workloadName).clusters.find(({ name }) => name?.startsWith(`outbound|80||${HOST}`))
    ?.circuitBreakers?.thresholds?.[0]?.maxConnections;
const NO_LIMIT = 2 ** 32 - 1;

describe("exportTo of a VirtualService", () => {
  test.each([
    ["", 418, 418],
    [", exportTo: ['*']", 418, 418],
    [", exportTo: ['.']", 418, 0],
    [", exportTo: [jobs]", 0, 418],
    [", exportTo: ['.', jobs]", 418, 418],
    [", exportTo: [other]", 0, 0],
  ])("%s: web gets %d, batch gets %d", (exportTo, web, batch) => {
    const state = stateOf(...base, answers("a", 418, exportTo));
    expect([statusFor(state, "web-v1"), statusFor(state, "batch-v1")]).toEqual([web, batch]);
  });

  test("what is private goes before what is exported to a namespace, and that before what all see", () => {
    const all = answers("a", 201);
    const toJobs = answers("b", 202, ", exportTo: [jobs]");
    const own = answers("c", 203, ", exportTo: ['.']", "jobs");
    expect(statusFor(stateOf(...base, all, toJobs, own), "batch-v1")).toBe(203);
    expect(statusFor(stateOf(...base, all, toJobs), "batch-v1")).toBe(202);
    expect(statusFor(stateOf(...base, all, toJobs, own), "web-v1")).toBe(201);
  });

  test("the Mesh document says what holds where nothing is written", () => {
    const mesh =
      "{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {defaultVirtualServiceExportTo: ['.']}}";
    const state = stateOf(...base, mesh, answers("a", 418));
    expect([statusFor(state, "web-v1"), statusFor(state, "batch-v1")]).toEqual([418, 0]);
  });
});

describe("exportTo of a Service", () => {
  const annotated = (value: string): readonly string[] => [
    `{apiVersion: v1, kind: Service, metadata: {name: reviews, namespace: shop, annotations: {networking.istio.io/exportTo: "${value}"}},
 spec: {selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: 8080}]}}`,
    ...base.slice(1),
  ];
  /** Clusters, virtual hosts and loopback listeners of the service. */
  const seen = (state: MeshState, name: string): readonly number[] => {
    const { clusters, listeners, routes } = resourcesOf(withLoopbacks(state), name);
    const hosts = routes.filter((r) => r.name === "http_proxy").flatMap((r) => r.virtualHosts ?? []);
    return [
      clusters.filter((c) => c.name?.includes(HOST)).length,
      hosts.filter((h) => h.name?.includes(HOST)).length,
      listeners.filter((l) => l.name?.startsWith("outbound_127.0.0.1_3")).length,
    ];
  };

  test.each([
    ["*", [1, 1, 1], [1, 1, 1]],
    [".", [1, 1, 1], [0, 0, 0]],
    ["jobs", [0, 0, 0], [1, 1, 1]],
    [". , jobs", [1, 1, 1], [1, 1, 1]],
    ["~", [0, 0, 0], [0, 0, 0]],
  ])("%s", (value, web, batch) => {
    const state = stateOf(...annotated(value));
    expect([seen(state, "web-v1"), seen(state, "batch-v1")]).toEqual([web, batch]);
  });

  test("does not touch its own workloads' doors", () => {
    const { clusters } = resourcesOf(stateOf(...annotated("~")), "reviews-v1");
    expect(clusters.find((c) => c.name === "inbound|8080||")?.metadata).toBeDefined();
  });
});

describe("a DestinationRule", () => {
  const inRoot = limits("root", 4, "istio-system");
  test.each([
    ["of the caller's namespace first", [limits("a", 2, "jobs", ", exportTo: ['.']"), inRoot], 2],
    [
      "of several that are exported unlike, the last",
      [
        limits("a", 2, "jobs", ", exportTo: ['.']"),
        limits("b", 6, "jobs"),
        limits("c", 7, "jobs", ", exportTo: ['.']"),
        inRoot,
      ],
      6,
    ],
    ["of the caller's namespace, unless it is for others", [limits("a", 2, "jobs", ", exportTo: [shop]"), inRoot], 4],
    ["of the service's namespace, where it is exported", [limits("a", 3, "shop"), inRoot], 3],
    ["of the service's namespace to the caller's", [limits("a", 3, "shop", ", exportTo: [jobs]"), inRoot], 3],
    ["of the root namespace, where the service's is private", [limits("a", 3, "shop", ", exportTo: ['.']"), inRoot], 4],
    [
      "of the root namespace, where the service's is for others",
      [limits("a", 3, "shop", ", exportTo: [b]"), inRoot],
      4,
    ],
    [
      "the most specific of a namespace, though the caller does not see it",
      [limits("a", 3, "shop", ", exportTo: [b]"), limits("w", 5, "shop", "", "*.shop.svc.cluster.local"), inRoot],
      4,
    ],
    [
      "private in the root namespace is for callers there alone",
      [limits("a", 4, "istio-system", ", exportTo: ['.']")],
      NO_LIMIT,
    ],
  ] as const)("%s", (_, rules, limit) => {
    expect(limitFor(stateOf(...base, ...rules), "batch-v1")).toBe(limit);
  });

  test("with a workloadSelector is for those that it selects, in its own namespace", () => {
    const selecting = limits("a", 7, "shop", ", workloadSelector: {matchLabels: {app: web}}");
    const state = stateOf(...base, selecting, limits("b", 8, "shop"));
    expect(["web-v1", "reviews-v1", "batch-v1"].map((name) => limitFor(state, name))).toEqual([7, 8, 8]);
    expect(limitFor(stateOf(...base, selecting), "reviews-v1")).toBe(NO_LIMIT);
    const batch = limits("a", 7, "shop", ", workloadSelector: {matchLabels: {app: batch}}");
    expect(limitFor(stateOf(...base, batch), "batch-v1")).toBe(NO_LIMIT);
    const wide = limits("w", 9, "shop", "", "*.shop.svc.cluster.local");
    expect(limitFor(stateOf(...base, batch, wide), "batch-v1")).toBe(9);
  });
});

describe("sourceLabels and sourceNamespace", () => {
  const beta = "{match: [{sourceLabels: {version: v2}}], directResponse: {status: 202}}, ";
  const jobs = "{match: [{sourceNamespace: jobs}], directResponse: {status: 203}}, ";
  const state = stateOf(...base, answers("a", 200, "", "shop", beta + jobs));

  test("choose the rules by the caller", () => {
    expect(["reviews-v1", "reviews-v2", "batch-v1"].map((name) => statusFor(state, name))).toEqual([200, 202, 203]);
  });

  test("mean nothing beside gateways, as in Istio", () => {
    const written = "{match: [{sourceLabels: {version: v9}, gateways: [mesh]}], directResponse: {status: 204}}, ";
    expect(statusFor(stateOf(...base, answers("a", 200, "", "shop", written)), "web-v1")).toBe(204);
  });

  test("in a shared proxy each workload has its own routes, and only where a document tells them apart", () => {
    const ids = ["reviews-v1-0", "reviews-v2-0"];
    const shared = (of: MeshState): ProxyResources => translate(of, { t: "shared", instances: ids }, options);
    const { clusters, routes } = shared(state);
    const first = (suffix: string): number | undefined =>
      routes
        .find((r) => r.name === `http_proxy@shop/reviews,version=${suffix}`)
        ?.virtualHosts?.find((v) => v.name === `${HOST}:80`)?.routes?.[0]?.directResponse?.status;
    expect([first("v1"), first("v2")]).toEqual([200, 202]);
    expect(clusters.filter((c) => c.name?.startsWith("outbound|80||")).map((c) => c.name?.split("@")[1])).toEqual([
      "shop/reviews,version=v1",
      "shop/reviews,version=v2",
    ]);
    expect(shared(stateOf(...base)).routes.map((r) => r.name)).toEqual(["http_proxy@shop/reviews"]);
  });

  test("workloads that no document tells apart share one value", () => {
    const plain = stateOf(...base);
    const of = (name: string) => resourcesOf(plain, name).routes[0];
    expect(of("reviews-v1")).toBe(of("web-v1"));
    expect(resourcesOf(state, "reviews-v1").routes[0]).not.toBe(resourcesOf(state, "reviews-v2").routes[0]);
  });
});
