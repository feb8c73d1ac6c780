/**
 * What TCP proxies must do whatever the network: in memory, where every event comes alone, and on the machine's sockets,
 * where both ends of a connection may be told of at once.
 */
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../src/base/manual-clock.ts";
import type { ClientTls, Socket } from "../../src/net/socket.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import { writeProxyHeader } from "../../src/wire/proxy-protocol.ts";
import { Cluster } from "../../src/xds/proto/cluster.ts";
import type { TransportSocket } from "../../src/xds/proto/core-base.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { type FilterChain, Listener } from "../../src/xds/proto/listener.ts";
import { HttpInspector, ProxyProtocol, TlsInspector } from "../../src/xds/proto/listener-filters.ts";
import { DownstreamTlsContext, UpstreamTlsContext } from "../../src/xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../../src/xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../../src/xds/types/any.ts";
import { clientHello } from "../e2e/tcp/client.ts";
import { TestCa } from "../support/certificates.ts";
import { cluster, listener } from "../support/proxy-resources.ts";
import { type Backend, type Peer, ProxyRig, type RigNetwork } from "../support/proxy-rig.ts";

type MakeNetwork = (clock: ManualClock) => RigNetwork;

/** More than the kernel takes for the two connections of a tunnel, as Linux is set up. */
const LARGE = 24_000_000;
const KERNEL_TAKES = 14_000_000;

const tcp = (name: string, over: Partial<FilterChain> = {}): FilterChain => ({
  filters: [{ name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: name, cluster: name }) }],
  ...over,
});

const tlsInspector = { name: "tls", typedConfig: pack(TlsInspector, {}) };
const httpInspector = { name: "http", typedConfig: pack(HttpInspector, {}) };
const proxyProtocol = { name: "proxy", typedConfig: pack(ProxyProtocol, {}) };

export function tcpSuite(name: string, network: MakeNetwork, nowMs: number): void {
  describe(name, () => {
    plaintext(network);
    detection(network);
    overTls(network, nowMs);
  });
}

interface Scene {
  readonly rig: ProxyRig;
  readonly backend: Backend;
}

async function scene(
  network: MakeNetwork,
  chains: readonly FilterChain[],
  over: Partial<Listener> = {},
): Promise<Scene> {
  const rig = new ProxyRig({ network });
  const backend = await rig.backend();
  await rig.apply(Cluster, cluster("app", [backend.port]), cluster("other", [backend.port]));
  await rig.apply(Listener, listener(chains, over));
  await rig.until(() => rig.proxy.listeners.allStarted);
  return { rig, backend };
}

/** The backend's connection, once the proxy has opened it. */
async function opened({ rig, backend }: Scene): Promise<Peer> {
  await rig.until(() => backend.connections.length > 0);
  return backend.last;
}

/** Each direction carries much past a reader that does not read at first, and ends by itself. @param maxHeld What may be under way. */
async function bothWays(rig: ProxyRig, a: Peer, b: Peer, maxHeld: number): Promise<void> {
  for (const [writer, reader] of [
    [a, b],
    [b, a],
  ] as const) {
    const before = reader.bytes;
    reader.socket.pause();
    writer.send("x".repeat(LARGE));
    for (let turn = 0; turn < 50; turn++) await rig.turn();
    expect(writer.unsentBytes).toBeGreaterThan(LARGE - maxHeld);
    reader.socket.resume();
    await rig.until(() => writer.unsentBytes === 0);
    writer.socket.end();
    await rig.until(() => reader.ended);
    expect(reader.bytes - before).toBe(LARGE);
  }
  await rig.until(() => a.closed && b.closed);
  expect([a.error, b.error]).toEqual([undefined, undefined]);
}

