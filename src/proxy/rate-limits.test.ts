import { describe, expect, test } from "bun:test";
import { LocalRateLimit } from "../xds/proto/filter-local-rate-limit.ts";
import { NetworkLocalRateLimit } from "../xds/proto/filter-network-rate-limit.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { Listener } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import { chain, cluster, httpListener, listener, route, routes } from "../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../tests/support/proxy-rig.ts";
import { get, headerOf, OK, scene, statusOf } from "../../tests/support/proxy-scene.ts";

const ALWAYS = { defaultValue: { numerator: 100 } };
const LIMIT: LocalRateLimit = {
  statPrefix: "rl",
  tokenBucket: { maxTokens: 2, tokensPerFill: 1, fillInterval: 1000 },
  filterEnabled: ALWAYS,
  filterEnforced: ALWAYS,
};
const filter = (over: Partial<LocalRateLimit> = {}): HttpFilter => ({
  name: "limit",
  typedConfig: pack(LocalRateLimit, { ...LIMIT, ...over }),
});
const perRoute = (over: Partial<LocalRateLimit> = {}) => ({
  limit: pack(LocalRateLimit, { ...LIMIT, ...over }),
});

describe("local rate limit", () => {
  test("what is beyond it is answered with 429, logged with RL and counted", async () => {
    const { rig, backend } = await scene({
      manager: {
        filters: [filter({ responseHeadersToAdd: [{ header: { key: "x-limited", value: "%REQ(:PATH)%" } }] })],
      },
    });
    backend.answer = () => OK;
    const client = await rig.client();
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push(statusOf(await rig.exchange(client, get("/"))));
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await rig.exchange(client, get("/x"));
    expect(refused).toEndWith("\r\n\r\nlocal_rate_limited");
    expect(headerOf(refused, "x-limited")).toEqual(["/x"]);
    await rig.advance(1000);
    expect(statusOf(await rig.exchange(client, get("/")))).toBe(200);
    const stats = ["enabled", "ok", "rate_limited", "enforced"].map((name) =>
      rig.stat(`rl.http_local_rate_limit.${name}`),
    );
    expect(stats).toEqual([5, 3, 2, 2]);
    expect((await rig.logged()).filter((line) => line.startsWith("429 RL local_rate_limited"))).toHaveLength(2);
    await rig.finish();
  });

  test("gRPC clients are told in their own way", async () => {
    const { rig } = await scene({
      manager: {
        filters: [
          filter({ tokenBucket: { maxTokens: 1, fillInterval: 3_600_000 }, rateLimitedAsResourceExhausted: true }),
        ],
      },
    });
    const client = await rig.client();
    await rig.exchange(client, get("/"));
    const other = await rig.client();
    const answer = await rig.exchange(other, get("/", "content-type: application/grpc"));
    expect([statusOf(answer), headerOf(answer, "grpc-status")]).toEqual([200, ["8"]]);
    await rig.finish();
  });

  test("x-ratelimit headers tell of the bucket, on good answers and on others", async () => {
    const { rig, backend } = await scene({
      manager: {
        filters: [
          filter({
            enableXRatelimitHeaders: "DRAFT_VERSION_03",
            tokenBucket: { maxTokens: 1, tokensPerFill: 1, fillInterval: 4000 },
          }),
        ],
      },
    });
    backend.answer = () => OK;
    const client = await rig.client();
    const told = (text: string): readonly string[] =>
      ["limit", "remaining", "reset"].flatMap((what) => headerOf(text, `x-ratelimit-${what}`));
    expect(told(await rig.exchange(client, get("/")))).toEqual(["1", "0", "4"]);
    await rig.advance(1500);
    expect(told(await rig.exchange(client, get("/")))).toEqual(["1", "0", "2"]);
    await rig.finish();
  });

  test("not enforced, requests go on with the headers that say so", async () => {
    const { rig, backend } = await scene({
      manager: {
        filters: [
          filter({
            filterEnforced: undefined,
            requestHeadersToAddWhenNotEnforced: [{ header: { key: "x-over", value: "yes" } }],
          }),
        ],
      },
    });
    const over: boolean[] = [];
    backend.answer = (text) => {
      over.push(/x-over: yes/i.test(text));
      return OK;
    };
    const client = await rig.client();
    for (let i = 0; i < 3; i += 1) await rig.exchange(client, get("/"));
    expect(over).toEqual([false, false, true]);
    expect(rig.stat("rl.http_local_rate_limit.rate_limited")).toBe(1);
    expect(rig.stat("rl.http_local_rate_limit.enforced")).toBe(0);
    await rig.finish();
  });

  test("a virtual host's limit is one for all its routes, by what their rate_limits say", async () => {
    const { rig, backend } = await scene({
      manager: { filters: [filter({ tokenBucket: undefined })] },
      host: {
        typedPerFilterConfig: perRoute({
          tokenBucket: { maxTokens: 100, fillInterval: 1000 },
          descriptors: [
            { entries: [{ key: "user", value: "ann" }], tokenBucket: { maxTokens: 1, fillInterval: 60_000 } },
          ],
        }),
        rateLimits: [{ actions: [{ requestHeaders: { headerName: "x-user", descriptorKey: "user" } }] }],
      },
    });
    backend.answer = () => OK;
    const client = await rig.client();
    const status = async (user: string): Promise<number> =>
      statusOf(await rig.exchange(client, get("/", `x-user: ${user}`)));
    expect([await status("ann"), await status("bob"), await status("ann"), await status("bob")]).toEqual([
      200, 200, 429, 200,
    ]);
    await rig.finish();
  });

  test("each connection may have buckets of its own", async () => {
    const { rig, backend } = await scene({
      manager: { filters: [filter({ localRateLimitPerDownstreamConnection: true })] },
    });
    backend.answer = () => OK;
    for (let i = 0; i < 2; i += 1) {
      const client = await rig.client();
      const statuses: number[] = [];
      for (let j = 0; j < 3; j += 1) statuses.push(statusOf(await rig.exchange(client, get("/"))));
      expect(statuses).toEqual([200, 200, 429]);
    }
    await rig.finish();
  });
});

