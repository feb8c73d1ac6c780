/** How connections of HTTP/2 begin and end. */
import { describe, expect, test } from "bun:test";
import { get2, Http2Backend, http2Client, OK2, post2 } from "../../../tests/support/http2-peers.ts";
import {
  cluster,
  httpListener,
  type ManagerOptions,
  route,
  routes,
  speaksHttp2,
} from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { answer, GET, OK, scene, statusOf } from "../../../tests/support/proxy-scene.ts";
import type { Fields } from "../../wire/http2/fields.ts";
import { FieldsSession, ORPHAN } from "../../wire/http2/fields-session.ts";
import { CLIENT_PREFACE } from "../../wire/http2/constants.ts";
import { StreamRegistry } from "../../wire/http2/registry.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { Listener } from "../../xds/proto/listener.ts";

const PREFACE = Buffer.from(CLIENT_PREFACE).toString("latin1");
const quietSession = { onStream: () => ORPHAN, onSettings() {}, onPong() {}, onGoaway() {}, onFailed() {} };
const EMPTY_SETTINGS = "\0\0\0\x04\0\0\0\0\0";

async function http2Scene(manager: ManagerOptions = {}) {
  const rig = new ProxyRig();
  const backend = await Http2Backend.start(rig);
  await rig.apply(Cluster, cluster("app", [backend.port], speaksHttp2()));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]), ...manager }));
  const finish = async (): Promise<void> => {
    backend.stop();
    await rig.turn();
    await rig.finish();
  };
  return { rig, backend, finish };
}

describe("what a client speaks", () => {
  test("the preface, whole or byte by byte, is HTTP/2; anything else HTTP/1.1", async () => {
    const { rig, backend } = await scene();
    backend.answer = () => OK;
    for (const step of [1, 7, 100]) {
      const raw = await rig.client();
      for (let at = 0; at < PREFACE.length; at += step) {
        raw.send(PREFACE.slice(at, at + step));
        await rig.turn();
        if (at + step < PREFACE.length) expect(raw.text).toBe("");
      }
      raw.send(EMPTY_SETTINGS);
      await rig.turn();
      // Our SETTINGS, then the acknowledgement of theirs.
      expect(raw.text.charCodeAt(3)).toBe(4);
    }
    for (const text of [GET, GET.replace("GET", "PRIME"), GET.replace("GET", "P")]) {
      const client = await rig.client();
      for (const c of text) client.send(c);
      await rig.turn();
      expect(statusOf(client.text)).toBe(200);
    }
    await rig.finish();
  });

  test("a codec that is fixed takes no other", async () => {
    const one = await scene({ manager: { codecType: "HTTP1" } });
    const client = await one.rig.client();
    expect(statusOf(await one.rig.exchange(client, PREFACE))).toBe(505);
    await one.rig.finish();
    const two = await scene({ manager: { codecType: "HTTP2" } });
    const old = await two.rig.client();
    await two.rig.exchange(old, GET);
    await two.rig.until(() => old.ended || old.closed);
    expect(two.rig.stat("http.in.downstream_cx_protocol_error")).toBe(1);
    await two.rig.finish();
  });

  test("a connection on which nothing comes is closed by its idle timeout and by a drain", async () => {
    const { rig } = await scene({ manager: { commonHttpProtocolOptions: { idleTimeout: 3000 } } });
    const idle = await rig.client();
    expect(rig.stat("http.in.downstream_cx_active")).toBe(1);
    for (let i = 0; i < 6; i++) await rig.advance(1000);
    expect(idle.ended || idle.closed).toBe(true);
    const drained = await rig.client();
    rig.proxy.drain();
    await rig.turn();
    expect(drained.ended).toBe(true);
    await rig.finish();
  });
});

