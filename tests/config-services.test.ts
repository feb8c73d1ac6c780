/**
 * Service, Workload and TrafficSplit become the model.
 */
import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import type { Protocol } from "../src/model/service.ts";
import { errors, load } from "./support/documents.ts";

describe("Service", () => {
  const service = (ports: string, more = ""): string =>
    `apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\nspec: {selector: {app: reviews}, ports: ${ports}${more}}\n`;

  // Each of these is what a real istiod makes of it; Mongo, MySQL and Redis are opaque here, gRPC-Web is HTTP.
  test.each([
    ["{port: 80, name: http-web}", "http"],
    ["{port: 80, name: http2}", "http2"],
    ["{port: 80, name: grpc-web}", "http"],
    ["{port: 80, name: grpc}", "grpc"],
    ["{port: 80, name: tcp-x}", "tcp"],
    ["{port: 80, name: tcp, appProtocol: GRPC-Web}", "http"],
    ["{port: 80, name: httpx}", "auto"],
    ["{port: 80, name: mysql}", "tcp"],
    ["{port: 80, name: mongo-replica}", "tcp"],
    ["{port: 80, name: redis}", "tcp"],
    ["{port: 443, name: https-x}", "https"],
    ["{port: 443, name: tls}", "tls"],
    ["{port: 80}", "auto"],
    ["{port: 80, name: tcp, appProtocol: kafka}", "auto"],
    ["{port: 25}", "tcp"],
    ["{port: 53}", "tcp"],
    ["{port: 3306, name: db}", "tcp"],
    ["{port: 27017}", "tcp"],
    ["{port: 3306, name: http}", "http"],
    ["{port: 8080, targetPort: 3306}", "auto"],
    ["{port: 80, name: grpc-webx}", "http"],
    ["{port: 80, appProtocol: kubernetes.io/ws}", "http"],
    ["{port: 80, appProtocol: http2-x}", "http2"],
    ["{port: 80, appProtocol: mongo}", "tcp"],
    ["{port: 80, name: http-b, appProtocol: kafka}", "auto"],
    ["{port: 80, appProtocol: linkerd.io/opaque}", "auto"],
    ["{port: 80, name: http3}", "auto"],
    ["{port: 5432, name: thrift}", "auto"],
    ["{port: 80, name: tcp, appProtocol: HTTP}", "http"],
    ["{port: 80, appProtocol: kubernetes.io/h2c}", "http2"],
    ["{port: 80, appProtocol: kubernetes.io/wss}", "https"],
  ])("port %s speaks %s", (port, protocol) => {
    const loaded = load(service(`[${port}]`));
    expect(loaded.problems.filter((p) => p.severity === "error")).toEqual([]);
    expect(loaded.mesh.services[0]?.ports[0]?.protocol).toBe(protocol as Protocol);
  });

  test("a port that does not say is detected, and a warning says what that means", () => {
    const messages = (port: string): readonly string[] => load(service(`[${port}]`)).problems.map((p) => p.message);
    expect(messages("{port: 80}").join()).toContain(
      "so it is detected from the first bytes of each connection [IST0118]",
    );
    expect(messages("{port: 80, name: web}").join()).toContain('"web" names no protocol');
    expect(messages("{port: 3306}")).toEqual([]);
  });

  test("its host, and ports that are no TCP", () => {
    const loaded = load(
      service(
        "[{port: 53, protocol: UDP, name: dns}, {port: 53, name: tcp-dns}, {port: 9, protocol: SCTP, name: s}, {port: 80, targetPort: 8080, name: http}]",
        ", type: NodePort, clusterIP: None",
      ),
    );
    expect(loaded.mesh.services[0]).toMatchObject({
      hostname: "reviews.shop.svc.cluster.local",
      selector: { app: "reviews" },
      ports: [
        { name: "tcp-dns", number: 53, targetPort: 53, protocol: "tcp" },
        { name: "http", number: 80, targetPort: 8080, protocol: "http" },
      ],
      udpPorts: [{ name: "dns", number: 53, targetPort: 53 }],
    });
    expect(loaded.problems.map((p) => p.message)).toEqual([
      expect.stringContaining("SCTP is left alone: a mesh carries TCP, and UDP at gateways") as unknown as string,
    ]);
    const twice = load(service("[{port: 53, protocol: UDP, name: a}, {port: 53, protocol: UDP, name: b}]"));
    expect(twice.problems[0]?.message).toContain("the port 53 stands twice");
  });

  test.each([
    ["[{port: 80, targetPort: 'HTTP'}]", "must be a port's number, or its name at the workload"],
    ["[{port: 80, targetPort: '8080'}]", "must be a port's number, or its name at the workload"],
    ["[{port: 80}, {port: 81}]", "with several ports each has a name"],
    ["[{port: 80, name: a}, {port: 80, name: b}]", "the port 80 stands twice"],
    ["[{port: 80, name: a}, {port: 81, name: a}]", 'the port name "a" stands twice'],
    ["[{targetPort: 80}]", 'field "port" is missing'],
    ["[{port: '80'}]", "must be a whole number"],
  ])("ports %s are refused", (ports, message) => {
    expect(errors(service(ports)).join()).toContain(message);
  });
});

