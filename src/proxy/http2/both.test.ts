/** HTTP/2 on both sides. */
import { describe, expect, test } from "bun:test";
import { get2, grpc2, Http2Backend, http2Client, OK2, post2 } from "../../../tests/support/http2-peers.ts";
import {
  cluster,
  httpListener,
  httpOptions,
  limits,
  type ManagerOptions,
  retries,
  route,
  routes,
  speaksHttp2,
} from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import type { SessionOptions } from "../../wire/http2/options.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { Listener } from "../../xds/proto/listener.ts";
import type { Route } from "../../xds/proto/route.ts";

interface Options {
  readonly manager?: ManagerOptions;
  readonly cluster?: Partial<Cluster>;
  readonly action?: Route["route"];
  readonly session?: SessionOptions;
}

async function http2Scene(options: Options = {}) {
  const rig = new ProxyRig();
  const backend = await Http2Backend.start(rig, options.session);
  await rig.apply(Cluster, cluster("app", [backend.port], options.cluster ?? speaksHttp2()));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app", options.action)]), ...options.manager }));
  const client = await http2Client(rig);
  const finish = async (): Promise<void> => {
    client.socket.destroy();
    await rig.turn();
    backend.stop();
    await rig.turn();
    await rig.finish();
  };
  return { rig, backend, client, finish };
}

