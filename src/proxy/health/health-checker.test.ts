import { describe, expect, test } from "bun:test";
import { Cluster } from "../../xds/proto/cluster.ts";
import type { HealthCheck } from "../../xds/proto/core-health-check.ts";
import { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { HealthCheckEventFileSink } from "../../xds/proto/health-check-events.ts";
import { pack } from "../../xds/types/any.ts";
import { assignment, cluster, edsCluster } from "../../../tests/support/proxy-resources.ts";
import type { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, OK, scene, statusOf } from "../../../tests/support/proxy-scene.ts";

const CHECK: HealthCheck = {
  timeout: 500,
  interval: 5000,
  noTrafficInterval: 5000,
  unhealthyThreshold: 2,
  healthyThreshold: 2,
  httpHealthCheck: { path: "/healthz" },
};
const checked = (over: Partial<HealthCheck> = {}, more: Partial<Cluster> = {}): Partial<Cluster> => ({
  healthChecks: [{ ...CHECK, ...over }],
  ...more,
});
const isCheck = (text: string): boolean => text.includes(" /healthz ");
const states = (rig: ProxyRig, name = "app"): string[] =>
  (rig.proxy.clusters.clusters.get(name)?.endpoints.all ?? []).map(({ failedCheck }) => (failedCheck ? "out" : "in"));
/** In steps short enough for an answer to come before the time for it is over. */
async function pass(rig: ProxyRig, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) await rig.advance(Math.min(left, 250));
}
const health = (rig: ProxyRig, name: string): number => rig.stat(`cluster.app.health_check.${name}`);

describe("over HTTP/1.1", () => {
  test("an endpoint that fails its checks gets no requests until it passes them", async () => {
    const { rig, backends } = await scene({ backends: 2, cluster: checked() });
    const [a, b] = backends as [(typeof backends)[0], (typeof backends)[0]];
    let status = "200 OK";
    a.answer = (text) => (isCheck(text) ? answer("", status) : answer("a"));
    b.answer = () => answer("b");
    // They were asked at once, before they had an answer ready.
    await rig.advance(600);
    expect(states(rig)).toEqual(["out", "out"]);
    await pass(rig, 5000);
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["in", "in"]);
    status = "503 Service Unavailable";
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["out", "in"]);
    const client = await rig.client();
    for (let i = 0; i < 4; i++) expect(bodyOf(await rig.exchange(client, GET))).toBe("b");
    expect(rig.stat("cluster.app.membership_healthy")).toBe(1);
    expect(health(rig, "healthy")).toBe(1);
    status = "200 OK";
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["out", "in"]);
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["in", "in"]);
    expect(health(rig, "attempt")).toBe(health(rig, "success") + health(rig, "failure"));
    expect(health(rig, "network_failure")).toBe(2);
    await rig.finish();
  });

  test("one connection serves all checks, and none does where that is not wanted", async () => {
    for (const [reuseConnection, connections] of [
      [true, 1],
      [false, 4],
    ] as const) {
      const { rig, backend } = await scene({ cluster: checked({ reuseConnection, initialJitter: 1 }) });
      backend.answer = (text) => {
        expect(text).toBe("GET /healthz HTTP/1.1\r\nhost: app\r\nuser-agent: Envoy/HC\r\n\r\n");
        return OK;
      };
      for (let i = 0; i < 4; i++) await pass(rig, 5000);
      expect(health(rig, "success")).toBe(4);
      expect(backend.connections).toHaveLength(connections);
      await rig.finish();
    }
  });

  test("host, method, headers, statuses and body are as the check says", async () => {
    const { rig, backend } = await scene({
      cluster: checked({
        initialJitter: 1,
        httpHealthCheck: {
          path: "/healthz",
          host: "checks.example",
          method: "POST",
          requestHeadersToAdd: [{ header: { key: "x-check", value: "1" } }],
          requestHeadersToRemove: ["user-agent"],
          expectedStatuses: [{ start: 202, end: 204 }],
          receive: [{ text: Buffer.from("all").toString("hex") }, { text: Buffer.from("well").toString("hex") }],
        },
      }),
    });
    let body = "5\r\nall i\r\n6\r\ns well\r\n0\r\n\r\n";
    const asked: string[] = [];
    backend.answer = (text) => {
      asked.push(text);
      return `HTTP/1.1 203 Fine\r\ntransfer-encoding: chunked\r\n\r\n${body}`;
    };
    await rig.advance(10);
    expect(asked).toEqual([
      "POST /healthz HTTP/1.1\r\nhost: checks.example\r\nx-check: 1\r\ncontent-length: 0\r\n\r\n",
    ]);
    expect(states(rig)).toEqual(["in"]);
    body = "3\r\nbad\r\n0\r\n\r\n";
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["out"]);
    await rig.finish();
  });

  test("what is no HTTP, hangs up or says nothing is a failure of the network", async () => {
    const { rig, backend } = await scene({ cluster: checked({ initialJitter: 1 }) });
    backend.answer = () => OK;
    await rig.advance(10);
    backend.answer = () => "220 ready\r\n";
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["in"]);
    backend.answer = (_, peer) => void peer.socket.destroy();
    await pass(rig, 5000);
    expect(states(rig)).toEqual(["out"]);
    expect(health(rig, "network_failure")).toBe(2);
    await rig.finish();
  });

  test("a check of another port and name, and none at all", async () => {
    const { rig, backend } = await scene({ backends: 1, cluster: checked() });
    const other = await rig.backend(() => OK);
    const hosts: string[] = [];
    other.answer = (text) => {
      hosts.push(/host: (\S+)/.exec(text)?.[1] ?? "");
      return OK;
    };
    const endpointOf = (port: number, healthCheckConfig: object) => ({
      endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: port } }, healthCheckConfig },
    });
    const endpoints = [
      {
        lbEndpoints: [
          endpointOf(backend.port, { portValue: other.port, hostname: "own" }),
          endpointOf(1, { disableActiveHealthCheck: true }),
        ],
      },
    ];
    await rig.apply(Cluster, cluster("two", [], { ...checked(), loadAssignment: { clusterName: "two", endpoints } }));
    await rig.turn();
    expect(hosts).toEqual(["own"]);
    expect(rig.stat("cluster.two.health_check.attempt")).toBe(1);
    expect(states(rig, "two")).toEqual(["in", "in"]);
    await rig.finish();
  });
});

