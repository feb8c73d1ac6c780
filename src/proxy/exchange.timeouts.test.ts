import { expect, test } from "bun:test";
import { answer, bodyOf, GET, get, headerOf, OK, scene, statusOf } from "../../tests/support/proxy-scene.ts";
import { fault } from "../../tests/support/http-manager.ts";

test("the route's timeout begins with the complete request", async () => {
  const { rig, backend } = await scene({ action: { timeout: 1000 } });
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\na");
  await rig.turn();
  await rig.advance(5000);
  expect(client.text).toBe("");
  client.send("b");
  await rig.turn();
  await rig.advance(990);
  expect(client.text).toBe("");
  await rig.advance(20);
  expect(statusOf(client.text)).toBe(504);
  expect(bodyOf(client.take())).toBe("upstream request timeout");
  expect(backend.last.closed).toBe(true);
  expect((await rig.logged())[0]).toStartWith("504 UT response_timeout");
  expect(rig.stat("cluster.app.upstream_rq_timeout")).toBe(1);
  // The connection lives on.
  backend.answer = () => OK;
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  await rig.advance(2000);
  expect(client.ended).toBe(false);
  await rig.finish();
});

test("the route's timeout covers the answer to its end", async () => {
  const { rig, backend } = await scene({ action: { timeout: 1000 } });
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
  await rig.turn();
  await rig.advance(1010);
  expect(client.closed).toBe(true);
  expect(backend.last.closed).toBe(true);
  expect(await rig.logged()).toEqual(["200 UT response_timeout rx=0 tx=5 attempts=1"]);
  await rig.finish();
});

test("a timeout while a connection is waited for", async () => {
  const { rig, backend } = await scene({
    action: { timeout: 1000 },
    cluster: { circuitBreakers: { thresholds: [{ maxConnections: 1 }] } },
  });
  const [busy, waiting] = [await rig.client(), await rig.client()];
  await rig.exchange(busy, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\na");
  await rig.exchange(waiting, GET);
  await rig.advance(1010);
  expect(statusOf(waiting.take())).toBe(504);
  backend.answer = () => OK;
  expect(statusOf(await rig.exchange(busy, "b"))).toBe(200);
  expect(statusOf(await rig.exchange(waiting, GET))).toBe(200);
  await rig.finish();
});

test("a stream on which nothing moves ends: 408 while the request is awaited, 504 while the answer is", async () => {
  const { rig, backend } = await scene({ manager: { streamIdleTimeout: 10_000 } });
  const [sending, waiting, reading] = [await rig.client(), await rig.client(), await rig.client()];
  await rig.exchange(sending, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\na");
  await rig.exchange(waiting, GET);
  await rig.exchange(reading, GET);
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
  await rig.turn();
  for (let i = 0; i < 9; i++) await rig.advance(1000);
  expect(sending.text + waiting.text).toBe("");
  for (let i = 0; i < 4; i++) await rig.advance(1000);
  expect(statusOf(sending.take())).toBe(408);
  expect(sending.ended).toBe(true);
  expect(statusOf(waiting.take())).toBe(504);
  expect(waiting.ended).toBe(false);
  expect(reading.closed).toBe(true);
  expect((await rig.logged()).map((line) => line.split(" ", 3).join(" ")).sort()).toEqual([
    "200 SI stream_idle_timeout",
    "408 SI stream_idle_timeout",
    "504 SI stream_idle_timeout",
  ]);
  await rig.finish();
});

test("a stream on which something moves now and then goes on", async () => {
  const { rig, backend } = await scene({ manager: { streamIdleTimeout: 3000 } });
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
  for (let i = 0; i < 10; i++) {
    await rig.advance(2000);
    backend.last.send(String(i));
    await rig.turn();
  }
  expect(bodyOf(client.take())).toBe("0123456789");
  await rig.finish();
});

test("the route's own idle timeout wins", async () => {
  const { rig } = await scene({ manager: { streamIdleTimeout: 3000 }, action: { idleTimeout: 20_000 } });
  const client = await rig.client();
  await rig.exchange(client, GET);
  for (let i = 0; i < 15; i++) await rig.advance(1000);
  expect(client.text).toBe("");
  for (let i = 0; i < 8; i++) await rig.advance(1000);
  expect(statusOf(client.take())).toBe(504);
  await rig.finish();
});

test("a request that trickles in has a time as a whole", async () => {
  const { rig } = await scene({ manager: { requestTimeout: 5000 } });
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 100\r\n\r\n");
  for (let i = 0; i < 8; i++) {
    client.send("x");
    await rig.advance(1000);
  }
  expect(statusOf(client.take())).toBe(408);
  expect((await rig.logged())[0]).toStartWith("408 - request_overall_timeout");
  await rig.finish();
});

test("a fault's delay is waited for, and ends with the client", async () => {
  const delay = fault({ delay: { fixedDelay: 500, percentage: { numerator: 100 } } });
  const { rig, backend } = await scene({ manager: { filters: [delay] } });
  backend.answer = () => OK;
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\na");
  await rig.turn();
  client.send("b");
  await rig.turn();
  await rig.advance(490);
  expect(backend.connections).toHaveLength(0);
  await rig.advance(20);
  expect(bodyOf(backend.last.text)).toBe("ab");
  expect(statusOf(client.take())).toBe(200);
  client.send(GET);
  await rig.turn();
  client.socket.destroy();
  await rig.turn();
  await rig.advance(1000);
  expect(backend.connections).toHaveLength(1);
  expect((await rig.logged()).map((line) => line.split(" ", 2).join(" "))).toEqual(["200 DI", "0 DI,DC"]);
  await rig.finish();
});

test("a timeout of the request before does not end the one that was pipelined behind it", async () => {
  const policy = { retryOn: "5xx", numRetries: 1, perTryTimeout: 300 };
  const { rig, backend } = await scene({ action: { timeout: 1000, retryPolicy: policy } });
  backend.answer = (text) => (text.includes("/fast") ? answer("fast") : undefined);
  const client = await rig.client();
  client.send(get("/slow") + get("/slow2") + get("/fast"));
  await rig.turn();
  // Both of the first two take their attempts; each has its own time.
  let elapsedMs = 0;
  while ((client.text.match(/HTTP\/1.1 /g) ?? []).length < 3 && elapsedMs < 5000) {
    await rig.advance(10);
    elapsedMs += 10;
  }
  expect(elapsedMs).toBeGreaterThan(1200);
  expect(client.take().match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 504", "HTTP/1.1 504", "HTTP/1.1 200"]);
  await rig.finish();
});

test("what is left of the time is told to the endpoint", async () => {
  const { rig, backend } = await scene({ action: { timeout: 1500 } });
  backend.answer = () => OK;
  await rig.exchange(await rig.client(), GET);
  expect(headerOf(backend.last.text, "x-envoy-expected-rq-timeout-ms")).toEqual(["1500"]);
  await rig.finish();
});