describe("HTTP/2 on both sides", () => {
  test("a gRPC call: head, message, trailers; its status is logged and counted", async () => {
    const { rig, backend, client, finish } = await http2Scene({ manager: { logFormat: "%GRPC_STATUS% %PROTOCOL%\n" } });
    backend.answer = (call) =>
      call
        .answer([...OK2, "content-type", "application/grpc"])
        .send("reply")
        .end(["grpc-status", "5", "grpc-message", "gone"]);
    const call = client.call(grpc2("/s/m"), false).send("message");
    call.end();
    await rig.turn();
    expect([call.status, call.text, call.trailers]).toEqual([
      200,
      "reply",
      ["grpc-status", "5", "grpc-message", "gone"],
    ]);
    expect([backend.calls[0]?.text, backend.calls[0]?.field("te")]).toEqual(["message", "trailers"]);
    expect(await rig.logged()).toEqual(["NotFound HTTP/2"]);
    expect(rig.stat("http.in.downstream_rq_http2_total")).toBe(1);
    expect(rig.stat("cluster.app.upstream_cx_http2_total")).toBe(1);
    await finish();
  });

  test("an answer of trailers alone", async () => {
    const { rig, backend, client, finish } = await http2Scene({ manager: { logFormat: "%GRPC_STATUS(NUMBER)%\n" } });
    backend.answer = (call) => call.answer([...OK2, "content-type", "application/grpc", "grpc-status", "7"], true);
    const call = client.call(grpc2("/s/m"));
    await rig.turn();
    expect([call.field("grpc-status"), call.ended]).toEqual(["7", true]);
    expect(await rig.logged()).toEqual(["7"]);
    await finish();
  });

  test("messages of a stream pass one by one, both ways at once", async () => {
    const { rig, backend, client, finish } = await http2Scene();
    const call = client.call(grpc2("/s/m"), false).send("one");
    await rig.turn();
    const [served] = backend.calls;
    served?.answer(OK2).send("ONE");
    await rig.turn();
    expect([served?.text, call.text]).toEqual(["one", "ONE"]);
    call.send("two").end(["x-last", "1"]);
    await rig.turn();
    expect([served?.text, served?.trailers]).toEqual(["onetwo", ["x-last", "1"]]);
    served?.send("TWO").end(["grpc-status", "0"]);
    await rig.turn();
    expect([call.text, call.trailers]).toEqual(["ONETWO", ["grpc-status", "0"]]);
    await finish();
  });

  test("trailers follow a body whose length was told, too", async () => {
    const { rig, backend, client, finish } = await http2Scene();
    const call = client.call([...grpc2("/s/m"), "content-length", "3"], false).send("one");
    call.end(["x-last", "1"]);
    await rig.turn();
    const [served] = backend.calls;
    expect([served?.text, served?.trailers]).toEqual(["one", ["x-last", "1"]]);
    served
      ?.answer([...OK2, "content-length", "3"])
      .send("ONE")
      .end(["grpc-status", "0"]);
    await rig.turn();
    expect([call.text, call.trailers]).toEqual(["ONE", ["grpc-status", "0"]]);
    await finish();
  });

  test("a hundred calls over one connection, answered in any order", async () => {
    const { rig, backend, client, finish } = await http2Scene();
    const calls = Array.from({ length: 100 }, (_, i) => client.call(get2(`/${i}`)));
    await rig.turn();
    for (const served of backend.calls.toReversed())
      served
        .answer(OK2)
        .send(served.field(":path") ?? "")
        .end();
    await rig.turn();
    expect(calls.map(({ text }) => text)).toEqual(calls.map((_, i) => `/${i}`));
    expect(backend.connections).toHaveLength(1);
    await finish();
  });

  test("what one event causes leaves in one write", async () => {
    const { rig, backend, client, finish } = await http2Scene();
    const warm = client.call(get2("/warm"));
    await rig.turn();
    const writes: number[] = [];
    const [peer] = backend.connections;
    const receive = peer?.onData.bind(peer);
    if (peer !== undefined && receive !== undefined)
      peer.onData = (chunk) => {
        writes.push(chunk.length);
        receive(chunk);
      };
    for (let i = 0; i < 10; i++) client.session.request(get2(`/${i}`), true, warm);
    client.flush();
    await rig.turn();
    expect(writes).toHaveLength(1);
    await finish();
  });

  test("a slow reader holds up its own stream alone, and the proxy holds no more than its window", async () => {
    const { rig, backend, client, finish } = await http2Scene({
      session: { settings: { initialWindowBytes: 1 << 20 }, connectionWindowBytes: 1 << 24 },
    });
    const [slow, quick] = [client.call(get2("/slow")), client.call(get2("/quick"))];
    slow.reads = false;
    await rig.turn();
    const large = "x".repeat(2_000_000);
    for (const served of backend.calls) served.answer(OK2).send(large).end();
    await rig.until(() => quick.ended);
    for (let i = 0; i < 20; i++) await rig.turn();
    expect(quick.bytes).toBe(large.length);
    expect(slow.ended).toBe(false);
    expect(slow.bytes).toBeLessThan(600_000);
    slow.read();
    await rig.until(() => slow.ended);
    expect(slow.bytes).toBe(large.length);
    await finish();
  });

  test("a slow endpoint holds up its own stream alone", async () => {
    const { rig, backend, client, finish } = await http2Scene();
    backend.begin = (call) => void (call.reads = call.field(":path") !== "/slow");
    backend.answer = (call) => call.answer(OK2, true);
    const large = "x".repeat(2_000_000);
    const [slow, quick] = [client.call(post2("/slow"), false), client.call(post2("/quick"), false)];
    for (const call of [slow, quick]) call.send(large).end();
    await rig.until(() => quick.ended);
    for (let i = 0; i < 20; i++) await rig.turn();
    expect(backend.calls[0]?.bytes).toBeLessThan(600_000);
    // The rest is still the client's: the proxy takes a window of it and no more.
    expect(slow.unsentBytes).toBeGreaterThan(1_000_000);
    backend.calls[0]?.read();
    await rig.until(() => slow.ended);
    expect(backend.calls.map(({ bytes }) => bytes)).toEqual([large.length, large.length]);
    await finish();
  });

  test("cancelling passes on, either way", async () => {
    const { rig, backend, client, finish } = await http2Scene();
    const [ours, theirs] = [client.call(grpc2("/a"), false), client.call(grpc2("/b"), false)];
    await rig.turn();
    ours.cancel(8);
    backend.calls[1]?.answer(OK2).send("x");
    backend.calls[1]?.cancel(2);
    await rig.turn();
    expect(backend.calls[0]?.reset?.code).toBe(8);
    expect([theirs.text, theirs.reset?.code]).toEqual(["x", 2]);
    expect(rig.stat("http.in.downstream_rq_rx_reset")).toBe(1);
    expect(rig.stat("cluster.app.upstream_rq_tx_reset")).toBe(1);
    await finish();
  });

  test("more streams than the endpoint takes wait for room", async () => {
    const { rig, backend, client, finish } = await http2Scene({
      session: { settings: { maxConcurrentStreams: 2 } },
      cluster: { ...speaksHttp2(), ...limits({ maxConnections: 1 }) },
    });
    client.call(get2("/warm"));
    await rig.turn();
    backend.calls[0]?.answer(OK2, true);
    await rig.turn();
    const calls = Array.from({ length: 5 }, (_, i) => client.call(get2(`/${i}`)));
    await rig.turn();
    expect(backend.calls).toHaveLength(3);
    backend.answer = (call) => call.answer(OK2, true);
    for (const served of backend.calls.slice(1)) served.answer(OK2, true);
    await rig.until(() => calls.every(({ ended }) => ended));
    expect(backend.connections).toHaveLength(1);
    await finish();
  });

  test("a connection has its number of requests; then another takes over", async () => {
    const { rig, backend, client, finish } = await http2Scene({
      cluster: {
        typedExtensionProtocolOptions: httpOptions({
          explicitHttpConfig: { http2ProtocolOptions: {} },
          commonHttpProtocolOptions: { maxRequestsPerConnection: 2 },
        }),
      },
    });
    backend.answer = (call) => call.answer(OK2, true);
    for (let i = 0; i < 5; i++) {
      const call = client.call(get2("/"));
      await rig.turn();
      expect(call.status).toBe(200);
    }
    expect(backend.connections.map(({ calls }) => calls.length)).toEqual([2, 2, 1]);
    const calls = Array.from({ length: 4 }, () => client.call(get2("/")));
    await rig.until(() => calls.every(({ ended }) => ended));
    expect(backend.connections.map((it) => it.calls.length)).toEqual([2, 2, 2, 2, 1]);
    await finish();
  });

  test("retries: of refused streams by policy, of statuses of gRPC", async () => {
    const { rig, backend, client, finish } = await http2Scene({
      action: { retryPolicy: retries("unavailable,refused-stream", { numRetries: 2 }) },
    });
    let tries = 0;
    backend.answer = (call) => {
      tries++;
      if (tries === 1) call.answer([...OK2, "grpc-status", "14"], true);
      else if (tries === 2) call.cancel(7);
      else call.answer([...OK2, "grpc-status", "0"], true);
    };
    const call = client.call(grpc2("/s/m"), false).send("message");
    call.end();
    await rig.turn();
    for (let i = 0; i < 10; i++) await rig.advance(100);
    expect([tries, call.field("grpc-status"), backend.calls.map(({ text }) => text)]).toEqual([
      3,
      "0",
      ["message", "message", "message"],
    ]);
    await finish();
  });

  test("the protocol of the client is that of the endpoint, where the cluster says so", async () => {
    const { rig, backend, client, finish } = await http2Scene({
      cluster: { typedExtensionProtocolOptions: httpOptions({ useDownstreamProtocolConfig: {} }) },
    });
    backend.answer = (call) => call.answer(OK2, true);
    const call = client.call(get2("/"));
    await rig.turn();
    expect(call.status).toBe(200);
    await finish();
  });
});
