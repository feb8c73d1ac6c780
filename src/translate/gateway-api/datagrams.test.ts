import { expect, test } from "bun:test";
import { stateOf, workload } from "../../../tests/support/mesh.ts";
import { compileCluster } from "../../engine/cluster/cluster.ts";
import { compileListener } from "../../engine/listener/listener.ts";
import { compileUdpListener } from "../../engine/listener/udp-listener.ts";
import { attachGatewayApi } from "../../model/gateway-api/attachment/attach.ts";
import { defaultTranslateOptions } from "../options.ts";
import { type ProxyResources, translate } from "../translate.ts";

const GROUP = "gateway.networking.k8s.io";
const gateway = (listeners: string): string =>
  `{apiVersion: ${GROUP}/v1, kind: Gateway, metadata: {name: edge}, spec: {gatewayClassName: tulle, listeners: [${listeners}]}}`;
const DNS = "{name: dns, port: 53, protocol: UDP}";
const route = (name: string, backends: string, more = ""): string =>
  `{apiVersion: ${GROUP}/v1alpha2, kind: UDPRoute, metadata: {name: ${name}${more}}, spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [${backends}]}]}}`;
const dns = (name: string, more = ""): string =>
  `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {ports: [{name: udp, port: 53, targetPort: 5353, protocol: UDP}]${more}}}`;
const selected = (name: string): string => dns(name, `, selector: {app: ${name}}`);

const state = (...documents: readonly string[]) =>
  stateOf(workload("a", "v1", [5353]), workload("b", "v1", [5353]), selected("a"), selected("b"), ...documents);
const edge = (...documents: readonly string[]): ProxyResources =>
  translate(state(...documents), { t: "sidecar", instance: "edge-tulle-0" }, defaultTranslateOptions);

const name = (host: string): string => `outbound|53||${host}.default.svc.cluster.local@udp`;
const udpNames = ({ clusters }: ProxyResources) => clusters.map((it) => it.name).filter((it) => it?.endsWith("@udp"));
const udpListeners = ({ listeners }: ProxyResources) =>
  listeners.filter(({ address }) => address?.socketAddress?.protocol === "UDP").map(compileUdpListener);
const addresses = ({ endpoints }: ProxyResources, cluster: string) =>
  endpoints
    .find(({ clusterName }) => clusterName === cluster)
    ?.endpoints?.flatMap((it) => it.lbEndpoints ?? [])
    .map(({ endpoint }) => endpoint?.address?.socketAddress)
    .map((it) => `${it?.address}:${it?.portValue}`);

/** How many of the ports of a client lead to each cluster. */
function shares(resources: ProxyResources): Record<string, number> {
  const [listener] = udpListeners(resources);
  const counts: Record<string, number> = {};
  const facts = { sourceAddress: "10.0.0.1", destinationAddress: "10.0.0.2", destinationPort: 53 };
  for (let sourcePort = 1; sourcePort <= 60_000; sourcePort++) {
    const cluster = listener?.proxy.clusterFor({ ...facts, sourcePort }) ?? "";
    counts[cluster] = (counts[cluster] ?? 0) + 1 / 60_000;
  }
  return counts;
}

test("a listener of UDP with the applications behind it, in the clear", () => {
  const made = edge(gateway(DNS), route("r", "{name: a, port: 53}"));
  expect(udpListeners(made)).toMatchObject([
    {
      name: "0.0.0.0_53_udp",
      maxDatagramBytes: 65_535,
      proxy: { statPrefix: "UDPRoute.default.r", idleTimeoutMs: 60_000, maxDatagramBytes: 65_535, hashOf: undefined },
    },
  ]);
  expect(shares(made)).toEqual({ [name("a")]: expect.closeTo(1, 5) as number });
  expect(udpNames(made)).toEqual([name("a")]);
  const { instances } = state();
  const at = instances.find(({ workload: { name: own } }) => own === "a-v1")?.ports[0];
  expect(addresses(made, name("a"))).toEqual([`127.0.0.1:${at?.application.port}`]);
  const cluster = made.clusters.find((it) => it.name === name("a"));
  expect(cluster?.transportSocket ?? cluster?.transportSocketMatches).toBeUndefined();
  expect(compileCluster(cluster ?? {}).limits.default.maxConnections).toBe(10_000);
});

