/**
 * Limits that are configured under Envoy's names, at work. See docs/limits.md.
 */
import { describe, expect, test } from "bun:test";
import {
  cluster,
  httpListener,
  limits,
  type ManagerOptions,
  retries,
  route,
  routes,
} from "../../tests/support/proxy-resources.ts";
import { type Peer, ProxyRig } from "../../tests/support/proxy-rig.ts";
import { bodyOf, GET, get, headerOf, OK, post, statusOf } from "../../tests/support/proxy-scene.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { Listener } from "../xds/proto/listener.ts";
import type { Route } from "../xds/proto/route.ts";

interface SceneOptions {
  readonly manager?: ManagerOptions;
  readonly listener?: Partial<Listener>;
  readonly cluster?: Partial<Cluster>;
  readonly routes?: readonly Route[];
  readonly answer?: (text: string, peer: Peer) => string | undefined;
}

async function scene(options: SceneOptions = {}) {
  const rig = new ProxyRig();
  const backend = await rig.backend(options.answer ?? (() => OK));
  await rig.apply(Cluster, cluster("app", [backend.port], options.cluster));
  const routeConfig = routes(options.routes ?? [route("app")]);
  await rig.apply(Listener, httpListener({ routeConfig, ...options.manager }, options.listener));
  return { rig, backend, client: await rig.client() };
}

/** Lets whole seconds pass, as the slow timeouts are looked after. */
async function seconds(rig: ProxyRig, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await rig.advance(1000);
}

describe("delayed_close_timeout", () => {
  const CLOSE = get("/", "connection: close");

  test("a client has so long to close behind the last answer", async () => {
    const { rig, client } = await scene({ manager: { delayedCloseTimeout: 5000 } });
    await rig.exchange(client, CLOSE);
    await seconds(rig, 4);
    expect([client.ended, rig.proxy.listeners.connectionCount]).toEqual([true, 1]);
    await seconds(rig, 3);
    expect(rig.proxy.listeners.connectionCount).toBe(0);
    await rig.finish();
  });

  test("0 closes at once, behind the whole answer", async () => {
    const { rig, client } = await scene({ manager: { delayedCloseTimeout: 0 } });
    expect(bodyOf(await rig.exchange(client, CLOSE))).toBe("ok");
    expect(rig.proxy.listeners.connectionCount).toBe(0);
    await rig.finish();
  });
});

describe("per_try_idle_timeout", () => {
  test("an attempt that stays without a byte is given up, and tried again where the policy says so", async () => {
    let asked = 0;
    const { rig, client } = await scene({
      routes: [route("app", { retryPolicy: retries("5xx", { perTryIdleTimeout: 3000 }) })],
      answer: () => (++asked === 1 ? undefined : OK),
    });
    client.send(GET);
    await seconds(rig, 3);
    expect(asked).toBe(1);
    await seconds(rig, 5);
    expect([asked, statusOf(client.take())]).toEqual([2, 200]);
    expect(rig.stat("cluster.app.upstream_rq_per_try_idle_timeout")).toBe(1);
    await rig.finish();
  });

  test("answers 504 UT where no attempt is left", async () => {
    const { rig, client } = await scene({
      routes: [route("app", { retryPolicy: retries("connect-failure", { perTryIdleTimeout: 2000 }) })],
      answer: () => undefined,
    });
    client.send(GET);
    await seconds(rig, 7);
    expect(statusOf(client.take())).toBe(504);
    expect(rig.log[0]).toContain("UT upstream_per_try_idle_timeout");
    await rig.finish();
  });
});

describe("priority: HIGH", () => {
  const both = (name: string): Partial<Cluster> => ({
    name,
    circuitBreakers: {
      thresholds: [
        { priority: "DEFAULT", maxRequests: 1 },
        { priority: "HIGH", maxRequests: 2 },
      ],
    },
  });
  const prioritized = [
    { ...route("app", { priority: "HIGH" }), match: { prefix: "/high" } } satisfies Route,
    route("app"),
  ];

  test("has circuit breakers of its own", async () => {
    const held: Peer[] = [];
    const { rig } = await scene({
      cluster: both("app"),
      routes: prioritized,
      answer: (_, peer) => void held.push(peer),
    });
    const ask = async (path: string): Promise<Peer> => {
      const client = await rig.client();
      client.send(get(path));
      await rig.turn();
      return client;
    };
    const [low, lowOver] = [await ask("/"), await ask("/")];
    const [high, second, highOver] = [await ask("/high"), await ask("/high"), await ask("/high")];
    expect([lowOver, highOver].map((client) => statusOf(client.take()))).toEqual([503, 503]);
    expect(held.length).toBe(3);
    for (const peer of held) peer.send(OK);
    await rig.turn();
    expect([low, high, second].map((client) => statusOf(client.take()))).toEqual([200, 200, 200]);
    expect(rig.stat("cluster.app.upstream_rq_pending_overflow")).toBe(2);
    await rig.finish();
  });
});

describe("per_host_thresholds", () => {
  test("an endpoint gets so many connections; who finds none waits", async () => {
    const held: Peer[] = [];
    const { rig, backend } = await scene({
      cluster: { circuitBreakers: { perHostThresholds: [{ maxConnections: 2 }] } },
      answer: (_, peer) => void held.push(peer),
    });
    const clients = [await rig.client(), await rig.client(), await rig.client()];
    for (const client of clients) client.send(GET);
    await rig.turn();
    expect(backend.connections.length).toBe(2);
    for (const peer of held.splice(0)) peer.send(OK);
    await rig.turn();
    for (const peer of held) peer.send(OK);
    await rig.turn();
    expect(clients.map((client) => statusOf(client.take()))).toEqual([200, 200, 200]);
    await rig.finish();
  });
});

describe("per_connection_buffer_limit_bytes", () => {
  const failing = (limit: number) =>
    scene({
      listener: { perConnectionBufferLimitBytes: limit },
      routes: [route("app", { retryPolicy: retries("5xx") })],
      answer: () => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    });

  test("a body within it is sent again, a larger one is not", async () => {
    const small = await failing(100);
    small.client.send(post("x".repeat(90)));
    await small.rig.advance(100);
    expect(small.rig.stat("cluster.app.upstream_rq_retry")).toBe(1);
    await small.rig.finish();
    const large = await failing(100);
    large.client.send(post("x".repeat(200)));
    await large.rig.advance(100);
    expect(large.rig.stat("cluster.app.upstream_rq_retry")).toBe(0);
    expect(statusOf(large.client.take())).toBe(503);
    await large.rig.finish();
  });
});

describe("max_requests of a circuit breaker", () => {
  test("is for each priority what it is by default", async () => {
    const { rig, client } = await scene({ cluster: limits({ maxRequests: 0 }) });
    const refused = await rig.exchange(client, GET);
    expect([statusOf(refused), headerOf(refused, "x-envoy-overloaded")]).toEqual([503, ["true"]]);
    await rig.finish();
  });
});
