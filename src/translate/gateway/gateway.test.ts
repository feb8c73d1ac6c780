/**
 * What a gateway workload's proxy is given, from the documents that a person would write.
 */
import { describe, expect, test } from "bun:test";
import { meshOf, service, stateOf, workload } from "../../../tests/support/mesh.ts";
import { serverKeyPair } from "../../../tests/support/server-certificates.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import type { Listener } from "../../xds/proto/listener.ts";
import { DownstreamTlsContext } from "../../xds/proto/tls.ts";
import { unpack } from "../../xds/types/any.ts";
import { defaultTranslateOptions } from "../options.ts";
import { translate } from "../translate.ts";
import { commonHosts } from "./hosts.ts";
import { declaredPorts, gatewayPorts } from "./ports.ts";

// === helpers ===

const EDGE = `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {istio: ingressgateway}},
 spec: {serviceAccount: edge, role: gateway}}`;
const REVIEWS = [service("reviews", ["http:9080"]), workload("reviews", "v1", [9080])];

const gateway = (name: string, ...servers: readonly string[]): string =>
  `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: ${name}},
 spec: {selector: {istio: ingressgateway}, servers: [${servers.join(", ")}]}}`;
const http = (hosts: string, port = 80, more = ""): string =>
  `{port: {number: ${port}, name: http-${port}-${hosts.length}, protocol: HTTP}, hosts: [${hosts}]${more}}`;
const https = (hosts: string, tls: string, name = "https"): string =>
  `{port: {number: 443, name: ${name}, protocol: HTTPS}, hosts: [${hosts}], tls: ${tls}}`;
const virtualService = (name: string, hosts: string, more = ""): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}},
 spec: {hosts: [${hosts}], gateways: [g, default/h], http: [${more}{name: ${name}, route: [{destination: {host: reviews}}]}]}}`;

const { certChainPem, privateKeyPem } = serverKeyPair(["a.example.com"]);
const secret = (name: string, namespace = "default", more = {}): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    type: "kubernetes.io/tls",
    stringData: { "tls.crt": certChainPem, "tls.key": privateKeyPem, ...more },
  });

const edge = (...yaml: readonly string[]) =>
  translate(stateOf(EDGE, ...REVIEWS, ...yaml), { t: "sidecar", instance: "edge-0" }, defaultTranslateOptions);
const portsOf = (...yaml: readonly string[]) => {
  const mesh = meshOf(EDGE, ...yaml);
  const [only] = mesh.workloads;
  if (only === undefined) throw new Error("no workload");
  return { ports: gatewayPorts(mesh, only), declared: declaredPorts(mesh, only) };
};

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("not there");
  return value;
}
const managerOf = (listener: Listener | undefined): HttpConnectionManager =>
  unpack(present(listener?.filterChains?.[0]?.filters?.[0]?.typedConfig), HttpConnectionManager);

// === tests ===

test("AUTO_PASSTHROUGH leads to the cluster that the client names, with no TLS of its own", () => {
  const open = `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: open, namespace: default},
 spec: {selector: {matchLabels: {app: ratings}}, mtls: {mode: DISABLE}}}`;
  const east = `{port: {number: 15443, name: east, protocol: TLS}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}`;
  const subsets = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: reviews},
 spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}}`;
  const ratings = [service("ratings", ["http:9080"]), workload("ratings", "v1", [9080])];
  const { listeners, clusters, endpoints } = edge(gateway("g", east), subsets, ...ratings, open);
  const [chain] = present(listeners[0]).filterChains ?? [];
  expect(chain?.filterChainMatch).toEqual({ serverNames: ["*.local"] });
  expect(chain?.filters?.map(({ name }) => name)).toEqual([
    "envoy.filters.network.sni_cluster",
    "envoy.filters.network.tcp_proxy",
  ]);
  const bySni = clusters.filter(({ name }) => name?.startsWith("outbound_."));
  const sizes = bySni.map(({ name, transportSocket, transportSocketMatches }) => ({
    name,
    plain: transportSocket === undefined && transportSocketMatches === undefined,
    endpoints: endpoints.find((e) => e.clusterName === name)?.endpoints?.flatMap((e) => e.lbEndpoints).length,
  }));
  const host = "default.svc.cluster.local";
  expect(sizes).toEqual([
    { name: `outbound_.9080_._.reviews.${host}`, plain: true, endpoints: 1 },
    { name: `outbound_.9080_.v1_.reviews.${host}`, plain: true, endpoints: 1 },
    { name: `outbound_.9080_._.ratings.${host}`, plain: true, endpoints: 0 },
  ]);
  const { clusters: usual } = edge(gateway("g", http('"*"')));
  expect(usual.some(({ name }) => name?.startsWith("outbound_."))).toBe(false);
});

