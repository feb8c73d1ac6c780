import { expect, test } from "bun:test";
import { answer, bodyOf, GET, get, headerOf, OK, post, scene, statusOf } from "../../../tests/support/proxy-scene.ts";

test("an answer goes back on the connection that it was asked on, head and body in one write each way", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send(post("hello"));
  await rig.turn();
  expect(backend.last.chunks).toHaveLength(1);
  expect(backend.last.text).toStartWith("POST / HTTP/1.1\r\nhost: app\r\n");
  expect(bodyOf(backend.last.text)).toBe("hello");
  backend.last.send(OK);
  await rig.turn();
  expect(client.chunks).toHaveLength(1);
  expect(client.text).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(bodyOf(client.take())).toBe("ok");
  expect(await rig.logged()).toEqual(["200 - via_upstream rx=5 tx=2 attempts=1"]);
  await rig.finish();
});

test("requests of one connection share one to the endpoint", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  for (let i = 0; i < 5; i++) expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  expect(backend.connections).toHaveLength(1);
  expect(rig.stat("cluster.app.upstream_rq_total")).toBe(5);
  expect(rig.stat("cluster.app.upstream_cx_total")).toBe(1);
  await rig.finish();
});

test("a chunked request passes as it is, whatever its pieces", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  const body = "5;a=b\r\nhello\r\n0\r\n\r\n";
  const request = `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  for (const c of request) {
    client.send(c);
    await rig.turn();
  }
  expect(headerOf(backend.last.text, "transfer-encoding")).toEqual(["chunked"]);
  expect(bodyOf(backend.last.text)).toBe(body);
  expect(statusOf(await answered())).toBe(200);
  expect(await rig.logged()).toEqual(["200 - via_upstream rx=5 tx=2 attempts=1"]);
  await rig.finish();

  async function answered(): Promise<string> {
    backend.last.send(OK);
    await rig.turn();
    return client.take();
  }
});

test("a chunked answer passes as it is, byte by byte", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  const chunks = "3\r\nabc\r\n0\r\n\r\n";
  for (const c of `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`) {
    backend.last.send(c);
    await rig.turn();
  }
  expect(bodyOf(client.text)).toBe(chunks);
  expect(headerOf(client.take(), "transfer-encoding")).toEqual(["chunked"]);
  backend.answer = () => OK;
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("an answer that ends with its connection is chunked for a client of HTTP/1.1, which stays", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.0 200 OK\r\n\r\nab");
  await rig.turn();
  expect(client.chunks).toHaveLength(1);
  backend.last.send("cdef");
  backend.last.socket.end();
  await rig.turn();
  expect(headerOf(client.text, "transfer-encoding")).toEqual(["chunked"]);
  expect(bodyOf(client.take())).toBe("2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n");
  backend.answer = () => OK;
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(client.ended).toBe(false);
  await rig.finish();
});

test("an answer that ends with its connection and has no byte", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 200 OK\r\n\r\n");
  backend.last.socket.end();
  await rig.turn();
  expect(bodyOf(client.take())).toBe("0\r\n\r\n");
  await rig.finish();
});

const HTTP10 = { manager: { httpProtocolOptions: { acceptHttp10: true } } };

test("chunks are taken off for a client of HTTP/1.0, which is closed behind them", async () => {
  const { rig, backend } = await scene(HTTP10);
  const client = await rig.client();
  await rig.exchange(client, "GET / HTTP/1.0\r\nHost: app\r\nConnection: keep-alive\r\n\r\n");
  backend.last.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\n");
  backend.last.send("cde\r\n0\r\nx-trailer: 1\r\n\r\n");
  await rig.turn();
  expect(headerOf(client.text, "transfer-encoding")).toEqual([]);
  expect(headerOf(client.text, "connection")).toEqual(["close"]);
  expect(bodyOf(client.take())).toBe("abcde");
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("a client of HTTP/1.0 gets an answer that ends with the connection as it is", async () => {
  const { rig, backend } = await scene(HTTP10);
  const client = await rig.client();
  await rig.exchange(client, "GET / HTTP/1.0\r\n\r\n");
  backend.last.send("HTTP/1.0 200 OK\r\n\r\nall of it");
  backend.last.socket.end();
  await rig.turn();
  expect(bodyOf(client.take())).toBe("all of it");
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("a client of HTTP/1.0 that asks to keep its connection does", async () => {
  const { rig, backend } = await scene(HTTP10);
  backend.answer = () => OK;
  const client = await rig.client();
  const request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  expect(headerOf(await rig.exchange(client, request), "connection")).toEqual(["keep-alive"]);
  expect(headerOf(await rig.exchange(client, "GET / HTTP/1.0\r\n\r\n"), "connection")).toEqual(["close"]);
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("HTTP/1.0 is refused where it is not accepted", async () => {
  const { rig } = await scene();
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, "GET / HTTP/1.0\r\n\r\n"))).toBe(426);
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("an answer to HEAD has no body, and none is waited for", async () => {
  const { rig, backend } = await scene(HTTP10);
  const client = await rig.client();
  const head = "HEAD / HTTP/1.1\r\nHost: app\r\n\r\n";
  for (const framing of ["content-length: 1000", "transfer-encoding: chunked", "x-none: 1"]) {
    backend.answer = () => `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`;
    expect(bodyOf(await rig.exchange(client, head))).toBe("");
    backend.answer = () => OK;
    expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  }
  expect(backend.connections).toHaveLength(1);
  backend.answer = () => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  const old = await rig.client();
  const text = await rig.exchange(old, "HEAD / HTTP/1.0\r\n\r\n");
  expect(headerOf(text, "transfer-encoding")).toEqual([]);
  await rig.finish();
});

test("204 and 304 have no body", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  backend.answer = () => "HTTP/1.1 204 No Content\r\n\r\n";
  expect(bodyOf(await rig.exchange(client, GET))).toBe("");
  backend.answer = () => "HTTP/1.1 304 Not Modified\r\ncontent-length: 77\r\n\r\n";
  const text = await rig.exchange(client, GET);
  expect(headerOf(text, "content-length")).toEqual(["77"]);
  expect(bodyOf(text)).toBe("");
  backend.answer = () => OK;
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("a slow reader stops the endpoint: what is held stays small, and all of it arrives", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  client.socket.pause();
  const body = "x".repeat(5_000_000);
  backend.last.send(answer(body));
  await rig.turn();
  // Two windows of the network in memory, of 64 KiB each, and one read in the proxy.
  expect(body.length - backend.last.unsentBytes).toBeLessThan(4 * 65_536);
  client.socket.resume();
  await rig.until(() => backend.last.unsentBytes === 0 && client.bytes > body.length);
  await rig.turn();
  expect(bodyOf(client.take())).toBe(body);
  backend.answer = () => OK;
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  await rig.finish();
});

test("a slow endpoint stops the client: what is held stays small, and all of it arrives", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.socket.pause();
  backend.last.send(OK);
  await rig.turn();
  client.take();
  backend.last.take();
  const body = "x".repeat(5_000_000);
  client.send(post(body));
  await rig.turn();
  expect(body.length - client.unsentBytes).toBeLessThan(4 * 65_536);
  backend.last.socket.resume();
  await rig.until(() => client.unsentBytes === 0);
  await rig.turn();
  expect(bodyOf(backend.last.take())).toBe(body);
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(client.take())).toBe("ok");
  await rig.finish();
});

test("an endpoint that stops in the middle of a body stops the client", async () => {
  const { rig, backend } = await scene();
  backend.answer = (_, peer) => {
    if (peer.bytes > 500_000) peer.socket.pause();
    return undefined;
  };
  const client = await rig.client();
  client.send(post("x".repeat(5_000_000)));
  await rig.turn();
  await rig.turn();
  expect(backend.last.bytes).toBeGreaterThan(500_000);
  expect(5_000_000 - client.unsentBytes - backend.last.bytes).toBeLessThan(4 * 65_536);
  await rig.finish();
});

test("a body that comes while there is no connection yet is held up to a bound", async () => {
  const { rig, backend } = await scene({ cluster: { circuitBreakers: { thresholds: [{ maxConnections: 1 }] } } });
  const first = await rig.client();
  await rig.exchange(first, GET);
  const second = await rig.client();
  const body = "y".repeat(1_000_000);
  second.send(post(body));
  await rig.turn();
  expect(body.length - second.unsentBytes).toBeLessThan(4 * 65_536);
  backend.last.take();
  backend.last.send(OK);
  await rig.turn();
  await rig.until(() => second.unsentBytes === 0);
  await rig.turn();
  expect(bodyOf(backend.last.take())).toBe(body);
  backend.last.send(OK);
  await rig.turn();
  expect(bodyOf(second.take())).toBe("ok");
  await rig.finish();
});

test("interim answers pass, except 100; their number is bounded", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 10");
  backend.last.send(`2 Processing\r\n\r\n${OK}`);
  await rig.turn();
  const [hints, processing, final] = client.take().split(/(?=HTTP\/1.1 )/);
  expect(hints).toBe("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
  expect(processing).toBe("HTTP/1.1 102 Processing\r\n\r\n");
  expect(bodyOf(final as string)).toBe("ok");
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000));
  await rig.turn();
  expect(client.take().match(/103/g)?.length).toBeLessThan(100);
  expect(await rig.logged()).toEqual([
    "200 - via_upstream rx=0 tx=2 attempts=1",
    "502 UPE upstream_reset_before_response_started{protocol_error|more_than_32_interim_answers} rx=0 tx=87 attempts=1",
  ]);
  await rig.finish();
});

test("Expect: 100-continue is answered at once and goes no further", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  const head = "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  expect(await rig.exchange(client, head)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  expect(headerOf(`${backend.last.text}\r\n\r\n`, "expect")).toEqual([]);
  backend.answer = () => OK;
  expect(bodyOf(await rig.exchange(client, "hi"))).toBe("ok");
  // Whoever has sent the body already needs no leave to.
  const text = await rig.exchange(client, `${head}hi`);
  expect(text).toStartWith("HTTP/1.1 200");
  await rig.finish();
});

test("another expectation is refused with 417", async () => {
  const { rig } = await scene();
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, get("/", "Expect: miracles")))).toBe(417);
  expect(client.ended).toBe(true);
  await rig.finish();
});
