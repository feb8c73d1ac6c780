import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { compileCluster } from "../engine/cluster/cluster.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import { UpstreamTlsContext } from "../xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../xds/proto/upstream-proxy-protocol.ts";
import { UpstreamHttpOptions } from "../xds/proto/upstream-http.ts";
import { unpack } from "../xds/types/any.ts";
import { hasProxy } from "./destination.ts";
import { defaultTranslateOptions } from "./options.ts";
import { type OutboundCluster, outboundClusters } from "./outbound-clusters.ts";
import { sharedScope, sidecarScope } from "./scope.ts";
import type { MeshState } from "./translate.ts";

const base = [
  service("reviews", ["http:9080", "http-b:9081"]),
  workload("reviews", "v1", [9080, 9081]),
  workload("reviews", "v2", [9080, 9081]),
  workload("client", "v1", [], "apps"),
];
const ROOT = "spiffe://cluster.local/ns/default/sa/reviews";

function clustersOf(state: MeshState, namespace = "default"): ReadonlyMap<string, OutboundCluster> {
  const scope = {
    namespace,
    labels: {},
    locality: undefined,
    sidecar: undefined,
    outboundSuffix: "",
    secretName: "default",
    gateway: undefined,
    captured: false,
  };
  const made = outboundClusters(state.mesh, state.instances, scope, defaultTranslateOptions);
  return new Map(made.map((c) => [c.cluster.name ?? "", c]));
}

function reviews(documents: readonly string[], port = 9080, subset = "", namespace = "default"): OutboundCluster {
  const name = `outbound|${port}|${subset}|reviews.default.svc.cluster.local`;
  const found = clustersOf(stateOf(...base, ...documents), namespace).get(name);
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
}

const tlsOf = (cluster: Cluster | undefined): UpstreamTlsContext | undefined => {
  const config = cluster?.transportSocket?.typedConfig;
  return config && unpack(config, UpstreamTlsContext);
};

const namesOf = (context: UpstreamTlsContext | undefined): unknown =>
  context?.commonTlsContext?.combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames;