describe("how a connection ends", () => {
  test("a drain takes no more streams and finishes those that run", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await http2Client(rig);
    const call = client.call(get2("/"));
    await rig.turn();
    rig.proxy.drain();
    await rig.turn();
    expect(client.goaway).toBe(0);
    expect(client.call(get2("/more")).stream).toBe(undefined);
    expect(client.ended).toBe(false);
    backend.calls[0]?.answer(OK2).send("late").end();
    await rig.until(() => client.ended);
    expect([call.text, call.ended]).toEqual(["late", true]);
    await finish();
  });

  test("one that never answers the goodbye is closed all the same", async () => {
    const { rig, finish } = await http2Scene();
    const raw = await rig.client();
    raw.send(`${PREFACE}${EMPTY_SETTINGS}`);
    await rig.turn();
    rig.proxy.drain();
    await rig.turn();
    expect(raw.ended).toBe(false);
    for (let i = 0; i < 3; i++) await rig.advance(1000);
    expect(raw.ended).toBe(true);
    await finish();
  });

  test("idle connections close, towards clients and endpoints", async () => {
    const { rig, backend, finish } = await http2Scene({ commonHttpProtocolOptions: { idleTimeout: 5000 } });
    backend.answer = (call) => call.answer(OK2, true);
    const client = await http2Client(rig);
    client.call(get2("/"));
    for (let i = 0; i < 8; i++) await rig.advance(1000);
    expect([client.goaway, client.ended]).toEqual([0, true]);
    expect(rig.stat("http.in.downstream_cx_idle_timeout")).toBe(1);
    for (let i = 0; i < 400; i++) await rig.advance(10_000);
    expect(backend.connections[0]?.goaway).toBe(0);
    await finish();
  });

  test("the last request that a connection may have is its last", async () => {
    const { rig, backend, finish } = await http2Scene({ commonHttpProtocolOptions: { maxRequestsPerConnection: 2 } });
    backend.answer = (call) => call.answer(OK2, true);
    const client = await http2Client(rig);
    const calls = [client.call(get2("/")), client.call(get2("/"))];
    await rig.until(() => client.ended);
    expect(calls.map(({ status }) => status)).toEqual([200, 200]);
    await finish();
  });

  test("one that has no numbers left for streams is followed by another", async () => {
    const { rig, backend, finish } = await http2Scene();
    backend.answer = (call) => call.answer(OK2, true);
    const client = await rig.client();
    const real = Object.getOwnPropertyDescriptor(StreamRegistry.prototype, "hasLocalId") as PropertyDescriptor;
    const few = function (this: StreamRegistry): boolean {
      return this.isIdle(5);
    };
    Object.defineProperty(StreamRegistry.prototype, "hasLocalId", { ...real, get: few });
    try {
      for (let i = 0; i < 4; i++) expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    } finally {
      Object.defineProperty(StreamRegistry.prototype, "hasLocalId", real);
    }
    expect(backend.connections.map(({ calls, ended }) => [calls.length, ended])).toEqual([
      [3, true],
      [1, false],
    ]);
    await finish();
  });

  test("an endpoint that is gone fails its requests, and the next get a new connection", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await http2Client(rig);
    const calls = [client.call(post2("/a")), client.call(post2("/b"))];
    await rig.turn();
    backend.connections[0]?.socket.destroy();
    await rig.until(() => calls.every(({ isOver }) => isOver));
    expect(calls.map(({ status }) => status)).toEqual([503, 503]);
    expect(await rig.logged()).toEqual(
      calls.map(() => "503 UC upstream_reset_before_response_started{connection_termination} rx=0 tx=95 attempts=1"),
    );
    backend.answer = (call) => call.answer(OK2, true);
    const next = client.call(get2("/"));
    await rig.turn();
    expect(next.status).toBe(200);
    await finish();
  });

  test("a client that breaks the protocol is told, and its requests end", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await http2Client(rig);
    client.call(get2("/"));
    await rig.turn();
    // DATA on the stream of the connection.
    client.socket.write(Buffer.from("\0\0\x01\0\0\0\0\0\0x", "latin1"));
    await rig.until(() => client.goaway !== undefined);
    expect(client.goaway).toBe(1);
    await rig.turn();
    expect(backend.calls[0]?.reset?.code).toBe(8);
    expect(rig.stat("http.in.downstream_cx_protocol_error")).toBe(1);
    await finish();
  });
});