function plaintext(network: MakeNetwork): void {
  test("each direction carries all, waits for its reader, and ends by itself", async () => {
    const made = await scene(network, [tcp("app")]);
    const client = await made.rig.client();
    await bothWays(made.rig, client, await opened(made), KERNEL_TAKES);
    await made.rig.finish();
  });

  test("a client that sends and ends at once, before anybody could be called", async () => {
    const made = await scene(network, [tcp("app")]);
    made.backend.answer = () => undefined;
    const client = await made.rig.client();
    client.send("question");
    client.socket.end();
    const endpoint = await opened(made);
    await made.rig.until(() => endpoint.ended);
    expect(endpoint.text).toBe("question");
    endpoint.send("y".repeat(500_000));
    await made.rig.until(() => endpoint.unsentBytes === 0);
    endpoint.socket.end();
    await made.rig.until(() => client.ended);
    expect([client.bytes, client.error]).toEqual([500_000, undefined]);
    await made.rig.finish();
  });

  test("a reset passes through, either way", async () => {
    const made = await scene(network, [tcp("app")]);
    const one = await made.rig.client();
    (await opened(made)).socket.destroy();
    await made.rig.until(() => one.closed);
    expect([one.ended, one.error === undefined]).toEqual([false, false]);
    const two = await made.rig.client();
    await made.rig.until(() => made.backend.connections.length === 2);
    const endpoint = made.backend.last;
    two.socket.destroy();
    await made.rig.until(() => endpoint.closed);
    expect([endpoint.ended, endpoint.error === undefined]).toEqual([false, false]);
    await made.rig.finish();
  });

  test("closed for its age, both sides see the end", async () => {
    const filters = [
      {
        name: "tcp",
        typedConfig: pack(TcpProxy, { statPrefix: "app", cluster: "app", maxDownstreamConnectionDuration: 3000 }),
      },
    ];
    const made = await scene(network, [{ filters }]);
    const client = await made.rig.client();
    const endpoint = await opened(made);
    for (let second = 0; second < 4; second++) await made.rig.advance(1000);
    await made.rig.until(() => client.ended && endpoint.ended);
    expect([client.error, endpoint.error]).toEqual([undefined, undefined]);
    await made.rig.finish();
  });
}

function detection(network: MakeNetwork): void {
  const chains = [
    tcp("app", { filterChainMatch: { applicationProtocols: ["http/1.1"], transportProtocol: "raw_buffer" } }),
    tcp("other", { filterChainMatch: { transportProtocol: "raw_buffer" } }),
  ];
  const detecting = {
    listenerFilters: [tlsInspector, httpInspector],
    listenerFiltersTimeout: 2000,
    continueOnListenerFiltersTimeout: true,
  };

  test("HTTP by its first line, in pieces; another protocol by its first byte", async () => {
    const made = await scene(network, chains, detecting);
    const http = await made.rig.client();
    for (const piece of ["GE", "T / HT", "TP/1.1\r", "\nHost: a\r\n"]) {
      expect(made.backend.connections).toHaveLength(0);
      http.send(piece);
      for (let turn = 0; turn < 5; turn++) await made.rig.turn();
    }
    await made.rig.until(() => made.backend.connections.length === 1 && made.backend.last.text.endsWith("a\r\n"));
    expect(made.backend.last.text).toBe("GET / HTTP/1.1\r\nHost: a\r\n");
    const other = await made.rig.client();
    other.send("\0\0\0\x04ping");
    await made.rig.until(() => made.backend.connections.length === 2 && made.backend.last.bytes === 8);
    expect([made.rig.stat("tcp.app.downstream_cx_total"), made.rig.stat("tcp.other.downstream_cx_total")]).toEqual([
      1, 1,
    ]);
    await made.rig.finish();
  });

  test("a server that speaks first is heard when the time is over", async () => {
    const made = await scene(network, chains, detecting);
    const client = await made.rig.client();
    for (let turn = 0; turn < 5; turn++) await made.rig.turn();
    expect(made.backend.connections).toHaveLength(0);
    await made.rig.advance(2000);
    (await opened(made)).send("220 welcome");
    await made.rig.until(() => client.text === "220 welcome");
    client.send("EHLO");
    await made.rig.until(() => made.backend.last.text === "EHLO");
    expect(made.rig.stat("tcp.other.downstream_cx_total")).toBe(1);
    await made.rig.finish();
  });

  test("without that setting a silent client is let go", async () => {
    const made = await scene(network, chains, { ...detecting, continueOnListenerFiltersTimeout: false });
    const silent = await made.rig.client();
    const began = await made.rig.client();
    began.send("GE");
    for (let turn = 0; turn < 5; turn++) await made.rig.turn();
    await made.rig.advance(2000);
    await made.rig.until(() => silent.ended && (began.closed || began.ended));
    expect(made.backend.connections).toHaveLength(0);
    await made.rig.finish();
  });

  test("a PROXY header in pieces is taken off, and is who the connection is from", async () => {
    const chain = tcp("app", { filterChainMatch: { destinationPort: 8443, sourcePorts: [4711] } });
    const made = await scene(network, [chain], { listenerFilters: [proxyProtocol] });
    const client = await made.rig.client();
    const header = writeProxyHeader(2, { address: "192.0.2.7", port: 4711 }, { address: "192.0.2.8", port: 8443 });
    const text = `${Buffer.from(header).toString("latin1")}hello`;
    for (const piece of [text.slice(0, 5), text.slice(5, 20), text.slice(20)]) {
      client.send(piece);
      for (let turn = 0; turn < 5; turn++) await made.rig.turn();
    }
    expect((await opened(made)).text).toBe("hello");
    const forged = await made.rig.client();
    forged.send("hello, I have none");
    await made.rig.until(() => forged.closed);
    await made.rig.finish();
  });
}

