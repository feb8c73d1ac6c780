/**
 * ServiceEntry, WorkloadEntry, WorkloadGroup and EndpointSlice become the model; documents of one host become one service.
 */
import { describe, expect, test } from "bun:test";
import type { Service } from "../src/model/service.ts";
import { errors } from "./support/documents.ts";
import { meshOf, service } from "./support/mesh.ts";

const entry = (name: string, spec: string, namespace = "default"): string =>
  `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: ${name}, namespace: ${namespace}}, spec: {${spec}}}`;
const machine = (name: string, spec: string, labels = "{}"): string =>
  `{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: ${name}, labels: ${labels}}, spec: {${spec}}}`;
const HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]";

const servicesOf = (...documents: readonly string[]): readonly Service[] => meshOf(...documents).services;
/** `address:port` of what answers at a port of the service. */
const placesOf = (found: Service | undefined, port = 80): readonly string[] =>
  (found?.endpoints ?? []).flatMap(({ address, ports }) => (ports.has(port) ? [`${address}:${ports.get(port)}`] : []));

describe("ServiceEntry", () => {
  test("each host is a service, outside of the mesh where nothing is said", () => {
    const found = servicesOf(entry("apis", `hosts: [A.com, b.com], resolution: DNS, ${HTTP}`));
    expect(found.map(({ hostname, location, resolution, source }) => [hostname, location, resolution, source])).toEqual(
      [
        ["a.com", "MESH_EXTERNAL", "DNS", "serviceEntry"],
        ["b.com", "MESH_EXTERNAL", "DNS", "serviceEntry"],
      ],
    );
    expect(found.map((it) => placesOf(it))).toEqual([["a.com:80"], ["b.com:80"]]);
  });

  test("an endpoint's own port wins over the target port, and that over the port", () => {
    const ports =
      "ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}, {number: 81, name: b, protocol: TCP}]";
    const [found] = servicesOf(
      entry(
        "a",
        `hosts: [a.com], resolution: STATIC, ${ports}, endpoints: [{address: 1.1.1.1}, {address: 2.2.2.2, ports: {http: 90}}]`,
      ),
    );
    expect(placesOf(found, 80)).toEqual(["1.1.1.1:8080", "2.2.2.2:90"]);
    expect(placesOf(found, 81)).toEqual(["1.1.1.1:81", "2.2.2.2:81"]);
    expect(found?.ports.map(({ protocol }) => protocol)).toEqual(["http", "tcp"]);
  });

  test("of one host and namespace come together: the first says what it is, the others add ports and endpoints", () => {
    const [found, ...others] = servicesOf(
      entry(
        "one",
        `hosts: [a.com], location: MESH_INTERNAL, resolution: STATIC, ${HTTP}, endpoints: [{address: 1.1.1.1}]`,
      ),
      entry(
        "two",
        `hosts: [a.com], resolution: STATIC, ports: [{number: 80, name: x}, {number: 81, name: y}], endpoints: [{address: 2.2.2.2}]`,
      ),
      entry("far", `hosts: [a.com], resolution: STATIC, ${HTTP}, endpoints: [{address: 3.3.3.3}]`, "far"),
    );
    expect(found?.location).toBe("MESH_INTERNAL");
    expect(placesOf(found, 80)).toEqual(["1.1.1.1:80", "2.2.2.2:80"]);
    expect(placesOf(found, 81)).toEqual(["2.2.2.2:81"]);
    expect(others.map((it) => [it.namespace, placesOf(it)])).toEqual([["far", ["3.3.3.3:80"]]]);
  });

  test("a Kubernetes Service of the host stays what it is, whichever document comes first", () => {
    const decorates = entry(
      "d",
      `hosts: [shop.default.svc.cluster.local], resolution: STATIC, subjectAltNames: ["spiffe://x/y"], ${HTTP}`,
    );
    const [found, ...others] = servicesOf(decorates, service("shop", ["http:80:8080"]));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ source: "kubernetes", location: "MESH_INTERNAL", selector: { app: "shop" } });
    expect(found?.subjectAltNames).toEqual(["spiffe://x/y"]);
  });

  test("selects WorkloadEntries of its namespace, with the labels of their metadata", () => {
    const [found] = servicesOf(
      entry(
        "vm",
        `hosts: [vm.local], location: MESH_INTERNAL, resolution: STATIC, ${HTTP}, workloadSelector: {labels: {app: vm, tier: a}}`,
      ),
      machine(
        "m1",
        "address: 10.0.0.1, labels: {tier: a}, ports: {http: 8080}, serviceAccount: vm",
        "{app: vm, tier: b}",
      ),
      machine("m2", "address: 10.0.0.2, labels: {app: other}"),
      machine(
        "m3",
        "address: 10.0.0.3, labels: {app: vm, tier: a, security.istio.io/tlsMode: istio}, weight: 3, locality: eu/west",
      ),
    );
    expect(placesOf(found)).toEqual(["10.0.0.1:8080", "10.0.0.3:80"]);
    expect(found?.endpoints.map(({ takesMtls, weight, locality }) => [takesMtls, weight, locality])).toEqual([
      [true, undefined, undefined],
      [true, 3, { region: "eu", zone: "west", subZone: "" }],
    ]);
  });

  test.each([
    ["resolution: DNS, hosts: ['*.a.com']", "spec.hosts: a wildcard has no addresses to look up"],
    ["resolution: DYNAMIC_DNS, hosts: [a.com]", "spec.hosts: resolution DYNAMIC_DNS is for wildcard hosts"],
    [
      "resolution: DNS, hosts: [a.com], addresses: [10.0.0.0/8]",
      "spec.addresses: a range of addresses needs resolution",
    ],
    [
      "resolution: STATIC, hosts: [a.com], endpoints: [{address: b.com}]",
      'spec.endpoints[0]: resolution STATIC takes addresses, found the name "b.com"',
    ],
    [
      "resolution: STATIC, hosts: [a.com], endpoints: [{address: 1.1.1.1, ports: {b: 1}}]",
      'spec.endpoints[0]: the service has no port "b"',
    ],
    [
      "resolution: DNS_ROUND_ROBIN, hosts: [a.com], endpoints: [{address: a}, {address: b}]",
      "spec.endpoints: resolution DNS_ROUND_ROBIN takes one endpoint",
    ],
    ["hosts: [a.com], ports: [{number: 1, name: a, protocol: QUIC}]", "spec.ports[0].protocol: must be one of HTTP"],
    [
      "resolution: STATIC, hosts: [a.com], endpoints: [{address: 'unix:///x', ports: {a: 1}}]",
      "a unix socket has no ports",
    ],
  ])("is refused: %s", (spec, message) => {
    expect(errors(entry("a", spec))).toContainEqual(expect.stringContaining(message));
  });
});