describe("Workload", () => {
  const spec = (text: string): string =>
    `apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: w}\nspec: ${text}\n`;

  test("its address, where it is captured", () => {
    const captured = (text: string) => load(spec(text)).mesh.workloads[0]?.captured;
    expect(captured("{interceptionMode: REDIRECT, address: 10.1.0.10}")).toEqual({ address: "10.1.0.10" });
    expect(captured("{interceptionMode: NONE}")).toBeUndefined();
    expect(captured("{}")).toBeUndefined();
  });

  test.each([
    ["{interceptionMode: REDIRECT}", 'field "address" is missing'],
    ["{interceptionMode: TPROXY, address: 10.1.0.10}", "must be one of NONE, REDIRECT"],
    ["{interceptionMode: REDIRECT, address: 127.0.0.1}", "must be the IPv4 address that peers dial"],
    ["{interceptionMode: REDIRECT, address: '0.0.0.0'}", "must be the IPv4 address that peers dial"],
    ["{interceptionMode: REDIRECT, address: 'fd00::1'}", "must be the IPv4 address that peers dial"],
    ["{address: 10.1.0.10}", 'has no effect without "interceptionMode: REDIRECT"'],
    [
      "{interceptionMode: REDIRECT, address: 10.1.0.10, command: [a]}",
      "cannot stand beside interceptionMode: REDIRECT",
    ],
    ["{interceptionMode: REDIRECT, address: 10.1.0.10, role: gateway}", "cannot stand beside interceptionMode"],
  ])("captured as %s is refused", (text, message) => {
    expect(errors(spec(text)).join()).toContain(message);
  });

  test("its process, with the folder of the file", () => {
    const text =
      "apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: w, labels: {app: a}}\nspec: {command: [bun, a.ts], env: {A: b}, ports: [9080], workingFolder: ../x}\n";
    const loaded = load(text, "some/folder/w.yaml");
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.workloads[0]).toMatchObject({
      name: "w",
      namespace: "default",
      labels: { app: "a" },
      serviceAccount: "default",
      ports: [9080],
      process: { command: ["bun", "a.ts"], environment: { A: "b" }, workingFolder: resolve("some/x") },
    });
    expect(
      load(text.replace(", workingFolder: ../x", ""), "some/w.yaml").mesh.workloads[0]?.process?.workingFolder,
    ).toBe(resolve("some"));
  });

  test("what its ports speak, where it says so itself", () => {
    const spec =
      "{ports: [9080, {port: 9000, name: tcp-feed}, {port: 9001, appProtocol: kubernetes.io/h2c}, {port: 9002}]}";
    const loaded = load(`apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: w}\nspec: ${spec}\n`);
    expect(loaded.mesh.workloads[0]).toMatchObject({
      ports: [9080, 9000, 9001, 9002],
      portProtocols: { 9000: "tcp", 9001: "http2" },
    });
  });

  test.each([
    ["{ports: [{name: http}]}", 'field "port" is missing'],
    ["{ports: [80, {port: 80, name: http}]}", "the port 80 stands twice"],
    ["{command: []}", "must have at least one item"],
    ["{command: [a, 1]}", "must be text (put it in quotes), found number 1"],
    ["{env: {A: b}}", 'has no effect without "command"'],
    ["{ports: [80, 80]}", "the port 80 stands twice"],
    ["{replicas: 3}", 'unknown field "replicas"'],
  ])("%s is refused", (spec, message) => {
    expect(errors(`apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: w}\nspec: ${spec}\n`).join()).toContain(
      message,
    );
  });
});

describe("TrafficSplit", () => {
  const split = (backends: string, version = "v1alpha4"): string =>
    `apiVersion: split.smi-spec.io/${version}\nkind: TrafficSplit\nmetadata: {name: s, namespace: shop}\nspec: {service: web, backends: ${backends}}\n`;
  const weights = (text: string): readonly number[] | undefined => {
    const action = load(text).mesh.virtualServices[0]?.http[0]?.action;
    return action?.t === "route" ? action.destinations.map((d) => d.weight) : undefined;
  };

  test.each([
    ["[{service: a, weight: 900m}, {service: b, weight: 100m}]", [900, 100]],
    ["[{service: a, weight: 1}, {service: b, weight: 500m}]", [1000, 500]],
    ["[{service: a, weight: '1'}, {service: b, weight: 0}]", [1, 0]],
    ["[{service: a, weight: 90}, {service: b, weight: 10}]", [90, 10]],
    ["[{service: a, weight: 0.25}, {service: b, weight: 1}]", [250, 1000]],
  ])("weights of %s", (backends, expected) => {
    for (const version of ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
      expect(weights(split(backends, version))).toEqual(expected);
  });

  test("a backend without a port of the root gets no calls on that port", () => {
    const service = (name: string, ports: string): string =>
      `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {ports: ${ports}}\n`;
    const two = "[{port: 80, name: http}, {port: 81, name: http-b}]";
    const loaded = load(
      split("[{service: a, weight: 1}, {service: b, weight: 3}]") +
        service("web", two) +
        service("a", two) +
        service("b", "[{port: 80, name: http}]"),
    );
    expect(loaded.problems).toEqual([]);
    const rules = loaded.mesh.virtualServices[0]?.http.map((r) => [
      r.matches[0]?.port,
      r.action.t === "route" ? r.action.destinations.map((d) => [d.host.split(".")[0], d.port, d.weight]) : [],
    ]);
    expect(rules).toEqual([
      [
        80,
        [
          ["a", 80, 1],
          ["b", 80, 3],
        ],
      ],
      [81, [["a", 81, 1]]],
    ]);
  });

  test.each([
    ["[{service: a, weight: 0}]", "weights must sum to more than 0"],
    ["[{service: a, weight: -1}]", "must be a weight such as 90 or 900m"],
    ["[{service: a, weight: 90%}]", "must be a weight such as 90 or 900m"],
    ["[{service: a, weight: 1}, {service: a, weight: 1}]", "stands twice"],
  ])("backends %s are refused", (backends, message) => {
    expect(errors(split(backends)).join()).toContain(message);
  });
});
