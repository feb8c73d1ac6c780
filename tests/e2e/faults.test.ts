/**
 * Servers that fail, are late, reset and are not there, behind a proxy that was told what to do about it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { service, workload } from "../support/mesh.ts";
import { type Answer, call } from "./support/call.ts";
import { destinationRule, document, virtualService } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { FaultyServer } from "./support/faulty-server.ts";
import { SplitMesh } from "./support/split-mesh.ts";

const PORTS = ["http:80:8080"];
const rule = (prefix: string, rest: string): string =>
  `{match: [{uri: {prefix: ${prefix}}}], ${rest}, route: [{destination: {host: flaky}}]}`;

const SHOP = [
  ...["caller", "flaky", "half", "sick", "small", "lonely"].map((name) => service(name, PORTS)),
  workload("caller", "v1", [8080]),
  workload("flaky", "v1", [8080]),
  workload("half", "v1", [8080]),
  workload("half", "v2", [8080]),
  workload("sick", "v1", [8080]),
  workload("sick", "v2", [8080]),
  workload("small", "v1", [8080]),
  workload("lonely", "v1", [8080]),
  // Plain text, so that the test's own servers can stand at the addresses of the proxies.
  document(
    "security.istio.io/v1",
    "PeerAuthentication",
    "{name: default, namespace: istio-system}",
    "{mtls: {mode: DISABLE}}",
  ),
  virtualService(
    "flaky",
    `{hosts: [flaky], http: [${[
      rule("/fail/503/1/5xx", 'retries: {attempts: 3, retryOn: "5xx"}'),
      rule("/fail/500/2/5xx", 'retries: {attempts: 3, retryOn: "5xx"}'),
      rule("/fail/503/9/5xx", 'retries: {attempts: 2, retryOn: "5xx"}'),
      rule("/fail/500/1/gateway", 'retries: {attempts: 3, retryOn: "gateway-error"}'),
      rule("/fail/502/1/gateway", 'retries: {attempts: 3, retryOn: "gateway-error"}'),
      rule("/fail/503/1/never", "retries: {attempts: 0}"),
      rule("/reset/1/reset", "retries: {attempts: 2, retryOn: reset}"),
      rule("/reset/9/reset", "retries: {attempts: 2, retryOn: reset}"),
      rule("/reset/1/connect-failure", "retries: {attempts: 2, retryOn: connect-failure}"),
      rule("/reset/1/never", "retries: {attempts: 0}"),
      rule("/slow/3000/1/per-try", 'retries: {attempts: 2, perTryTimeout: 300ms, retryOn: "5xx"}'),
      rule("/slow/3000/9/per-try", 'retries: {attempts: 1, perTryTimeout: 300ms, retryOn: "5xx"}'),
      rule("/slow/3000/9/timeout", "timeout: 400ms, retries: {attempts: 0}"),
      rule("/", "retries: {attempts: 0}"),
    ].join(", ")}]}`,
  ),
  virtualService(
    "half",
    "{hosts: [half], http: [{retries: {attempts: 2, retryOn: connect-failure}, route: [{destination: {host: half}}]}]}",
  ),
  // The balancer of least requests would send the second attempt where nothing is under way: to the one that is not there.
  destinationRule("half", "{host: half, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}"),
  virtualService("sick", "{hosts: [sick], http: [{retries: {attempts: 0}, route: [{destination: {host: sick}}]}]}"),
  destinationRule(
    "sick",
    "{host: sick, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 3, interval: 500ms, baseEjectionTime: 2s, maxEjectionPercent: 100}}}",
  ),
  virtualService("small", "{hosts: [small], http: [{retries: {attempts: 0}, route: [{destination: {host: small}}]}]}"),
  destinationRule(
    "small",
    "{host: small, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}}",
  ),
].join("\n---\n");

/** Nobody listens at the addresses of half-v1 and lonely-v1. */
const SERVED = ["flaky-v1", "half-v2", "sick-v1", "sick-v2", "small-v1"];

