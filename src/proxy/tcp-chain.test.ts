import { expect, test } from "bun:test";
import { chain, cluster, limits, listener, LOOPBACK } from "../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../tests/support/proxy-rig.ts";
import { tunnelled } from "../../tests/support/tunnelled.ts";
import { plainStats } from "../telemetry/plain-stats.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { NetworkRbac } from "../xds/proto/filter-network-rbac.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { Listener, type NetworkFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";

test("bytes go both ways, and are counted", async () => {
  const { rig, backend } = await tunnelled();
  const client = await rig.client();
  client.send("hello");
  await rig.turn();
  expect(backend.last.take()).toBe("hello");
  backend.last.send("welcome");
  await rig.turn();
  expect(client.take()).toBe("welcome");
  expect(rig.stat("cluster.outbound|5432||db.default.svc.cluster.local.upstream_cx_active")).toBe(1);
  client.socket.destroy();
  await rig.turn();
  expect(backend.last.closed).toBe(true);
  const stats = plainStats(rig.registry);
  expect(stats).toMatch(/istio_tcp_sent_bytes_total\{.*destination_service="db.default.svc.cluster.local".*\}: 7/);
  expect(stats).toMatch(/istio_tcp_received_bytes_total\{.*\}: 5/);
  expect(stats).toMatch(/istio_tcp_connections_closed_total\{.*\}: 1/);
  await rig.finish();
});

test("a server may speak first", async () => {
  const { rig, backend } = await tunnelled();
  const client = await rig.client();
  await rig.turn();
  backend.last.send("220 ready");
  await rig.turn();
  expect(client.take()).toBe("220 ready");
  await rig.finish();
});

test("a half-close is passed on, and the other direction goes on", async () => {
  const { rig, backend } = await tunnelled();
  const client = await rig.client();
  client.send("question");
  client.socket.end();
  await rig.turn();
  expect(backend.last.ended).toBe(true);
  expect(backend.last.closed).toBe(false);
  backend.last.send("answer");
  backend.last.socket.end();
  await rig.turn();
  expect(client.text).toBe("answer");
  expect(client.ended).toBe(true);
  expect(client.closed).toBe(true);
  expect(client.error).toBeUndefined();
  expect(backend.last.closed).toBe(true);
  await rig.finish();
});

test("an end that comes while bytes wait for the reader goes behind them", async () => {
  const { rig, backend } = await tunnelled();
  const client = await rig.client();
  await rig.turn();
  backend.last.socket.pause();
  client.send("x".repeat(100_000));
  await rig.turn();
  expect(client.unsentBytes).toBe(0);
  client.socket.end();
  await rig.turn();
  backend.last.socket.resume();
  await rig.turn();
  expect(backend.last.bytes).toBe(100_000);
  expect(backend.last.ended).toBe(true);
  await rig.finish();
});

test("a reset of one side is the end of the other", async () => {
  const { rig, backend } = await tunnelled();
  const client = await rig.client();
  await rig.turn();
  backend.last.socket.destroy();
  await rig.turn();
  expect(client.closed).toBe(true);
  await rig.finish();
});

test("a slow reader stops the writer: what is held stays small, and all of it arrives before the end", async () => {
  for (const slowIsBackend of [true, false]) {
    const { rig, backend } = await tunnelled();
    const client = await rig.client();
    await rig.turn();
    const [writer, reader] = slowIsBackend ? [client, backend.last] : [backend.last, client];
    reader.socket.pause();
    writer.send("x".repeat(3_000_000));
    await rig.turn();
    expect(3_000_000 - writer.unsentBytes).toBeLessThan(4 * 65_536);
    reader.socket.resume();
    await rig.until(() => writer.unsentBytes === 0);
    writer.socket.end();
    await rig.until(() => reader.ended);
    expect(reader.bytes).toBe(3_000_000);
    await rig.finish();
  }
});

test("an endpoint that cannot be reached closes the client, after the attempts that are configured", async () => {
  const { rig, backend } = await tunnelled({}, { maxConnectAttempts: 3 });
  backend.listener.close();
  const client = await rig.client();
  await rig.turn();
  expect(client.ended).toBe(true);
  expect(rig.stat("cluster.outbound|5432||db.default.svc.cluster.local.upstream_cx_connect_fail")).toBe(3);
  await rig.finish();
});

test("a cluster that is not there closes the client", async () => {
  const { rig } = await tunnelled({}, { cluster: "nowhere" });
  const client = await rig.client();
  await rig.turn();
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("a client that goes away while the endpoint is dialled leaves nothing behind", async () => {
  const { rig, backend } = await tunnelled();
  const client = await rig.client();
  client.socket.destroy();
  await rig.turn();
  expect(backend.open).toHaveLength(0);
  await rig.finish();
});

test("max_connections bounds tunnels", async () => {
  const { rig, backend } = await tunnelled(limits({ maxConnections: 1 }));
  const [first, second] = [await rig.client(), await rig.client()];
  await rig.turn();
  expect(second.ended).toBe(true);
  expect(backend.connections).toHaveLength(1);
  expect(rig.stat("cluster.outbound|5432||db.default.svc.cluster.local.upstream_cx_overflow")).toBe(1);
  first.socket.destroy();
  await rig.turn();
  const third = await rig.client();
  third.send("again");
  await rig.turn();
  expect(backend.last.take()).toBe("again");
  await rig.finish();
});

const rbac = (addressPrefix: string): NetworkFilter => ({
  name: "rbac",
  typedConfig: pack(NetworkRbac, {
    statPrefix: "rbac",
    rules: {
      action: "DENY",
      policies: {
        them: { permissions: [{ any: true }], principals: [{ directRemoteIp: { addressPrefix, prefixLen: 32 } }] },
      },
    },
  }),
});

test("authorization of connections closes those that may not pass, before a byte of them does", async () => {
  const refused = await tunnelled({}, {}, [rbac(LOOPBACK)]);
  const client = await refused.rig.client();
  client.send("secret");
  await refused.rig.turn();
  expect(client.ended).toBe(true);
  expect(refused.backend.connections).toHaveLength(0);
  await refused.rig.finish();
  const passed = await tunnelled({}, {}, [rbac("10.0.0.1")]);
  const other = await passed.rig.client();
  other.send("hello");
  await passed.rig.turn();
  expect(passed.backend.last.take()).toBe("hello");
  await passed.rig.finish();
});

test("weighted clusters share connections by their weights", async () => {
  const rig = new ProxyRig();
  const [a, b] = [await rig.backend(), await rig.backend()];
  await rig.apply(Cluster, cluster("a", [a.port]), cluster("b", [b.port]));
  const weightedClusters = {
    clusters: [
      { name: "a", weight: 3 },
      { name: "b", weight: 1 },
    ],
  };
  const typedConfig = pack(TcpProxy, { statPrefix: "w", weightedClusters });
  await rig.apply(Listener, listener([chain({ name: "tcp", typedConfig })]));
  for (let i = 0; i < 200; i++) await rig.client();
  await rig.turn();
  expect(a.connections.length + b.connections.length).toBe(200);
  expect(a.connections.length).toBeGreaterThan(120);
  expect(b.connections.length).toBeGreaterThan(25);
  await rig.finish();
});

test("a tunnel of a listener that is gone ends in time", async () => {
  const { rig } = await tunnelled();
  const client = await rig.client();
  await rig.remove(Listener, "in");
  await rig.advance(40_000);
  expect(client.ended).toBe(false);
  await rig.advance(10_000);
  expect(client.ended).toBe(true);
  await rig.finish();
});