describe("what takes too long, and what is too large", () => {
  test("a request that was malformed does not keep an idle connection open", async () => {
    const { rig, finish } = await http2Scene({
      commonHttpProtocolOptions: { idleTimeout: 3000 },
      http2ProtocolOptions: { overrideStreamErrorOnInvalidHttpMessage: true },
    });
    const client = await http2Client(rig);
    const call = client.call(get2("/", "connection", "close"));
    await rig.turn();
    expect([call.reset?.code, client.goaway]).toEqual([1, undefined]);
    for (let i = 0; i < 6; i++) await rig.advance(1000);
    expect([client.goaway, client.ended]).toEqual([0, true]);
    await finish();
  });

  test("a client that broke the protocol and reads nothing is closed all the same", async () => {
    const { rig, finish } = await http2Scene();
    const raw = await rig.client();
    raw.send(`${PREFACE}${EMPTY_SETTINGS}`);
    await rig.turn();
    raw.socket.pause();
    // Answers to PINGs fill what the socket takes, until they are too many.
    for (let i = 0; i < 62; i++) {
      raw.send("\0\0\x08\x06\0\0\0\0\0pingping".repeat(80));
      await rig.turn();
    }
    expect(rig.stat("http.in.downstream_cx_protocol_error")).toBe(1);
    for (let i = 0; i < 4; i++) await rig.advance(1000);
    expect(rig.stat("http.in.downstream_cx_active")).toBe(0);
    await finish();
  });

  test("a stream on which nothing moves ends; its connection goes on", async () => {
    const { rig, finish } = await http2Scene({ streamIdleTimeout: 5000 });
    const client = await http2Client(rig);
    const [silent, asking] = [client.call(get2("/")), client.call(post2("/"), false)];
    for (let i = 0; i < 8; i++) await rig.advance(1000);
    expect([silent.status, asking.status]).toEqual([504, 408]);
    expect([client.goaway, client.ended]).toEqual([undefined, false]);
    await finish();
  });

  test("an answer that nobody takes is given up", async () => {
    const { rig, backend, finish } = await http2Scene({ streamIdleTimeout: 5000 });
    const client = await http2Client(rig);
    const call = client.call(get2("/"));
    call.reads = false;
    await rig.turn();
    backend.calls[0]?.answer(OK2).send("x".repeat(300_000)).end();
    for (let i = 0; i < 20; i++) await rig.turn();
    for (let i = 0; i < 8; i++) await rig.advance(1000);
    expect([call.status, call.ended, call.reset !== undefined]).toEqual([200, false, true]);
    expect(client.call(get2("/")).stream).toBeDefined();
    await finish();
  });

  test("heads that are too large, or of too many lines", async () => {
    const { rig, backend } = await scene({
      manager: { maxRequestHeadersKb: 1, commonHttpProtocolOptions: { maxHeadersCount: 10 } },
    });
    backend.answer = () => answer("ok");
    const client = await http2Client(rig);
    // One that has not heard of our limit yet.
    const early = await rig.client();
    const heads: Fields[] = [];
    const session = new FieldsSession("client", quietSession);
    const log = { ...ORPHAN, onHeaders: (fields: Fields) => void heads.push(fields) };
    session.request(get2("/", "x-a", "v".repeat(2000)), true, log);
    early.send(Buffer.from(session.output).toString("latin1"));
    await rig.turn();
    session.receive(Buffer.from(early.text, "latin1"), 0);
    expect(heads.map((fields) => fields[1])).toEqual(["431"]);
    const many = client.call(get2("/", ...Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? `x-${i}` : "v"))));
    await rig.turn();
    expect([many.status, many.isOver]).toEqual([431, true]);
    const fine = client.call(get2("/"));
    await rig.turn();
    expect(fine.text).toBe("ok");
    await rig.finish();
  });
});