test.each([
  [["a.b"], ["a.b", "c.d"], ["a.b"]],
  [["*.b"], ["a.b", "a.c"], ["a.b"]],
  [["a.b"], ["*.b"], ["a.b"]],
  [["*"], ["*.b", "a.b"], ["*.b", "a.b"]],
  [["*.a.b"], ["*.b"], ["*.a.b"]],
  [["*.a"], ["*.b", "a", "b.a.c"], []],
  [["b"], ["*.b"], []],
])("%j and %j have %j in common", (some, others, common) => {
  expect(commonHosts(some, others)).toEqual(common);
});

describe("ports", () => {
  test("plain servers of one port are one listener; a server of another kind waits", () => {
    const tcp = "{port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*']}";
    const { ports } = portsOf(gateway("g", http("a.b"), http("c.d.e")), gateway("h", tcp, http("f.g.h.i")));
    expect(ports.map(({ kind, servers }) => [kind, servers.length])).toEqual([["http", 3]]);
  });

  test("TLS servers share a port as long as their hosts differ", () => {
    const tls = "{mode: PASSTHROUGH}";
    const { ports } = portsOf(
      gateway("g", https("a.b, c.d", tls)),
      gateway("h", https("'other/c.d'", tls), https("e.f", tls, "second")),
    );
    expect(ports[0]?.servers.map(({ server }) => server.hosts[0]?.host)).toEqual(["a.b", "e.f"]);
  });

  test("a Service before the workload tells where its port leads", () => {
    const before = `{apiVersion: v1, kind: Service, metadata: {name: edge},
 spec: {selector: {istio: ingressgateway}, ports: [{name: http, port: 80, targetPort: 8080}]}}`;
    const { ports, declared } = portsOf(gateway("g", http("a.b"), http("c.d", 81)), before);
    expect(ports.map(({ targetPort }) => targetPort)).toEqual([8080, 81]);
    expect(declared).toEqual([81, 8080]);
  });

  test("Gateways that select others, and servers whose certificate is not there, are left out", () => {
    const missing = "{mode: SIMPLE, credentialName: nobody}";
    const other = gateway("h", http("a.b", 82)).replace("istio: ingressgateway}, s", "istio: egressgateway}, s");
    expect(portsOf(gateway("g", https("a.b", missing), http("a.b", 81)), other).ports.map((p) => p.targetPort)).toEqual(
      [81],
    );
  });
});

