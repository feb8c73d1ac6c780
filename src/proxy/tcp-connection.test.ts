import { describe, expect, test } from "bun:test";
import { HeldNetwork } from "../../tests/support/held-network.ts";
import { chain, cluster, listener, LOOPBACK } from "../../tests/support/proxy-resources.ts";
import { memoryNetwork, ProxyRig } from "../../tests/support/proxy-rig.ts";
import { GET, OK, scene } from "../../tests/support/proxy-scene.ts";
import { accessLog, tunnelled } from "../../tests/support/tunnelled.ts";
import { ManualClock } from "../base/manual-clock.ts";
import type { ClientTls } from "../net/socket.ts";
import { plainStats } from "../telemetry/plain-stats.ts";
import { writeProxyHeader } from "../wire/proxy-protocol.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { SniCluster } from "../xds/proto/filter-sni-cluster.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { Listener } from "../xds/proto/listener.ts";
import { TlsInspector } from "../xds/proto/listener-filters.ts";
import { RawBuffer } from "../xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../xds/types/any.ts";

test("bytes and the end of a client that come before its endpoint is connected are kept", async () => {
  // What TLS has decrypted already comes in spite of a pause.
  for (const readsOn of [false, true]) {
    const clock = new ManualClock();
    const network = new HeldNetwork(clock, readsOn);
    const { rig, backend } = await tunnelled({}, {}, [], { network: () => memoryNetwork(clock, network) });
    network.heldPort = backend.port;
    const client = await rig.client();
    for (const text of ["one ", "two ", "three"]) {
      client.send(text);
      await rig.turn();
    }
    client.socket.end();
    await rig.turn();
    expect(backend.connections).toHaveLength(0);
    network.release();
    await rig.turn();
    expect(backend.last.text).toBe("one two three");
    expect(backend.last.ended).toBe(true);
    expect(backend.last.closed).toBe(false);
    backend.last.send("answer");
    backend.last.socket.end();
    await rig.turn();
    expect(client.text).toBe("answer");
    expect(client.ended).toBe(true);
    await rig.finish();
  }
});

test("a client that resets while its endpoint is dialled leaves nothing behind", async () => {
  const clock = new ManualClock();
  const network = new HeldNetwork(clock, false);
  const { rig, backend } = await tunnelled({}, {}, [], { network: () => memoryNetwork(clock, network) });
  network.heldPort = backend.port;
  const client = await rig.client();
  client.send("hello");
  await rig.turn();
  client.socket.destroy();
  await rig.turn();
  network.release();
  await rig.turn();
  expect(backend.last.closed).toBe(true);
  expect(backend.last.text).toBe("");
  await rig.finish();
});

test("an idle connection is closed in time, and one that is not is kept", async () => {
  const { rig, backend } = await tunnelled({}, { idleTimeout: 5000 });
  const [idle, busy] = [await rig.client(), await rig.client()];
  await rig.turn();
  for (let second = 0; second < 8; second++) {
    busy.send("x");
    await rig.turn();
    await rig.advance(1000);
  }
  expect(idle.ended).toBe(true);
  expect(busy.ended).toBe(false);
  expect(backend.connections.filter(({ ended }) => ended)).toHaveLength(1);
  expect(rig.stat("tcp.db.idle_timeout")).toBe(1);
  expect(rig.stat("tcp.db.downstream_cx_rx_bytes_total")).toBe(8);
  for (let second = 0; second < 7; second++) await rig.advance(1000);
  expect(busy.ended).toBe(true);
  await rig.finish();
});

test("without a setting a connection may idle for an hour, and for ever where that is said", async () => {
  for (const [idleTimeout, isClosed] of [
    [undefined, true],
    [0, false],
  ] as const) {
    const { rig } = await tunnelled({}, { idleTimeout });
    const client = await rig.client();
    await rig.turn();
    for (let minute = 0; minute < 59; minute++) await rig.advance(60_000);
    expect(client.ended).toBe(false);
    for (let minute = 0; minute < 3; minute++) await rig.advance(60_000);
    expect(client.ended).toBe(isClosed);
    await rig.finish();
  }
});

test("a connection that is too old is closed, busy or not, and told so", async () => {
  const log = accessLog("%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION%");
  const { rig } = await tunnelled({}, { maxDownstreamConnectionDuration: 3000, accessLog: log });
  const client = await rig.client();
  for (let second = 0; second < 3; second++) {
    expect(client.ended).toBe(false);
    client.send("abc");
    await rig.turn();
    await rig.advance(1000);
  }
  expect(client.ended).toBe(true);
  expect(rig.stat("tcp.db.max_downstream_connection_duration")).toBe(1);
  expect(await rig.logged()).toEqual(["DT 9 0 3000"]);
  await rig.finish();
});