describe("a proxy in front of servers that fail", () => {
  let mesh: SplitMesh;
  const servers = new Map(SERVED.map((id) => [id, new FaultyServer(id)]));
  const server = (id: string): FaultyServer => servers.get(id) as FaultyServer;

  beforeAll(async () => {
    mesh = await SplitMesh.start({
      documents: SHOP,
      svidTtlMs: 3_600_000,
      without: [...SERVED, "half-v1", "lonely-v1"],
    });
    for (const [id, made] of servers) await made.listen(mesh.planned(id).instance.ports[0]?.inbound.port ?? 0);
  }, 40_000);
  afterAll(async () => {
    for (const made of servers.values()) made.close();
    await mesh.stop();
  }, 40_000);

  const ask = (host: string, path: string, method = "GET"): Promise<Answer> =>
    call(`http://${host}${path}`, { via: mesh.outboundOf("caller-v1"), method });
  /** Status, and how often the server was asked. By POST: what may be done twice is tried again unasked on a kept connection. */
  async function tried(path: string): Promise<[status: number, times: number]> {
    const { status } = await ask("flaky", path, "POST");
    return [status, server("flaky-v1").asked(path)];
  }
  /** Status, flags and details of the first log line of a path. */
  async function logged(path: string): Promise<string> {
    const pattern = new RegExp(`" \\d+ .* (?=-|")`);
    const line = await eventually("the call is in the log", () =>
      mesh
        .proxy("caller-v1")
        .output.split("\n")
        .find((l) => l.includes(` ${path} `) && pattern.test(l)),
    );
    return / HTTP\/1\.1" (\d+ \S+ \S+)/.exec(line)?.[1] ?? line;
  }

  test("5xx is tried again, as often as the rule says", async () => {
    expect(await tried("/fail/503/1/5xx")).toEqual([200, 2]);
    expect(await tried("/fail/500/2/5xx")).toEqual([200, 3]);
    expect(await tried("/fail/503/9/5xx")).toEqual([503, 3]);
    expect(await logged("/fail/503/9/5xx")).toBe("503 URX via_upstream");
  });

  test("gateway errors are 502 to 504, and nothing else", async () => {
    expect(await tried("/fail/500/1/gateway")).toEqual([500, 1]);
    expect(await tried("/fail/502/1/gateway")).toEqual([200, 2]);
  });

  test("no attempts: none", async () => {
    expect(await tried("/fail/503/1/never")).toEqual([503, 1]);
    expect(await tried("/reset/1/never")).toEqual([503, 1]);
    expect(await logged("/reset/1/never")).toStartWith(
      "503 UC upstream_reset_before_response_started{connection_termination",
    );
  });

  test("a reset is tried again where the rule says so, and not where it says connect-failure", async () => {
    expect(await tried("/reset/1/reset")).toEqual([200, 2]);
    expect(await tried("/reset/9/reset")).toEqual([503, 3]);
    expect(await logged("/reset/9/reset")).toMatch(/^503 URX,UC /);
    expect(await tried("/reset/1/connect-failure")).toEqual([503, 1]);
  });

  test("a kept connection that breaks under a GET is replaced once, whatever the rule says", async () => {
    await ask("flaky", "/warm");
    const path = "/reset/1/never/get";
    expect([(await ask("flaky", path)).status, server("flaky-v1").asked(path)]).toEqual([200, 2]);
  });

  test("an attempt that takes too long is given up for another", async () => {
    expect(await tried("/slow/3000/1/per-try")).toEqual([200, 2]);
    expect(await tried("/slow/3000/9/per-try")).toEqual([504, 2]);
    expect(await logged("/slow/3000/9/per-try")).toMatch(/^504 URX,UT upstream_per_try_timeout$/);
  });

  test("a request that takes too long is answered 504", async () => {
    const startMs = performance.now();
    const path = "/slow/3000/9/timeout";
    const { body, status } = await ask("flaky", path);
    expect([status, body]).toEqual([504, "upstream request timeout"]);
    expect(performance.now() - startMs).toBeWithin(390, 2500);
    expect(await logged(path)).toBe("504 UT response_timeout");
  });

  test("what has begun and breaks off is not passed on as whole", async () => {
    await expect(ask("flaky", "/half/")).rejects.toThrow();
    expect(await logged("/half/")).toStartWith("200 UC ");
  });

  test("an endpoint that is not there: each call finds the other one", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask("half", "/there")));
    expect(new Set(answers.map(({ headers, status }) => `${headers.get("x-server")} ${status}`))).toEqual(
      new Set(["half-v2 200"]),
    );
    expect(server("half-v2").asked("/there")).toBe(100);
  });

  test("nobody there at all: 503 UF", async () => {
    expect((await ask("lonely", "/lonely")).status).toBe(503);
    expect(await logged("/lonely")).toMatch(/^503 URX,UF upstream_reset_before_response_started/);
  });

  test("an endpoint that fails three times in a row is left alone, and is back when it is well", async () => {
    server("sick-v1").sick = true;
    const round = async (path: string, count: number): Promise<string[]> => {
      const found: string[] = [];
      for (let i = 0; i < count; i++) {
        const { headers, status } = await ask("sick", path);
        found.push(`${headers.get("x-server")} ${status}`);
      }
      return found;
    };
    const first = await round("/until-ejected", 12);
    expect(first.filter((it) => it === "sick-v1 500")).toHaveLength(3);
    expect(first.slice(6)).toEqual(Array.from({ length: 6 }, () => "sick-v2 200"));
    expect((await call(`${mesh.adminOf("caller-v1")}/clusters`)).body).toContain("failed_outlier_check");
    server("sick-v1").sick = false;
    const backMs = performance.now();
    await eventually("it is asked again", async () => (await round("/back", 2)).includes("sick-v1 200"), 10_000);
    expect(performance.now() - backMs).toBeGreaterThan(1000);
    expect((await round("/well", 10)).filter((it) => it === "sick-v1 200")).toHaveLength(5);
  }, 20_000);

  test("one connection and one that waits: what is more is refused at once", async () => {
    expect((await ask("small", "/before")).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 5 }, (_, i) => ask("small", `/slow/400/9/small-${i}`)));
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503, 503]);
    for (const { body, headers } of refused) {
      expect(body).toBe("upstream connect error or disconnect/reset before headers. reset reason: overflow");
      expect(headers.get("x-envoy-overloaded")).toBe("true");
    }
    expect(server("small-v1").connections).toBe(1);
    const lines = await eventually("all are in the log", () => {
      const found = mesh
        .proxy("caller-v1")
        .output.split("\n")
        .filter((line) => line.includes("/small-"));
      return found.length === 5 && found;
    });
    expect(lines.filter((line) => line.includes('" 503 UO '))).toHaveLength(3);
    // And afterwards all is well.
    expect((await ask("small", "/after")).status).toBe(200);
  });

  test("the counters agree", async () => {
    const stats = (await call(`${mesh.adminOf("caller-v1")}/stats`)).body;
    const of = (cluster: string, name: string): number =>
      Number(
        new RegExp(
          `^cluster\\.outbound\\|80\\|\\|${cluster}\\.default\\.svc\\.cluster\\.local;?\\.${name}: (\\d+)$`,
          "m",
        ).exec(stats)?.[1],
      );
    expect(of("flaky", "upstream_rq_retry")).toBe(1 + 2 + 2 + 1 + 1 + 2 + 1 + 1);
    expect(of("flaky", "upstream_rq_retry_success")).toBe(5);
    expect(of("flaky", "upstream_rq_per_try_timeout")).toBe(3);
    expect(of("flaky", "upstream_rq_timeout")).toBe(1);
    expect(of("small", "upstream_rq_pending_overflow")).toBe(3);
    expect(of("sick", "outlier_detection.ejections_enforced_total")).toBe(1);
    expect(of("lonely", "upstream_cx_connect_fail")).toBeGreaterThan(0);
  });
});
