/**
 * BackendPolicy: read, refused with its place, translated to clusters, explained.
 */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyze } from "../src/config/analyze.ts";
import { loadDocuments } from "../src/config/load.ts";
import { translate } from "../src/translate/translate.ts";
import { runCli } from "./support/cli-context.ts";
import { service, stateOf, workload } from "./support/mesh.ts";

const policy = (spec: string, namespace = "default", name = "shop"): string =>
  `{apiVersion: tulle.dev/v1, kind: BackendPolicy, metadata: {name: ${name}, namespace: ${namespace}}, spec: ${spec}}`;

function problems(...yaml: readonly string[]): readonly string[] {
  const loaded = loadDocuments([{ file: "m.yaml", text: yaml.join("\n---\n") }]);
  return [...loaded.problems, ...analyze(loaded)].map(({ path, message }) => `${path}: ${message}`);
}

describe("what is refused", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["{host: shop}", "spec: must have at least one of healthCheck, loadBalancer, retries"],
    ["{host: shop, healthCheck: {}}", "spec.healthCheck: must have at least one of http, grpc, tcp"],
    [
      "{host: shop, healthCheck: {grpc: {}, tcp: {}}}",
      "spec.healthCheck: must have one of http, grpc, tcp, found grpc and tcp",
    ],
    ["{host: shop, healthCheck: {http: {path: x}}}", "spec.healthCheck.http.path: must be a path that begins with /"],
    [
      "{host: shop, healthCheck: {http: {path: /, expectedStatuses: [299-200]}}}",
      "spec.healthCheck.http.expectedStatuses[0]: must be a status",
    ],
    [
      "{host: shop, healthCheck: {http: {path: /, headers: {Host: a}}}}",
      'spec.healthCheck.http.headers.Host: "Host" is set by the proxy',
    ],
    ["{host: shop, healthCheck: {http: {path: /}, interval: 0s}}", "spec.healthCheck.interval: must be a duration"],
    ["{host: shop, healthCheck: {http: {path: /, body: x}}}", 'spec.healthCheck.http.body: unknown field "body"'],
  ];
  test.each(cases)("%s", (spec, start) => {
    const found = problems(service("shop", ["http:80"]), policy(spec));
    expect(
      found.some((it) => it.startsWith(start)),
      found.join("\n"),
    ).toBe(true);
  });

  test("hosts that nobody has, doubles, and gRPC where it is not spoken are warned of", () => {
    const check = "{host: shop, healthCheck: {grpc: {}}}";
    expect(
      problems(
        service("shop", ["http:80", "grpc-a:81"]),
        policy(check),
        policy("{host: nobody, healthCheck: {tcp: {}}}", "default", "nobody"),
      ),
    ).toEqual([
      expect.stringContaining("spec.healthCheck.grpc: is not asked at port 80 of shop.default.svc.cluster.local"),
      expect.stringContaining('spec.host: no Service has the host "nobody'),
    ]);
  });
});

test("each cluster is checked in the way that it is called, by the policy that its caller sees", () => {
  const documents = [
    service("shop", ["http:80:8080", "grpc-a:81:8081", "any:82:8082", "tcp-b:83:8083"]),
    workload("shop", "v1", [8080, 8081, 8082, 8083]),
    workload("client", "v1", [], "other"),
    policy("{host: '*.default.svc.cluster.local', healthCheck: {tcp: {}}}"),
    policy(
      "{host: shop.default.svc.cluster.local, healthCheck: {http: {path: /up, expectedStatuses: [200-299]}}}",
      "other",
    ),
  ];
  const { clusters } = translate(stateOf(...documents), { t: "sidecar", instance: "client-v1-0" }, {
    clusterId: "c",
    systemRootsFile: "/roots",
  } as Parameters<typeof translate>[2]);
  const checks = Object.fromEntries(
    clusters
      .filter(({ name }) => name?.startsWith("outbound|"))
      .map(({ name = "", healthChecks: [check] = [] }) => [
        name.replace("||shop.default.svc.cluster.local", ""),
        check,
      ]),
  );
  const http = { path: "/up", host: "shop.default.svc.cluster.local", expectedStatuses: [{ start: 200, end: 300 }] };
  expect(checks).toMatchObject({
    "outbound|80": { httpHealthCheck: http, tlsOptions: { alpnProtocols: ["http/1.1"] } },
    "outbound|81": { httpHealthCheck: { ...http, codecClientType: "HTTP2" }, tlsOptions: { alpnProtocols: ["h2"] } },
    "outbound|82": { httpHealthCheck: http, tlsOptions: { alpnProtocols: ["istio-http/1.1"] } },
    "outbound|83": { httpHealthCheck: http },
  });
  expect(checks["outbound|82@tcp"]).toBeUndefined();
});

test("explain tells of the check and its document", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-backend-"));
  const file = join(folder, "mesh.yaml");
  writeFileSync(
    file,
    [
      service("shop", ["http:80:8080"]),
      workload("shop", "v1", [8080]),
      workload("client", "v1", []),
      policy("{host: shop, healthCheck: {interval: 5s, http: {path: /up}}}"),
    ].join("\n---\n"),
  );
  const { out } = await runCli(["explain", "-f", file, "--from", "client-v1", "http://shop/"]);
  rmSync(folder, { recursive: true });
  expect(out).toMatch(
    /health check: GET \/up every 5000 ms, out after 3 failures, back after 2 passes .*BackendPolicy/,
  );
});

test("retries: what a VirtualService cannot say of them, as explain tells it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-backend-"));
  const file = join(folder, "mesh.yaml");
  const documents = [
    service("shop", ["http:80:8080"]),
    workload("shop", "v1", [8080]),
    workload("client", "v1", []),
    policy("{host: shop, retries: {maxRetryAfter: 5s, perTryIdleTimeout: 2s}}"),
  ];
  writeFileSync(file, documents.join("\n---\n"));
  const { out } = await runCli(["explain", "-f", file, "--from", "client-v1", "http://shop/"]);
  rmSync(folder, { recursive: true });
  expect(out).toContain("no try quiet for 2000 ms, later where an answer says so, up to 5000 ms");
});
