/**
 * What TCP proxies must do whatever the network: in memory, where every event comes alone, and on the machine's sockets,
 * where both ends of a connection may be told of at once.
 */
import { describe, expect, test } from "bun:test";
import { DIAL_AHEAD_AFTER_MS } from "../../src/engine/listener/dial-ahead.ts";
import { writeProxyHeader } from "../../src/wire/proxy-protocol.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { pack } from "../../src/xds/types/any.ts";
import {
  bothWays,
  httpInspector,
  KERNEL_TAKES,
  type MakeNetwork,
  opened,
  proxyProtocol,
  tcp,
  tcpScene,
  tlsInspector,
} from "../support/tcp-scene.ts";

export function tcpSuite(name: string, network: MakeNetwork): void {
  describe(name, () => {
    plaintext(network);
    detection(network);
    dialingAhead(network);
  });
}

function plaintext(network: MakeNetwork): void {
  test("each direction carries all, waits for its reader, and ends by itself", async () => {
    const made = await tcpScene(network, [tcp("app")]);
    const client = await made.rig.client();
    await bothWays(made.rig, client, await opened(made), KERNEL_TAKES);
    await made.rig.finish();
  });

  test("a client that sends and ends at once, before anybody could be called", async () => {
    const made = await tcpScene(network, [tcp("app")]);
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
    const made = await tcpScene(network, [tcp("app")]);
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
    const made = await tcpScene(network, [{ filters }]);
    const client = await made.rig.client();
    const endpoint = await opened(made);
    for (let second = 0; second < 4; second++) await made.rig.advance(1000);
    await made.rig.until(() => client.ended && endpoint.ended);
    expect([client.error, endpoint.error]).toEqual([undefined, undefined]);
    await made.rig.finish();
  });
}

/** One for HTTP, and one for whatever else is not TLS. */
const chains = [
  tcp("app", { filterChainMatch: { applicationProtocols: ["http/1.1"], transportProtocol: "raw_buffer" } }),
  tcp("other", { filterChainMatch: { transportProtocol: "raw_buffer" } }),
];
const detecting = {
  listenerFilters: [tlsInspector, httpInspector],
  listenerFiltersTimeout: 2000,
  continueOnListenerFiltersTimeout: true,
};

function detection(network: MakeNetwork): void {
  test("HTTP by its first line, in pieces; another protocol by its first byte", async () => {
    const made = await tcpScene(network, chains, detecting);
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
    const made = await tcpScene(network, chains, detecting);
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
    const made = await tcpScene(network, chains, { ...detecting, continueOnListenerFiltersTimeout: false });
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
    const made = await tcpScene(network, [chain], { listenerFilters: [proxyProtocol] });
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

function dialingAhead(network: MakeNetwork): void {
  /** A client that has been silent for so long that its endpoint was called. */
  async function called() {
    const made = await tcpScene(network, chains, detecting);
    const client = await made.rig.client();
    // It takes a moment until a client is accepted.
    await made.rig.until(() => made.rig.stat("listener.127.0.0.1_0.downstream_pre_cx_active") === 1);
    await made.rig.advance(DIAL_AHEAD_AFTER_MS);
    return { ...made, client, endpoint: await opened(made) };
  }

  test("a server that speaks first is heard as soon as it does, and goes on", async () => {
    const { rig, client, endpoint, backend } = await called();
    endpoint.send("220 welcome");
    await rig.until(() => client.text === "220 welcome");
    endpoint.send(", who is there?");
    await rig.until(() => client.text === "220 welcome, who is there?");
    await bothWays(rig, client, endpoint, KERNEL_TAKES);
    expect(backend.connections).toHaveLength(1);
    expect(rig.stat("listener.127.0.0.1_0.downstream_pre_cx_timeout")).toBe(0);
    await rig.finish();
  });

  test("what a server says and its end come to the client, and then the client's end to the server", async () => {
    const { rig, client, endpoint } = await called();
    endpoint.send("bye");
    endpoint.socket.end();
    await rig.until(() => client.ended);
    expect(client.text).toBe("bye");
    client.send("more");
    client.socket.end();
    await rig.until(() => client.closed && endpoint.closed);
    expect([endpoint.text, client.error, endpoint.error]).toEqual(["more", undefined, undefined]);
    await rig.finish();
  });

  test("a client that speaks after all gets the connection that is there, or it is let go", async () => {
    const other = await called();
    other.client.send("\0\0\0\x04ping");
    await other.rig.until(() => other.endpoint.bytes === 8);
    other.endpoint.send("pong");
    await other.rig.until(() => other.client.text === "pong");
    expect(other.backend.connections).toHaveLength(1);
    await other.rig.finish();
    const http = await called();
    http.client.send("GET / HTTP/1.1\r\n");
    await http.rig.until(() => http.endpoint.closed && http.backend.last.text === "GET / HTTP/1.1\r\n");
    expect(http.endpoint.bytes).toBe(0);
    expect(http.rig.stat("tcp.other.downstream_cx_total")).toBe(0);
    await http.rig.finish();
  });

  test("what a server says while its client has only begun is held, and little of it", async () => {
    const { rig, client, endpoint } = await called();
    client.send("GE");
    for (let turn = 0; turn < 20; turn++) await rig.turn();
    const size = 24_000_000;
    endpoint.send("x".repeat(size));
    for (let turn = 0; turn < 50; turn++) await rig.turn();
    expect(client.bytes).toBe(0);
    expect(endpoint.unsentBytes).toBeGreaterThan(size - KERNEL_TAKES);
    client.send("T it? No: bytes.\n");
    await rig.until(() => client.bytes === size && endpoint.text === "GET it? No: bytes.\n");
    await rig.finish();
  });

  test("a client that goes, or ends without a word, takes it along", async () => {
    for (const goes of ["destroy", "end"] as const) {
      const { rig, client, endpoint } = await called();
      client.socket[goes]();
      await rig.until(() => endpoint.closed && client.closed);
      expect(rig.stat("tcp.other.downstream_cx_total")).toBe(0);
      expect(rig.stat("cluster.other.upstream_cx_active")).toBe(0);
      await rig.finish();
    }
  });
}
