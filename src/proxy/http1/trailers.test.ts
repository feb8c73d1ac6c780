/** What follows a chunked body (RFC 9112 §7.1.2) passes where both sides' `enable_trailers` say so, as in Envoy. */
import { describe, expect, test } from "bun:test";
import type { Cluster } from "../../xds/proto/cluster.ts";
import { bodyOf, GET, OK, type SceneOptions, scene, statusOf } from "../../../tests/support/proxy-scene.ts";

const HTTP1 = { enableTrailers: true };
const CLIENTS: SceneOptions = { manager: { httpProtocolOptions: HTTP1 } };
const UPSTREAM: Partial<Cluster> = { httpProtocolOptions: HTTP1 };
const BOTH: SceneOptions = { ...CLIENTS, cluster: UPSTREAM };

const WITH = "2\r\nab\r\n0\r\nX-One: 1\r\nx-two: 2\r\n\r\n";
const WITHOUT = "2\r\nab\r\n0\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n";
const ANSWER = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

describe.each([
  ["by default", {}, WITHOUT],
  ["for clients alone", CLIENTS, WITHOUT],
  ["for the cluster alone", { cluster: UPSTREAM }, WITHOUT],
  ["for both", BOTH, WITH],
] as const)("with trailers enabled %s", (_, options, wanted) => {
  test.each([
    ["at once", POST.length + WITH.length],
    ["byte by byte", 1],
    ["in threes", 3],
  ])("a request %s", async (_, step) => {
    const { rig, backend } = await scene(options);
    const client = await rig.client();
    const request = POST + WITH;
    for (let at = 0; at < request.length; at += step) {
      client.send(request.slice(at, at + step));
      await rig.turn();
    }
    expect(bodyOf(backend.last.take())).toBe(wanted);
    backend.last.send(OK);
    await rig.turn();
    expect(statusOf(client.take())).toBe(200);
    // The connections are good for another.
    expect(bodyOf((await rig.exchange(client, POST + WITH)) + backend.last.take())).toBe(wanted);
    backend.last.send(OK);
    await rig.turn();
    expect(statusOf(client.take())).toBe(200);
    expect(backend.connections).toHaveLength(1);
    await rig.finish();
  });

  test.each([
    ["at once", ANSWER.length + WITH.length],
    ["byte by byte", 1],
    ["in threes", 3],
  ])("an answer %s", async (_, step) => {
    const { rig, backend } = await scene(options);
    const client = await rig.client();
    for (let i = 0; i < 2; i++) {
      await rig.exchange(client, GET);
      const answer = ANSWER + WITH;
      for (let at = 0; at < answer.length; at += step) {
        backend.last.send(answer.slice(at, at + step));
        await rig.turn();
      }
      expect(bodyOf(client.take())).toBe(wanted);
    }
    expect(backend.connections).toHaveLength(1);
    await rig.finish();
  });
});

test("a request that is tried again has its trailers again", async () => {
  const { rig, backend } = await scene({ ...BOTH, action: { retryPolicy: { retryOn: "5xx", numRetries: 1 } } });
  const client = await rig.client();
  await rig.exchange(client, POST + WITH);
  expect(bodyOf(backend.last.take())).toBe(WITH);
  backend.last.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
  await rig.turn();
  await rig.advance(300);
  expect(bodyOf(backend.last.take())).toBe(WITH);
  backend.last.send(OK);
  await rig.turn();
  expect(statusOf(client.take())).toBe(200);
  await rig.finish();
});

test("trailers behind a pipelined request leave the next one alone", async () => {
  const { rig, backend } = await scene(BOTH);
  const client = await rig.client();
  await rig.exchange(client, POST + WITH + GET);
  expect(bodyOf(backend.last.take())).toBe(WITH);
  backend.last.send(OK);
  await rig.turn();
  expect(backend.last.take()).toStartWith("GET / HTTP/1.1\r\n");
  backend.last.send(OK);
  await rig.turn();
  await rig.finish();
});

test("a client of HTTP/1.0 gets none", async () => {
  const { rig, backend } = await scene({
    ...BOTH,
    manager: { httpProtocolOptions: { ...HTTP1, acceptHttp10: true } },
  });
  const client = await rig.client();
  await rig.exchange(client, "GET / HTTP/1.0\r\nHost: app\r\n\r\n");
  backend.last.send(ANSWER + WITH);
  await rig.turn();
  expect(bodyOf(client.take())).toBe("ab");
  await rig.finish();
});

test.each([
  "Content-Length: 3",
  "Transfer-Encoding: chunked",
  "Host: other",
  "Authorization: x",
  "X-Envoy-Internal: 1",
])("the trailer %p is refused, either way, also where trailers are dropped", async (line) => {
  for (const options of [{}, BOTH]) {
    const { rig, backend } = await scene(options);
    const client = await rig.client();
    const body = `2\r\nab\r\n0\r\n${line}\r\n\r\n`;
    expect(statusOf(await rig.exchange(client, POST + body))).toBe(400);
    const other = await rig.client();
    await rig.exchange(other, GET);
    backend.last.send(ANSWER + body);
    await rig.turn();
    expect(other.closed).toBe(true);
    expect((await rig.logged()).map((it) => it.split(" ", 2).join(" "))).toEqual(["400 DPE", "200 UPE"]);
    await rig.finish();
  }
});

test("what gRPC-Web puts into bodies is a body", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(
    client,
    "POST / HTTP/1.1\r\nHost: app\r\nContent-Type: application/grpc-web\r\nContent-Length: 3\r\n\r\nabc",
  );
  const frame = "\x80\0\0\0\x0fgrpc-status:0\r\n";
  backend.last.send(
    `HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\ncontent-length: ${frame.length}\r\n\r\n${frame}`,
  );
  await rig.turn();
  expect(bodyOf(client.take())).toBe(frame);
  await rig.finish();
});