test("TCP: connected is enough, or what comes decides", async () => {
  const { rig, backend } = await scene({ cluster: checked({ httpHealthCheck: undefined, tcpHealthCheck: {} }) });
  await pass(rig, 5000);
  expect(health(rig, "success")).toBe(2);
  expect(backend.connections.every(({ ended }) => ended)).toBe(true);
  const ping = Buffer.from("PING").toString("hex");
  const pong = Buffer.from("PONG").toString("hex");
  const redis = { send: { text: ping }, receive: [{ text: pong }] };
  backend.answer = (text) => (text === "PING" ? "+PONG" : undefined);
  await rig.apply(
    Cluster,
    cluster(
      "app",
      [backend.port],
      checked({ httpHealthCheck: undefined, tcpHealthCheck: redis, unhealthyThreshold: 1 }),
    ),
  );
  await pass(rig, 5000);
  expect([health(rig, "success"), backend.connections.filter(({ ended }) => !ended).length]).toEqual([4, 1]);
  backend.answer = () => "-LOADING";
  await pass(rig, 5500);
  expect(states(rig)).toEqual(["out"]);
  await rig.finish();
});

test("a cluster that changes keeps what checks found out", async () => {
  const { rig, backend, backends } = await scene({ backends: 2, cluster: checked({ initialJitter: 1 }) });
  for (const it of backends) it.answer = (text) => (isCheck(text) ? OK : answer("live"));
  backend.answer = (text) => answer("", isCheck(text) ? "500 No" : "200 OK");
  await rig.advance(10);
  expect(states(rig)).toEqual(["out", "in"]);
  const ports = backends.map(({ port }) => port);
  await rig.apply(Cluster, cluster("app", ports, { ...checked({ initialJitter: 60_000 }), connectTimeout: 900 }));
  expect(states(rig)).toEqual(["out", "in"]);
  await rig.finish();
});

test("an endpoint that serves stays when discovery drops it, until its checks fail", async () => {
  const { rig, backends } = await scene({ backends: 2 });
  for (const it of backends) it.answer = (text) => answer("", isCheck(text) && isDown ? "500 No" : "200 OK");
  let isDown = false;
  await rig.apply(Cluster, edsCluster("eds", checked({ initialJitter: 1 })));
  const [first, second] = backends.map(({ port }) => port) as [number, number];
  await rig.apply(ClusterLoadAssignment, assignment("eds", first, second));
  await rig.advance(10);
  await rig.apply(ClusterLoadAssignment, assignment("eds", first));
  expect(rig.stat("cluster.eds.membership_total")).toBe(2);
  isDown = true;
  await pass(rig, 5000);
  expect(rig.stat("cluster.eds.membership_total")).toBe(1);
  isDown = false;
  await pass(rig, 10_000);
  await rig.apply(ClusterLoadAssignment, assignment("eds", first, second));
  // Others were there: it must pass a check first.
  expect(states(rig, "eds")).toEqual(first < second ? ["in", "out"] : ["out", "in"]);
  await rig.advance(1);
  expect(states(rig, "eds")).toEqual(["in", "in"]);
  await rig.finish();
});

