/**
 * What TCP proxies must do with TLS, whatever the network: as `tcp.ts`.
 */
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../src/base/manual-clock.ts";
import { DIAL_AHEAD_AFTER_MS } from "../../src/engine/listener/dial-ahead.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import type { ClientTls, Socket } from "../../src/net/socket.ts";
import { Cluster } from "../../src/xds/proto/cluster.ts";
import type { TransportSocket } from "../../src/xds/proto/core-base.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { Listener } from "../../src/xds/proto/listener.ts";
import { DownstreamTlsContext, UpstreamTlsContext } from "../../src/xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../../src/xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../../src/xds/types/any.ts";
import { TestCa } from "../support/certificates.ts";
import { clientHello } from "../support/client-hello.ts";
import { cluster, listener } from "../support/proxy-resources.ts";
import { ProxyRig } from "../support/proxy-rig.ts";
import {
  bothWays,
  httpInspector,
  LARGE,
  type MakeNetwork,
  opened,
  proxyProtocol,
  tcp,
  type TcpScene,
  tcpScene,
  tlsInspector,
} from "../support/tcp-scene.ts";

export function tcpTlsSuite(name: string, network: MakeNetwork, nowMs: number): void {
  describe(name, () => {
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
    async function twoHops(over: Partial<Listener> = {}): Promise<TcpScene> {
      const rig = new ProxyRig({ network });
      const backend = await rig.backend();
      await rig.apply(Cluster, cluster("app", [backend.port]));
      const inner = [tcp("app", { transportSocket: down })];
      await rig.apply(Listener, listener(inner, { name: "inner", listenerFilters: [proxyProtocol, tlsInspector] }));
      await rig.until(() => rig.proxy.listeners.allStarted);
      await rig.apply(Cluster, cluster("mesh", [rig.portOf("inner")], { transportSocket: told }));
      await rig.apply(Listener, listener([tcp("mesh")], over));
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

    test("over two hops a server that speaks first is heard at once, and each direction carries all", async () => {
      const made = await twoHops({ listenerFilters: [httpInspector], continueOnListenerFiltersTimeout: true });
      const { rig } = made;
      const client = await rig.client();
      await rig.until(() => rig.stat("listener.127.0.0.1_0.downstream_pre_cx_active") === 1);
      await rig.advance(DIAL_AHEAD_AFTER_MS);
      const endpoint = await opened(made);
      endpoint.send("220 welcome");
      await rig.until(() => client.text === "220 welcome");
      await bothWays(rig, client, endpoint, Infinity);
      expect(made.backend.connections).toHaveLength(1);
      await rig.finish();
    });

    test("over two hops what a server says while its client has only begun is held, and all of it arrives", async () => {
      const made = await twoHops({ listenerFilters: [httpInspector], continueOnListenerFiltersTimeout: true });
      const { rig } = made;
      const client = await rig.client();
      await rig.until(() => rig.stat("listener.127.0.0.1_0.downstream_pre_cx_active") === 1);
      await rig.advance(DIAL_AHEAD_AFTER_MS);
      const endpoint = await opened(made);
      client.send("GE");
      for (let turn = 0; turn < 20; turn++) await rig.turn();
      endpoint.send("x".repeat(LARGE));
      for (let turn = 0; turn < 50; turn++) await rig.turn();
      expect([client.bytes, endpoint.unsentBytes > 0]).toEqual([0, true]);
      client.send("NERAL\r\n");
      await rig.until(() => client.bytes === LARGE && endpoint.text === "GENERAL\r\n");
      await rig.finish();
    });

    // What begins TLS in memory is no hello of a client of its own.
    test.skipIf(inMemory)("a client that is silent at first and then begins TLS, where both are taken", async () => {
      const plain = tcp("other", { filterChainMatch: { transportProtocol: "raw_buffer" } });
      const secured = tcp("app", { transportSocket: down, filterChainMatch: { transportProtocol: "tls" } });
      const over = { listenerFilters: [tlsInspector], continueOnListenerFiltersTimeout: true };
      const made = await tcpScene(network, [plain, secured], over);
      const { rig, backend } = made;
      const silent = await rig.client();
      await rig.until(() => rig.stat("listener.127.0.0.1_0.downstream_pre_cx_active") === 1);
      await rig.advance(DIAL_AHEAD_AFTER_MS);
      const ahead = await opened(made);
      silent.send(await clientHello("app"));
      await rig.until(() => ahead.closed);
      expect([ahead.bytes, rig.stat("tcp.other.downstream_cx_total")]).toEqual([0, 0]);
      const client = await rig.client("in", tls);
      client.send("hello");
      await rig.until(() => backend.last.text === "hello");
      await rig.finish();
    });

    test("what a client sends with its handshake is not lost", async () => {
      const made = await tcpScene(network, [tcp("app", { transportSocket: down })]);
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
      const made = await tcpScene(network, [chain], { listenerFilters: [tlsInspector] });
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
      const made = await tcpScene(network, [
        tcp("app", { transportSocket: down, transportSocketConnectTimeout: 3000 }),
      ]);
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
      const made = await tcpScene(network, [{ filters: [{ name: "tcp", typedConfig }], transportSocket: down }]);
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
      const made = await tcpScene(network, [
        tcp("app", { transportSocket: down, transportSocketConnectTimeout: 3000 }),
      ]);
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
