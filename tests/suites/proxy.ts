/**
 * What the proxy must do whatever the network: run in memory, where every event comes alone, and on the machine's
 * sockets, where closing is told at once and buffers are large.
 */
import { describe, expect, test } from "bun:test";
import type { ManualClock } from "../../src/base/manual-clock.ts";
import type { ClientTls } from "../../src/net/socket.ts";
import { Cluster } from "../../src/xds/proto/cluster.ts";
import type { TransportSocket } from "../../src/xds/proto/core-base.ts";
import { Listener } from "../../src/xds/proto/listener.ts";
import { DownstreamTlsContext, UpstreamTlsContext } from "../../src/xds/proto/tls.ts";
import { pack } from "../../src/xds/types/any.ts";
import { TestCa } from "../support/certificates.ts";
import { chain, cluster, listener, manager, route, routes } from "../support/proxy-resources.ts";
import { type Backend, type Peer, ProxyRig, type RigNetwork } from "../support/proxy-rig.ts";
import { answer, bodyOf, GET, get, OK, post, scene, statusOf } from "../support/proxy-scene.ts";

type MakeNetwork = (clock: ManualClock) => RigNetwork;

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;
const answersIn = ({ text }: Peer): number => count(text, /HTTP\/1\.1 \d\d\d/g);
/** Long enough for megabytes to pass slowly. */
const LARGE = 4_000_000;

export function proxySuite(name: string, network: MakeNetwork, nowMs: number): void {
  describe(name, () => {
    plaintext(network);
    failures(network);
    overTls(network, nowMs);
  });
}

function plaintext(network: MakeNetwork): void {
  test("requests and answers, one after the other", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = () => OK;
    const client = await rig.client();
    for (let i = 1; i <= 3; i++) {
      client.send(post("body"));
      await rig.until(() => answersIn(client) === i);
    }
    expect(backend.connections).toHaveLength(1);
    await rig.finish();
  });

  test("a hundred pipelined requests, in order", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = (text) => answer(/GET (\S+)/.exec(text)?.[1] ?? "?");
    const client = await rig.client();
    client.send(Array.from({ length: 100 }, (_, i) => get(`/${i}`)).join(""));
    await rig.until(() => answersIn(client) === 100);
    expect([...client.text.matchAll(/\r\n\r\n\/(\d+)/g)].map(([, i]) => Number(i))).toEqual([...Array(100).keys()]);
    await rig.finish();
  });

  test("a large body each way, past a reader that stops now and then", async () => {
    const { rig, backend } = await scene({ network });
    const client = await rig.client();
    client.send(post("x".repeat(LARGE)));
    await rig.until(() => backend.connections.length === 1);
    await paused(rig, backend.last, () => backend.last.bytes >= LARGE);
    await rig.until(() => count(backend.last.text, /x{4000000}$/g) === 1);
    backend.last.send(answer("y".repeat(LARGE)));
    await paused(rig, client, () => client.bytes >= LARGE);
    await rig.until(() => bodyOf(client.text).length === LARGE);
    expect(bodyOf(client.text) === "y".repeat(LARGE)).toBe(true);
    await rig.finish();
  });

  test("a client that sends its request and half-closes gets a large answer whole", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = () => answer("z".repeat(LARGE));
    const client = await rig.client();
    client.send(GET);
    client.socket.end();
    await paused(rig, client, () => client.bytes >= LARGE);
    await rig.until(() => client.closed);
    expect(client.error).toBeUndefined();
    expect(bodyOf(client.text)).toHaveLength(LARGE);
    await rig.finish();
  });

  test("an answer that closes is read whole by a client that is slow to", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = () => answer("z".repeat(LARGE));
    const client = await rig.client();
    client.send(get("/", "Connection: close"));
    await paused(rig, client, () => client.bytes >= LARGE, 3);
    await rig.until(() => client.ended);
    expect(bodyOf(client.text)).toHaveLength(LARGE);
    expect(client.error).toBeUndefined();
    await rig.finish();
  });

  test("a client that is closed because it does not close finds its answer", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = () => answer("z".repeat(30_000));
    const client = await rig.client();
    client.socket.pause();
    client.send(get("/", "Connection: close"));
    await rig.until(() => rig.stat("http.in.downstream_rq_completed") === 1);
    for (let i = 0; i < 4; i++) await rig.advance(1000);
    await rig.until(() => rig.stat("http.in.downstream_cx_active") === 0);
    client.socket.resume();
    await rig.until(() => client.ended);
    expect(bodyOf(client.text)).toHaveLength(30_000);
    await rig.finish();
  });

  test("an answer before the request is complete is not lost", async () => {
    const { rig, backend } = await scene({ network });
    const client = await rig.client();
    client.send(`POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${LARGE}\r\n\r\n${"x".repeat(1000)}`);
    await rig.until(() => backend.connections.length === 1 && backend.last.bytes > 1000);
    backend.last.send(answer("too large", "413 Payload Too Large"));
    await rig.until(() => client.text.endsWith("too large"));
    // The client is in the middle of its body, and must not be reset before it has read the answer.
    client.send("x".repeat(100_000));
    await rig.until(() => client.ended);
    expect(statusOf(client.text)).toBe(413);
    expect(client.error).toBeUndefined();
    await rig.finish();
  });

  test("an answer that ends with its connection", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = (_, peer) => {
      peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
      peer.socket.end();
      return undefined;
    };
    const client = await rig.client();
    client.send(GET);
    await rig.until(() => client.text.endsWith("0\r\n\r\n"));
    expect(bodyOf(client.text).replace(/\r\n|^d|0/g, "")).toContain("until the end");
    expect(client.ended).toBe(false);
    await rig.finish();
  });
}

