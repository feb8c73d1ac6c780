/**
 * A real Envoy and our proxy from one bootstrap: which connections are let in, and which requests of descriptors that documents do
 * not write: of virtual hosts, by query, address and missing headers.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import { LocalRateLimit } from "../../src/xds/proto/filter-local-rate-limit.ts";
import { NetworkLocalRateLimit } from "../../src/xds/proto/filter-network-rate-limit.ts";
import { Router } from "../../src/xds/proto/filter-router.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import type { Listener, NetworkFilter } from "../../src/xds/proto/listener.ts";
import type { RateLimitAction } from "../../src/xds/proto/route-rate-limit.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });
const bucket = (maxTokens: number) => ({ maxTokens, fillInterval: 3_600_000 });
const ALWAYS = { defaultValue: { numerator: 100 } };
const limit = (over: Partial<LocalRateLimit>): LocalRateLimit => ({
  statPrefix: "l",
  tokenBucket: bucket(100),
  filterEnabled: ALWAYS,
  filterEnforced: ALWAYS,
  ...over,
});

const header: RateLimitAction = { requestHeaders: { headerName: "x-user", descriptorKey: "user" } };
const optional: RateLimitAction = {
  requestHeaders: { headerName: "x-team", descriptorKey: "team", skipIfAbsent: true },
};
const fixed: RateLimitAction = { genericKey: { descriptorValue: "g" } };
const query: RateLimitAction = {
  queryParameterValueMatch: {
    descriptorValue: "q",
    queryParameters: [{ name: "a", stringMatch: { exact: "b" } }],
  },
};
const masked: RateLimitAction = { maskedRemoteAddress: { v4PrefixMaskLen: 12 } };

const DESCRIPTORS: NonNullable<LocalRateLimit["descriptors"]> = [
  { entries: [{ key: "user", value: "ann" }], tokenBucket: bucket(2) },
  { entries: [{ key: "generic_key", value: "g" }, { key: "team" }], tokenBucket: bucket(1) },
  { entries: [{ key: "query_match", value: "q" }], tokenBucket: bucket(1) },
  { entries: [{ key: "masked_remote_address", value: "127.0.0.0/12" }], tokenBucket: bucket(3) },
];

/** By the path: what its requests count as, and how the filter is overridden. */
const ROUTES: Readonly<
  Record<string, { readonly actions?: readonly RateLimitAction[]; readonly over?: Partial<LocalRateLimit> }>
> = {
  inherited: {},
  own: { actions: [query] },
  included: { actions: [query], over: { descriptors: DESCRIPTORS, vhRateLimits: "INCLUDE" } },
  ignored: { over: { descriptors: DESCRIPTORS, vhRateLimits: "IGNORE", tokenBucket: bucket(2) } },
  optional: { actions: [fixed, optional] },
  masked: { actions: [masked] },
  apart: {
    actions: [query],
    over: { descriptors: DESCRIPTORS, alwaysConsumeDefaultTokenBucket: false, tokenBucket: bucket(1) },
  },
};

function bootstrapText(ports: { admin: number; http: number; tcp: number; backend: number }): string {
  const routes = Object.entries(ROUTES).map(([name, { actions, over }]) => ({
    match: { prefix: `/${name}` },
    route: { cluster: "backend", rateLimits: actions === undefined ? [] : [{ actions }] },
    ...(over === undefined ? {} : { typedPerFilterConfig: { limit: pack(LocalRateLimit, limit(over)) } }),
  }));
  const manager: HttpConnectionManager = {
    statPrefix: "http",
    routeConfig: {
      name: "all",
      virtualHosts: [{ name: "all", domains: ["*"], routes, rateLimits: [{ actions: [header] }] }],
    },
    httpFilters: [
      { name: "limit", typedConfig: pack(LocalRateLimit, limit({ descriptors: DESCRIPTORS })) },
      { name: "router", typedConfig: pack(Router, {}) },
    ],
  };
  const listener = (name: string, port: number, ...filters: readonly NetworkFilter[]): Listener => ({
    name,
    address: address(port),
    filterChains: [{ filters }],
  });
  const bootstrap: Bootstrap = {
    node: { id: "n", cluster: "n" },
    admin: { address: address(ports.admin) },
    staticResources: {
      listeners: [
        listener("http", ports.http, { name: "http", typedConfig: pack(HttpConnectionManager, manager) }),
        listener(
          "tcp",
          ports.tcp,
          { name: "limit", typedConfig: pack(NetworkLocalRateLimit, { statPrefix: "c", tokenBucket: bucket(2) }) },
          { name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: "t", cluster: "backend" }) },
        ),
      ],
      clusters: [
        {
          name: "backend",
          type: "STATIC",
          loadAssignment: {
            clusterName: "backend",
            endpoints: [{ lbEndpoints: [{ endpoint: { address: address(ports.backend) } }] }],
          },
        },
      ],
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}