const destinationRule = (spec: string, namespace = "default", name = "reviews"): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${name}, namespace: ${namespace}},
 spec: {host: reviews.default.svc.cluster.local, ${spec}}}`;

const peerAuthentication = (spec: string): string =>
  `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p}, spec: ${spec}}`;

describe("defaults", () => {
  test("are Istio's: least request, no limits, no panic, 10 s to connect", () => {
    const { cluster } = reviews([]);
    expect(cluster.lbPolicy).toBe("LEAST_REQUEST");
    expect(cluster.connectTimeout).toBe(10_000);
    expect(cluster.circuitBreakers?.thresholds?.[0]?.maxRetries).toBe(4_294_967_295);
    expect(cluster.commonLbConfig?.healthyPanicThreshold).toEqual({ value: 0 });
    expect(cluster.outlierDetection).toBeUndefined();
  });

  test("mTLS to exactly the identities behind the service, with Istio's SNI and secrets", () => {
    const context = tlsOf(reviews([]).cluster);
    expect(namesOf(context)).toEqual([{ sanType: "URI", matcher: { exact: ROOT } }]);
    expect(context?.sni).toBe("outbound_.9080_._.reviews.default.svc.cluster.local");
    expect(context?.commonTlsContext?.alpnProtocols).toEqual(["http/1.1"]);
    const secrets = context?.commonTlsContext?.tlsCertificateSdsSecretConfigs?.map((s) => s.name);
    expect(secrets).toEqual(["default"]);
  });

  test("a service with nobody behind it trusts no more than the trust domain", () => {
    const found = clustersOf(stateOf(...base, service("ghost", ["http:80"]))).get(
      "outbound|80||ghost.default.svc.cluster.local",
    );
    expect(namesOf(tlsOf(found?.cluster))).toEqual([
      { sanType: "URI", matcher: { prefix: "spiffe://cluster.local/" } },
    ]);
    expect(found?.endpoints.endpoints).toEqual([]);
  });
});

describe("endpoints", () => {
  test("are the inbound addresses of the instances that the subset selects", () => {
    const rule = destinationRule("subsets: [{name: v2, labels: {version: v2}}]");
    const { endpoints } = reviews([rule], 9081, "v2");
    const [only, ...others] = endpoints.endpoints?.[0]?.lbEndpoints ?? [];
    expect(others).toEqual([]);
    expect(only?.endpoint?.address?.socketAddress).toEqual({ address: "127.0.0.1", portValue: 20_103 });
    expect(only?.metadata?.filterMetadata?.["istio"]).toEqual({ workload: "reviews-v2;default;reviews;v2;Kubernetes" });
  });

  test("that are not healthy stay, marked", () => {
    const state = stateOf(...base);
    const instances = state.instances.map((i) => ({ ...i, healthy: i.id !== "reviews-v1-0" }));
    const found = clustersOf({ ...state, instances }).get("outbound|9080||reviews.default.svc.cluster.local");
    const statuses = found?.endpoints.endpoints?.[0]?.lbEndpoints?.map((e) => e.healthStatus);
    expect(statuses).toEqual(["UNHEALTHY", "HEALTHY"]);
  });
});

describe("automatic mTLS", () => {
  test("is off where no proxy takes it", () => {
    const { cluster, endpoints } = reviews([peerAuthentication("{mtls: {mode: DISABLE}}")]);
    expect(cluster.transportSocket).toBeUndefined();
    expect(cluster.transportSocketMatches).toBeUndefined();
    expect(Object.keys(endpoints.endpoints?.[0]?.lbEndpoints?.[0]?.metadata?.filterMetadata ?? {})).toEqual(["istio"]);
  });

  test("of a service or subset with nobody behind it goes by the policies of whoever may come", () => {
    const off = peerAuthentication("{mtls: {mode: DISABLE}}");
    const v9 = peerAuthentication("{selector: {matchLabels: {version: v9}}, mtls: {mode: DISABLE}}");
    const rule = destinationRule("subsets: [{name: v9, labels: {version: v9}}]");
    expect(reviews([rule], 9081, "v9").cluster.transportSocket).toBeDefined();
    for (const policy of [off, v9]) expect(reviews([rule, policy], 9081, "v9").cluster.transportSocket).toBeUndefined();
  });

  test("goes by endpoint where they differ", () => {
    const { cluster, endpoints } = reviews([
      peerAuthentication("{selector: {matchLabels: {version: v2}}, mtls: {mode: DISABLE}}"),
    ]);
    expect(cluster.transportSocket).toBeUndefined();
    expect(cluster.transportSocketMatches?.map((m) => m.match)).toEqual([{ tlsMode: "istio" }, {}]);
    const modes = endpoints.endpoints?.[0]?.lbEndpoints?.map(
      (e) => e.metadata?.filterMetadata?.["envoy.transport_socket_match"],
    );
    expect(modes).toEqual([{ tlsMode: "istio" }, undefined]);
  });

  test("is off towards instances without a proxy", () => {
    const state = stateOf(...base);
    const instances = state.instances.map((i) => ({
      ...i,
      ports: i.ports.map((p) => ({ ...p, inbound: p.application })),
    }));
    expect(instances.flatMap((i) => i.ports).some(hasProxy)).toBe(false);
    const found = clustersOf({ ...state, instances }).get("outbound|9080||reviews.default.svc.cluster.local");
    expect(found?.cluster.transportSocket).toBeUndefined();
  });
});

describe("a DestinationRule", () => {
  const full =
    destinationRule(`trafficPolicy: {loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {maxConnections: 10}},
 outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, minHealthPercent: 20},
 portLevelSettings: [{port: {number: 9081}, tls: {mode: DISABLE}}]},
 subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2},
 trafficPolicy: {connectionPool: {http: {maxRetries: 3}}, portLevelSettings: [{port: {number: 9080}, loadBalancer: {simple: ROUND_ROBIN}}]}}]`);

  test("sets limits, policy and detectors; a count of 0 is off", () => {
    const { cluster } = reviews([full]);
    expect(cluster.lbPolicy).toBe("RANDOM");
    expect(cluster.circuitBreakers?.thresholds?.[0]?.maxConnections).toBe(10);
    expect(cluster.commonLbConfig?.healthyPanicThreshold).toEqual({ value: 20 });
    expect(cluster.outlierDetection).toMatchObject({
      consecutive5xx: 0,
      enforcingConsecutive5xx: 0,
      consecutiveGatewayFailure: 2,
      enforcingConsecutiveGatewayFailure: 100,
      enforcingSuccessRate: 0,
    });
  });

  test("says which statuses are errors", () => {
    const { cluster } = reviews([
      destinationRule("trafficPolicy: {outlierDetection: {outlierDetectionHttpErrorCodes: [429, 503]}}"),
    ]);
    const { isError } = compileCluster(cluster).http;
    expect([200, 429, 500, 503].map((status) => isError?.(status))).toEqual([false, true, false, true]);
  });

  test("says how connections live, and how they begin", () => {
    const tcp = "tcp: {maxConnectionDuration: 60s, tcpKeepalive: {time: 30s, interval: 2500ms, probes: 4}}";
    const mode = "tls: {mode: DISABLE}, proxyProtocol: {version: V2}";
    const { cluster } = reviews([destinationRule(`trafficPolicy: {connectionPool: {${tcp}}, ${mode}}`)]);
    expect(cluster.upstreamConnectionOptions).toEqual({
      tcpKeepalive: { keepaliveProbes: 4, keepaliveTime: 30, keepaliveInterval: 3 },
    });
    const [options] = Object.values(cluster.typedExtensionProtocolOptions ?? {});
    expect(options && unpack(options, UpstreamHttpOptions).commonHttpProtocolOptions?.maxConnectionDuration).toBe(
      60_000,
    );
    const socket = cluster.transportSocket?.typedConfig;
    expect(socket && unpack(socket, ProxyProtocolUpstreamTransport)).toMatchObject({
      config: { version: "V2" },
      transportSocket: { name: "envoy.transport_sockets.raw_buffer" },
    });
    const { cluster: plain } = reviews([]);
    expect([plain.upstreamConnectionOptions, plain.transportSocket?.name]).toEqual([
      undefined,
      "envoy.transport_sockets.tls",
    ]);
  });

  test("warms endpoints up, and weighs localities where anything says where it is", () => {
    const lb = (text: string): Cluster =>
      reviews([destinationRule(`trafficPolicy: {loadBalancer: {${text}}}`)]).cluster;
    const slowStartConfig = {
      slowStartWindow: 30_000,
      aggression: { defaultValue: 2, runtimeKey: "" },
      minWeightPercent: { value: 20 },
    };
    const warmup = "warmup: {duration: 30s, minimumPercent: 20, aggression: 2}";
    expect(lb(warmup)).toMatchObject({ lbPolicy: "LEAST_REQUEST", leastRequestLbConfig: { slowStartConfig } });
    expect(lb(`simple: ROUND_ROBIN, ${warmup}`)).toMatchObject({ roundRobinLbConfig: { slowStartConfig } });
    expect(lb("warmupDurationSecs: 5s").leastRequestLbConfig?.slowStartConfig?.slowStartWindow).toBe(5000);
    expect(lb(warmup).commonLbConfig?.localityWeightedLbConfig).toBeUndefined();
    const there = `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: reviews-v3, labels: {app: reviews, istio-locality: eu}}, spec: {ports: [9080]}}`;
    const weighs = (...documents: readonly string[]): unknown =>
      reviews([there, ...documents]).cluster.commonLbConfig?.localityWeightedLbConfig;
    expect(weighs()).toEqual({});
    expect(
      weighs(destinationRule("trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: false}}}")),
    ).toBeUndefined();
  });

  test("a port's settings inherit nothing", () => {
    const { cluster } = reviews([full], 9081);
    expect(cluster.lbPolicy).toBe("LEAST_REQUEST");
    expect(cluster.transportSocket).toBeUndefined();
    expect(cluster.outlierDetection).toBeUndefined();
    expect(reviews([full], 9081, "v1").cluster.lbPolicy).toBe("LEAST_REQUEST");
  });

  test("a subset replaces block by block, its port everything", () => {
    const { cluster } = reviews([full], 9081, "v2");
    expect(cluster.circuitBreakers?.thresholds?.[0]).toMatchObject({ maxConnections: 4_294_967_295, maxRetries: 3 });
    expect(cluster.transportSocket).toBeUndefined();
    const atPort = reviews([full], 9080, "v2").cluster;
    expect(atPort.lbPolicy).toBe("ROUND_ROBIN");
    expect(atPort.circuitBreakers?.thresholds?.[0]?.maxRetries).toBe(4_294_967_295);
  });

  test("is looked for with the caller first, then the service, then the root namespace, and nowhere else", () => {
    const lb = (simple: string): string => `trafficPolicy: {loadBalancer: {simple: ${simple}}}`;
    const root = destinationRule(lb("RANDOM"), "istio-system");
    const own = destinationRule(lb("ROUND_ROBIN"), "apps");
    const policy = (documents: readonly string[], from: string): unknown =>
      reviews(documents, 9080, "", from).cluster.lbPolicy;
    expect(policy([root, own], "apps")).toBe("ROUND_ROBIN");
    expect(policy([root, own], "default")).toBe("RANDOM");
    expect(policy([root, own, destinationRule(lb("LEAST_REQUEST"))], "default")).toBe("LEAST_REQUEST");
    expect(policy([own], "default")).toBe("LEAST_REQUEST");
  });

  test("two of one host are one: the first policy, the subsets of both", () => {
    const a = destinationRule("subsets: [{name: v1, labels: {version: v1}}]", "default", "a");
    const b = destinationRule(
      "trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v2, labels: {version: v2}}]",
      "default",
      "b",
    );
    expect(reviews([a, b], 9080, "v1").cluster.lbPolicy).toBe("RANDOM");
    expect(reviews([a, b], 9080, "v2").endpoints.endpoints?.[0]?.lbEndpoints).toHaveLength(1);
  });

  test("a retry budget is the whole destination's, whatever its ports say", () => {
    const rule =
      destinationRule(`trafficPolicy: {retryBudget: {percent: 12.5}, portLevelSettings: [{port: {number: 9081}, loadBalancer: {simple: RANDOM}}]},
 subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {retryBudget: {minRetryConcurrency: 0}}}, {name: v2, labels: {version: v2}}]`);
    const budget = (port: number, subset: string): unknown =>
      reviews([rule], port, subset).cluster.circuitBreakers?.thresholds?.[0]?.retryBudget;
    const own = { budgetPercent: { value: 12.5 }, minRetryConcurrency: 3 };
    for (const port of [9080, 9081]) {
      expect(budget(port, "")).toEqual(own);
      expect(budget(port, "v2")).toEqual(own);
      expect(budget(port, "v1")).toEqual({ budgetPercent: { value: 20 }, minRetryConcurrency: 0 });
    }
    expect(reviews([]).cluster.circuitBreakers?.thresholds?.[0]?.retryBudget).toBeUndefined();
    const over = (interval: string): unknown =>
      reviews([destinationRule(`trafficPolicy: {retryBudget: {budgetInterval: ${interval}}}`)]).cluster.circuitBreakers
        ?.thresholds?.[0]?.retryBudget?.budgetInterval;
    expect([over("5s"), over("0s")]).toEqual([5000, undefined]);
  });

  test("DISABLE, ISTIO_MUTUAL and SIMPLE win over what is automatic", () => {
    const tls = (mode: string): string => destinationRule(`trafficPolicy: {tls: {${mode}}}`);
    expect(reviews([tls("mode: DISABLE")]).cluster.transportSocket).toBeUndefined();
    const plain = peerAuthentication("{mtls: {mode: DISABLE}}");
    const mutual = tlsOf(
      reviews([plain, tls("mode: ISTIO_MUTUAL, subjectAltNames: [spiffe://td/x], sni: a.b")]).cluster,
    );
    expect(mutual?.sni).toBe("a.b");
    expect(namesOf(mutual)).toEqual([{ sanType: "URI", matcher: { exact: "spiffe://td/x" } }]);
    const simple = tlsOf(reviews([tls("mode: SIMPLE, sni: c.example.com")]).cluster);
    expect(simple?.commonTlsContext?.validationContext).toEqual({
      trustedCa: { filename: defaultTranslateOptions.systemRootsFile },
      matchTypedSubjectAltNames: [{ sanType: "DNS", matcher: { exact: "c.example.com" } }],
    });
  });
});

describe("scopes", () => {
  test("a sidecar has Istio's names; in a shared proxy names and secrets carry the identity", () => {
    const state = stateOf(...base);
    const [instance] = state.instances;
    if (instance === undefined) throw new Error("no instance");
    expect(sidecarScope(state.mesh, instance)).toEqual({
      namespace: "default",
      labels: {},
      locality: undefined,
      sidecar: undefined,
      outboundSuffix: "",
      secretName: "default",
      gateway: undefined,
      captured: false,
    });
    const scope = sharedScope(state.mesh, instance);
    expect(scope).toEqual({
      namespace: "default",
      labels: {},
      locality: undefined,
      sidecar: undefined,
      outboundSuffix: "@default/reviews",
      secretName: ROOT,
      gateway: undefined,
      captured: false,
    });
    const [made] = outboundClusters(state.mesh, state.instances, scope, defaultTranslateOptions);
    expect(made?.cluster.name).toBe("outbound|9080||reviews.default.svc.cluster.local@default/reviews");
    expect(tlsOf(made?.cluster)?.commonTlsContext?.tlsCertificateSdsSecretConfigs?.[0]?.name).toBe(ROOT);
  });
});

describe("what HTTP goes on as", () => {
  const mixed = [service("s", ["http:80", "grpc:81", "any:82", "tcp:83"]), workload("s", "v1", [80, 81, 82, 83])];
  const made = (port: string, ...documents: readonly string[]): string => {
    const [number, suffix] = port.split("@");
    const name = `outbound|${number}||s.default.svc.cluster.local${suffix === undefined ? "" : `@${suffix}`}`;
    const cluster = clustersOf(stateOf(...mixed, ...documents)).get(name);
    const packed =
      cluster?.cluster.typedExtensionProtocolOptions?.["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
    const options = packed && unpack(packed, UpstreamHttpOptions);
    const alpn = tlsOf(cluster?.cluster)?.commonTlsContext?.alpnProtocols;
    return `${versionOf(options)} ${alpn ?? "-"}`;
  };
  const rule = (http: string, more = ""): string =>
    `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: s, trafficPolicy: {connectionPool: {http: ${http}}${more}}}}`;
  const mesh = (spec: string): string => `{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: ${spec}}`;
  const UPGRADE = mesh("{h2UpgradePolicy: UPGRADE}");

  test("is as the port says; what is unknown goes on as it came, its ALPN tells HTTP from opaque bytes", () => {
    expect(made("80")).toBe("- http/1.1");
    expect(made("81")).toBe("http2 h2");
    expect(made("82")).toBe("as the client's istio-http/1.1,istio-h2,istio-http/1.0");
    expect(made("82@tcp")).toBe("- istio");
    expect(made("83")).toBe("- istio");
  });

  test("is HTTP/2 between proxies where the DestinationRule, or the mesh, says so", () => {
    expect(made("80", rule("{h2UpgradePolicy: UPGRADE}"))).toBe("http2 h2");
    expect(made("82", rule("{h2UpgradePolicy: UPGRADE}"))).toBe("http2 istio-http/1.1,istio-h2,istio-http/1.0");
    expect(made("80", UPGRADE)).toBe("http2 h2");
    expect(made("80", UPGRADE, rule("{h2UpgradePolicy: DO_NOT_UPGRADE}"))).toBe("- http/1.1");
    expect(made("80", UPGRADE, rule("{h2UpgradePolicy: DEFAULT, maxRetries: 1}"))).toBe("http2 h2");
    expect(made("82", UPGRADE)).toStartWith("as the client's");
  });

  test("is not made HTTP/2 by the mesh where no proxy answers", () => {
    const plain = peerAuthentication("{mtls: {mode: DISABLE}}");
    expect(made("80", UPGRADE, plain)).toBe("- -");
    expect(made("80", UPGRADE, rule("{maxRetries: 1}", ", tls: {mode: DISABLE}"))).toBe("- -");
  });

  test("is what the client speaks where that is asked for", () => {
    expect(made("80", rule("{useClientProtocol: true}"))).toBe("as the client's -");
    // Before what the port is named for, as in Istio.
    expect(made("81", rule("{useClientProtocol: true}"))).toBe("as the client's -");
    expect(made("81", rule("{maxConcurrentStreams: 7}"))).toBe("http2(7) h2");
    expect(made("81", rule("{http2KeepAlive: {interval: 5s, timeout: 1s}}"))).toBe(
      "http2, a PING each 5000 ms within 1000 h2",
    );
  });
});

function versionOf(options: UpstreamHttpOptions | undefined): string {
  if (options?.useDownstreamProtocolConfig !== undefined) return "as the client's";
  const http2 = options?.explicitHttpConfig?.http2ProtocolOptions;
  if (http2 === undefined) return "-";
  const { connectionKeepalive: ping, maxConcurrentStreams: streams } = http2;
  const pings = ping === undefined ? "" : `, a PING each ${ping.interval} ms within ${ping.timeout}`;
  return `http2${streams === undefined ? "" : `(${streams})`}${pings}`;
}
