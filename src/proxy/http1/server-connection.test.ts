import { expect, test } from "bun:test";
import { limits } from "../../../tests/support/proxy-resources.ts";
import { memoryNetwork } from "../../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, get, headerOf, OK, post, scene, statusOf } from "../../../tests/support/proxy-scene.ts";
import { MemoryNetwork } from "../../net/memory-network.ts";
import type { Listener } from "../../net/socket.ts";

const answersOf = (text: string): string[] => text.split(/(?=HTTP\/1\.1 \d)/);
/** What a client sent to a backend, by path. */
const pathsOf = (text: string): string[] => [...text.matchAll(/GET (\S+) HTTP/g)].map(([, path]) => path as string);

test("pipelined requests are answered one after the other, in order", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send(get("/1") + post("body") + get("/3"));
  await rig.turn();
  expect(pathsOf(backend.last.take())).toEqual(["/1"]);
  backend.last.send(answer("one"));
  await rig.turn();
  expect(bodyOf(backend.last.take())).toBe("body");
  backend.last.send(answer("two"));
  await rig.turn();
  expect(pathsOf(backend.last.take())).toEqual(["/3"]);
  backend.last.send(answer("three"));
  await rig.turn();
  expect(answersOf(client.take()).map(bodyOf)).toEqual(["one", "two", "three"]);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("pipelined requests that wait are bounded", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send(get("/first"));
  await rig.turn();
  const flood = get("/next").repeat(20_000);
  client.send(flood);
  await rig.turn();
  expect(flood.length - client.unsentBytes).toBeLessThan(4 * 65_536);
  backend.answer = () => OK;
  backend.last.send(OK);
  await rig.until(() => client.unsentBytes === 0);
  await rig.turn();
  expect(client.take().match(/HTTP\/1.1 200/g)).toHaveLength(20_001);
  await rig.finish();
});

test("a client that pipelines and does not read is not answered without bound", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  const body = "x".repeat(60_000);
  backend.answer = () => answer(body);
  client.socket.pause();
  client.send(get("/").repeat(1000));
  await rig.turn();
  expect(rig.stat("cluster.app.upstream_rq_total")).toBeLessThan(5);
  client.socket.resume();
  await rig.until(() => client.bytes > 1000 * 60_000);
  await rig.turn();
  expect(client.take().match(/HTTP\/1.1 200/g)).toHaveLength(1000);
  await rig.finish();
}, 20_000);

test("nor one that sends its requests one by one", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => answer("x".repeat(60_000));
  const client = await rig.client();
  client.socket.pause();
  for (let i = 0; i < 50; i++) {
    client.send(GET);
    await rig.turn();
  }
  expect(rig.stat("cluster.app.upstream_rq_total")).toBeLessThan(5);
  client.socket.resume();
  await rig.until(() => client.bytes > 50 * 60_000);
  await rig.finish();
});

test("nothing of a request's body is left for the next", async () => {
  const { rig, backend } = await scene({ action: { retryPolicy: { retryOn: "5xx", numRetries: 1 } } });
  const client = await rig.client();
  // Sent on, and too large to keep: this one could not have been tried again.
  backend.answer = (text) => (text.endsWith("END") ? OK : undefined);
  client.send(post(`${"x".repeat(1_100_000)}END`));
  await rig.until(() => client.text.endsWith("ok"));
  client.take();
  backend.last.take();
  backend.answer = () => answer("", "503 Service Unavailable");
  client.send(post("next"));
  await rig.turn();
  expect(bodyOf(backend.last.take())).toBe("next");
  backend.answer = () => OK;
  await rig.advance(300);
  expect(statusOf(client.take())).toBe(200);
  expect(bodyOf(backend.last.text)).toBe("next");
  await rig.finish();
});

