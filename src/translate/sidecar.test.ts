import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { DownstreamTlsContext } from "../xds/proto/tls.ts";
import { isAny, unpack } from "../xds/types/any.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { type MeshState, type ProxyResources, translate } from "./translate.ts";

const base = [
  service("reviews", ["http:80:8080", "http-b:81:8081"], "shop"),
  service("store", ["tcp:6379"], "shop"),
  service("orders", ["http:80:8080"], "sales"),
  service("audit", ["http:80:8080"], "sales"),
  workload("reviews", "v1", [8080, 8081], "shop"),
  workload("web", "v1", [], "shop"),
  workload("batch", "v1", [], "jobs"),
  workload("page", "v1", [], "istio-system"),
];
const sidecar = (spec: string, namespace = "shop", name = "s"): string =>
  `{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: ${name}, namespace: ${namespace}}, spec: {${spec}}}`;
const egress = (...hosts: readonly string[]): string => `egress: [{hosts: [${hosts.map((h) => `"${h}"`).join(", ")}]}]`;

const resourcesOf = (state: MeshState, name: string): ProxyResources =>
  translate(state, { t: "sidecar", instance: `${name}-0` }, options);

/** `host:port` of a workload's outbound clusters. */
const known = (name: string, ...documents: readonly string[]): readonly string[] =>
  resourcesOf(stateOf(...base, ...documents), name)
    .clusters.flatMap(
      (c) =>
        /^outbound\|(\d+)\|\|(\w+)/
          .exec(c.name ?? "")
          ?.slice(1)
          .reverse()
          .join(":") ?? [],
    )
    .sort();

const SHOP = ["reviews:80", "reviews:81", "store:6379"];
const SALES = ["audit:80", "orders:80"];
const ALL = [...SALES, ...SHOP].sort();

