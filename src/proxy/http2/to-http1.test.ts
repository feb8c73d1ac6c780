/** Clients of HTTP/2, endpoints of HTTP/1.1. */
import { describe, expect, test } from "bun:test";
import { get2, http2Client, post2 } from "../../../tests/support/http2-peers.ts";
import { httpOptions } from "../../../tests/support/proxy-resources.ts";
import { answer, headerOf, OK, scene } from "../../../tests/support/proxy-scene.ts";

describe("a client of HTTP/2, an endpoint of HTTP/1.1", () => {
  test("requests and answers", async () => {
    const { rig, backend } = await scene();
    backend.answer = () => answer("body", "200 OK", "X-Answer: Yes", "Connection: keep-alive", "Keep-Alive: timeout=5");
    const client = await http2Client(rig);
    const call = client.call(get2("/a?b", "x-ask", "1", "cookie", "a=1", "cookie", "b=2"));
    await rig.turn();
    expect(call.heads).toHaveLength(1);
    expect([call.status, call.field("x-answer"), call.field("content-length"), call.text, call.ended]).toEqual([
      200,
      "Yes",
      "4",
      "body",
      true,
    ]);
    expect([call.field("connection"), call.field("keep-alive"), call.field("server")]).toEqual([
      undefined,
      undefined,
      "envoy",
    ]);
    const seen = backend.last.text;
    expect(seen.startsWith("GET /a?b HTTP/1.1\r\nhost: app\r\n")).toBe(true);
    expect(headerOf(seen, "x-ask")).toEqual(["1"]);
    expect(headerOf(seen, "cookie")).toEqual(["a=1; b=2"]);
    expect(headerOf(seen, "host")).toEqual(["app"]);
    expect(headerOf(seen, "x-forwarded-proto")).toEqual(["http"]);
    expect(headerOf(seen, "x-request-id")).toHaveLength(1);
    await rig.finish();
  });

  test("many at once, each over a connection of its own, which are used again", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const calls = Array.from({ length: 20 }, (_, i) => client.call(get2(`/${i}`)));
    await rig.turn();
    expect(backend.connections).toHaveLength(20);
    for (const peer of backend.connections.toReversed()) peer.send(answer(/GET (\S+)/.exec(peer.take())?.[1] ?? "?"));
    await rig.turn();
    expect(calls.map(({ text }) => text)).toEqual(calls.map((_, i) => `/${i}`));
    backend.answer = () => OK;
    const again = Array.from({ length: 20 }, () => client.call(get2("/")));
    await rig.turn();
    expect(again.map(({ text }) => text)).toEqual(again.map(() => "ok"));
    expect(backend.connections).toHaveLength(20);
    await rig.finish();
  });

  test("a body with a length, and one without, which is chunked", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const told = client
      .call(post2("/", "content-length", "4"), false)
      .send("bo")
      .send("dy");
    told.end();
    await rig.turn();
    expect(backend.last.text.endsWith("\r\n\r\nbody")).toBe(true);
    expect(headerOf(backend.last.text, "content-length")).toEqual(["4"]);
    backend.last.take();
    backend.last.send(OK);
    await rig.turn();
    const untold = client.call(post2("/"), false).send("some");
    await rig.turn();
    untold.send("thing").end();
    await rig.turn();
    const seen = backend.last.text;
    expect(headerOf(seen, "transfer-encoding")).toEqual(["chunked"]);
    expect(seen.slice(seen.indexOf("\r\n\r\n") + 4)).toBe("4\r\nsome\r\n5\r\nthing\r\n0\r\n\r\n");
    backend.last.send(OK);
    await rig.turn();
    expect([told.text, untold.text]).toEqual(["ok", "ok"]);
    await rig.finish();
  });

  test("answers that are chunked, that end with the connection, and that have no body", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const answers: Record<string, string> = {
      "/chunked": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
      "/close": "HTTP/1.1 200 OK\r\n\r\nuntil the end",
      "/none": "HTTP/1.1 204 No Content\r\n\r\n",
      "/empty": "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    };
    backend.answer = (text, peer) => {
      const path = /GET (\S+)/.exec(text)?.[1] ?? "";
      if (path === "/close") queueMicrotask(() => peer.socket.end());
      return answers[path];
    };
    const calls = Object.keys(answers).map((path) => client.call(get2(path)));
    await rig.until(() => calls.every(({ isOver }) => isOver));
    expect(calls.map(({ status, text, ended }) => [status, text, ended])).toEqual([
      [200, "abcde", true],
      [200, "until the end", true],
      [204, "", true],
      [200, "", true],
    ]);
    expect(calls[0]?.field("transfer-encoding")).toBe(undefined);
    await rig.finish();
  });

  test("HEAD has the length of what GET would have, and no body", async () => {
    const { rig, backend } = await scene();
    backend.answer = () => "HTTP/1.1 200 OK\r\ncontent-length: 42\r\n\r\n";
    const client = await http2Client(rig);
    const call = client.call([":method", "HEAD", ":scheme", "http", ":authority", "app", ":path", "/"]);
    await rig.turn();
    expect([call.status, call.field("content-length"), call.bytes, call.ended]).toEqual([200, "42", 0, true]);
    await rig.finish();
  });

  test("interim answers, and Expect: 100-continue", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const call = client.call(post2("/", "content-length", "2", "expect", "100-continue"), false);
    await rig.turn();
    expect(call.heads).toEqual([[":status", "100"]]);
    call.send("hi").end();
    await rig.turn();
    expect(headerOf(backend.last.text, "expect")).toEqual([]);
    backend.last.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    await rig.turn();
    expect(call.heads[1]).toEqual([":status", "103", "link", "</a>"]);
    backend.last.send(OK);
    await rig.turn();
    expect([call.status, call.text]).toEqual([200, "ok"]);
    await rig.finish();
  });

  test("a request that breaks off closes the endpoint's connection and nothing else", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const [gone, other] = [client.call(get2("/gone")), client.call(get2("/other"))];
    await rig.turn();
    gone.cancel();
    await rig.turn();
    const [first, second] = backend.connections;
    expect([first?.closed, second?.closed]).toEqual([true, false]);
    second?.send(OK);
    await rig.turn();
    expect(other.text).toBe("ok");
    expect(await rig.logged()).toEqual([
      "0 DC downstream_remote_disconnect rx=0 tx=0 attempts=1",
      "200 - via_upstream rx=0 tx=2 attempts=1",
    ]);
    await rig.finish();
  });

  test("an answer that breaks off resets its stream", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const call = client.call(get2("/"));
    await rig.turn();
    backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    await rig.turn();
    backend.last.socket.destroy();
    await rig.until(() => call.isOver);
    expect([call.text, call.ended, call.reset?.by]).toEqual(["half", false, "remote"]);
    expect(client.closed).toBe(false);
    await rig.finish();
  });

  test("an answer before the request is complete ends the request", async () => {
    const { rig, backend } = await scene();
    backend.answer = () => answer("no", "413 Payload Too Large");
    const client = await http2Client(rig);
    const call = client.call(post2("/"), false).send("some");
    await rig.until(() => call.isOver);
    expect([call.status, call.text, call.ended]).toEqual([413, "no", true]);
    await rig.turn();
    expect(call.reset?.code).toBe(0);
    expect(client.call(get2("/")).isOver).toBe(false);
    await rig.finish();
  });

  test("a request without a host is refused", async () => {
    const { rig, backend } = await scene();
    const client = await http2Client(rig);
    const call = client.call([":method", "GET", ":scheme", "http", ":path", "/"]);
    await rig.turn();
    expect([call.heads, client.goaway, backend.connections.length]).toEqual([[], 1, 0]);
    const named = (await http2Client(rig)).call([":method", "GET", ":scheme", "http", ":path", "/", "host", "app"]);
    await rig.turn();
    expect(headerOf(backend.last.text, "host")).toEqual(["app"]);
    backend.last.send(OK);
    await rig.turn();
    expect(named.text).toBe("ok");
    await rig.finish();
  });

  test("replies of our own", async () => {
    const { rig } = await scene({ route: { match: { path: "/there" } } });
    const client = await http2Client(rig);
    const [lost, grpc] = [client.call(get2("/lost")), client.call(post2("/lost", "content-type", "application/grpc"))];
    await rig.turn();
    expect([lost.status, lost.ended]).toEqual([404, true]);
    expect([grpc.status, grpc.field("grpc-status"), grpc.ended]).toEqual([200, "12", true]);
    await rig.finish();
  });

  test("trailers pass where the cluster lets them", async () => {
    const options = { explicitHttpConfig: { httpProtocolOptions: { enableTrailers: true } } };
    const { rig, backend } = await scene({ cluster: { typedExtensionProtocolOptions: httpOptions(options) } });
    backend.answer = (text) =>
      text.includes("0\r\n")
        ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n"
        : undefined;
    const client = await http2Client(rig);
    const call = client.call(post2("/"), false).send("abc");
    call.end(["x-check", "1"]);
    await rig.turn();
    expect(backend.last.text.endsWith("3\r\nabc\r\n0\r\nx-check: 1\r\n\r\n")).toBe(true);
    expect(call.status).toBe(200);
    expect([call.text, call.trailers]).toEqual(["ok", ["x-sum", "7"]]);
    await rig.finish();
  });
});