test("a body that was kept for a reply does not go out with the next request", async () => {
  const { rig, backend } = await scene({ action: { timeout: 500 }, cluster: limits({ maxConnections: 1 }) });
  const [busy, client] = [await rig.client(), await rig.client()];
  await rig.exchange(busy, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\n1");
  client.send(post("waits"));
  await rig.turn();
  await rig.advance(510);
  expect(statusOf(client.take())).toBe(504);
  backend.answer = () => OK;
  await rig.exchange(busy, "2");
  backend.last.take();
  expect(statusOf(await rig.exchange(client, post("next")))).toBe(200);
  expect(bodyOf(backend.last.text)).toBe("next");
  await rig.finish();
});

test("Connection: close is kept to", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  const text = await rig.exchange(client, get("/", "Connection: close") + get("/never"));
  expect(headerOf(text, "connection")).toEqual(["close"]);
  expect(answersOf(text)).toHaveLength(1);
  expect(client.ended).toBe(true);
  client.socket.end();
  await rig.turn();
  expect(client.closed).toBe(true);
  expect(client.error).toBeUndefined();
  await rig.finish();
});

test("a connection that the endpoint will close is not kept, the client's is", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => answer("bye", "200 OK", "Connection: close");
  const client = await rig.client();
  const text = await rig.exchange(client, GET);
  expect(headerOf(text, "connection")).toEqual([]);
  expect(bodyOf(await rig.exchange(client, GET))).toBe("bye");
  expect(backend.connections).toHaveLength(2);
  await rig.finish();
});

test("a client that half-closes gets its answer, and those of what it pipelined", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send(get("/1") + get("/2"));
  client.socket.end();
  await rig.turn();
  backend.answer = () => answer("second");
  backend.last.send(answer("first"));
  await rig.turn();
  const [first, second] = answersOf(client.take());
  expect(bodyOf(first as string)).toBe("first");
  expect(bodyOf(second as string)).toBe("second");
  expect(client.closed).toBe(true);
  expect(client.error).toBeUndefined();
  await rig.finish();
});

test("a client that half-closes with a large answer on its way gets all of it", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  const body = "x".repeat(100_000);
  backend.answer = () => answer(body);
  client.socket.pause();
  client.send(GET);
  await rig.turn();
  client.socket.end();
  await rig.turn();
  client.socket.resume();
  await rig.turn();
  expect(bodyOf(client.take())).toBe(body);
  expect(client.error).toBeUndefined();
  await rig.finish();
});

test("a client that half-closes without a request is closed", async () => {
  const { rig } = await scene();
  for (const sent of ["", "GET / HT"]) {
    const client = await rig.client();
    client.send(sent);
    client.socket.end();
    await rig.turn();
    expect(client.closed).toBe(true);
  }
  await rig.finish();
});

test("a client that half-closes inside its body is gone", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\nhalf");
  await rig.turn();
  client.socket.end();
  await rig.turn();
  expect(client.closed).toBe(true);
  expect(backend.last.closed).toBe(true);
  expect(await rig.logged()).toEqual(["0 DC downstream_remote_disconnect rx=4 tx=0 attempts=1"]);
  await rig.finish();
});

test("an answer that comes before the request is complete is not lost, and the connection closes", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 1000000\r\n\r\nsome");
  await rig.turn();
  backend.last.send(answer("no", "413 Payload Too Large"));
  await rig.turn();
  expect(statusOf(client.text)).toBe(413);
  expect(headerOf(client.text, "connection")).toEqual(["close"]);
  expect(bodyOf(client.take())).toBe("no");
  expect(client.ended).toBe(true);
  expect(backend.last.closed).toBe(true);
  // It may go on sending for a moment, and is then let go however much it sends.
  for (let i = 0; i < 5; i++) {
    client.send("more");
    await rig.advance(1000);
  }
  expect(client.closed || rig.proxy.listeners.connectionCount === 0).toBe(true);
  await rig.finish();
});

