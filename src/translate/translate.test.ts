import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { Listener } from "../xds/proto/listener.ts";
import { RouteConfiguration } from "../xds/proto/route.ts";
import { DownstreamTlsContext } from "../xds/proto/tls.ts";
import { unpack } from "../xds/types/any.ts";
import { encode } from "../xds/types/codec.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { type ProxyResources, translate } from "./translate.ts";

const base = [
  service("reviews", ["http:9080", "tcp-b:9081", "tls-c:9082"]),
  service("ratings", ["http:9080"]),
  workload("reviews", "v1", [9080, 9081, 9082]),
  workload("ratings", "v1", [9080]),
];
const mtls = (mode: string): string =>
  `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p, namespace: istio-system}, spec: {mtls: {mode: ${mode}}}}`;

const reviews = (...documents: readonly string[]): ProxyResources =>
  translate(stateOf(...base, ...documents), { t: "sidecar", instance: "reviews-v1-0" }, options);
const listener = (r: ProxyResources, port: number): Listener | undefined =>
  r.listeners.find((l) => l.address?.socketAddress?.portValue === port);

test("a sidecar has an inbound listener and cluster for each port, and one forward proxy", () => {
  const r = reviews();
  expect(r.listeners.map((l) => [l.name, l.trafficDirection])).toEqual([
    ["inbound_127.0.0.1_20001", "INBOUND"],
    ["inbound_127.0.0.1_20003", "INBOUND"],
    ["inbound_127.0.0.1_20005", "INBOUND"],
    ["outbound_127.0.0.1_20000", "OUTBOUND"],
  ]);
  expect(r.routes.map((c) => c.name)).toEqual(["http_proxy"]);
  expect(r.clusters.map((c) => c.name).slice(0, 3)).toEqual(["inbound|9080||", "inbound|9081||", "inbound|9082||"]);
  expect(r.clusters.at(-1)?.name).toBe("PassthroughCluster");
  // Each of the others has its own.
  expect(r.endpoints).toHaveLength(r.clusters.length - 4);
});

describe("mTLS at the door", () => {
  const chains = (mode: string, port: number): unknown =>
    listener(reviews(mtls(mode)), port)?.filterChains?.map((c) => [
      c.filterChainMatch?.transportProtocol,
      c.transportSocket?.name ?? "plain",
    ]);
  const TLS = "envoy.transport_sockets.tls";

  test("STRICT knows nothing but TLS, DISABLE nothing but plain text", () => {
    expect(chains("STRICT", 20_001)).toEqual([[undefined, TLS]]);
    expect(chains("DISABLE", 20_001)).toEqual([[undefined, "plain"]]);
  });

  test("PERMISSIVE takes both, and an application's own TLS on opaque ports", () => {
    expect(chains("PERMISSIVE", 20_001)).toEqual([
      ["tls", TLS],
      ["raw_buffer", "plain"],
    ]);
    expect(chains("PERMISSIVE", 20_005)).toEqual([
      ["tls", TLS],
      ["tls", "plain"],
      ["raw_buffer", "plain"],
    ]);
  });

  test("a client certificate of the trust domain is asked for", () => {
    const socket = listener(reviews(mtls("STRICT")), 20_001)?.filterChains?.[0]?.transportSocket?.typedConfig;
    if (socket === undefined) throw new Error("no TLS");
    const context = unpack(socket, DownstreamTlsContext);
    expect(context.requireClientCertificate).toBe(true);
    expect(context.commonTlsContext?.combinedValidationContext?.defaultValidationContext).toEqual({
      matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { prefix: "spiffe://cluster.local/" } }],
    });
  });

  test("the mode and its document are told beside the resources", () => {
    expect(reviews(mtls("STRICT")).sources.inboundModes["inbound_127.0.0.1_20001"]).toMatchObject({
      mode: "STRICT",
      source: { kind: "PeerAuthentication", namespace: "istio-system" },
    });
  });
});

test("inbound HTTP says who called, and leaves time limits to the caller", () => {
  const filter = listener(reviews(), 20_001)?.filterChains?.[0]?.filters?.[0]?.typedConfig;
  if (filter === undefined) throw new Error("no filter");
  const manager = unpack(filter, HttpConnectionManager);
  expect(manager).toMatchObject({
    statPrefix: "inbound_0.0.0.0_9080",
    forwardClientCertDetails: "APPEND_FORWARD",
    normalizePath: true,
  });
  const [host] = manager.routeConfig?.virtualHosts ?? [];
  expect(host?.name).toBe("inbound|http|9080");
  expect(host?.routes?.[0]?.route).toEqual({
    cluster: "inbound|9080||",
    timeout: 0,
    maxStreamDuration: { maxStreamDuration: 0, grpcTimeoutHeaderMax: 0 },
    retryPolicy: { retryOn: "reset-before-request", numRetries: 2 },
  });
});

test("a shared proxy has a forward proxy for each instance, and names that cannot meet", () => {
  const state = stateOf(...base);
  const r = translate(state, { t: "shared", instances: ["reviews-v1-0", "ratings-v1-0"] }, options);
  expect(r.routes.map((c) => c.name)).toEqual(["http_proxy@default/reviews", "http_proxy@default/ratings"]);
  expect(r.clusters.map((c) => c.name)).toContain("inbound|9080||@ratings-v1-0");
  for (const list of [r.listeners, r.routes, r.clusters]) {
    const names = list.map((item) => item.name);
    expect(new Set(names).size).toBe(names.length);
  }
  const text = JSON.stringify(r.routes[1]?.virtualHosts);
  expect(text).toContain("outbound|9080||reviews.default.svc.cluster.local@default/ratings");
});

test("an instance that is not there is an error that names it", () => {
  expect(() => translate(stateOf(...base), { t: "sidecar", instance: "nobody" }, options)).toThrow('instance "nobody"');
});

describe("what has not changed", () => {
  const bytes = (r: ProxyResources): readonly string[] => [
    ...r.listeners.map((l) => Buffer.from(encode(Listener, l)).toString("hex")),
    ...r.routes.map((l) => Buffer.from(encode(RouteConfiguration, l)).toString("hex")),
    ...r.clusters.map((l) => Buffer.from(encode(Cluster, l)).toString("hex")),
  ];

  test("gives the same bytes from equal input", () => {
    expect(bytes(reviews(mtls("STRICT")))).toEqual(bytes(reviews(mtls("STRICT"))));
  });

  test("is not made again: routes outlive endpoints, proxies of one namespace share clusters", () => {
    const state = stateOf(...base);
    const first = translate(state, { t: "sidecar", instance: "reviews-v1-0" }, options);
    const other = translate(state, { t: "sidecar", instance: "ratings-v1-0" }, options);
    expect(other.routes[0]).toBe(first.routes[0] as RouteConfiguration);
    expect(other.clusters.at(-1)).toBe(first.clusters.at(-1) as Cluster);
    const later = { ...state, instances: state.instances.map((i) => ({ ...i, healthy: false })) };
    const next = translate(later, { t: "sidecar", instance: "reviews-v1-0" }, options);
    expect(next.routes[0]).toBe(first.routes[0] as RouteConfiguration);
    expect(next.endpoints).not.toEqual(first.endpoints);
  });
});