describe("routes", () => {
  test("a virtual host for each host in common, under Istio's names; the port in a request is not looked at", () => {
    const { routes } = edge(
      gateway("g", http("'*.example.com'"), http("other/o.example.org, ./n.example.org", 81)),
      virtualService("v", "a.example.com, b.example.com, c.example.net, n.example.org, o.example.org"),
    );
    expect(routes.map(({ name, ignorePortInHostMatching }) => [name, ignorePortInHostMatching])).toEqual([
      ["http.80", true],
      ["http.81", true],
    ]);
    const hosts = routes.map((r) => r.virtualHosts?.map(({ name, domains }) => [name, domains]));
    expect(hosts).toEqual([
      [
        ["a.example.com:80", ["a.example.com"]],
        ["b.example.com:80", ["b.example.com"]],
      ],
      [["n.example.org:81", ["n.example.org"]]],
    ]);
  });

  test("several VirtualServices of a host stand together, what takes everything last", () => {
    const special = "{name: special, match: [{uri: {prefix: /s}}], route: [{destination: {host: reviews}}]}, ";
    const { routes } = edge(gateway("g", http("'*'")), virtualService("v", "a.b"), virtualService("w", "a.b", special));
    expect(routes[0]?.virtualHosts?.[0]?.routes?.map(({ name }) => name)).toEqual(["special", "v", "w"]);
  });

  test("a host that nobody routes is answered 404, a whole port too", () => {
    const { routes } = edge(gateway("g", http("'*'")));
    expect(routes[0]?.virtualHosts).toEqual([{ name: "blackhole:80", domains: ["*"], routes: [] }]);
  });

  test("rules for the mesh, other Gateways or other ports are not the gateway's", () => {
    const rules = virtualService(
      "v",
      "a.b",
      ["{gateways: [mesh]}", "{gateways: [h]}", "{port: 81}"]
        .map((match, i) => `{name: "${i}", match: [${match}], route: [{destination: {host: reviews}}]}, `)
        .join(""),
    );
    const { routes } = edge(gateway("g", http("'*'")), rules);
    expect(routes[0]?.virtualHosts?.[0]?.routes?.map(({ name }) => name)).toEqual(["v"]);
  });

  test("redirects: Envoy's own where HTTPS has its port, else to where it is", () => {
    const redirecting = gateway("g", http("'*'", 80, ", tls: {httpsRedirect: true}"));
    const [plain] = edge(redirecting).routes[0]?.virtualHosts ?? [];
    expect(plain).toMatchObject({ domains: ["*"], requireTls: "ALL", routes: [] });
    const secure = [secret("c"), gateway("h", https("'*'", "{mode: SIMPLE, credentialName: c}"))];
    const [moved] = edge(redirecting, ...secure).routes[0]?.virtualHosts ?? [];
    expect(moved?.requireTls).toBeUndefined();
    expect(moved?.routes?.[0]?.redirect).toEqual({ httpsRedirect: true, portRedirect: 10_443 });
    const trusting = EDGE.replace(
      "metadata: {name: edge",
      "metadata: {annotations: {proxy.istio.io/config: '{gatewayTopology: {numTrustedProxies: 1}}'}, name: edge",
    );
    const state = stateOf(trusting, ...REVIEWS, redirecting, ...secure);
    const [believed] =
      translate(state, { t: "sidecar", instance: "edge-0" }, defaultTranslateOptions).routes[0]?.virtualHosts ?? [];
    expect(believed?.requireTls).toBe("ALL");
  });
});

