import { describe, expect, test } from "bun:test";
import { chain, cluster, limits, listener, LOOPBACK } from "../../tests/support/proxy-resources.ts";
import { type Backend, memoryNetwork, ProxyRig, type RigOptions } from "../../tests/support/proxy-rig.ts";
import { GET, OK, scene } from "../../tests/support/proxy-scene.ts";
import { ManualClock } from "../base/manual-clock.ts";
import { MemoryNetwork } from "../net/memory-network.ts";
import type { ClientTls, Listener as BoundListener } from "../net/socket.ts";
import { plainStats } from "../telemetry/plain-stats.ts";
import { writeProxyHeader } from "../wire/proxy-protocol.ts";
import { StdoutAccessLog } from "../xds/proto/access-loggers.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { NetworkRbac } from "../xds/proto/filter-network-rbac.ts";
import { SniCluster } from "../xds/proto/filter-sni-cluster.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { Listener, type NetworkFilter } from "../xds/proto/listener.ts";
import { TlsInspector } from "../xds/proto/listener-filters.ts";
import { RawBuffer } from "../xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../xds/types/any.ts";

interface Tunnelled {
  readonly rig: ProxyRig;
  readonly backend: Backend;
}

async function tunnelled(
  over: Partial<Cluster> = {},
  proxy: TcpProxy = {},
  before: readonly NetworkFilter[] = [],
  options: RigOptions = {},
): Promise<Tunnelled> {
  const rig = new ProxyRig(options);
  const backend = await rig.backend();
  const name = "outbound|5432||db.default.svc.cluster.local";
  await rig.apply(Cluster, cluster(name, [backend.port], over));
  const filter = { name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: "db", cluster: name, ...proxy }) };
  await rig.apply(Listener, listener([chain(...before, filter)], { trafficDirection: "OUTBOUND" }));
  return { rig, backend };
}

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

/** The network in memory, with dials to a port held back, and accepted sockets that may go on reading when they are paused. */
class HeldNetwork extends MemoryNetwork {
  heldPort = 0;
  readonly #readsOn: boolean;
  readonly #held: (() => void)[] = [];

  constructor(clock: ManualClock, readsOn: boolean) {
    super(clock);
    this.#readsOn = readsOn;
  }

  override listen(...[options, accept]: Parameters<MemoryNetwork["listen"]>): Promise<BoundListener> {
    return super.listen(options, (socket) => {
      if (this.#readsOn) socket.pause = () => {};
      accept(socket);
    });
  }

  override dial(...dial: Parameters<MemoryNetwork["dial"]>): void {
    if (dial[0].port === this.heldPort) this.#held.push(() => super.dial(...dial));
    else super.dial(...dial);
  }

  release(): void {
    for (const dial of this.#held.splice(0)) dial();
  }
}

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

const accessLog = (format: string): TcpProxy["accessLog"] => [
  {
    name: "stdout",
    typedConfig: pack(StdoutAccessLog, { logFormat: { textFormatSource: { inlineString: `${format}\n` } } }),
  },
];

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