test("a reply of the proxy's own before the request is complete closes as well", async () => {
  const { rig } = await scene({ route: { directResponse: { status: 200 }, route: undefined } as never });
  const client = await rig.client();
  const text = await rig.exchange(client, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\n12");
  expect(headerOf(text, "connection")).toEqual(["close"]);
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("an answer may begin before the request is complete, and both go on", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n\r\nab");
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nAB");
  await rig.turn();
  client.send("cd");
  await rig.turn();
  expect(bodyOf(backend.last.text)).toBe("abcd");
  backend.last.send("CD");
  await rig.turn();
  expect(bodyOf(client.take())).toBe("ABCD");
  await rig.finish();
});

test("a client that goes away takes its request along, whatever its phase", async () => {
  const { rig, backend } = await scene();
  const leave = async (text: string, meanwhile: () => void = () => {}): Promise<void> => {
    const client = await rig.client();
    client.send(text);
    await rig.turn();
    meanwhile();
    await rig.turn();
    client.socket.destroy();
    await rig.turn();
  };
  await leave(get("/waiting"));
  expect(backend.last.closed).toBe(true);
  await leave("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 9\r\n\r\nabc");
  expect(backend.last.closed).toBe(true);
  await leave(get("/answering"), () => backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"));
  expect(backend.last.closed).toBe(true);
  expect(await rig.logged()).toEqual([
    "0 DC downstream_remote_disconnect rx=0 tx=0 attempts=1",
    "0 DC downstream_remote_disconnect rx=3 tx=0 attempts=1",
    "200 DC downstream_remote_disconnect rx=0 tx=5 attempts=1",
  ]);
  await rig.finish();
});

test("a client that goes away while a connection is dialled leaves nothing behind", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.socket.write(Buffer.from(GET));
  client.socket.destroy();
  await rig.turn();
  expect(backend.connections.length).toBeLessThan(2);
  rig.expectNoRequests();
  await rig.finish();
});

test("a head that cannot be read is refused with 400 and close; nothing of the request before it is told", async () => {
  const logFormat = "%REQ(x-request-id)% %RESPONSE_CODE% rx=%BYTES_RECEIVED% %TRACE_ID%\n";
  const { rig, backend } = await scene({ manager: { logFormat } });
  backend.answer = () => OK;
  const client = await rig.client();
  // It looks like gRPC: a proxy that asked the old head would answer with 200, or read behind the end of the bytes.
  await rig.exchange(client, post("x".repeat(500), "X-Request-Id: 1", "Content-Type: application/grpc"));
  const text = await rig.exchange(client, "garbage");
  expect(statusOf(text)).toBe(400);
  expect(headerOf(text, "connection")).toEqual(["close"]);
  expect(headerOf(text, "grpc-status")).toEqual([]);
  expect(client.ended).toBe(true);
  const [, second] = await rig.logged();
  expect(second).toBe("- 400 rx=0 -");
  expect(rig.stat("http.in.downstream_cx_protocol_error")).toBe(1);
  await rig.finish();
});

test("garbage behind a HEAD is answered with a body", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK.slice(0, -2);
  const client = await rig.client();
  await rig.exchange(client, "HEAD / HTTP/1.1\r\nHost: app\r\n\r\n");
  expect(bodyOf(await rig.exchange(client, "x y z\r\n\r\n"))).toBe("Bad Request");
  await rig.finish();
});

test("oversized heads are refused with 431", async () => {
  const { rig } = await scene({
    manager: { maxRequestHeadersKb: 2, commonHttpProtocolOptions: { maxHeadersCount: 5 } },
  });
  const refused = async (text: string): Promise<number> => {
    const client = await rig.client();
    const status = statusOf(await rig.exchange(client, text));
    expect(client.ended).toBe(true);
    return status;
  };
  expect(await refused(get("/", `X-Long: ${"x".repeat(3000)}`))).toBe(431);
  expect(await refused(`GET /${"x".repeat(3000)}`)).toBe(431);
  expect(await refused(get("/", "a: 1", "b: 1", "c: 1", "d: 1", "e: 1"))).toBe(431);
  expect(rig.stat("http.in.downstream_rq_too_large")).toBe(3);
  await rig.finish();
});

test("a body whose framing breaks off is refused, or ends an answer that has begun", async () => {
  const { rig, backend } = await scene();
  const head = "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n";
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, `${head}zz`))).toBe(400);
  const second = await rig.client();
  await rig.exchange(second, `${head}1\r\na\r\n`);
  expect(statusOf(await rig.exchange(second, "zz\r\n"))).toBe(400);
  expect(backend.last.closed).toBe(true);
  const third = await rig.client();
  await rig.exchange(third, `${head}1\r\na\r\n`);
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
  await rig.turn();
  await rig.exchange(third, "zz\r\n");
  expect(third.closed).toBe(true);
  const flags = (await rig.logged()).map((line) => line.split(" ").slice(0, 2).join(" "));
  expect(flags).toEqual(["400 DPE", "400 DPE", "200 DPE"]);
  await rig.finish();
});