function failures(network: MakeNetwork): void {
  test("an endpoint that closes: before its answer, and within", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = (_, peer) => void peer.socket.destroy();
    const client = await rig.client();
    client.send(GET);
    await rig.until(() => answersIn(client) === 1);
    backend.answer = (_, peer) => {
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
      peer.socket.end();
      return undefined;
    };
    client.send(GET);
    await rig.until(() => client.closed);
    await rig.turn();
    expect((await rig.logged()).map((line) => line.split(" ", 2).join(" "))).toEqual(["503 UC", "200 UC"]);
    await rig.finish();
  });

  test("an endpoint that nobody listens at", async () => {
    const { rig, backend } = await scene({ network });
    backend.listener.close();
    const client = await rig.client();
    client.send(GET);
    await rig.until(() => answersIn(client) === 1);
    expect(statusOf(client.text)).toBe(503);
    await rig.finish();
  });

  test("a client that goes away within an answer takes it along, flagged once", async () => {
    const { rig, backend } = await scene({ network });
    const client = await rig.client();
    client.send(GET);
    await rig.until(() => backend.connections.length === 1 && backend.last.bytes > 0);
    backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
    await rig.until(() => client.text.endsWith("12345"));
    client.socket.destroy();
    await rig.until(() => backend.last.closed);
    expect(await rig.logged()).toEqual(["200 DC downstream_remote_disconnect rx=0 tx=5 attempts=1"]);
    await rig.finish();
  });

  test("a kept connection that the endpoint closes is replaced unseen", async () => {
    const { rig, backend } = await scene({ network });
    backend.answer = () => OK;
    const client = await rig.client();
    for (let i = 1; i <= 20; i++) {
      client.send(GET);
      await rig.until(() => answersIn(client) === i);
      // Whether the proxy sees the end before the next request or after it is a matter of luck.
      backend.last.socket.end();
    }
    expect(count(client.text, /HTTP\/1.1 200/g)).toBe(20);
    await rig.finish();
  });
}

function overTls(network: MakeNetwork, nowMs: number): void {
  const ca = new TestCa("cluster.local", nowMs);
  const svid = ca.svid("spiffe://cluster.local/ns/default/sa/app");
  const { certChainPem, privateKeyPem } = svid;
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
  const up: TransportSocket = { name: "tls", typedConfig: pack(UpstreamTlsContext, { commonTlsContext }) };
  const tls: ClientTls = {
    certChainPem,
    privateKeyPem,
    trustedCaPem: ca.bundlePem,
    sni: "app",
    alpn: [],
    refusePeer: () => undefined,
  };

  /** Two hops in one process: plaintext in, mutual TLS between, plaintext out. */
  async function twoHops(): Promise<{ rig: ProxyRig; backend: Backend }> {
    const rig = new ProxyRig({ network });
    const backend = await rig.backend();
    await rig.apply(Cluster, cluster("app", [backend.port]));
    const inner = { ...chain(manager({ routeConfig: routes([route("app")]) })), transportSocket: down };
    await rig.apply(Listener, listener([inner], { name: "inner", trafficDirection: "INBOUND" }));
    await rig.until(() => rig.proxy.listeners.allStarted);
    await rig.apply(Cluster, cluster("mesh", [rig.portOf("inner")], { transportSocket: up }));
    await rig.apply(Listener, listener([chain(manager({ routeConfig: routes([route("mesh")]) }))]));
    await rig.until(() => rig.proxy.listeners.allStarted);
    return { rig, backend };
  }

  test("a large body each way over two hops with mutual TLS", async () => {
    const { rig, backend } = await twoHops();
    const client = await rig.client();
    client.send(post("x".repeat(LARGE)));
    await rig.until(() => backend.connections.length === 1);
    await paused(rig, backend.last, () => bodyOf(backend.last.text).length === LARGE);
    backend.last.send(answer("y".repeat(LARGE)));
    await paused(rig, client, () => client.bytes >= LARGE);
    await rig.until(() => bodyOf(client.text).length === LARGE);
    await rig.finish();
  });

  test("an answer that ends with its connection keeps its end over TLS", async () => {
    const { rig, backend } = await twoHops();
    backend.answer = (_, peer) => {
      peer.send("HTTP/1.0 200 OK\r\n\r\nall");
      peer.socket.end();
      return undefined;
    };
    const client = await rig.client();
    client.send(get("/", "Connection: close"));
    await rig.until(() => client.ended);
    expect(bodyOf(client.text)).toContain("all");
    expect(client.text).toEndWith("0\r\n\r\n");
    await rig.finish();
  });

  test("a client with TLS that half-closes gets its answer", async () => {
    const { rig, backend } = await twoHops();
    backend.answer = () => answer("z".repeat(500_000));
    const client = await rig.client("inner", tls);
    client.send(GET);
    await rig.until(() => backend.connections.length === 1);
    client.socket.end();
    await rig.until(() => client.closed || client.ended);
    expect(bodyOf(client.text)).toHaveLength(500_000);
    await rig.finish();
  });
}

/** Lets a reader stop and go on while something comes. */
async function paused(rig: ProxyRig, reader: Peer, done: () => boolean, times = 10): Promise<void> {
  for (let i = 0; i < times && !done(); i++) {
    reader.socket.pause();
    for (let turn = 0; turn < 5; turn++) await rig.turn();
    const seen = reader.bytes;
    reader.socket.resume();
    await rig.until(() => done() || reader.bytes > seen);
  }
  await rig.until(done);
}