describe("egress hosts", () => {
  test.each([
    [["*/*"], ALL],
    [["./*"], SHOP],
    [["shop/*"], SHOP],
    [["sales/*"], SALES],
    [["~/*"], []],
    [["sales/orders.sales.svc.cluster.local"], ["orders:80"]],
    [["*/*.sales.svc.cluster.local"], SALES],
    [["shop/orders.sales.svc.cluster.local"], []],
    [
      ["./*", "*/orders.sales.svc.cluster.local"],
      ["orders:80", ...SHOP],
    ],
    [["*/*", "~sales/*"], SHOP],
    [
      ["*/*", "~*/audit.sales.svc.cluster.local"],
      ["orders:80", ...SHOP],
    ],
  ])("%p", (hosts, expected) => expect(known("web-v1", sidecar(egress(...hosts)))).toEqual(expected));

  test("none at all: everything that is exported", () => {
    expect(known("web-v1", sidecar("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"))).toEqual(ALL);
  });

  test("with a port bring that port alone, and the rest comes by the listener without one", () => {
    const at81 = "{port: {number: 81, protocol: HTTP, name: b}, hosts: ['./*']}";
    expect(known("web-v1", sidecar(`egress: [${at81}]`))).toEqual(["reviews:81"]);
    expect(known("web-v1", sidecar(`egress: [${at81}, {hosts: ['sales/*']}]`))).toEqual([...SALES, "reviews:81"]);
    const at80 = "{port: {number: 80, protocol: HTTP, name: a}, hosts: ['sales/*']}";
    expect(known("web-v1", sidecar(`egress: [${at80}, {hosts: ['./*']}]`))).toEqual([
      ...SALES,
      "reviews:81",
      "store:6379",
    ]);
  });

  test("leave out hosts of VirtualServices, which come for their others", () => {
    const rules = (hosts: string) =>
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: shop},
 spec: {hosts: [${hosts}], http: [{route: [{destination: {host: orders.sales.svc.cluster.local}}]}]}}`;
    const limits = sidecar(egress("*/*.example", "~*/*.x.example", "~/a.example"));
    const brings = (hosts: string): boolean => known("web-v1", limits, rules(hosts)).includes("orders:80");
    const cases = ["a.example", "b.x.example", "'*.x.example'", "'*.example'", "a.example, b.example", "b.example"];
    expect(cases.map(brings)).toEqual([false, false, false, true, true, true]);
  });

  test("bring what the rules for calls from their own namespace lead to", () => {
    const rules = (match: string) =>
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: shop},
 spec: {hosts: [reviews], http: [{match: [${match}], route: [{destination: {host: orders.sales.svc.cluster.local}}]}]}}`;
    const brings = (match: string): boolean =>
      known("web-v1", sidecar(egress("./*")), rules(match)).includes("orders:80");
    const cases = [
      "{sourceNamespace: sales}",
      "{sourceNamespace: shop}",
      "{uri: {exact: /a}}",
      "{sourceNamespace: sales}, {port: 80}",
    ];
    expect(cases.map(brings)).toEqual([false, true, true, true]);
  });

  test("keep VirtualServices of others away, and bring those that the kept ones send calls to", () => {
    const toOrders = (namespace: string) =>
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: ${namespace}},
 spec: {hosts: [reviews.shop.svc.cluster.local], http: [{route: [{destination: {host: orders.sales.svc.cluster.local}}]}]}}`;
    expect(known("web-v1", sidecar(egress("./*")), toOrders("shop"))).toEqual(["orders:80", ...SHOP]);
    expect(known("web-v1", sidecar(egress("./*")), toOrders("sales"))).toEqual(SHOP);
    const { routes } = resourcesOf(stateOf(...base, sidecar(egress("./*")), toOrders("shop")), "web-v1");
    const hosts = routes.flatMap(({ virtualHosts = [] }) => virtualHosts.map(({ name }) => name));
    // By its own name nobody knows it.
    expect(hosts.filter((name) => name?.startsWith("orders"))).toEqual([]);
  });

  test("bring the backends of an HTTPRoute of a service that is imported, though not their names", () => {
    const route = (namespace: string, more = ""): string =>
      `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: ${namespace}},
 spec: {parentRefs: [{group: "", kind: Service, name: reviews, namespace: shop}], rules: [{backendRefs: [{name: orders, namespace: sales, port: 80}]${more}}]}}`;
    const grant = `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: sales},
 spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: "", kind: Service}]}}`;
    expect(known("web-v1", sidecar(egress("./*")), route("shop"), grant)).toEqual(["orders:80", ...SHOP]);
    const mirror =
      ", filters: [{type: RequestMirror, requestMirror: {backendRef: {name: audit, namespace: sales, port: 80}}}]";
    expect(known("web-v1", sidecar(egress("./*")), route("shop", mirror), grant)).toEqual([...SALES, ...SHOP]);
    // Of another namespace, and for its callers alone.
    expect(known("web-v1", sidecar(egress("./*")), route("sales"), grant)).toEqual(SHOP);
    const { routes } = resourcesOf(stateOf(...base, sidecar(egress("./*")), route("shop"), grant), "web-v1");
    const hosts = routes.flatMap(({ virtualHosts = [] }) => virtualHosts);
    expect(hosts.filter(({ name }) => name?.startsWith("orders"))).toEqual([]);
    const [calls] = hosts.find(({ name }) => name?.startsWith("reviews.shop"))?.routes ?? [];
    expect(calls?.route?.cluster).toBe("outbound|80||orders.sales.svc.cluster.local");
  });

  test("what is not exported is not imported", () => {
    const hidden = `{apiVersion: v1, kind: Service, metadata: {name: secret, namespace: sales, annotations: {networking.istio.io/exportTo: "."}},
 spec: {selector: {app: a}, ports: [{name: http, port: 80}]}}`;
    expect(known("web-v1", hidden, sidecar(egress("sales/*")))).toEqual(SALES);
  });
});

describe("which Sidecar holds", () => {
  const own = sidecar(egress("./*"));
  const selecting = sidecar(`workloadSelector: {labels: {app: web}}, ${egress("~/*")}`, "shop", "web");
  const root = sidecar(egress("sales/*"), "istio-system", "root");

  test("one that selects the workload, else the namespace's, else the root namespace's", () => {
    const all = [own, selecting, root];
    expect(["web-v1", "reviews-v1", "batch-v1", "page-v1"].map((name) => known(name, ...all))).toEqual([
      [],
      SHOP,
      SALES,
      SALES,
    ]);
    expect(known("reviews-v1", selecting)).toEqual(ALL);
    expect(known("reviews-v1", selecting, root)).toEqual(SALES);
  });

  test("`.` in the root namespace's is the workload's own", () => {
    expect(known("web-v1", sidecar(egress("./*"), "istio-system"))).toEqual(SHOP);
  });

  test("of two the older, then by name", () => {
    expect(known("web-v1", own, sidecar(egress("~/*"), "shop", "a"))).toEqual([]);
  });

  test("in a shared proxy each workload has its own", () => {
    const state = stateOf(...base, own, selecting);
    const ids = ["web-v1-0", "reviews-v1-0"];
    const { clusters } = translate(state, { t: "shared", instances: ids }, options);
    const outbound = clusters.filter((c) => c.name?.startsWith("outbound|"));
    expect(outbound.map((c) => c.name?.split("@")[1])).toEqual(Array(3).fill("shop/reviews,app=reviews"));
  });
});

test("a Sidecar shrinks what a proxy gets", () => {
  const namespaces = Array.from({ length: 20 }, (_, i) => `ns${i}`);
  const many = namespaces.flatMap((namespace) =>
    Array.from({ length: 10 }, (_, i) => service(`s${i}`, ["http:80:8080"], namespace)),
  );
  const sizeOf = (...documents: readonly string[]) => {
    const { clusters, endpoints, routes } = resourcesOf(
      stateOf(...many, workload("web", "v1", [], "ns0"), ...documents),
      "web-v1",
    );
    return {
      clusters: clusters.length,
      endpoints: endpoints.length,
      bytes: JSON.stringify([clusters, routes, endpoints]).length,
    };
  };
  const before = sizeOf();
  const after = sizeOf(sidecar(egress("./*"), "ns0"));
  console.log(`a Sidecar for one namespace of 20: ${JSON.stringify(before)} becomes ${JSON.stringify(after)}`);
  // And the PassthroughCluster.
  expect([before.clusters, after.clusters]).toEqual([201, 11]);
  expect(after.bytes).toBeLessThan(before.bytes / 15);
});

describe("ingress", () => {
  const inbound = (spec: string, ...more: readonly string[]) =>
    resourcesOf(stateOf(...base, sidecar(spec), ...more), "reviews-v1").clusters.filter((c) =>
      c.name?.startsWith("inbound|"),
    );
  const portOf = (cluster: ReturnType<typeof inbound>[number] | undefined): unknown =>
    cluster?.loadAssignment?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint?.address?.socketAddress;
  const limit = (cluster: ReturnType<typeof inbound>[number] | undefined): unknown =>
    cluster?.circuitBreakers?.thresholds?.[0]?.maxConnections;

  test("leads where it says: to a port that the workload names, or to one that it does not", () => {
    const to = (endpoint: string) =>
      portOf(inbound(`ingress: [{port: {number: 8080, protocol: HTTP, name: h}, defaultEndpoint: "${endpoint}"}]`)[0]);
    expect(to("127.0.0.1:8081")).toEqual({ address: "127.0.0.1", portValue: 20_004 });
    expect(to("127.0.0.1:9999")).toEqual({ address: "127.0.0.1", portValue: 9999 });
    expect(to("[::1]:9999")).toEqual({ address: "::1", portValue: 9999 });
    expect(to("0.0.0.0:9999")).toEqual({ address: "127.0.0.1", portValue: 9999 });
    const unix = inbound(
      'ingress: [{port: {number: 8080, protocol: HTTP, name: h}, defaultEndpoint: "unix:///run/a"}]',
    )[0];
    expect(unix?.loadAssignment?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint?.address).toEqual({
      pipe: { path: "/run/a" },
    });
  });

  test("says what the port speaks; a port that is not listed is passed on as it comes", () => {
    const state = stateOf(...base, sidecar("ingress: [{port: {number: 8080, protocol: TCP, name: t}}]"));
    const kinds = resourcesOf(state, "reviews-v1")
      .listeners.filter((l) => l.trafficDirection === "INBOUND")
      .map((l) =>
        [
          ...new Set(l.filterChains?.map((c) => (isAny(c.filters!.at(-1)!.typedConfig!, TcpProxy) ? "tcp" : "http"))),
        ].sort(),
      );
    expect(kinds).toEqual([["tcp"], ["http", "tcp"]]);
  });

  test("ends TLS where the mesh's own is off: nothing but TLS comes in, and elsewhere nothing of it is there", () => {
    const tls = "tls: {mode: SIMPLE, serverCertificate: /c.pem, privateKey: /k.pem}";
    const own = (mode: string) => {
      const policy = `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p, namespace: shop}, spec: {mtls: {mode: ${mode}}}}`;
      const spec = `ingress: [{port: {number: 8080, protocol: HTTPS, name: h}, ${tls}}]`;
      const { listeners } = resourcesOf(stateOf(...base, sidecar(spec), policy), "reviews-v1");
      return (listeners[0]?.filterChains ?? []).map(({ filters, filterChainMatch, transportSocket }) => {
        const socket =
          transportSocket?.typedConfig && unpack(transportSocket.typedConfig, DownstreamTlsContext).commonTlsContext;
        const last = filters?.at(-1)?.typedConfig;
        const inside = last !== undefined && isAny(last, HttpConnectionManager) ? "http" : "tcp";
        return `${filterChainMatch?.transportProtocol ?? "any"} ${inside} ${socket?.tlsCertificates?.[0]?.privateKey?.filename}`;
      });
    };
    expect(own("DISABLE")).toEqual(["tls http /k.pem"]);
    for (const mode of ["PERMISSIVE", "STRICT"]) {
      expect(own(mode).length).toBeGreaterThan(0);
      expect(own(mode).join()).not.toMatch(/http|k\.pem/);
    }
  });

  test("connection pools: the listener's, else the Sidecar's, else the port's of the DestinationRule, else the rule's", () => {
    const rule = (policy: string): string =>
      `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d, namespace: shop}, spec: {host: reviews, trafficPolicy: {${policy}}}}`;
    const pool = (n: number): string => `connectionPool: {tcp: {maxConnections: ${n}}}`;
    const rules = rule(`${pool(1)}, portLevelSettings: [{port: {number: 81}, ${pool(2)}}]`);
    const whole = `inboundConnectionPool: {tcp: {maxConnections: 3}}`;
    const listener = `ingress: [{port: {number: 8080, protocol: HTTP, name: h}, ${pool(4)}}]`;
    expect(inbound(egress("*/*"), rules).map(limit)).toEqual([1, 2]);
    expect(inbound(whole, rules).map(limit)).toEqual([3, 3]);
    expect(inbound(`${whole}, ${listener}`, rules).map(limit)).toEqual([4, 3]);
    expect(inbound(egress("*/*")).map(limit)).toEqual([2 ** 32 - 1, 2 ** 32 - 1]);
  });
});

describe("listeners that are bound", () => {
  const bound = (listener: string) => {
    const { listeners, routes } = resourcesOf(
      stateOf(...base, sidecar(`egress: [${listener}, {hosts: ["*/*"]}]`)),
      "web-v1",
    );
    const found = listeners.find(
      (l) => l.address?.socketAddress?.portValue === 6379 || l.address?.socketAddress?.portValue === 81,
    );
    const config = found?.filterChains?.[0]?.filters?.[0]?.typedConfig;
    return { name: found?.name, config, routes };
  };

  test("HTTP is routed by the host, which means the listener's port", () => {
    const { name, config, routes } = bound(
      "{port: {number: 81, protocol: HTTP, name: b}, captureMode: NONE, hosts: ['./*']}",
    );
    expect(name).toBe("outbound_127.0.0.1_81");
    const routed = config && unpack(config, HttpConnectionManager).rds?.routeConfigName;
    expect(routed).toBe("81");
    const hosts = routes.find((r) => r.name === "81")?.virtualHosts ?? [];
    expect(hosts.map((h) => h.name)).toEqual(["reviews.shop.svc.cluster.local:81", "allow_any"]);
    expect(hosts[0]?.domains).toContain("reviews");
    expect(hosts[0]?.domains).toContain("reviews:81");
  });

  test("a forward proxy, and opaque bytes to the first service of the port", () => {
    const proxy = bound("{port: {number: 81, protocol: HTTP_PROXY, name: b}, bind: 127.0.0.2, hosts: ['./*']}");
    expect(proxy.name).toBe("outbound_127.0.0.2_81");
    expect(proxy.config && unpack(proxy.config, HttpConnectionManager).rds?.routeConfigName).toBe("http_proxy");
    const tcp = bound("{port: {number: 6379, protocol: TCP, name: b}, bind: 127.0.0.1, hosts: ['./*']}");
    expect(tcp.config && unpack(tcp.config, TcpProxy).cluster).toBe("outbound|6379||store.shop.svc.cluster.local");
    expect(bound("{port: {number: 81, protocol: HTTP, name: b}, hosts: ['./*']}").name).toBeUndefined();
  });

  test("at a unix socket, all ports where the number is 0", () => {
    const at = (listener: string) => {
      const made = resourcesOf(stateOf(...base, sidecar(`egress: [${listener}]`)), "web-v1");
      const found = made.listeners.find(({ address }) => address?.pipe !== undefined);
      const config = found?.filterChains?.[0]?.filters?.[0]?.typedConfig;
      return { path: found?.address?.pipe?.path, config, clusters: made.clusters };
    };
    const http = at("{port: {number: 0, protocol: HTTP, name: b}, bind: 'unix:///run/out.sock', hosts: ['./*']}");
    expect(http.path).toBe("/run/out.sock");
    expect(http.config && unpack(http.config, HttpConnectionManager).rds?.routeConfigName).toBe("http_proxy");
    expect(http.clusters.filter(({ name }) => name?.includes("|reviews.shop"))).toHaveLength(2);
    const one = at("{port: {number: 81, protocol: HTTP, name: b}, bind: 'unix://@out', hosts: ['./*']}");
    expect(one.path).toBe("@out");
    expect(one.config && unpack(one.config, HttpConnectionManager).rds?.routeConfigName).toBe("81");
    const tcp = at("{port: {number: 6379, protocol: TCP, name: b}, bind: 'unix:///t', hosts: ['./*']}");
    expect(tcp.config && unpack(tcp.config, TcpProxy).cluster).toBe("outbound|6379||store.shop.svc.cluster.local");
  });

  test("in a proxy that several share: of one identity once, of several nowhere", () => {
    const listener = "{port: {number: 81, protocol: HTTP, name: b}, bind: 127.0.0.1, hosts: ['./*']}";
    const boundFor = (...names: readonly string[]): number => {
      const documents = [workload("web", "v2", [], "shop"), sidecar(`egress: [${listener}]`)];
      const instances = names.map((name) => `${name}-0`);
      const { listeners } = translate(stateOf(...base, ...documents), { t: "shared", instances }, options);
      return listeners.filter(({ name }) => name === "outbound_127.0.0.1_81").length;
    };
    expect(boundFor("web-v1", "web-v2")).toBe(1);
    expect(boundFor("web-v1", "reviews-v1")).toBe(0);
  });
});
