import { expect, test } from "bun:test";
import {
  assignment,
  cluster,
  edsCluster,
  httpListener,
  limits,
  route,
  routes,
} from "../../tests/support/proxy-resources.ts";
import { type Peer, ProxyRig } from "../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, OK, scene, statusOf } from "../../tests/support/proxy-scene.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { Listener } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";

async function clients(rig: ProxyRig, count: number): Promise<Peer[]> {
  const made: Peer[] = [];
  for (let i = 0; i < count; i++) made.push(await rig.client());
  return made;
}

test("max_connections: further requests wait for one to come free, in order", async () => {
  const { rig, backend } = await scene({ cluster: limits({ maxConnections: 1 }) });
  const [a, b, c] = (await clients(rig, 3)) as [Peer, Peer, Peer];
  for (const client of [a, b, c]) await rig.exchange(client, GET);
  expect(backend.connections).toHaveLength(1);
  expect(rig.stat("cluster.app.upstream_rq_pending_active")).toBe(2);
  expect(rig.stat("cluster.app.upstream_cx_overflow")).toBe(2);
  for (const [i, client] of [a, b, c].entries()) {
    backend.last.send(answer(`${i}`));
    await rig.turn();
    expect(bodyOf(client.take())).toBe(`${i}`);
  }
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("who waits for a connection gets another when the busy one is closed", async () => {
  const { rig, backend } = await scene({ cluster: limits({ maxConnections: 1 }) });
  const [busy, waiting] = (await clients(rig, 2)) as [Peer, Peer];
  await rig.exchange(busy, GET);
  await rig.exchange(waiting, GET);
  backend.answer = () => OK;
  backend.last.socket.destroy();
  await rig.turn();
  expect(statusOf(busy.take())).toBe(503);
  expect(statusOf(waiting.take())).toBe(200);
  await rig.finish();
});

test("who waits gets another when the answer closes the busy one, or its client goes away", async () => {
  const { rig, backend } = await scene({ cluster: limits({ maxConnections: 1 }) });
  const [busy, waiting, last] = (await clients(rig, 3)) as [Peer, Peer, Peer];
  for (const client of [busy, waiting, last]) await rig.exchange(client, GET);
  backend.last.send(answer("bye", "200 OK", "Connection: close"));
  await rig.turn();
  expect(bodyOf(busy.take())).toBe("bye");
  expect(backend.connections).toHaveLength(2);
  waiting.socket.destroy();
  await rig.turn();
  expect(backend.connections).toHaveLength(3);
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(last.take())).toBe("ok");
  await rig.finish();
});

test("who waits hears of it when no connection can be opened any more", async () => {
  const { rig, backend } = await scene({ cluster: limits({ maxConnections: 1 }) });
  const [busy, waiting] = (await clients(rig, 2)) as [Peer, Peer];
  await rig.exchange(busy, GET);
  await rig.exchange(waiting, GET);
  backend.listener.close();
  backend.last.socket.destroy();
  await rig.turn();
  expect(statusOf(busy.take())).toBe(503);
  expect(statusOf(waiting.take())).toBe(503);
  const flags = (await rig.logged()).map((line) => line.split(" ")[1]);
  expect(flags).toEqual(["UC", "UF"]);
  await rig.finish();
});

test("an endpoint gets one connection though others use up the cluster's", async () => {
  const { rig, backends } = await scene({ cluster: limits({ maxConnections: 1 }), backends: 2 });
  const made = await clients(rig, 2);
  for (const client of made) await rig.exchange(client, GET);
  expect(backends.map(({ connections }) => connections.length)).toEqual([1, 1]);
  for (const backend of backends) backend.last.send(OK);
  await rig.turn();
  for (const client of made) expect(statusOf(client.take())).toBe(200);
  await rig.finish();
});

test("max_pending_requests: one too many overflows at once", async () => {
  const { rig, backend } = await scene({ cluster: limits({ maxConnections: 1, maxPendingRequests: 1 }) });
  const [busy, waiting, refused] = (await clients(rig, 3)) as [Peer, Peer, Peer];
  await rig.exchange(busy, GET);
  await rig.exchange(waiting, GET);
  const text = await rig.exchange(refused, GET);
  expect(statusOf(text)).toBe(503);
  expect(text).toContain("x-envoy-overloaded: true");
  expect(rig.stat("cluster.app.upstream_rq_pending_overflow")).toBe(1);
  backend.answer = () => OK;
  backend.last.send(OK);
  await rig.turn();
  expect(statusOf(waiting.take())).toBe(200);
  await rig.finish();
});

test("max_requests: one too many overflows, and the place comes back", async () => {
  const { rig, backend } = await scene({ cluster: limits({ maxRequests: 1 }) });
  const [busy, refused] = (await clients(rig, 2)) as [Peer, Peer];
  await rig.exchange(busy, GET);
  expect(statusOf(await rig.exchange(refused, GET))).toBe(503);
  backend.last.send(OK);
  await rig.turn();
  backend.answer = () => OK;
  expect(statusOf(await rig.exchange(refused, GET))).toBe(200);
  expect((await rig.logged()).map((line) => line.split(" ")[1])).toEqual(["UO", "-", "-"]);
  await rig.finish();
});

test("max_requests_per_connection: then another connection", async () => {
  const { rig, backend } = await scene({ cluster: { maxRequestsPerConnection: 2 } });
  backend.answer = () => OK;
  const client = await rig.client();
  for (let i = 0; i < 5; i++) await rig.exchange(client, GET);
  expect(backend.connections).toHaveLength(3);
  expect(backend.open).toHaveLength(1);
  await rig.finish();
});

test("connections that idle for too long are closed", async () => {
  const { rig, backend } = await scene({ cluster: { commonHttpProtocolOptions: { idleTimeout: 5000 } } });
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  await rig.advance(4000);
  expect(backend.open).toHaveLength(1);
  await rig.advance(3000);
  expect(backend.open).toHaveLength(0);
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  await rig.finish();
});

test("connections that are too old are closed, after what is under way on them", async () => {
  const { rig, backend } = await scene({ cluster: { commonHttpProtocolOptions: { maxConnectionDuration: 5000 } } });
  backend.answer = () => OK;
  const [idle, busy] = (await clients(rig, 2)) as [Peer, Peer];
  await rig.exchange(idle, GET);
  await rig.advance(4000);
  await rig.exchange(idle, GET);
  expect(backend.connections).toHaveLength(1);
  await rig.advance(2000);
  expect(backend.open).toHaveLength(0);
  backend.answer = () => undefined;
  await rig.exchange(busy, GET);
  await rig.advance(7000);
  expect(backend.open).toHaveLength(1);
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(busy.take())).toBe("ok");
  expect(backend.open).toHaveLength(0);
  await rig.finish();
});