function overTls(network: MakeNetwork, nowMs: number): void {
  const ca = new TestCa("cluster.local", nowMs);
  const { certChainPem, privateKeyPem } = ca.svid("spiffe://cluster.local/ns/default/sa/app");
  const commonTlsContext = {
    tlsCertificates: [
      { certificateChain: { inlineString: certChainPem }, privateKey: { inlineString: privateKeyPem } },
    ],
    validationContext: { trustedCa: { inlineString: ca.bundlePem } },
  };
  const down: TransportSocket = {
    name: "tls",
    typedConfig: pack(DownstreamTlsContext, { commonTlsContext, requireClientCertificate: true }),
  };
  const inMemory = network(new ManualClock()).network instanceof MemoryNetwork;
  const up: TransportSocket = { name: "tls", typedConfig: pack(UpstreamTlsContext, { commonTlsContext }) };
  const told: TransportSocket = {
    name: "proxy",
    typedConfig: pack(ProxyProtocolUpstreamTransport, { config: { version: "V2" }, transportSocket: up }),
  };
  const tls: ClientTls = {
    certChainPem,
    privateKeyPem,
    trustedCaPem: ca.bundlePem,
    sni: "app",
    alpn: [],
    refusePeer: () => undefined,
  };

  /** Two hops: plaintext in, a header and mutual TLS behind it between, plaintext out. */
  async function twoHops(): Promise<Scene> {
    const rig = new ProxyRig({ network });
    const backend = await rig.backend();
    await rig.apply(Cluster, cluster("app", [backend.port]));
    const inner = [tcp("app", { transportSocket: down })];
    await rig.apply(Listener, listener(inner, { name: "inner", listenerFilters: [proxyProtocol, tlsInspector] }));
    await rig.until(() => rig.proxy.listeners.allStarted);
    await rig.apply(Cluster, cluster("mesh", [rig.portOf("inner")], { transportSocket: told }));
    await rig.apply(Listener, listener([tcp("mesh")]));
    await rig.until(() => rig.proxy.listeners.allStarted);
    return { rig, backend };
  }

  test("over a PROXY header and mutual TLS between two hops each direction carries all", async () => {
    const made = await twoHops();
    const client = await made.rig.client();
    const endpoint = await opened(made);
    await bothWays(made.rig, client, endpoint, Infinity);
    expect(made.rig.stat("proxy_proto.versions.v2.found")).toBe(1);
    await made.rig.finish();
  });

  test("what a client sends with its handshake is not lost", async () => {
    const made = await scene(network, [tcp("app", { transportSocket: down })]);
    const client = await made.rig.client("in", tls);
    client.send("early");
    const endpoint = await opened(made);
    await made.rig.until(() => endpoint.text === "early");
    endpoint.send("answer");
    await made.rig.until(() => client.text === "answer");
    await made.rig.finish();
  });

  // Who hands over a handshake in memory hands it to the other end, whatever is between.
  test.skipIf(inMemory)("a hello in many pieces", async () => {
    const chain = tcp("app", { transportSocket: down, filterChainMatch: { serverNames: ["app"] } });
    const made = await scene(network, [chain], { listenerFilters: [tlsInspector] });
    const { rig } = made;
    const port = rig.portOf("in");
    const relay = await chopped(rig, port);
    let client: Socket | undefined;
    let failed: Error | undefined;
    rig.net.network.dial(
      { address: "127.0.0.1", port: relay, connectTimeoutMs: 5000, tls },
      (socket) => void (client = socket),
      (error) => void (failed = error),
    );
    await rig.until(() => client !== undefined || failed !== undefined);
    expect(failed).toBeUndefined();
    client?.write(Buffer.from("hello"));
    const endpoint = await opened(made);
    await rig.until(() => endpoint.text === "hello");
    client?.destroy();
    await rig.until(() => endpoint.closed);
    await rig.finish();
  });

  test("a client that begins TLS and stops is let go in time", async () => {
    const made = await scene(network, [tcp("app", { transportSocket: down, transportSocketConnectTimeout: 3000 })]);
    const client = await made.rig.client();
    client.send("\x16\x03\x01\x02\x00\x01");
    const silent = await made.rig.client();
    for (let turn = 0; turn < 5; turn++) await made.rig.turn();
    await made.rig.advance(2900);
    expect([client.closed, silent.ended]).toEqual([false, false]);
    await made.rig.advance(200);
    await made.rig.until(() => client.closed && silent.ended);
    expect(made.rig.stat("listener.127.0.0.1_0.downstream_cx_transport_socket_connect_timeout")).toBe(2);
    await made.rig.finish();
  });

  test("a client that does not go away when it is told to is let go", async () => {
    const typedConfig = pack(TcpProxy, { statPrefix: "app", cluster: "app", maxDownstreamConnectionDuration: 2000 });
    const made = await scene(network, [{ filters: [{ name: "tcp", typedConfig }], transportSocket: down }]);
    const { rig } = made;
    const client = await rig.client("in", tls);
    const endpoint = await opened(made);
    client.socket.pause();
    endpoint.send("x".repeat(LARGE));
    for (let turn = 0; turn < 50; turn++) await rig.turn();
    for (let second = 0; second < 4; second++) await rig.advance(1000);
    await rig.until(() => endpoint.closed || endpoint.ended);
    expect(rig.stat("listener.127.0.0.1_0.downstream_cx_active")).toBe(0);
    expect(rig.stat("tcp.app.max_downstream_connection_duration")).toBe(1);
    await rig.finish();
  });

  test.skipIf(inMemory)("a client that stops within the handshake is let go in time", async () => {
    const made = await scene(network, [tcp("app", { transportSocket: down, transportSocketConnectTimeout: 3000 })]);
    const client = await made.rig.client();
    client.send(await clientHello("app"));
    await made.rig.until(() => client.bytes > 1000);
    await made.rig.advance(2900);
    expect(client.closed).toBe(false);
    await made.rig.advance(200);
    await made.rig.until(() => client.closed);
    expect(made.rig.stat("listener.127.0.0.1_0.downstream_cx_transport_socket_connect_timeout")).toBe(1);
    expect(made.rig.stat("listener.127.0.0.1_0.downstream_cx_active")).toBe(0);
    await made.rig.finish();
  });
}