test("shares are by weight; those of invalid backends, and of weight 0, lead nowhere", () => {
  const made = edge(
    gateway(DNS),
    route(
      "r",
      "{name: a, port: 53, weight: 50}, {name: nobody, port: 53, weight: 30}, {name: b, port: 53, weight: 20}",
    ),
  );
  const found = shares(made);
  expect(Object.keys(found).sort()).toEqual(["invalid-backend", name("a"), name("b")].sort());
  expect(found[name("a")]).toBeCloseTo(0.5, 1);
  expect(found["invalid-backend"]).toBeCloseTo(0.3, 1);
  expect(found[name("b")]).toBeCloseTo(0.2, 1);
  const none = edge(gateway(DNS), route("r", "{name: a, port: 53, weight: 0}"));
  expect(Object.keys(shares(none))).toEqual(["invalid-backend"]);
});

test("the oldest of several routes holds; without a route nothing listens", () => {
  const younger = route("a-younger", "{name: b, port: 53}", ', creationTimestamp: "2026-01-02T00:00:00Z"');
  const older = route("z-older", "{name: a, port: 53}", ', creationTimestamp: "2026-01-01T00:00:00Z"');
  expect(Object.keys(shares(edge(gateway(DNS), younger, older)))).toEqual([name("a")]);
  expect(edge(gateway(DNS)).listeners).toEqual([]);
});

test("TCP and UDP share a number", () => {
  const both = gateway(`${DNS}, {name: tcp, port: 53, protocol: TCP}`);
  const service = `{apiVersion: v1, kind: Service, metadata: {name: c}, spec: {selector: {app: a}, ports: [{name: tcp, port: 53, targetPort: 5353}]}}`;
  const tcp = `{apiVersion: ${GROUP}/v1, kind: TCPRoute, metadata: {name: t}, spec: {parentRefs: [{name: edge, sectionName: tcp}], rules: [{backendRefs: [{name: c, port: 53}]}]}}`;
  const made = edge(both, service, tcp, route("r", "{name: a, port: 53}"));
  expect(udpListeners(made).map((it) => it.name)).toEqual(["0.0.0.0_53_udp"]);
  const others = made.listeners.filter(({ address }) => address?.socketAddress?.protocol !== "UDP");
  expect(others.map(compileListener).map((it) => it.name)).toEqual(["0.0.0.0_53"]);
});

test("a DestinationRule bounds and hashes; endpoints of documents are there", () => {
  const rule = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: listed, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, loadBalancer: {consistentHash: {useSourceIp: true}}, connectionPool: {tcp: {maxConnections: 3}}}}}`;
  const slice = `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: l, labels: {kubernetes.io/service-name: listed}}, addressType: IPv4, endpoints: [{addresses: [192.0.2.7]}], ports: [{name: udp, port: 99, protocol: UDP}, {name: tcp, port: 98}]}`;
  const far = `{apiVersion: v1, kind: Service, metadata: {name: far}, spec: {type: ExternalName, externalName: dns.example.com, ports: [{port: 53, protocol: UDP}]}}`;
  const made = edge(
    gateway(DNS),
    route("r", "{name: listed, port: 53}, {name: far, port: 53}"),
    dns("listed"),
    rule,
    slice,
    far,
  );
  expect(udpListeners(made)[0]?.proxy.hashOf).toBeDefined();
  expect(addresses(made, name("listed"))).toEqual(["192.0.2.7:99"]);
  const [listed, byName] = ["listed", "far"].map((host) => made.clusters.find((it) => it.name === name(host)));
  expect(compileCluster(listed ?? {}).limits.default.maxConnections).toBe(3);
  expect(listed?.transportSocket).toBeUndefined();
  expect(byName?.type).toBe("STRICT_DNS");
});

test("a gateway that an AuthorizationPolicy holds for takes no UDP, and says so", () => {
  const policy = `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p}, spec: {selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: edge}}, rules: [{}]}}`;
  const documents = [gateway(DNS), route("r", "{name: a, port: 53}"), policy];
  expect(edge(...documents).listeners).toEqual([]);
  const [found] = attachGatewayApi(state(...documents).mesh).gateways[0]?.listeners ?? [];
  expect(found?.faults.map(({ message }) => message)).toEqual([
    "the AuthorizationPolicy default/p holds for the gateway, and cannot for UDP: have UDP at a gateway of its own",
  ]);
});
