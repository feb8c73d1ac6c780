import { describe, expect, test } from "bun:test";
import { cxTotal, http, scene, silentClient, tcpTo, TIMEOUT_MS } from "../../tests/support/dial-ahead-scene.ts";
import { chain, limits } from "../../tests/support/proxy-resources.ts";
import { GET, OK, statusOf } from "../../tests/support/proxy-scene.ts";
import { DIAL_AHEAD_AFTER_MS } from "../engine/listener/dial-ahead.ts";

test("an endpoint is called when its client has been silent for a while, and not before", async () => {
  const made = await scene();
  const { rig, backend } = made;
  const client = await rig.client();
  await rig.advance(DIAL_AHEAD_AFTER_MS - 1);
  expect(backend.connections).toHaveLength(0);
  await rig.advance(1);
  expect(backend.connections).toHaveLength(1);
  // Until it speaks nothing is decided.
  expect([cxTotal(made), rig.stat("listener.127.0.0.1_0.downstream_pre_cx_active")]).toEqual([0, 1]);
  backend.last.send("220");
  await rig.turn();
  expect(client.text).toBe("220");
  expect([cxTotal(made), rig.stat("listener.127.0.0.1_0.downstream_pre_cx_active")]).toEqual([1, 0]);
  client.socket.destroy();
  await rig.turn();
  expect(await rig.logged()).toEqual(["1 - in=0 out=3 0"]);
  await rig.finish();
});