test("of TCP connections only so many are let in", async () => {
  const rig = new ProxyRig();
  const backend = await rig.backend(() => "pong");
  await rig.apply(Cluster, cluster("app", [backend.port]));
  const limit = { statPrefix: "tcp", tokenBucket: { maxTokens: 1, fillInterval: 1000 } };
  const filters = chain(
    { name: "limit", typedConfig: pack(NetworkLocalRateLimit, limit) },
    { name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: "t", cluster: "app" }) },
  );
  await rig.apply(Listener, listener([filters]));
  const first = await rig.client();
  expect(await rig.exchange(first, "ping")).toBe("pong");
  const second = await rig.client();
  await rig.turn();
  expect(second.ended || second.closed).toBe(true);
  expect(rig.stat("local_rate_limit.tcp.rate_limited")).toBe(1);
  await rig.advance(1000);
  const third = await rig.client();
  expect(await rig.exchange(third, "ping")).toBe("pong");
  await rig.finish();
});

describe("a listener that changes", () => {
  const tcp = (statPrefix: string) => ({ name: "tcp", typedConfig: pack(TcpProxy, { statPrefix, cluster: "app" }) });

  test("leaves the buckets of the chains that do not", async () => {
    const { rig, backend } = await scene({ manager: { filters: [filter()] } });
    backend.answer = () => OK;
    const client = await rig.client();
    const status = async (): Promise<number> => statusOf(await rig.exchange(client, get("/")));
    expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
    const same = httpListener({ routeConfig: routes([route("app")]), filters: [filter()] });
    await rig.apply(Listener, { ...same, defaultFilterChain: chain(tcp("other")) });
    expect(await status()).toBe(429);
    // What its limit is now counts from now on.
    const more = filter({ tokenBucket: { maxTokens: 1, fillInterval: 60_000 } });
    await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]), filters: [more] }));
    expect([await status(), await status()]).toEqual([200, 429]);
    // As in Envoy, all begins anew when it is the listener itself that changes.
    const anew = httpListener({ routeConfig: routes([route("app")]), filters: [more] });
    await rig.apply(Listener, { ...anew, perConnectionBufferLimitBytes: 5000 });
    expect([await status(), await status()]).toEqual([200, 429]);
    await rig.finish();
  });

  test("lets in no more connections for it", async () => {
    const rig = new ProxyRig();
    const backend = await rig.backend(() => "pong");
    await rig.apply(Cluster, cluster("app", [backend.port]));
    const limit = { statPrefix: "tcp", tokenBucket: { maxTokens: 1, fillInterval: 1000 } };
    const filters = chain({ name: "limit", typedConfig: pack(NetworkLocalRateLimit, limit) }, tcp("t"));
    await rig.apply(Listener, listener([filters]));
    expect(await rig.exchange(await rig.client(), "ping")).toBe("pong");
    await rig.apply(Listener, listener([filters], { defaultFilterChain: chain(tcp("other")) }));
    const second = await rig.client();
    await rig.turn();
    expect(second.ended || second.closed).toBe(true);
    await rig.finish();
  });
});
