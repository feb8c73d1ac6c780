import { describe, expect, test } from "bun:test";
import { loadDocuments } from "../../config/load.ts";
import type { Instance } from "../../model/service.ts";
import { compileListener } from "../../engine/listener/listener.ts";
import { compileCluster } from "../../engine/cluster/cluster.ts";
import { HttpRbac } from "../../xds/proto/filter-http-rbac.ts";
import { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import { NetworkRbac } from "../../xds/proto/filter-network-rbac.ts";
import { type AnyMessage, isAny, unpack } from "../../xds/types/any.ts";
import { defaultTranslateOptions } from "../options.ts";
import { type ProxyResources, translate } from "../translate.ts";

const SERVICES = `
apiVersion: tulle.dev/v1
kind: Workload
metadata: {name: reviews, labels: {app: reviews}}
spec: {ports: [9080, 3306]}
---
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.96.0.10
  selector: {app: reviews}
  ports: [{name: http, port: 80, targetPort: 9080}, {name: tcp, port: 3306}, {name: plain, port: 7000}]
`;

const place = (port: number) => ({ address: "10.1.0.10", port });
const captured = (ports: readonly number[]): Omit<Instance, "workload"> => ({
  id: "reviews-0",
  interceptionMode: "REDIRECT",
  ports: ports.map((targetPort) => ({ targetPort, inbound: place(targetPort), application: place(targetPort) })),
  outbound: undefined,
  loopbacks: [],
  healthy: true,
});

function resourcesOf(more = "", shared = false): ProxyResources {
  const { mesh, problems } = loadDocuments([{ file: "mesh.yaml", text: `${SERVICES}${more}` }]);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const [workload] = mesh.workloads;
  const instance: Instance = { ...captured([9080, 3306]), workload: workload! };
  const target = shared
    ? { t: "shared" as const, instances: [instance.id] }
    : { t: "sidecar" as const, instance: instance.id };
  return translate({ mesh, instances: [instance] }, target, defaultTranslateOptions);
}

describe("a captured workload's proxy", () => {
  test("has Istio's names", () => {
    const { clusters, listeners, routes } = resourcesOf();
    expect(listeners.map(({ name }) => name)).toEqual([
      "0.0.0.0_80",
      "10.96.0.10_3306",
      "10.96.0.10_7000",
      "virtualOutbound",
      "virtualInbound",
    ]);
    expect(routes.map(({ name }) => name)).toEqual(["80", "reviews.default.svc.cluster.local:7000"]);
    expect(clusters.slice(0, 5).map(({ name }) => name)).toEqual([
      "BlackHoleCluster",
      "PassthroughCluster",
      "InboundPassthroughCluster",
      "inbound|9080||",
      "inbound|3306||",
    ]);
  });

  test("compiles in our engine", () => {
    const { clusters, listeners } = resourcesOf();
    for (const listener of listeners) compileListener(listener);
    for (const cluster of clusters) compileCluster(cluster);
  });

  test("with REGISTRY_ONLY lets nothing out that nobody knows", () => {
    const only = `---
apiVersion: tulle.dev/v1
kind: Mesh
metadata: {name: mesh}
spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
`;
    const open = JSON.stringify(chosen(resourcesOf(), "10.9.9.9", 5555));
    expect(open).toContain("virtualOutbound-catchall-tcp PassthroughCluster");
    expect(chosen(resourcesOf(only), "10.9.9.9", 5555)).toBe("virtualOutbound-catchall-tcp BlackHoleCluster");
    expect(chosen(resourcesOf(), "10.1.0.10", 15_001)).toBe("virtualOutbound-blackhole BlackHoleCluster");
    const [byPort] = resourcesOf(only).routes;
    expect(byPort?.virtualHosts?.at(-1)?.name).toBe("block_all");
  });

  test("is met by who dials the application's own place", () => {
    const { clusters, endpoints } = resourcesOf();
    const cluster = clusters.find(({ name }) => name === "outbound|80||reviews.default.svc.cluster.local");
    expect(cluster?.transportSocket?.name).toBe("envoy.transport_sockets.tls");
    const [found] = endpoints.filter(({ clusterName }) => clusterName === cluster?.name);
    expect(found?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint?.address?.socketAddress).toEqual({
      address: "10.1.0.10",
      portValue: 9080,
    });
  });

  test("is nobody else's", () => {
    expect(() => resourcesOf("", true)).toThrow("a captured workload needs a proxy of its own");
  });

  test("tells one service from another, port by port", () => {
    const inbound = resourcesOf().listeners.at(-1);
    const services = new Set(
      (inbound?.filterChains ?? []).map(({ metadata, name }) =>
        [name, metadata?.filterMetadata?.["tulle"]?.["service"]].join(" "),
      ),
    );
    expect([...services]).toContain("0.0.0.0_9080 reviews.default.svc.cluster.local");
  });
});

describe("what comes in to a port that nobody listed", () => {
  const security = (kind: string, spec: string): string =>
    `---\n{apiVersion: security.istio.io/v1, kind: ${kind}, metadata: {name: p}, spec: {selector: {matchLabels: {app: reviews}}, ${spec}}}\n`;
  const chainFor = (more: string, destinationPort: number) => {
    const message = resourcesOf(more).listeners.find(({ name }) => name === "virtualInbound");
    return compileListener(message!).select({
      destinationAddress: "10.1.0.10",
      destinationPort,
      sni: "",
      transport: "raw_buffer",
      alpn: [],
      sourceAddress: "10.1.0.99",
      sourcePort: 1,
    });
  };

  test("falls under the mode that a PeerAuthentication has for it, and others under that of all", () => {
    const strict = security("PeerAuthentication", "portLevelMtls: {7777: {mode: STRICT}}");
    expect(chainFor(strict, 7777)?.tls?.requireClientCertificate ?? true).toBe(true);
    expect(chainFor(strict, 7778)).toMatchObject({ tls: undefined });
    const open = security("PeerAuthentication", "mtls: {mode: STRICT}, portLevelMtls: {7777: {mode: DISABLE}}");
    expect(chainFor(open, 7777)).toMatchObject({ tls: undefined });
    expect(chainFor(open, 7778)?.tls?.requireClientCertificate ?? true).toBe(true);
  });

  test("goes nowhere where the port is the proxy's own: it would go around for ever", () => {
    expect(chainFor("", 15_006)?.name).toBe("virtualInbound-blackhole");
    expect(chainFor("", 15_007)?.name).toMatch(/^virtualInbound(-catchall-http)?$/);
  });

  test("falls under policies that name its number", () => {
    const deny = security("AuthorizationPolicy", "action: DENY, rules: [{to: [{operation: {ports: ['7777']}}]}]");
    const inbound = resourcesOf(deny).listeners.find(({ name }) => name === "virtualInbound");
    const asked = (inbound?.filterChains ?? [])
      .filter(({ name = "" }) => name.startsWith("virtualInbound") && !name.endsWith("blackhole"))
      .map(({ filters = [] }) =>
        filters.flatMap(({ typedConfig }) => (typedConfig === undefined ? [] : rulesIn(typedConfig))),
      );
    expect(asked.length).toBeGreaterThan(0);
    for (const one of asked) expect(JSON.stringify(one)).toContain('"destinationPort":7777');
  });
});

test("a headless service is called at each endpoint but the workload's own", () => {
  const headless = `---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, ports: [{name: tcp, port: 3306}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: tcp, port: 3306}]
endpoints: [{addresses: [10.1.0.10]}, {addresses: [10.1.0.11]}]
`;
  const names = resourcesOf(headless).listeners.map(({ name }) => name);
  expect(names).toContain("10.1.0.11_3306");
  expect(names).not.toContain("10.1.0.10_3306");
});

/** The chain of `virtualOutbound` for a connection, and where it leads. */
function chosen({ listeners }: ProxyResources, destinationAddress: string, destinationPort: number): string {
  const message = listeners.find(({ name }) => name === "virtualOutbound");
  const chain = compileListener(message!).select({
    destinationAddress,
    destinationPort,
    sni: "",
    transport: "raw_buffer",
    alpn: [],
    sourceAddress: "10.1.0.10",
    sourcePort: 1,
  });
  const terminal = chain?.terminal;
  return `${chain?.name} ${terminal?.t === "tcp" ? terminal.proxy.clusterFor(() => 0, undefined) : ""}`;
}

/** Of the connection, or of its requests. */
function rulesIn(config: AnyMessage): readonly unknown[] {
  if (isAny(config, NetworkRbac)) return [unpack(config, NetworkRbac).rules];
  if (!isAny(config, HttpConnectionManager)) return [];
  return (unpack(config, HttpConnectionManager).httpFilters ?? []).flatMap(({ typedConfig }) =>
    typedConfig !== undefined && isAny(typedConfig, HttpRbac) ? [unpack(typedConfig, HttpRbac).rules] : [],
  );
}