test("a client that speaks in time costs one connection, and one timer", async () => {
  const made = await scene();
  const { rig, backend } = made;
  backend.answer = () => OK;
  const timers = rig.clock.pendingTimers;
  const client = await rig.client();
  expect(rig.clock.pendingTimers - timers).toBe(1);
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  await rig.advance(TIMEOUT_MS);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("a process that was busy reads before it thinks that a client is silent", async () => {
  const made = await scene();
  const { rig, backend } = made;
  backend.answer = () => OK;
  const client = await rig.client();
  client.send(GET);
  rig.clock.stall(10 * DIAL_AHEAD_AFTER_MS);
  await rig.advance(0);
  await rig.advance(DIAL_AHEAD_AFTER_MS);
  expect(statusOf(client.take())).toBe(200);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

describe("a client that speaks after its endpoint was called", () => {
  test("in bytes gets that connection, also one that is not open yet", async () => {
    for (const isHeld of [false, true]) {
      const made = await scene();
      const { rig, net, backend } = made;
      net.heldPort = isHeld ? backend.port : 0;
      const client = await silentClient(made);
      client.send("\0bytes");
      await rig.turn();
      expect(cxTotal(made)).toBe(1);
      net.release();
      await rig.turn();
      expect(backend.connections.map(({ text }) => text)).toEqual(["\0bytes"]);
      backend.last.send("answer");
      await rig.turn();
      expect(client.text).toBe("answer");
      await rig.finish();
    }
  });

  test("in HTTP leaves no trace of it but in the cluster's statistics, whatever the endpoint has said", async () => {
    for (const isHeld of [false, true]) {
      const made = await scene();
      const { rig, net, backend } = made;
      net.heldPort = isHeld ? backend.port : 0;
      const client = await silentClient(made);
      net.heldPort = 0;
      backend.answer = () => OK;
      expect(statusOf(await rig.exchange(client, GET))).toBe(200);
      net.release();
      await rig.turn();
      expect(backend.connections.map(({ bytes, closed }) => [bytes > 0, closed])).toEqual(
        isHeld
          ? [
              [true, false],
              [false, true],
            ]
          : [
              [false, true],
              [true, false],
            ],
      );
      expect(rig.stat("cluster.app.upstream_cx_total")).toBe(isHeld ? 1 : 2);
      client.socket.destroy();
      await rig.turn();
      expect([cxTotal(made), await rig.logged()]).toEqual([0, ["http"]]);
      await rig.finish();
    }
  });

  test("in HTTP is not kept from the last place that the circuit breaker gives", async () => {
    for (const isHeld of [false, true]) {
      const made = await scene({ cluster: limits({ maxConnections: 1, maxPendingRequests: 1 }) });
      const { rig, net, backend } = made;
      net.heldPort = isHeld ? backend.port : 0;
      const client = await silentClient(made);
      net.heldPort = 0;
      backend.answer = () => OK;
      expect(statusOf(await rig.exchange(client, GET))).toBe(200);
      expect([...rig.proxy.clusters.clusters.values()].map(({ admission }) => admission.load.connections)).toEqual([1]);
      net.release();
      await rig.finish();
    }
  });

  test("in pieces is heard out, and then hears what was said meanwhile, the end too", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    client.send("GE");
    await rig.turn();
    backend.last.send("who is there?");
    await rig.turn();
    backend.last.socket.end();
    await rig.turn();
    expect([client.text, cxTotal(made)]).toEqual(["", 0]);
    client.send("NERAL\r\n");
    await rig.turn();
    expect([client.text, client.ended, backend.last.text]).toEqual(["who is there?", true, "GENERAL\r\n"]);
    expect(backend.connections).toHaveLength(1);
    await rig.finish();
  });
});

describe("an endpoint that was called for nothing", () => {
  test("since it could not be reached: the client is not told, and it is tried again when its time is over", async () => {
    const made = await scene();
    const { rig, backend } = made;
    backend.listener.close();
    const client = await silentClient(made);
    expect([client.ended, rig.stat("cluster.app.upstream_cx_connect_fail"), cxTotal(made)]).toEqual([false, 1, 0]);
    await rig.advance(TIMEOUT_MS);
    expect([client.ended, rig.stat("cluster.app.upstream_cx_connect_fail"), cxTotal(made)]).toEqual([true, 2, 1]);
    expect((await rig.logged())[0]).toStartWith("1 UF,URX");
    await rig.finish();
  });

  test("since it failed only after the client was taken for bytes: that was the first attempt", async () => {
    for (const [maxConnectAttempts, attempts] of [
      [1, "1 UF,URX"],
      [2, "2 UF,URX"],
    ] as const) {
      const made = await scene({ chains: [http, chain(tcpTo("app", { maxConnectAttempts }))] });
      const { rig, net, backend } = made;
      net.heldPort = backend.port;
      const client = await silentClient(made);
      client.send("\0bytes");
      await rig.turn();
      backend.listener.close();
      net.heldPort = 0;
      net.release();
      await rig.turn();
      expect(client.ended).toBe(true);
      expect((await rig.logged())[0]).toStartWith(attempts);
      await rig.finish();
    }
  });

  test("since it resets: another is called when the time is over", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    backend.last.socket.destroy();
    await rig.turn();
    expect([client.closed, client.ended, cxTotal(made)]).toEqual([false, false, 0]);
    await rig.advance(TIMEOUT_MS);
    expect(backend.connections).toHaveLength(2);
    backend.last.send("220");
    await rig.turn();
    expect(client.text).toBe("220");
    await rig.finish();
  });

  test("since it ends without a word: the client hears of it when its time is over", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    backend.last.socket.end();
    await rig.turn();
    expect([client.ended, cxTotal(made)]).toEqual([false, 0]);
    await rig.advance(TIMEOUT_MS);
    expect([client.ended, cxTotal(made), backend.connections.length]).toEqual([true, 1, 1]);
    await rig.finish();
  });

  test("since it speaks HTTP/2: servers of that send their settings first, and wait for the client", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    const settings = "\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
    backend.last.send(settings);
    await rig.turn();
    expect([client.text, backend.last.closed, cxTotal(made)]).toEqual(["", true, 0]);
    backend.answer = () => OK;
    expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    await rig.finish();
  });

  test("since the client goes away: nothing is left, wherever the call is", async () => {
    for (const goes of ["destroy", "end"] as const)
      for (const isHeld of [false, true]) {
        const made = await scene();
        const { rig, net, backend } = made;
        net.heldPort = isHeld ? backend.port : 0;
        const client = await silentClient(made);
        client.socket[goes]();
        await rig.turn();
        expect([...rig.proxy.clusters.clusters.values()].map(({ admission }) => admission.load.connections)).toEqual([
          0,
        ]);
        net.release();
        await rig.turn();
        expect([backend.open.length, client.closed, cxTotal(made)]).toEqual([0, true, 0]);
        expect(rig.stat("cluster.app.upstream_cx_active")).toBe(0);
        await rig.finish();
      }
  });
});
