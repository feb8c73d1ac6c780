/** Clients of HTTP/1.1, endpoints of HTTP/2. */
import { describe, expect, test } from "bun:test";
import { Http2Backend, OK2 } from "../../../tests/support/http2-peers.ts";
import { httpListener, route, routes, speaksHttp2 } from "../../../tests/support/proxy-resources.ts";
import { cluster } from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { bodyOf, GET, get, headerOf, post, statusOf } from "../../../tests/support/proxy-scene.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { Listener } from "../../xds/proto/listener.ts";

async function http2Scene(manager = {}) {
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

describe("a client of HTTP/1.1, an endpoint of HTTP/2", () => {
  test("requests and answers, over one connection", async () => {
    const { rig, backend, finish } = await http2Scene();
    backend.answer = (call) =>
      call
        .answer([...OK2, "content-length", "2", "x-a", "b"])
        .send("ok")
        .end();
    const clients = [await rig.client(), await rig.client(), await rig.client()];
    const answers = await Promise.all(clients.map((client) => rig.exchange(client, get("/p?q", "X-Ask: 1"))));
    expect(answers.map(bodyOf)).toEqual(["ok", "ok", "ok"]);
    expect(headerOf(answers[0] as string, "x-a")).toEqual(["b"]);
    expect(headerOf(answers[0] as string, "transfer-encoding")).toEqual([]);
    expect(answers[0]?.startsWith("HTTP/1.1 200 OK\r\n")).toBe(true);
    expect(backend.connections).toHaveLength(1);
    const [call] = backend.calls;
    expect([":method", ":path", ":authority", ":scheme", "x-ask"].map((name) => call?.field(name))).toEqual([
      "GET",
      "/p?q",
      "app",
      "http",
      "1",
    ]);
    expect([call?.field("host"), call?.field("connection")]).toEqual([undefined, undefined]);
    await finish();
  });

  test("an answer that comes at once leaves in one write; one without a length is chunked", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await rig.client();
    client.send(GET);
    await rig.turn();
    backend.calls[0]?.stream?.sendHeaders([...OK2, "content-length", "5"], false);
    backend.calls[0]?.send("whole").end();
    await rig.turn();
    expect(client.chunks).toHaveLength(1);
    expect(bodyOf(client.take())).toBe("whole");
    client.send(GET);
    await rig.turn();
    backend.calls[1]?.answer(OK2).send("some");
    await rig.turn();
    backend.calls[1]?.send("more").end();
    await rig.turn();
    const text = client.take();
    expect(headerOf(text, "transfer-encoding")).toEqual(["chunked"]);
    expect(bodyOf(text)).toBe("4\r\nsome\r\n4\r\nmore\r\n0\r\n\r\n");
    await finish();
  });

  test("bodies with a length and in chunks", async () => {
    const { rig, backend, finish } = await http2Scene();
    backend.answer = (call) => call.answer(OK2, true);
    const client = await rig.client();
    await rig.exchange(client, post("body"));
    expect([backend.calls[0]?.text, backend.calls[0]?.field("content-length")]).toEqual(["body", "4"]);
    const head = "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n";
    await rig.exchange(client, `${head}3\r\nabc\r\n`);
    await rig.exchange(client, "2;x=y\r\nde\r\n0\r\n\r\n");
    const [, call] = backend.calls;
    expect([call?.text, call?.field("transfer-encoding"), call?.ended]).toEqual(["abcde", undefined, true]);
    await finish();
  });

  test("trailers both ways, where the connection manager lets them", async () => {
    const { rig, backend, finish } = await http2Scene({ httpProtocolOptions: { enableTrailers: true } });
    backend.answer = (call) => call.answer(OK2).send("x").end(["x-sum", "1"]);
    const client = await rig.client();
    const text = await rig.exchange(
      client,
      "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Check: 2\r\n\r\n",
    );
    expect(backend.calls[0]?.trailers).toEqual(["x-check", "2"]);
    expect(bodyOf(text)).toBe("1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n");
    await finish();
  });

  test("HEAD, 204, interim answers", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await rig.client();
    client.send("HEAD / HTTP/1.1\r\nHost: app\r\n\r\n");
    await rig.turn();
    backend.calls[0]?.answer([...OK2, "content-length", "9"], true);
    await rig.turn();
    const head = client.take();
    expect([statusOf(head), headerOf(head, "content-length"), bodyOf(head)]).toEqual([200, ["9"], ""]);
    client.send(GET);
    await rig.turn();
    backend.calls[1]?.answer([":status", "103", "link", "</a>"]);
    await rig.turn();
    expect(client.take()).toBe("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    backend.calls[1]?.answer([":status", "204"], true);
    await rig.turn();
    const none = client.take();
    expect([statusOf(none), bodyOf(none), headerOf(none, "transfer-encoding")]).toEqual([204, "", []]);
    expect(client.ended).toBe(false);
    await finish();
  });

  test("what resets do", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await rig.client();
    backend.answer = (call) => call.cancel(2);
    expect(statusOf(await rig.exchange(client, GET))).toBe(503);
    backend.answer = (call) => {
      call.answer([...OK2, "content-length", "9"]).send("half");
      call.cancel(8);
    };
    const broken = await rig.exchange(client, GET);
    expect([bodyOf(broken), client.closed]).toEqual(["half", true]);
    expect(await rig.logged()).toEqual([
      "503 UR upstream_reset_before_response_started{remote_reset} rx=0 tx=85 attempts=1",
      "200 UR upstream_reset_after_response_started{remote_reset} rx=0 tx=4 attempts=1",
    ]);
    await finish();
  });

  test("a client that leaves cancels its stream and nothing else", async () => {
    const { rig, backend, finish } = await http2Scene();
    const [gone, other] = [await rig.client(), await rig.client()];
    for (const client of [gone, other]) client.send(GET);
    await rig.turn();
    gone.socket.destroy();
    await rig.turn();
    expect([backend.calls[0]?.reset?.code, backend.calls[1]?.reset]).toEqual([8, undefined]);
    backend.calls[1]
      ?.answer([...OK2, "content-length", "2"])
      .send("ok")
      .end();
    await rig.turn();
    expect(bodyOf(other.take())).toBe("ok");
    await finish();
  });

  test("a request that was refused is sent again, by a new connection where the old one is going away", async () => {
    const { rig, backend, finish } = await http2Scene();
    const client = await rig.client();
    backend.answer = (call) =>
      call
        .answer([...OK2, "content-length", "2"])
        .send("ok")
        .end();
    await rig.exchange(client, GET);
    const [first] = backend.connections;
    backend.begin = (call) => {
      backend.begin = () => {};
      call.cancel(7);
    };
    expect(bodyOf(await rig.exchange(client, post("")))).toBe("ok");
    expect(backend.connections).toHaveLength(1);
    first?.session.drain();
    first?.flush();
    expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
    expect(backend.connections).toHaveLength(2);
    await finish();
  });
});