test("bytes are counted while a connection lives", async () => {
  const { rig } = await tunnelled();
  const client = await rig.client();
  client.send("hello");
  await rig.turn();
  await rig.advance(1000);
  expect(plainStats(rig.registry)).toMatch(/istio_tcp_received_bytes_total\{.*\}: 5/);
  expect(plainStats(rig.registry)).not.toMatch(/istio_tcp_connections_closed_total\{.*\}: 1/);
  await rig.finish();
});

test("a connection that reaches no endpoint is opened and closed under its flags", async () => {
  const log = accessLog("%RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_REQUEST_ATTEMPT_COUNT%");
  const { rig, backend } = await tunnelled({}, { maxConnectAttempts: 2, accessLog: log });
  backend.listener.close();
  await rig.client();
  await rig.turn();
  const flags = 'response_flags="UF,URX"';
  const stats = plainStats(rig.registry);
  for (const what of ["opened", "closed"])
    expect(stats).toMatch(new RegExp(`istio_tcp_connections_${what}_total\\{[^}]*${flags}[^}]*\\}: 1`));
  expect(await rig.logged()).toEqual([`UF,URX 127.0.0.1:${backend.port} 2`]);
  await rig.finish();
});

test("a server name that is a cluster's name leads there", async () => {
  const rig = new ProxyRig();
  const [named, other] = [await rig.backend(), await rig.backend()];
  await rig.apply(Cluster, cluster("db.example.com", [named.port]), cluster("other", [other.port]));
  const filters = [
    { name: "sni", typedConfig: pack(SniCluster, {}) },
    { name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: "t", cluster: "other" }) },
  ];
  const listenerFilters = [{ name: "tls", typedConfig: pack(TlsInspector, {}) }];
  await rig.apply(Listener, listener([chain(...filters)], { listenerFilters }));
  rig.net.network.dial(
    { address: LOOPBACK, port: rig.portOf("in"), connectTimeoutMs: 1000, tls: withSni("db.example.com") },
    () => {},
    () => {},
  );
  const plain = await rig.client();
  plain.send("plain");
  await rig.turn();
  expect(named.connections).toHaveLength(1);
  expect(named.last.text).toStartWith("\x16\x03");
  expect(other.last.text).toBe("plain");
  named.last.socket.destroy();
  await rig.finish();
});

const withSni = (sni: string): ClientTls => ({
  certChainPem: undefined,
  privateKeyPem: undefined,
  trustedCaPem: undefined,
  alpn: [],
  sni,
  refusePeer: () => undefined,
});

describe("endpoints that are told of their client", () => {
  const proxied = (version: "V1" | "V2"): Partial<Cluster> => ({
    transportSocket: {
      name: "proxy",
      typedConfig: pack(ProxyProtocolUpstreamTransport, {
        config: { version },
        transportSocket: { name: "raw", typedConfig: pack(RawBuffer, {}) },
      }),
    },
  });

  test("by a line, or by a binary header, before anything else", async () => {
    for (const version of ["V1", "V2"] as const) {
      const { rig, backend } = await tunnelled(proxied(version));
      const client = await rig.client();
      client.send("hello");
      await rig.turn();
      const { local, remote } = client.socket;
      const header = writeProxyHeader(version === "V1" ? 1 : 2, local, remote);
      expect(backend.last.text).toBe(`${Buffer.from(header).toString("latin1")}hello`);
      await rig.finish();
    }
  });

  test("with HTTP each client has connections of its own, which are used again for it alone", async () => {
    const { rig, backend } = await scene({ cluster: proxied("V1") });
    backend.answer = (text) => (text.includes("GET") ? OK : undefined);
    const [one, two] = [await rig.client(), await rig.client()];
    for (const client of [one, two, one, two]) expect(await rig.exchange(client, GET)).toContain("200 OK");
    expect(backend.connections).toHaveLength(2);
    expect(backend.connections.map(({ text }) => text.match(/PROXY TCP4 .*/g))).toEqual(
      [one, two].map(({ socket: { local, remote } }) => [
        `PROXY TCP4 ${LOOPBACK} ${LOOPBACK} ${local.port} ${remote.port}`,
      ]),
    );
    expect(backend.connections.map(({ text }) => text.match(/GET/g)?.length)).toEqual([2, 2]);
    await rig.finish();
  });
});