test("a kept connection that the endpoint closes, or speaks on unasked, is let go", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.socket.end();
  await rig.turn();
  await rig.exchange(client, GET);
  expect(backend.connections).toHaveLength(2);
  backend.last.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  await rig.turn();
  expect(backend.open).toHaveLength(0);
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  await rig.finish();
});

test("bytes behind an answer are nobody's: the answer stands, the connection goes", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => `${OK}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`;
  const client = await rig.client();
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(backend.open).toHaveLength(0);
  backend.answer = () => OK;
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  await rig.finish();
});

test("an answer that is no HTTP, too long, cut off or an upgrade that nobody asked for", async () => {
  const cases: readonly (readonly [answer: string, flags: string])[] = [
    ["SSH-2.0-OpenSSH\r\n", "502 UPE"],
    ["HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "502 UPE"],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`, "502 UPE"],
    [`HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ${"y".repeat(70_000)}\r\n\r\n`, "502 UPE"],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "502 UPE"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "502 UPE"],
  ];
  const { rig, backend } = await scene();
  const client = await rig.client();
  for (const [text, expected] of cases) {
    backend.answer = () => text;
    await rig.exchange(client, GET);
    await rig.turn();
    expect((await rig.logged())[0]).toStartWith(expected);
    expect(backend.open).toHaveLength(0);
  }
  backend.answer = () => "HTTP/1.1 200 OK\r\ncontent-le";
  await rig.exchange(client, GET);
  backend.last.socket.end();
  await rig.turn();
  expect((await rig.logged())[0]).toStartWith("502 UPE");
  await rig.finish();
});