describe("Kubernetes", () => {
  test("a WorkloadEntry serves a Service that selects it, at the target port", () => {
    const [found] = servicesOf(
      service("shop", ["http:80:8080"]),
      machine("m", "address: 10.0.0.1, labels: {app: shop}"),
    );
    expect(placesOf(found)).toEqual(["10.0.0.1:8080"]);
  });

  test("a target port that has a name is the workload's of that name, and a WorkloadEntry's", () => {
    const named =
      "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80, name: http, targetPort: web}]}}";
    const own =
      "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: shop, labels: {app: shop}}, spec: {ports: [{port: 9090, name: admin}, {port: 8080, name: web}]}}";
    const [found] = servicesOf(named, own, machine("m", "address: 10.0.0.1, labels: {app: shop}, ports: {web: 7000}"));
    expect(found?.ports[0]).toMatchObject({ number: 80, targetPort: 8080, targetPortName: "web" });
    expect(placesOf(found)).toEqual(["10.0.0.1:7000"]);
    expect(servicesOf(named)[0]?.ports[0]?.targetPort).toBe(80);
  });

  test("an ExternalName is looked up", () => {
    const [found] = servicesOf(
      "{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {type: ExternalName, externalName: DB.example.com, ports: [{port: 5432, name: tcp}]}}",
    );
    expect(found).toMatchObject({
      hostname: "db.default.svc.cluster.local",
      resolution: "DNS",
      location: "MESH_EXTERNAL",
    });
    expect(placesOf(found, 5432)).toEqual(["db.example.com:5432"]);
  });

  test("EndpointSlices and Endpoints serve a Service without a selector, by the names of its ports", () => {
    const plain =
      "{apiVersion: v1, kind: Service, metadata: {name: old}, spec: {ports: [{port: 80, name: http, targetPort: 8080}]}}";
    const slice =
      "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: old-1, labels: {kubernetes.io/service-name: old}}, " +
      "addressType: IPv4, ports: [{name: http, port: 9000}], endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}}]}";
    const list =
      "{apiVersion: v1, kind: Endpoints, metadata: {name: old}, subsets: [{addresses: [{ip: 10.0.0.3}], ports: [{name: http, port: 9001}]}]}";
    const [found] = servicesOf(plain, slice, list);
    expect(placesOf(found)).toEqual(["10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9001"]);
    expect(found?.endpoints.map(({ healthy }) => healthy)).toEqual([true, false, true]);
    expect(servicesOf(service("old", ["http:80"]), slice)[0]?.endpoints).toEqual([]);
  });
});

test("a WorkloadGroup has a template and a probe", () => {
  const group =
    "{apiVersion: networking.istio.io/v1, kind: WorkloadGroup, metadata: {name: g}, spec: {metadata: {labels: {app: g}}, " +
    "template: {serviceAccount: g, network: n}, probe: {periodSeconds: 5, httpGet: {port: 8080, path: /ready}}}}";
  const [found] = meshOf(group).workloadGroups;
  expect(found?.labels).toEqual({ app: "g" });
  expect(found?.probe).toMatchObject({
    periodMs: 5000,
    timeoutMs: 1000,
    failureThreshold: 3,
    check: { t: "http", path: "/ready" },
  });
});