describe("listeners", () => {
  test("TLS: a chain for each server, by the names that it serves", () => {
    const { listeners, routes } = edge(
      secret("c", "default", { "ca.crt": certChainPem }),
      gateway(
        "g",
        https("a.example.com", "{mode: MUTUAL, credentialName: c, minProtocolVersion: TLSV1_3}"),
        https("'*'", "{mode: SIMPLE, credentialName: c}", "rest"),
      ),
    );
    const [listener] = listeners;
    expect(listener?.name).toBe("0.0.0.0_443");
    expect(listener?.address?.socketAddress).toEqual({ address: "127.0.0.1", portValue: 10_443 });
    expect(listener?.filterChains?.map(({ name, filterChainMatch }) => [name, filterChainMatch?.serverNames])).toEqual([
      ["https.443.https.g.default", ["a.example.com"]],
      ["https.443.rest.g.default", undefined],
    ]);
    expect(routes.map(({ name }) => name)).toEqual(["https.443.https.g.default", "https.443.rest.g.default"]);
    const [mutual] = listener?.filterChains ?? [];
    const context = unpack(present(mutual?.transportSocket?.typedConfig), DownstreamTlsContext);
    expect(context.requireClientCertificate).toBe(true);
    expect(context.commonTlsContext).toMatchObject({
      tlsParams: { tlsMinimumProtocolVersion: "TLSv1_3" },
      alpnProtocols: ["h2", "http/1.1"],
      tlsCertificateSdsSecretConfigs: [{ name: "kubernetes://c", sdsConfig: { ads: {} } }],
      combinedValidationContext: { validationContextSdsSecretConfig: { name: "kubernetes://c-cacert" } },
    });
  });

  test("lets in who is not verified where the server says so, and nowhere else", () => {
    const trust = (more: string): unknown => {
      const tls = `{mode: MUTUAL, credentialName: c${more}}`;
      const { listeners } = edge(secret("c", "default", { "ca.crt": certChainPem }), gateway("g", https("'*'", tls)));
      const config = present(listeners[0]?.filterChains?.[0]?.transportSocket?.typedConfig);
      const { combinedValidationContext } = unpack(config, DownstreamTlsContext).commonTlsContext ?? {};
      return combinedValidationContext?.defaultValidationContext?.trustChainVerification;
    };
    expect([trust(", insecureSkipVerify: true"), trust("")]).toEqual(["ACCEPT_UNTRUSTED", undefined]);
  });

  test("with the mesh's own TLS versions and the hashes of clients' certificates hold, too", () => {
    const hash = "ab".repeat(32);
    const tls = `{mode: ISTIO_MUTUAL, minProtocolVersion: TLSV1_3, verifyCertificateHash: ["${hash}"]}`;
    const { listeners } = edge(gateway("g", https("a.example.com", tls)));
    const [chain] = listeners[0]?.filterChains ?? [];
    const context = unpack(present(chain?.transportSocket?.typedConfig), DownstreamTlsContext);
    expect(context.commonTlsContext).toMatchObject({
      tlsParams: { tlsMinimumProtocolVersion: "TLSv1_3" },
      combinedValidationContext: { defaultValidationContext: { verifyCertificateHash: [hash] } },
    });
  });

  test("a TCP route leads to the cluster for opaque bytes, where the port may speak HTTP too", () => {
    const server = "{port: {number: 70, name: tcp, protocol: TCP}, hosts: ['*']}";
    const rules = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: ['*'], gateways: [g],
 tcp: [{match: [{port: 70}], route: [{destination: {host: any}, weight: 3}, {destination: {host: reviews}, weight: 1}]}]}}`;
    const any = [service("any", ["whatever:9000"]), workload("any", "v1", [9000])];
    const { listeners, clusters } = edge(gateway("g", server), rules, ...any);
    const { weightedClusters } = unpack(present(listeners[0]?.filterChains?.[0]?.filters?.[0]?.typedConfig), TcpProxy);
    expect(weightedClusters?.clusters).toEqual([
      { name: "outbound|9000||any.default.svc.cluster.local@tcp", weight: 3 },
      { name: "outbound|9080||reviews.default.svc.cluster.local", weight: 1 },
    ]);
    for (const { name } of weightedClusters?.clusters ?? [])
      expect(clusters.map((c) => c.name)).toContain(name as string);
  });

  test("what a client says of itself is not believed", () => {
    const [listener] = edge(gateway("g", http("'*'"))).listeners;
    const manager = managerOf(listener);
    expect(manager).toMatchObject({
      codecType: "AUTO",
      useRemoteAddress: true,
      forwardClientCertDetails: "SANITIZE_SET",
      normalizePath: true,
      commonHttpProtocolOptions: { headersWithUnderscoresAction: "REJECT_REQUEST" },
      http2ProtocolOptions: { maxConcurrentStreams: 100 },
      streamIdleTimeout: 300_000,
      requestHeadersTimeout: 10_000,
    });
  });

  test("policies that select the gateway hold at its ports", () => {
    const policy = `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: closed},
 spec: {selector: {matchLabels: {istio: ingressgateway}}, action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}}`;
    const { listeners, sources } = edge(gateway("g", http("'*'")), policy);
    const manager = managerOf(listeners[0]);
    expect(manager.httpFilters?.map(({ name }) => name)).toEqual([
      "envoy.filters.http.rbac",
      "envoy.filters.http.fault",
      "envoy.filters.http.cors",
      "envoy.filters.http.router",
    ]);
    expect(Object.keys(sources.policies)).toEqual(["ns[default]-policy[closed]-rule[0]"]);
  });
});

describe("rate limits of the gateway's workload", () => {
  const limit = `{apiVersion: tulle.dev/v1, kind: RateLimit, metadata: {name: edge},
 spec: {selector: {matchLabels: {istio: ingressgateway}}, requests: {count: 5}, connections: {count: 3}}}`;
  const filtersOf = (...yaml: readonly string[]): readonly (readonly string[])[] =>
    edge(...yaml, limit).listeners.flatMap(({ filterChains = [] }) =>
      filterChains.map(({ filters = [] }) => filters.map(({ name = "" }) => name)),
    );

  test("hold for requests, behind who may call", () => {
    const [listener] = edge(gateway("g", http("'*'")), limit).listeners;
    expect(managerOf(listener).httpFilters?.[0]?.name).toBe("rate_limit.default.edge");
    expect(filtersOf(gateway("g", http("'*'")))).toEqual([["envoy.filters.network.http_connection_manager"]]);
  });

  test("hold for connections of opaque bytes", () => {
    const tcp = "{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}";
    const rule = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: t},
 spec: {hosts: ['*'], gateways: [g], tcp: [{route: [{destination: {host: reviews, port: {number: 9080}}}]}]}}`;
    expect(filtersOf(gateway("g", tcp), rule)).toEqual([
      ["envoy.filters.network.local_ratelimit", "envoy.filters.network.tcp_proxy"],
    ]);
  });
});