test("what came of an answer before its framing broke is passed on, in one read or in many", async () => {
  const { rig, backend } = await scene();
  for (const reads of [["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "2\r\nok\r\n", "zz"], undefined]) {
    const client = await rig.client();
    const parts = reads ?? ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz"];
    client.send(GET);
    await rig.turn();
    for (const part of parts) {
      backend.last.send(part);
      await rig.turn();
    }
    expect([client.text.slice(-7), client.closed]).toEqual(["2\r\nok\r\n", true]);
  }
  await rig.finish();
});

test("an answer whose body breaks off, or is framed wrongly, breaks off for the client too", async () => {
  const { rig, backend } = await scene();
  const cases: readonly (readonly [answer: string, flags: string])[] = [
    ["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345", "200 UC upstream_reset_after_response_started"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n", "200 UC upstream_reset_after"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz", "200 UPE upstream_reset_after"],
  ];
  for (const [text, expected] of cases) {
    const client = await rig.client();
    client.send(GET);
    await rig.turn();
    backend.last.send(text);
    backend.last.socket.end();
    await rig.turn();
    expect(client.closed).toBe(true);
    expect(client.ended).toBe(false);
    expect((await rig.logged())[0]).toStartWith(expected);
  }
  await rig.finish();
});

test("an endpoint that leaves while it is busy finishes, and gets nothing new", async () => {
  const rig = new ProxyRig();
  const [leaves, stays] = [await rig.backend(), await rig.backend(() => OK)];
  await rig.apply(Cluster, edsCluster("app", limits({ maxConnections: 1 })));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]) }));
  await rig.apply(ClusterLoadAssignment, assignment("app", leaves.port));
  const [busy, waiting] = (await clients(rig, 2)) as [Peer, Peer];
  await rig.exchange(busy, GET);
  await rig.exchange(waiting, GET);
  await rig.apply(ClusterLoadAssignment, assignment("app", stays.port));
  const other = await rig.client();
  expect(statusOf(await rig.exchange(other, GET))).toBe(200);
  expect(stays.connections).toHaveLength(1);
  // Both the one that runs and the one that waits for its connection get their answer.
  leaves.last.send(answer("done"));
  await rig.turn();
  expect(bodyOf(busy.take())).toBe("done");
  leaves.last.send(answer("too"));
  await rig.turn();
  expect(bodyOf(waiting.take())).toBe("too");
  expect(leaves.open).toHaveLength(0);
  expect(rig.stat("cluster.app.membership_total")).toBe(1);
  await rig.finish();
});

test("an assignment that keeps an endpoint keeps its counters and connections", async () => {
  const rig = new ProxyRig();
  const [a, b] = [await rig.backend(() => OK), await rig.backend(() => OK)];
  await rig.apply(Cluster, edsCluster("app"));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]) }));
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, GET))).toBe(503);
  expect((await rig.logged())[0]).toStartWith("503 UH no_healthy_upstream");
  await rig.apply(ClusterLoadAssignment, assignment("app", a.port));
  await rig.exchange(client, GET);
  await rig.apply(ClusterLoadAssignment, assignment("app", a.port, b.port));
  for (let i = 0; i < 4; i++) expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  expect(a.connections).toHaveLength(1);
  const total = rig.proxy.clusters.clusters.get("app")?.endpoints.all.map(({ requestsTotal }) => requestsTotal);
  expect(total?.reduce((x, y) => x + y, 0)).toBe(5);
  await rig.finish();
});

test("a cluster that is replaced while it is busy: what runs ends on the old one, its retries too", async () => {
  const action = { retryPolicy: { retryOn: "reset", numRetries: 2 } };
  const { rig, backend } = await scene({ action });
  const other = await rig.backend(() => answer("new"));
  const [runs, tries] = (await clients(rig, 2)) as [Peer, Peer];
  await rig.exchange(runs, GET);
  await rig.exchange(tries, GET);
  const [first, second] = backend.connections as [Peer, Peer];
  await rig.apply(Cluster, cluster("app", [other.port]));
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("new");
  first.send(answer("old"));
  await rig.turn();
  expect(bodyOf(runs.take())).toBe("old");
  expect(first.closed).toBe(true);
  backend.answer = () => answer("old again");
  second.socket.destroy();
  await rig.turn();
  await rig.advance(300);
  expect(bodyOf(tries.take())).toBe("old again");
  // Its connection must not idle where nobody would ever use or sweep it.
  expect(backend.open).toHaveLength(0);
  await rig.finish();
});

