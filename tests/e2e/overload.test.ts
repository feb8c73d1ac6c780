/**
 * A proxy that gets more work than it can do: without shedding nearly every answer comes too late; with it, most of what can
 * be done is done in time.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Route } from "../../src/xds/proto/route.ts";
import { cluster, httpListener, LOOPBACK, route, routes } from "../support/proxy-resources.ts";
import { StaticProxy } from "./support/static-proxy.ts";
import { requests, traffic } from "./support/traffic.ts";

const LIMIT_MS = 90_000;
/** Routes that a request is held against before one fits, by a pattern on a long header: most of what it costs. */
const ROUTES = 250;
const HEADERS = { "x-case": "a-".repeat(2000) };
/** How much more is offered than can be done, and how many answers may wait: in deadlines. */
const TIMES = 4;
const SECONDS = 2;

const MANAGER = {
  refresh_interval: "0.05s",
  resource_monitors: [
    {
      name: "delay",
      typed_config: { "@type": "type.googleapis.com/tulle.overload.v1.EventLoopDelayConfig", max_delay: "0.04s" },
    },
  ],
  actions: [
    {
      name: "envoy.overload_actions.stop_accepting_requests",
      triggers: [{ name: "delay", scaled: { scaling_threshold: 0.25, saturation_threshold: 1 } }],
    },
  ],
};

const heavy = (i: number): Route => ({
  match: { prefix: "/", headers: [{ name: "x-case", stringMatch: { safeRegex: { regex: `.*[a-z]{2}${i}$` } } }] },
  route: { cluster: "app" },
});

async function start(app: number, manager: object): Promise<StaticProxy> {
  const proxy = new StaticProxy({
    listeners: (portValue) => [
      httpListener(
        { routeConfig: routes([...Array.from({ length: ROUTES }, (_, i) => heavy(i)), route("app")]), accessLog: [] },
        { address: { socketAddress: { address: LOOPBACK, portValue } } },
      ),
    ],
    clusters: [cluster("app", [app])],
    more: { overload_manager: manager },
  });
  return proxy.ready();
}

/** In parts of what the proxy can do. */
interface Goodput {
  readonly cost: number;
  readonly inTime: number;
  readonly shed: number;
}

describe("more work than a proxy can do", () => {
  let app: Bun.Server<undefined>;
  beforeAll(() => void (app = Bun.serve({ hostname: LOOPBACK, port: 0, fetch: () => new Response("ok") })));
  afterAll(() => void app.stop(true));

  /** How long one request takes when there is nothing else to do. */
  async function costMs(proxy: StaticProxy): Promise<number> {
    const one = (count: number) => requests(count, proxy.url, { connections: 1, headers: HEADERS });
    await one(200);
    const { elapsedMs } = await one(200);
    return elapsedMs / 200;
  }

  async function goodput(manager: object): Promise<Goodput> {
    const proxy = await start(app.port as number, manager);
    try {
      const cost = await costMs(proxy);
      const timeoutMs = Math.max(300, 50 * cost);
      const connections = Math.min(1000, Math.ceil((TIMES * timeoutMs) / cost));
      const pace = { t: "rate", perSecond: Math.ceil((TIMES * 1000) / cost), durationMs: SECONDS * 1000 } as const;
      const { tally } = await traffic(proxy.url, pace, { connections, timeoutMs, headers: HEADERS }).done;
      const possible = (SECONDS * 1000) / cost;
      const shed = tally.statuses.get(503) ?? 0;
      return { cost, inTime: (tally.statuses.get(200) ?? 0) / possible, shed: shed / possible };
    } finally {
      await proxy.stop();
    }
  }

  test(
    "is shed, and what is left is done in time",
    async () => {
      const without = await goodput({});
      const withShedding = await goodput(MANAGER);
      console.log(`of what can be done, done in time: ${JSON.stringify({ without, withShedding })}`);
      expect(without.shed).toBe(0);
      expect(withShedding.shed).toBeGreaterThan(0);
      expect(withShedding.inTime).toBeGreaterThan(0);
      // Work that is done in time, together with clients that need not wait to hear that theirs is not.
      expect(withShedding.inTime + withShedding.shed).toBeGreaterThan(2 * without.inTime);
    },
    LIMIT_MS,
  );
});
