import { describe, expect, test } from "bun:test";
import { cluster, httpListener, route, routes } from "../../tests/support/proxy-resources.ts";
import { ProxyRig, type RigOptions } from "../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, get, headerOf, OK, statusOf } from "../../tests/support/proxy-scene.ts";
import type { ManualClock } from "../base/manual-clock.ts";
import type { CompiledAction, CompiledOverload, MonitorKind } from "../engine/overload/compile.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { Listener } from "../xds/proto/listener.ts";
import { NO_OVERLOAD } from "./overload.ts";

const REFRESH_MS = 100;

/** A memory of 1000 bytes, and what was asked of it. */
class FakeMemory {
  used = 0;
  shrunk = 0;
  residentBytes = (): number => this.used;
  cgroup = (): { usedBytes: number; limitBytes: number } | undefined => undefined;
  shrink = (): void => void this.shrunk++;
}

const compiledOf = (
  names: readonly CompiledAction["name"][],
  { kind = "heap", full = 0.9 }: { kind?: MonitorKind; full?: number } = {},
): CompiledOverload => ({
  refreshMs: REFRESH_MS,
  monitors: [{ name: "m", kind, limit: 1000 }],
  actions: names.map((name) => ({ name, triggers: [{ monitor: 0, from: 0.9, full }] })),
  maxConnections: Number.POSITIVE_INFINITY,
});

async function scene(compiled: CompiledOverload, options: RigOptions = {}) {
  const memory = new FakeMemory();
  const rig = new ProxyRig({ ...options, overload: { compiled, memory } });
  const backend = await rig.backend(() => OK);
  await rig.apply(Cluster, cluster("app", [backend.port]));
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]) }));
  const pressure = async (bytes: number): Promise<void> => {
    memory.used = bytes;
    await rig.advance(REFRESH_MS);
  };
  return { rig, memory, backend, pressure };
}

describe("under too much load", () => {
  test("new requests are refused before they are routed, on connections that stay; then they are served again", async () => {
    const { rig, backend, pressure } = await scene(compiledOf(["stop_accepting_requests"]));
    const client = await rig.client();
    expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    await pressure(900);
    const shed = await rig.exchange(client, get("/nowhere"));
    expect([statusOf(shed), bodyOf(shed), headerOf(shed, "connection")]).toEqual([503, "envoy overloaded", []]);
    const grpc = await rig.exchange(client, get("/a/b", "content-type: application/grpc"));
    expect([statusOf(grpc), headerOf(grpc, "grpc-status")]).toEqual([200, ["14"]]);
    expect(backend.connections.length).toBe(1);
    await pressure(100);
    expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    expect(rig.stat("http.in.downstream_rq_overload_close")).toBe(2);
    await rig.advance(2000);
    expect(rig.log.filter((line) => line.startsWith("503 OM overload "))).toHaveLength(1);
    await rig.finish();
  });

  test("what is under way ends", async () => {
    const { rig, backend, pressure } = await scene(compiledOf(["stop_accepting_requests"]));
    backend.answer = () => undefined;
    const client = await rig.client();
    client.send(GET);
    await rig.until(() => backend.connections.length > 0);
    await pressure(1000);
    backend.connections[0]?.send(answer("late"));
    await rig.turn();
    expect(bodyOf(client.take())).toBe("late");
    await rig.finish();
  });

  test("a part is shed where the pressure is between two thresholds", async () => {
    let draw = 0;
    const compiled = compiledOf(["stop_accepting_requests"], { full: 1 });
    const { rig, pressure } = await scene(compiled, { random: () => (draw += 0.25) % 1 });
    const client = await rig.client();
    await pressure(950);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push(statusOf(await rig.exchange(client, GET)));
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(1);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(1);
    expect(rig.stat("overload.envoy.overload_actions.stop_accepting_requests.scale_percent")).toBe(50);
    expect(rig.stat("overload.envoy.overload_actions.stop_accepting_requests.active")).toBe(0);
    expect(rig.stat("overload.m.pressure")).toBe(95);
    await rig.finish();
  });

  test("connections end with their answer", async () => {
    const { rig, pressure } = await scene(compiledOf(["disable_http_keepalive"]));
    const client = await rig.client();
    await pressure(950);
    expect(headerOf(await rig.exchange(client, GET), "connection")).toEqual(["close"]);
    expect(rig.stat("http.in.downstream_cx_overload_disable_keepalive")).toBe(1);
    await rig.finish();
  });

  for (const action of ["stop_accepting_connections", "reject_incoming_connections"] as const)
    test(`${action}: new connections are closed at once, those that are open are served`, async () => {
      const { rig, pressure } = await scene(compiledOf([action]));
      const before = await rig.client();
      await pressure(950);
      const late = await rig.client();
      await rig.until(() => late.closed);
      expect(statusOf(await rig.exchange(before, GET))).toBe(200);
      expect(rig.stat("listener.127.0.0.1_0.downstream_cx_overload_reject")).toBe(1);
      await rig.finish();
    });

  test("memory is given back, now and then", async () => {
    const { rig, memory, pressure } = await scene(compiledOf(["shrink_heap"]));
    for (let i = 0; i < 150; i++) await pressure(950);
    expect(memory.shrunk).toBe(2);
    await rig.finish();
  });

  test("connections over the limit are closed, and there is room again when one has gone", async () => {
    const { rig } = await scene({ ...NO_OVERLOAD, maxConnections: 2 });
    const [first, second] = [await rig.client(), await rig.client()];
    const third = await rig.client();
    await rig.until(() => third.closed);
    expect(rig.stat("listener.127.0.0.1_0.downstream_global_cx_overflow")).toBe(1);
    expect(statusOf(await rig.exchange(second, GET))).toBe(200);
    first.socket.destroy();
    await rig.turn();
    expect(statusOf(await rig.exchange(await rig.client(), GET))).toBe(200);
    await rig.finish();
  });

  test("being late counts when it goes on, not when it happens once", async () => {
    const { rig } = await scene(compiledOf(["stop_accepting_requests"], { kind: "eventLoopDelay" }));
    const client = await rig.client();
    const late = async (byMs: number): Promise<void> => {
      lateBy(rig.clock, REFRESH_MS + byMs);
      await rig.turn();
    };
    for (const byMs of [0, 5000, 0, 950]) await late(byMs);
    expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    await late(950);
    expect(statusOf(await rig.exchange(client, GET))).toBe(503);
    await late(0);
    expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    // A turn that is under way, and behind one that was late.
    await late(2000);
    expect(statusOf(await rig.exchange(client, GET))).toBe(200);
    client.send(GET);
    rig.clock.stall(2000);
    await rig.turn();
    expect(statusOf(client.take())).toBe(503);
    await rig.finish();
  });
});

/** Lets time pass during which nothing is done that is due. */
function lateBy(clock: ManualClock, ms: number): void {
  clock.stall(ms);
  clock.advance(0);
}