test("a cluster that goes while it is busy leaves no statistics below zero", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  await rig.remove(Cluster, "app");
  expect(statusOf(await rig.exchange(await rig.client(), GET))).toBe(503);
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(client.take())).toBe("ok");
  expect(rig.stat("cluster.app.upstream_rq_active")).toBe(0);
  expect(rig.stat("cluster.app.upstream_cx_active")).toBe(0);
  expect((await rig.logged())[0]).toStartWith("503 NC cluster_not_found");
  await rig.finish();
});

test("a cluster that comes again as it was keeps its connections", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  await rig.apply(Cluster, cluster("app", [backend.port]));
  await rig.exchange(client, GET);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("a wrong cluster is refused with its field, and the live one stays", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const [rejected] = await rig.offer(Cluster, cluster("app", [backend.port], { lbPolicy: "CLUSTER_PROVIDED" }));
  expect(rejected?.name).toBe("app");
  expect(rejected?.reason).toStartWith("lb_policy");
  expect(statusOf(await rig.exchange(await rig.client(), GET))).toBe(200);
  await rig.finish();
});

test("an endpoint that fails in a row is ejected and comes back; the gauge follows whatever happens to it", async () => {
  const outlierDetection = { consecutive5xx: 3, baseEjectionTime: 30_000, interval: 10_000, maxEjectionPercent: 50 };
  const { rig, backends } = await scene({
    cluster: { outlierDetection, commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
    backends: 2,
  });
  const [bad, good] = backends as [(typeof backends)[0], (typeof backends)[0]];
  bad.answer = () => answer("bad", "500 Internal Server Error");
  good.answer = () => OK;
  const client = await rig.client();
  for (let i = 0; i < 6; i++) await rig.exchange(client, GET);
  expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(1);
  expect(rig.stat("cluster.app.membership_healthy")).toBe(1);
  for (let i = 0; i < 6; i++) expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  await rig.advance(41_000);
  expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(0);
  for (let i = 0; i < 6; i++) await rig.exchange(client, GET);
  expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(1);
  await rig.apply(Cluster, cluster("app", [good.port], { outlierDetection }));
  expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(0);
  await rig.finish();
});

test("the access log names a cluster only when it is there", async () => {
  const { rig } = await scene({ manager: { logFormat: "%RESPONSE_FLAGS% %UPSTREAM_CLUSTER%\n" } });
  const request = async (): Promise<unknown> => rig.exchange(await rig.client(), GET);
  await rig.remove(Cluster, "app");
  await request();
  await rig.apply(Cluster, cluster("app", []));
  await request();
  expect(await rig.logged()).toEqual(["NC -", "UH app"]);
  await rig.finish();
});

test("a cluster that is refused for its endpoints leaves no timer behind", async () => {
  const { rig } = await scene();
  const far = { clusterName: "eds", endpoints: [{ priority: 129, lbEndpoints: [] }] };
  await rig.apply(ClusterLoadAssignment, far);
  const timers = rig.clock.pendingTimers;
  const eds = edsCluster("eds", { outlierDetection: {} });
  const rejected = rig.proxy.clusters.applyClusters([{ name: "eds", any: pack(Cluster, eds) }], []);
  expect(rejected.map(({ reason }) => reason)).toEqual(["endpoints[0].priority: must be at most 128, found 129"]);
  expect(rig.clock.pendingTimers).toBe(timers);
  await rig.finish();
});

test("an ejection on a cluster that was replaced does not count on the one in its place", async () => {
  const ejecting = { outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 100 } };
  const { rig, backend } = await scene({ cluster: ejecting });
  const client = await rig.client();
  await rig.exchange(client, GET);
  await rig.apply(Cluster, cluster("app", [backend.port], { ...ejecting, connectTimeout: 900 }));
  backend.last.send(answer("", "500 No"));
  await rig.turn();
  expect(statusOf(client.take())).toBe(500);
  expect(rig.stat("cluster.app.membership_healthy")).toBe(1);
  expect(rig.stat("cluster.app.outlier_detection.ejections_active")).toBe(0);
  await rig.finish();
});
