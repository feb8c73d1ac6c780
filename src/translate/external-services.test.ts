/**
 * What ServiceEntries become: clusters by resolution and location, virtual hosts, and what is let through.
 */
import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { compileCluster } from "../engine/cluster/cluster.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import type { Listener } from "../xds/proto/listener.ts";
import { UpstreamTlsContext } from "../xds/proto/tls.ts";
import { isAny, unpack } from "../xds/types/any.ts";
import { defaultTranslateOptions } from "./options.ts";
import { translate } from "./translate.ts";

const base = [service("shop", ["http:80:8080"]), workload("shop", "v1", [8080]), workload("client", "v1", [])];
const entry = (spec: string, name = "e", namespace = "default"): string =>
  `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: ${name}, namespace: ${namespace}}, spec: {${spec}}}`;
const rule = (host: string, policy: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: "${host}", ${policy}}}`;
const HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]";
const HTTPS = "ports: [{number: 443, name: https, protocol: HTTPS}]";

const resourcesOf = (...documents: readonly string[]) =>
  translate(stateOf(...base, ...documents), { t: "sidecar", instance: "client-v1-0" }, defaultTranslateOptions);

function clusterOf(name: string, ...documents: readonly string[]): Cluster {
  const found = resourcesOf(...documents).clusters.find((c) => c.name === name);
  if (found === undefined) throw new Error(`there is no cluster ${name}`);
  compileCluster(found);
  return found;
}

const placesOf = (assignment: ClusterLoadAssignment | undefined): readonly unknown[] =>
  (assignment?.endpoints ?? []).flatMap(({ lbEndpoints = [] }) =>
    lbEndpoints.map(({ endpoint }) => {
      const { pipe, socketAddress } = endpoint?.address ?? {};
      return pipe?.path ?? `${socketAddress?.address}:${socketAddress?.portValue}`;
    }),
  );

describe("resolution", () => {
  test("DNS: the proxy looks the host up, or the endpoints that are given", () => {
    const own = clusterOf("outbound|80||api.example.com", entry(`hosts: [api.example.com], resolution: DNS, ${HTTP}`));
    expect(own).toMatchObject({
      type: "STRICT_DNS",
      dnsRefreshRate: 60_000,
      respectDnsTtl: true,
      dnsLookupFamily: "V4_ONLY",
    });
    expect(placesOf(own.loadAssignment)).toEqual(["api.example.com:80"]);
    const given = clusterOf(
      "outbound|80||api.example.com",
      entry(
        `hosts: [api.example.com], resolution: DNS, ${HTTP}, endpoints: [{address: us.example.com, ports: {http: 8080}}, {address: 10.0.0.1}]`,
      ),
    );
    expect(placesOf(given.loadAssignment)).toEqual(["us.example.com:8080", "10.0.0.1:80"]);
  });

  test("DNS_ROUND_ROBIN is LOGICAL_DNS", () => {
    const found = clusterOf("outbound|443||a.com", entry(`hosts: [a.com], resolution: DNS_ROUND_ROBIN, ${HTTPS}`));
    expect(found.type).toBe("LOGICAL_DNS");
  });

  test("STATIC: endpoints by their ports, weights and localities, unix sockets too", () => {
    const { endpoints } = resourcesOf(
      entry(
        `hosts: [a.com], resolution: STATIC, ${HTTP}, endpoints: [{address: 1.1.1.1, weight: 3, locality: eu/west}, {address: 2.2.2.2, ports: {http: 90}}, {address: "unix:///run/a"}]`,
      ),
    );
    const found = endpoints.find((e) => e.clusterName === "outbound|80||a.com");
    expect(placesOf(found)).toEqual(["1.1.1.1:80", "2.2.2.2:90", "/run/a"]);
    expect(found?.endpoints?.map((e) => [e.locality?.region, e.loadBalancingWeight])).toEqual([
      ["eu", 3],
      [undefined, 2],
    ]);
  });

  test("NONE looks up the host; of a wildcard the one that requests name", () => {
    const one = clusterOf("outbound|80||a.com", entry(`hosts: [a.com], ${HTTP}`));
    expect([one.type, placesOf(one.loadAssignment)]).toEqual(["LOGICAL_DNS", ["a.com:80"]]);
    for (const resolution of ["NONE", "DYNAMIC_DNS"]) {
      const wild = clusterOf("outbound|80||*.a.com", entry(`hosts: ["*.a.com"], resolution: ${resolution}, ${HTTP}`));
      expect([wild.clusterType?.name, wild.lbPolicy]).toEqual([
        "envoy.clusters.dynamic_forward_proxy",
        "CLUSTER_PROVIDED",
      ]);
    }
  });

  test("DNS with a selector that selects nobody has no cluster, as in Istio", () => {
    const name = "outbound|80||a.com";
    const { clusters } = resourcesOf(
      entry(`hosts: [a.com], resolution: DNS, ${HTTP}, workloadSelector: {labels: {a: b}}`),
    );
    expect(clusters.some((c) => c.name === name)).toBe(false);
  });

  test("a subset has the endpoints with its labels", () => {
    const { endpoints } = resourcesOf(
      entry(
        `hosts: [a.com], resolution: STATIC, ${HTTP}, endpoints: [{address: 1.1.1.1, labels: {v: a}}, {address: 2.2.2.2, labels: {v: b}}]`,
      ),
      rule("a.com", "subsets: [{name: b, labels: {v: b}}]"),
    );
    expect(placesOf(endpoints.find((e) => e.clusterName === "outbound|80|b|a.com"))).toEqual(["2.2.2.2:80"]);
  });
});

test("PASSTHROUGH looks the host up in place of its endpoints; known endpoints are chosen at random", () => {
  const passthrough = (host: string): string => rule(host, "trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}");
  const named = clusterOf(
    "outbound|80||a.com",
    entry(`hosts: [a.com], resolution: DNS, ${HTTP}, endpoints: [{address: b.com}]`),
    passthrough("a.com"),
  );
  expect([named.type, placesOf(named.loadAssignment)]).toEqual(["LOGICAL_DNS", ["a.com:80"]]);
  const known = clusterOf("outbound|80||shop.default.svc.cluster.local", passthrough("shop.default.svc.cluster.local"));
  expect([known.type, known.lbPolicy]).toEqual(["EDS", "RANDOM"]);
});

describe("TLS", () => {
  const tlsOf = (cluster: Cluster): UpstreamTlsContext | undefined => {
    const config = cluster.transportSocket?.typedConfig;
    return config && unpack(config, UpstreamTlsContext);
  };
  const machine = "endpoints: [{address: 10.0.0.1, serviceAccount: vm}]";

  test("inside of the mesh goes to endpoints with an identity, by that and by the names that are given", () => {
    const spec = `hosts: [vm.local], resolution: STATIC, location: MESH_INTERNAL, ${HTTP}, subjectAltNames: ["spiffe://old/vm"], ${machine}`;
    const context = tlsOf(clusterOf("outbound|80||vm.local", entry(spec)));
    const names =
      context?.commonTlsContext?.combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames;
    expect(names?.map(({ matcher }) => matcher?.exact)).toEqual([
      "spiffe://cluster.local/ns/default/sa/vm",
      "spiffe://old/vm",
    ]);
  });

  test("outside of the mesh is not spoken by itself, whoever says to be there", () => {
    const found = clusterOf(
      "outbound|80||vm.local",
      entry(`hosts: [vm.local], resolution: STATIC, ${HTTP}, ${machine}`),
    );
    expect([found.transportSocket, found.transportSocketMatches]).toEqual([undefined, undefined]);
  });

  test("of a DestinationRule asks for the names that the ServiceEntry gives", () => {
    const documents = (more: string): readonly string[] => [
      entry(`hosts: [api.example.com], resolution: DNS, ${HTTP}, ${more}`),
      rule("api.example.com", "trafficPolicy: {tls: {mode: SIMPLE}}"),
    ];
    const namesIn = (more: string): unknown =>
      tlsOf(
        clusterOf("outbound|80||api.example.com", ...documents(more)),
      )?.commonTlsContext?.validationContext?.matchTypedSubjectAltNames?.map(({ matcher }) => matcher?.exact);
    expect(namesIn("")).toBeUndefined();
    expect(namesIn("subjectAltNames: [front.example.com]")).toEqual(["front.example.com"]);
  });
});

describe("hosts", () => {
  const hostsOf = (...documents: readonly string[]) => resourcesOf(...documents).routes[0]?.virtualHosts ?? [];

  test("answer to their names and addresses at their port; wildcards to what they cover", () => {
    const [found] = hostsOf(
      entry(`hosts: [a.com, "*.b.com"], addresses: [10.9.9.9/32, 10.8.0.0/16, "fd00::1"], resolution: STATIC, ${HTTP}`),
    ).filter((h) => h.name === "a.com:80");
    expect(found?.domains).toEqual([
      "a.com",
      "a.com:80",
      "a.com.",
      "a.com.:80",
      "10.9.9.9",
      "10.9.9.9:80",
      "[fd00::1]",
      "[fd00::1]:80",
    ]);
    const wild = hostsOf(entry(`hosts: ["*.b.com"], ${HTTP}`)).find((h) => h.name === "*.b.com:80");
    expect(wild?.domains).toEqual(["*.b.com", "*.b.com:80"]);
  });

  test("of one host in two namespaces the caller's own counts", () => {
    const spec = `hosts: [a.com], resolution: STATIC, ${HTTP}, endpoints: [{address: `;
    const { clusters, endpoints } = resourcesOf(
      entry(`${spec}1.1.1.1}]`, "far", "far"),
      entry(`${spec}2.2.2.2}]`, "near"),
    );
    expect(clusters.filter((c) => c.name === "outbound|80||a.com")).toHaveLength(1);
    expect(placesOf(endpoints.find((e) => e.clusterName === "outbound|80||a.com"))).toEqual(["2.2.2.2:80"]);
  });
});

function filtersOf({ filterChains = [] }: Listener): readonly unknown[] {
  const configs = filterChains.flatMap(({ filters = [] }) => filters.flatMap(({ typedConfig }) => typedConfig ?? []));
  return configs
    .filter((config) => isAny(config, HttpConnectionManager))
    .flatMap((config) => unpack(config, HttpConnectionManager).httpFilters?.map(({ name }) => name) ?? []);
}

test("REGISTRY_ONLY has neither the PassthroughCluster nor the filter that looks hosts up", () => {
  const mesh = (mode: string): string =>
    `{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {outboundTrafficPolicy: {mode: ${mode}}}}`;
  const has = (mode: string): readonly boolean[] => {
    const { clusters, listeners } = resourcesOf(mesh(mode));
    return [
      clusters.some((c) => c.name === "PassthroughCluster"),
      listeners.some((l) => filtersOf(l).includes("envoy.filters.http.dynamic_forward_proxy")),
    ];
  };
  expect([has("ALLOW_ANY"), has("REGISTRY_ONLY")]).toEqual([
    [true, true],
    [false, false],
  ]);
});

test("the Mesh document's settings are the defaults of all calls", () => {
  const mesh =
    "{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {dnsRefreshRate: 7s, connectTimeout: 3s, defaultHttpRetryPolicy: {attempts: 5, retryOn: reset}}}";
  const own =
    "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [shop], http: [{match: [{uri: {prefix: /own}}], retries: {attempts: 1}, route: [{destination: {host: shop}}]}, {route: [{destination: {host: shop}}]}]}}";
  const other = rule("a.com", "trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}}");
  const entries = entry(`hosts: [a.com, b.com], resolution: DNS, ${HTTP}`);
  const { clusters, routes } = resourcesOf(mesh, own, other, entries);
  const timeoutOf = (name: string): unknown => clusters.find((c) => c.name === name)?.connectTimeout;
  expect(clusters.find((c) => c.name === "outbound|80||a.com")?.dnsRefreshRate).toBe(7000);
  expect([timeoutOf("outbound|80||a.com"), timeoutOf("outbound|80||b.com"), timeoutOf("PassthroughCluster")]).toEqual([
    1000, 3000, 3000,
  ]);
  const retries = (host: string): unknown =>
    routes[0]?.virtualHosts
      ?.find((h) => h.name === host)
      ?.routes?.map((r) => [r.route?.retryPolicy?.numRetries, r.route?.retryPolicy?.retryOn]);
  expect(retries("b.com:80")).toEqual([[5, "reset"]]);
  expect(retries("shop.default.svc.cluster.local:80")).toEqual([
    [1, "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"],
    [5, "reset"],
  ]);
});

test("what a proxy sends its application again is the Mesh document's word", () => {
  const policyBy = (said: string): unknown => {
    const mesh = `{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {${said}}}`;
    const state = stateOf(...base, mesh);
    const { listeners } = translate(state, { t: "sidecar", instance: "shop-v1-0" }, defaultTranslateOptions);
    const [inbound] = listeners.filter(({ trafficDirection }) => trafficDirection === "INBOUND");
    const [http] = (inbound?.filterChains ?? []).flatMap(({ filters = [] }) =>
      filters.flatMap(({ typedConfig }) =>
        typedConfig !== undefined && isAny(typedConfig, HttpConnectionManager)
          ? [unpack(typedConfig, HttpConnectionManager)]
          : [],
      ),
    );
    expect(http).toBeDefined();
    return http?.routeConfig?.virtualHosts?.[0]?.routes?.[0]?.route?.retryPolicy;
  };
  expect(policyBy("connectTimeout: 1s")).toEqual({ retryOn: "reset-before-request", numRetries: 2 });
  expect(policyBy("defaultInboundHttpRetryPolicy: {}")).toBeUndefined();
  expect(policyBy("defaultInboundHttpRetryPolicy: {attempts: 5}")).toEqual({
    retryOn: "reset-before-request",
    numRetries: 5,
  });
  expect(
    policyBy("defaultInboundHttpRetryPolicy: {attempts: 1, retryOn: 'reset,503', perTryTimeout: 2s, backoff: 5ms}"),
  ).toEqual({
    retryOn: "reset,retriable-status-codes",
    retriableStatusCodes: [503],
    numRetries: 1,
    perTryTimeout: 2000,
    retryBackOff: { baseInterval: 5 },
  });
});
