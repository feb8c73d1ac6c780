/** WebSocket and CONNECT where a side, or both, speak HTTP/2 (RFC 8441, RFC 9113 §8.5). */
import { describe, expect, test } from "bun:test";
import { Http2Backend, http2Client, OK2 } from "../../../tests/support/http2-peers.ts";
import { cluster, httpListener, route, routes, speaksHttp2 } from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { get, headerOf, statusOf } from "../../../tests/support/proxy-scene.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { Listener } from "../../xds/proto/listener.ts";

const EXTENDED = [
  ":method",
  "CONNECT",
  ":protocol",
  "websocket",
  ":scheme",
  "http",
  ":authority",
  "app",
  ":path",
  "/chat",
  "sec-websocket-version",
  "13",
];
const UPGRADE = get("/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13");
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const MANAGER = { upgradeConfigs: [{ upgradeType: "websocket" }], http2ProtocolOptions: { allowConnect: true } };

async function toHttp1() {
  const rig = new ProxyRig();
  const backend = await rig.backend();
  await rig.apply(Cluster, cluster("app", [backend.port]));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]), ...MANAGER }));
  const client = await http2Client(rig);
  await rig.turn();
  return { rig, backend, client };
}

async function toHttp2(knows = true) {
  const rig = new ProxyRig();
  const backend = await Http2Backend.start(rig, { settings: { enableConnect: knows } });
  await rig.apply(Cluster, cluster("app", [backend.port], speaksHttp2({ allowConnect: true })));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]), ...MANAGER }));
  const finish = async (): Promise<void> => {
    backend.stop();
    await rig.turn();
    await rig.finish();
  };
  return { rig, backend, finish };
}

describe("a WebSocket", () => {
  test("from HTTP/2 to HTTP/1.1: bytes both ways, each direction ends by itself", async () => {
    const { rig, backend, client } = await toHttp1();
    const call = client.call(EXTENDED, false);
    await rig.turn();
    const asked = backend.last.take();
    expect(asked.startsWith("GET /chat HTTP/1.1\r\n")).toBe(true);
    expect([headerOf(asked, "upgrade"), headerOf(asked, "connection")]).toEqual([["websocket"], ["Upgrade"]]);
    backend.last.send(`${SWITCH}first`);
    await rig.turn();
    expect([call.status, call.text, call.field("upgrade")]).toEqual([200, "first", undefined]);
    call.send("hello");
    await rig.turn();
    expect(backend.last.take()).toBe("hello");
    call.end();
    await rig.turn();
    expect([backend.last.ended, call.ended]).toEqual([true, false]);
    backend.last.send("last");
    backend.last.socket.end();
    await rig.until(() => call.ended);
    expect(call.text).toBe("firstlast");
    expect(await rig.logged()).toEqual(["101 - via_upstream rx=5 tx=9 attempts=1"]);
    await rig.finish();
  });

  test("from HTTP/1.1 to HTTP/2", async () => {
    const { rig, backend, finish } = await toHttp2();
    const client = await rig.client();
    client.send(UPGRADE);
    await rig.turn();
    const [served] = backend.calls;
    expect([":method", ":protocol", ":path", "sec-websocket-version"].map((name) => served?.field(name))).toEqual([
      "CONNECT",
      "websocket",
      "/chat",
      "13",
    ]);
    expect([served?.field("upgrade"), served?.field("connection"), served?.ended]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    served?.answer(OK2).send("first");
    await rig.turn();
    const text = client.take();
    expect([statusOf(text), headerOf(text, "upgrade"), headerOf(text, "connection")]).toEqual([
      101,
      ["websocket"],
      ["Upgrade"],
    ]);
    expect(text.startsWith("HTTP/1.1 101 Switching Protocols\r\n")).toBe(true);
    expect(text.endsWith("\r\n\r\nfirst")).toBe(true);
    client.send("hello");
    await rig.turn();
    expect(served?.text).toBe("hello");
    client.socket.destroy();
    await rig.turn();
    expect(served?.reset?.code).toBe(8);
    await finish();
  });

  test("an endpoint that ends first: what its client still sends reaches no other request", async () => {
    const { rig, backend, finish } = await toHttp2();
    const first = await rig.client();
    first.send(UPGRADE);
    await rig.turn();
    backend.calls[0]?.answer(OK2).send("bye").end();
    await rig.turn();
    expect([first.take().endsWith("bye"), first.ended]).toEqual([true, true]);
    const second = await rig.client();
    second.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\n12345");
    await rig.turn();
    first.send("not for the second");
    await rig.turn();
    first.socket.end();
    await rig.turn();
    backend.answer = (call) => call.answer(OK2, true);
    second.send("67890");
    await rig.turn();
    expect([backend.calls[1]?.text, statusOf(second.take())]).toEqual(["1234567890", 200]);
    await finish();
  });

  test("a length in the answer of an endpoint of HTTP/2 is none of the tunnel's", async () => {
    const { rig, backend, finish } = await toHttp2();
    const client = await rig.client();
    client.send(UPGRADE);
    await rig.turn();
    backend.calls[0]?.answer([...OK2, "content-length", "5"]).send("first");
    await rig.turn();
    const text = client.take();
    expect([statusOf(text), headerOf(text, "content-length"), text.endsWith("first")]).toEqual([101, [], true]);
    client.socket.destroy();
    await rig.turn();
    await finish();
  });

  test("an endpoint that does not know extended CONNECT is not asked; the client is told", async () => {
    const { rig, backend, finish } = await toHttp2(false);
    const client = await rig.client();
    const text = await rig.exchange(client, UPGRADE);
    expect([statusOf(text), backend.calls]).toEqual([502, []]);
    expect((await rig.logged())[0]).toContain("SETTINGS_ENABLE_CONNECT_PROTOCOL");
    await finish();
  });

  test("an endpoint that refuses answers as it likes, and the client's connection goes on", async () => {
    const { rig, backend, finish } = await toHttp2();
    backend.begin = (call) => call.answer([":status", "403", "content-length", "2"]).send("no").end();
    const client = await rig.client();
    const text = await rig.exchange(client, UPGRADE);
    expect([statusOf(text), text.endsWith("no")]).toEqual([403, true]);
    await finish();
  });

  test("where it is not allowed, the stream is malformed; where no upgrade is configured, it is refused", async () => {
    const rig = new ProxyRig();
    const backend = await rig.backend();
    await rig.apply(Cluster, cluster("app", [backend.port]));
    await rig.apply(
      Listener,
      httpListener({ routeConfig: routes([route("app")]), http2ProtocolOptions: { allowConnect: true } }),
    );
    const client = await http2Client(rig);
    await rig.turn();
    const call = client.call(EXTENDED, false);
    await rig.turn();
    expect(call.status).toBe(403);
    expect(backend.connections).toEqual([]);
    await rig.finish();
  });
});