test("upgrades are refused with 403, and CONNECT has no route", async () => {
  const { rig } = await scene();
  const upgrade = await rig.client();
  const asked = get("/", "Connection: upgrade", "Upgrade: websocket");
  expect(statusOf(await rig.exchange(upgrade, asked))).toBe(403);
  expect(upgrade.ended).toBe(true);
  const connect = await rig.client();
  expect(statusOf(await rig.exchange(connect, "CONNECT app:80 HTTP/1.1\r\nHost: app:80\r\n\r\n"))).toBe(404);
  await rig.finish();
});

test("an offer of h2c is ignored", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  const offer = get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA");
  expect(statusOf(await rig.exchange(client, offer))).toBe(200);
  expect(backend.last.text.toLowerCase()).not.toContain("http2-settings");
  expect(backend.last.text.toLowerCase()).not.toContain("upgrade");
  await rig.finish();
});

test("a head that is not completed is answered with 408, an idle connection is closed", async () => {
  const { rig, backend } = await scene({ manager: { commonHttpProtocolOptions: { idleTimeout: 30_000 } } });
  backend.answer = () => OK;
  const slow = await rig.client();
  slow.send("GET / HTTP/1.1\r\nHo");
  const idle = await rig.client();
  await rig.exchange(idle, GET);
  await rig.advance(9000);
  expect(slow.text).toBe("");
  await rig.advance(3000);
  expect(statusOf(slow.take())).toBe(408);
  expect(slow.ended).toBe(true);
  expect(idle.ended).toBe(false);
  await rig.advance(20_000);
  expect(idle.ended).toBe(true);
  expect(rig.stat("http.in.downstream_cx_idle_timeout")).toBe(1);
  await rig.finish();
});

test("limits of a connection: its requests, its age", async () => {
  const { rig, backend } = await scene({
    manager: { commonHttpProtocolOptions: { maxRequestsPerConnection: 2, maxConnectionDuration: 10_000 } },
  });
  backend.answer = () => OK;
  const busy = await rig.client();
  expect(headerOf(await rig.exchange(busy, GET), "connection")).toEqual([]);
  expect(headerOf(await rig.exchange(busy, GET), "connection")).toEqual(["close"]);
  const old = await rig.client();
  await rig.exchange(old, GET);
  await rig.advance(12_000);
  expect(old.ended).toBe(true);
  await rig.finish();
});

test("an idle connection does not hold the bytes of its last request", async () => {
  const { rig, backend } = await scene({ manager: { logFormat: "%REQ(x-a)% %RESP(x-b)%\n" } });
  backend.answer = () => answer("ok", "200 OK", "x-b: answered");
  const client = await rig.client();
  await rig.exchange(client, get("/", "X-A: asked"));
  // What the log tells was read before they were let go.
  expect(await rig.logged()).toEqual(["asked answered"]);
  await rig.finish();
});

/** Accepted sockets are as those of TLS whose client does not read: they cannot be closed, only cut off. */
class StuckNetwork extends MemoryNetwork {
  override listen(...[options, accept]: Parameters<MemoryNetwork["listen"]>): Promise<Listener> {
    return super.listen(options, (socket) => {
      socket.close = () => {};
      accept(socket);
    });
  }
}

test("a client of TLS that does not read the last answer is cut off", async () => {
  const { rig, backend } = await scene({ network: (clock) => memoryNetwork(clock, new StuckNetwork(clock)) });
  // One read from the endpoint, and with the longer head a little more than the client takes.
  backend.answer = () => answer("x".repeat(65_490));
  const client = await rig.client();
  client.socket.pause();
  client.send(get("/", "Connection: close"));
  for (let i = 0; i < 5; i++) await rig.advance(1000);
  expect(await rig.logged()).toHaveLength(1);
  expect(rig.stat("http.in.downstream_cx_active")).toBe(0);
  await rig.finish();
});