/** A relay that passes on what clients send in forty pieces, each alone. */
async function chopped(rig: ProxyRig, port: number): Promise<number> {
  const { network } = rig.net;
  const { port: own } = await network.listen({ address: "127.0.0.1", port: 0 }, (client) => {
    const waiting: Uint8Array[] = [];
    client.handler = { onData: (chunk) => void waiting.push(chunk), onDrain() {}, onEnd() {}, onClose() {} };
    const target = { address: "127.0.0.1", port, connectTimeoutMs: 5000 };
    network.dial(
      target,
      (server) => {
        server.handler = {
          onData: (chunk) => void client.write(chunk),
          onDrain() {},
          onEnd: () => client.destroy(),
          onClose: () => client.destroy(),
        };
        const pass = async (chunk: Uint8Array): Promise<void> => {
          const size = Math.ceil(chunk.length / 40);
          for (let at = 0; at < chunk.length; at += size) {
            server.write(chunk, at, Math.min(size, chunk.length - at));
            await rig.turn();
          }
        };
        let passing = Promise.resolve();
        const onData = (chunk: Uint8Array): void => void (passing = passing.then(() => pass(chunk)));
        client.handler = { onData, onDrain() {}, onEnd() {}, onClose: () => server.destroy() };
        for (const chunk of waiting) onData(chunk);
      },
      () => client.destroy(),
    );
  });
  return own;
}