test("a passed check ends an ejection, unless it is told not to", async () => {
  for (const successfulActiveHealthCheckUnejectHost of [true, false]) {
    const { rig, backend } = await scene({
      cluster: checked(
        { initialJitter: 1 },
        { outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 100, successfulActiveHealthCheckUnejectHost } },
      ),
    });
    backend.answer = (text) => (isCheck(text) ? OK : answer("", "500 No"));
    await rig.advance(10);
    const client = await rig.client();
    await rig.exchange(client, GET);
    expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(1);
    await pass(rig, 5000);
    expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(
      successfulActiveHealthCheckUnejectHost ? 0 : 1,
    );
    await rig.finish();
  }
});

test("an endpoint takes itself out with x-envoy-immediate-health-check-fail", async () => {
  const { rig, backends } = await scene({ backends: 2, cluster: checked({ initialJitter: 1 }) });
  for (const [i, it] of backends.entries())
    it.answer = (text) =>
      isCheck(text)
        ? OK
        : answer(String(i), "200 OK", ...(i === 0 ? ["x-envoy-immediate-health-check-fail: true"] : []));
  await rig.advance(10);
  const client = await rig.client();
  const bodies = new Set<string>();
  for (let i = 0; i < 4; i++) bodies.add(bodyOf(await rig.exchange(client, GET)));
  expect([...bodies].sort()).toEqual(["0", "1"]);
  expect(states(rig)).toEqual(["out", "in"]);
  expect(rig.stat("cluster.app.membership_excluded")).toBe(1);
  expect(health(rig, "passive_failure")).toBe(1);
  await pass(rig, 10_000);
  expect(states(rig)).toEqual(["in", "in"]);
  await rig.finish();
});

test("events go to the file that the check names", async () => {
  const path = "/dev/stdout";
  const eventLogger = [{ name: "file", typedConfig: pack(HealthCheckEventFileSink, { eventLogPath: path }) }];
  const { rig, backend } = await scene({ cluster: checked({ initialJitter: 1, eventLogger }) });
  backend.answer = () => answer("", "503 No");
  await rig.advance(10);
  expect(rig.log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      health_checker_type: "HTTP",
      cluster_name: "app",
      host: { socket_address: { port_value: backend.port } },
      eject_unhealthy_event: { failure_type: "ACTIVE" },
    },
    { health_check_failure_event: { failure_type: "ACTIVE", first_check: true } },
  ]);
  rig.log.length = 0;
  await rig.finish();
});

test("requests go to all while none passes, as below any panic threshold", async () => {
  const { rig, backend } = await scene({ cluster: checked({ initialJitter: 1 }) });
  backend.answer = (text) => (isCheck(text) ? answer("", "500 No") : OK);
  await rig.advance(10);
  expect(states(rig)).toEqual(["out"]);
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  await rig.finish();
});

test("what still runs on a cluster that was replaced says nothing of the one in its place", async () => {
  const { rig, backend, backends } = await scene({ backends: 2, cluster: checked({ initialJitter: 1 }) });
  for (const it of backends) it.answer = (text) => (isCheck(text) ? OK : undefined);
  await rig.advance(10);
  const callers = [await rig.client(), await rig.client()];
  for (const client of callers) await rig.exchange(client, GET);
  const ports = backends.map(({ port }) => port);
  await rig.apply(Cluster, cluster("app", ports, { ...checked({ initialJitter: 1 }), connectTimeout: 900 }));
  await rig.advance(10);
  expect([states(rig), rig.stat("cluster.app.membership_healthy"), health(rig, "healthy")]).toEqual([
    ["in", "in"],
    2,
    2,
  ]);
  for (const peer of backend.open) peer.send(answer("", "200 OK", "x-envoy-immediate-health-check-fail: true"));
  await rig.turn();
  expect(callers.map((client) => statusOf(client.take())).filter((status) => status === 200)).toHaveLength(1);
  expect([rig.stat("cluster.app.membership_healthy"), health(rig, "healthy")]).toEqual([2, 2]);
  await rig.finish();
});