describe("certificates", () => {
  const simple = gateway("g", https("'*'", "{mode: SIMPLE, credentialName: c}"));

  test("come from the namespace of the gateway alone, and to nobody else", () => {
    expect(edge(simple, secret("c")).secrets.map(({ name }) => name)).toEqual(["kubernetes://c"]);
    expect(edge(simple, secret("c", "other")).secrets).toEqual([]);
    const state = stateOf(EDGE, ...REVIEWS, simple, secret("c"));
    const sidecar = translate(state, { t: "sidecar", instance: "reviews-v1-0" }, defaultTranslateOptions);
    expect(sidecar.secrets).toEqual([]);
    expect(JSON.stringify(sidecar)).not.toContain("PRIVATE KEY");
  });

  test("roots come from the credential, one beside it, or the one that is named", () => {
    const mutual = (more = "") => gateway("g", https("'*'", `{mode: MUTUAL, credentialName: c${more}}`));
    const roots = (name: string) =>
      `{apiVersion: v1, kind: Secret, metadata: {name: ${name}}, stringData: {cacert: ${JSON.stringify(certChainPem)}}}`;
    const names = (...yaml: readonly string[]) => edge(...yaml).secrets.map(({ name }) => name);
    expect(names(mutual(), secret("c"))).toEqual([]);
    expect(names(mutual(), secret("c", "default", { "ca.crt": certChainPem }))).toEqual([
      "kubernetes://c",
      "kubernetes://c-cacert",
    ]);
    expect(names(mutual(), secret("c"), roots("c-cacert"))).toEqual(["kubernetes://c", "kubernetes://c-cacert"]);
    expect(names(mutual(", caCertCredentialName: r"), secret("c"), roots("r"))).toEqual([
      "kubernetes://c",
      "kubernetes://r-cacert",
    ]);
  });

  test("one that is to be made is none until it is", () => {
    const wanted = `{apiVersion: v1, kind: Secret, metadata: {name: c, annotations: {tulle.dev/development-certificate: localhost}}}`;
    expect(edge(simple, wanted).listeners).toEqual([]);
  });
});

describe("each name stands once, or the gateway would get nothing new", () => {
  const doubles = (...yaml: readonly string[]): readonly string[] => {
    const { listeners, routes } = edge(...yaml);
    const names = [...listeners, ...routes].map(({ name = "" }) => name);
    return names.filter((name, i) => names.indexOf(name) !== i);
  };
  const before = (name: string, targetPort: number): string =>
    `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {selector: {istio: ingressgateway}, ports: [{name: https, port: 443, targetPort: ${targetPort}}]}}`;

  test("a server that two Services lead to by different ports", () => {
    const server = gateway("g", https("a.example.com", "{mode: SIMPLE, credentialName: c}"));
    expect(doubles(secret("c"), before("one", 443), before("two", 8443), server)).toEqual([]);
  });

  test("a port with and without the address that means all", () => {
    const servers = [http("a.example.com"), http("bb.example.com", 80, ", bind: 0.0.0.0")];
    expect(doubles(gateway("g", ...servers), virtualService("v", "a.example.com, bb.example.com"))).toEqual([]);
    const hosts = edge(gateway("g", ...servers), virtualService("v", "a.example.com, bb.example.com")).routes.flatMap(
      ({ virtualHosts = [] }) => virtualHosts.flatMap(({ domains = [] }) => domains),
    );
    expect(hosts).toEqual(["a.example.com", "bb.example.com"]);
  });
});