type Asked = readonly [path: string, headers: Readonly<Record<string, string>>];
const times = (count: number, ...asked: Asked): readonly Asked[] => Array.from({ length: count }, () => asked);

describe.skipIf(binary === undefined)("local limits: a real Envoy and our proxy refuse the same", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-local-limits-"));
  const backend = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const processes: ProxyProcess[] = [];
  const sides: { readonly admin: number; readonly http: number; readonly tcp: number }[] = [];

  beforeAll(async () => {
    for (const [name, program] of [["envoy", envoyProxy(binary ?? "")] as const, ["tulle", tulleProxy] as const]) {
      let ports = { admin: 0, http: 0, tcp: 0 };
      const made = await ProxyProcess.start(program, join(folder, name), () => {
        const [admin = 0, http = 0, tcp = 0] = freePorts(3);
        ports = { admin, http, tcp };
        return [bootstrapText({ ...ports, backend: backend.port ?? 0 }), admin];
      });
      processes.push(made);
      sides.push(ports);
    }
  }, 40_000);
  afterAll(async () => {
    await Promise.all([...processes.map((it) => it.stop()), backend.stop(true)]);
    rmSync(folder, { recursive: true });
  });

  type Side = (typeof sides)[number];
  const both = async <T>(ask: (side: Side) => Promise<T>): Promise<readonly T[]> => [
    await ask(sides[0] as Side),
    await ask(sides[1] as Side),
  ];

  test("requests, by everything that they may count as", async () => {
    const REQUESTS: readonly Asked[] = [
      ...times(3, "/inherited", { "x-user": "ann" }),
      ["/inherited", { "x-user": "bob" }],
      ["/inherited", {}],
      ["/own?a=b", { "x-user": "ann" }],
      ["/own?a=b", {}],
      ["/own?a=c", {}],
      ["/included?a=b", { "x-user": "ann" }],
      ["/included?a=c", { "x-user": "ann" }],
      ["/included?a=c", { "x-user": "ann" }],
      ...times(3, "/ignored", { "x-user": "ann" }),
      ["/optional", {}],
      ["/optional", { "x-team": "a" }],
      ["/optional", { "x-team": "b" }],
      ["/optional", { "x-team": "a" }],
      ...times(4, "/masked", {}),
      ["/apart?a=b", {}],
      ["/apart?a=b", {}],
      ["/apart", {}],
      ["/apart", {}],
    ];
    const [theirs = [], ours = []] = await both(async ({ http }) => {
      const seen: string[] = [];
      for (const [path, headers] of REQUESTS) {
        const { status } = await fetch(`http://127.0.0.1:${http}${path}`, { headers });
        seen.push(`${path} ${JSON.stringify(headers)}: ${status}`);
      }
      return seen;
    });
    expect(ours).toEqual([...theirs]);
    expect(theirs.filter((line) => line.endsWith("429")).length).toBeGreaterThan(5);
  }, 20_000);

  test("connections", async () => {
    const statusOf = async ({ tcp }: Side): Promise<string> => {
      try {
        return String((await fetch(`http://127.0.0.1:${tcp}/`, { keepalive: false })).status);
      } catch {
        return "closed";
      }
    };
    const [theirs, ours] = await both(async (side) => {
      const seen: string[] = [];
      for (let i = 0; i < 4; i += 1) seen.push(await statusOf(side));
      return seen.join(" ");
    });
    expect([theirs, ours]).toEqual(["200 200 closed closed", "200 200 closed closed"]);
    const stats = await both(async ({ admin }) => {
      const text = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=local_rate_limit.c`)).text();
      return text.split("\n").filter((line) => line.includes("rate_limited"));
    });
    expect(stats[1]).toEqual(stats[0] ?? []);
  }, 20_000);
});
