/** `max_stream_duration`, `grpc-timeout` and `per_try_idle_timeout`. What an Envoy does: tests/e2e/envoy-upgrades.test.ts. */
import { expect, test } from "bun:test";
import { answer, GET, get, headerOf, OK, scene, statusOf } from "../../tests/support/proxy-scene.ts";

const SOME = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome";
const grpc = (timeout: string): string =>
  `POST / HTTP/1.1\r\nHost: app\r\nContent-Type: application/grpc\r\nGrpc-Timeout: ${timeout}\r\nContent-Length: 0\r\n\r\n`;

test("a stream's duration begins with its first byte, and is kept to the tick", async () => {
  const { rig, backend } = await scene({ action: { maxStreamDuration: { maxStreamDuration: 500 } } });
  const [waiting, sending, reading] = [await rig.client(), await rig.client(), await rig.client()];
  await rig.exchange(waiting, GET);
  await rig.exchange(sending, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n\r\nab");
  await rig.exchange(reading, GET);
  backend.last.send(SOME);
  await rig.turn();
  await rig.advance(490);
  expect([waiting.text, sending.text, reading.closed]).toEqual(["", "", false]);
  await rig.advance(20);
  expect([statusOf(waiting.text), statusOf(sending.text), reading.closed]).toEqual([504, 408, true]);
  // Only who was still sending is closed.
  expect([waiting.ended, sending.ended]).toEqual([false, true]);
  backend.answer = () => OK;
  waiting.take();
  expect(statusOf(await rig.exchange(waiting, GET))).toBe(200);
  await rig.advance(1000);
  expect(waiting.ended).toBe(false);
  await rig.finish();
});

test("the connection manager's duration where no route has one", async () => {
  const { rig } = await scene({ manager: { commonHttpProtocolOptions: { maxStreamDuration: 500 } } });
  const client = await rig.client();
  await rig.exchange(client, GET);
  await rig.advance(510);
  expect(statusOf(client.text)).toBe(504);
  await rig.finish();
});

test("grpc-timeout counts where the route asks for it, and the endpoint is told what counts", async () => {
  const { rig, backend } = await scene({ action: { maxStreamDuration: { grpcTimeoutHeaderMax: 2000 } } });
  const client = await rig.client();
  await rig.exchange(client, grpc("300000u"));
  expect(headerOf(backend.last.take(), "grpc-timeout")).toEqual(["300m"]);
  await rig.advance(310);
  expect(headerOf(client.take(), "grpc-status")).toEqual(["4"]);
  await rig.exchange(client, grpc("1H"));
  expect(headerOf(backend.last.take(), "grpc-timeout")).toEqual(["2000m"]);
  await rig.advance(1900);
  expect(client.text).toBe("");
  await rig.advance(110);
  expect(headerOf(client.take(), "grpc-status")).toEqual(["4"]);
  expect(await rig.logged()).toEqual(Array(2).fill("200 - max_duration_timeout rx=0 tx=0 attempts=1"));
  await rig.finish();
});

test("without that it passes untouched", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, grpc("1S"));
  expect(headerOf(backend.last.take(), "grpc-timeout")).toEqual(["1S"]);
  await rig.advance(5000);
  expect(client.text).toBe("");
  backend.last.send(OK);
  await rig.turn();
  await rig.finish();
});

const QUIET = { retryOn: "5xx", numRetries: 1, perTryIdleTimeout: 500 };

test("an attempt that is quiet is tried again; one that trickles is not", async () => {
  const { rig, backend } = await scene({ action: { retryPolicy: QUIET } });
  const client = await rig.client();
  await rig.exchange(client, GET);
  await rig.advance(510);
  expect(backend.connections[0]?.closed).toBe(true);
  await rig.advance(100);
  expect(backend.connections).toHaveLength(2);
  backend.last.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n");
  for (const c of "abc") {
    await rig.turn();
    await rig.advance(450);
    backend.last.send(c);
  }
  await rig.turn();
  await rig.advance(450);
  backend.last.send("d");
  await rig.turn();
  expect(client.take()).toEndWith("abcd");
  expect(rig.stat("cluster.app.upstream_rq_per_try_idle_timeout")).toBe(1);
  // The next request has a quiet time of its own, once it is complete.
  await rig.exchange(client, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\na");
  await rig.advance(2000);
  client.send("b");
  await rig.turn();
  backend.last.send(answer("x"));
  await rig.turn();
  expect(statusOf(client.take())).toBe(200);
  await rig.finish();
});

test("an answer that stalls breaks off", async () => {
  const { rig, backend } = await scene({ action: { retryPolicy: QUIET } });
  const client = await rig.client();
  await rig.exchange(client, get("/"));
  backend.last.send(SOME);
  await rig.turn();
  await rig.advance(510);
  expect(client.closed).toBe(true);
  expect(await rig.logged()).toEqual(["200 UT upstream_per_try_idle_timeout rx=0 tx=4 attempts=1"]);
  await rig.finish();
});

test("max_grpc_timeout: a gRPC call has what it asks for up to that, and the endpoint is told; other requests have the route's", async () => {
  const { rig, backend } = await scene({ action: { timeout: 1000, maxGrpcTimeout: 2000 } });
  const client = await rig.client();
  await rig.exchange(client, grpc("1H"));
  expect(headerOf(backend.last.take(), "grpc-timeout")).toEqual(["2000m"]);
  await rig.advance(1500);
  expect(client.text).toBe("");
  await rig.advance(510);
  expect(headerOf(client.take(), "grpc-status")).toEqual(["14"]);
  await rig.exchange(client, grpc("300m"));
  expect(headerOf(backend.last.take(), "grpc-timeout")).toEqual(["300m"]);
  await rig.advance(310);
  expect(client.take()).toContain("grpc-status");
  await rig.exchange(client, GET);
  await rig.advance(1010);
  expect(statusOf(client.take())).toBe(504);
  await rig.finish();
});
