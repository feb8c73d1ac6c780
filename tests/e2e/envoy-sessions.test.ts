/**
 * A real Envoy and our proxy keep a client with its endpoint alike: the cookie or header that one of them gives leads to the same endpoint
 * by both.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { sessionConfig } from "../../src/translate/stateful-session.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import { Router } from "../../src/xds/proto/filter-router.ts";
import { StatefulSession } from "../../src/xds/proto/filter-stateful-session.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const at = { place: { file: "a.yaml", line: 1, column: 1 }, path: "" };
const PLACE = { fallbackName: "", path: "/", backends: 1 };
const session = { at, sessionName: "seat", absoluteTimeoutMs: undefined, idleTimeoutMs: undefined } as const;
const ROUTES = {
  "/session": sessionConfig({ ...session, type: "Cookie", lifetime: "Session" }, PLACE),
  "/permanent": sessionConfig(
    { ...session, type: "Cookie", lifetime: "Permanent", absoluteTimeoutMs: 3_600_000 },
    PLACE,
  ),
  "/header": sessionConfig({ ...session, type: "Header", lifetime: "Session", sessionName: "X-Seat" }, PLACE),
};

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

function bootstrap(admin: number, http: number, backends: readonly number[]): string {
  const manager: HttpConnectionManager = {
    statPrefix: "http",
    routeConfig: {
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            ...Object.entries(ROUTES).map(([prefix, typedPerFilterConfig]) => ({
              match: { prefix },
              route: { cluster: "backends" },
              typedPerFilterConfig,
            })),
            { match: { prefix: "/" }, route: { cluster: "backends" } },
          ],
        },
      ],
    },
    httpFilters: [
      { name: "envoy.filters.http.stateful_session", typedConfig: pack(StatefulSession, {}) },
      { name: "envoy.filters.http.router", typedConfig: pack(Router, {}) },
    ],
  };
  const lbEndpoints = backends.map((port, i) => ({
    endpoint: { address: address(port) },
    healthStatus: i === 0 ? ("UNHEALTHY" as const) : ("HEALTHY" as const),
  }));
  const message: Bootstrap = {
    node: { id: "proxy", cluster: "proxy" },
    admin: { address: address(admin) },
    staticResources: {
      listeners: [
        {
          name: "http",
          address: address(http),
          filterChains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.http_connection_manager",
                  typedConfig: pack(HttpConnectionManager, manager),
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "backends",
          type: "STATIC",
          connectTimeout: 1000,
          loadAssignment: { clusterName: "backends", endpoints: [{ lbEndpoints }] },
        },
      ],
    },
  };
  return JSON.stringify(toJson(Bootstrap, message));
}

interface Answer {
  readonly by: string;
  readonly cookie: string | undefined;
  readonly header: string | undefined;
}

class Proxy {
  readonly process: ProxyProcess;
  readonly port: number;

  private constructor(process: ProxyProcess, port: number) {
    this.process = process;
    this.port = port;
  }

  static async start(program: readonly string[], folder: string, backends: readonly number[]): Promise<Proxy> {
    let port = 0;
    const process = await ProxyProcess.start(program, folder, () => {
      const [admin = 0, http = 0] = freePorts(2);
      port = http;
      return [bootstrap(admin, http, backends), admin];
    });
    return new Proxy(process, port);
  }

  async ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { headers });
    const { headers: got } = answer;
    return {
      by: await answer.text(),
      cookie: got.get("set-cookie") ?? undefined,
      header: got.get("x-seat") ?? undefined,
    };
  }
}

const pairOf = (cookie: string | undefined): string => (cookie ?? "").split(";")[0] ?? "";

describe.skipIf(binary === undefined)("sessions: a real Envoy and our proxy", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-sessions-"));
  const servers = Array.from({ length: 5 }, (_, i) =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(String(i)) }),
  );
  const ports = servers.map((s) => s.port ?? 0);
  let envoy: Proxy;
  let tulle: Proxy;

  beforeAll(async () => {
    envoy = await Proxy.start(envoyProxy(binary ?? ""), join(folder, "envoy"), ports);
    tulle = await Proxy.start(tulleProxy, join(folder, "tulle"), ports);
  }, 40_000);
  afterAll(async () => {
    await Promise.all([envoy?.process.stop(), tulle?.process.stop(), ...servers.map((s) => s.stop(true))]);
    rmSync(folder, { recursive: true });
  });

  const both = (): readonly (readonly [Proxy, Proxy])[] => [
    [envoy, tulle],
    [tulle, envoy],
    [tulle, tulle],
  ];

  test.each(["/session", "/permanent"])("a cookie of one leads to its endpoint by the other: %s", async (path) => {
    for (const [giver, taker] of both())
      for (let i = 0; i < 8; i++) {
        const first = await giver.ask(path);
        const again = await Promise.all(
          [1, 2, 3].map(() => taker.ask(path, { cookie: `a=b; ${pairOf(first.cookie)}` })),
        );
        expect(again.map(({ by, cookie }) => [by, cookie])).toEqual(again.map(() => [first.by, undefined]));
      }
  });

  test("cookies are written alike", async () => {
    const seen = async (proxy: Proxy): Promise<ReadonlyMap<string, string | undefined>> => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => proxy.ask("/session")));
      return new Map(answers.map(({ by, cookie }) => [by, cookie]));
    };
    const [theirs, ours] = [await seen(envoy), await seen(tulle)];
    expect([...ours].toSorted()).toEqual([...theirs].toSorted());
    expect([...ours.keys()].toSorted()).toEqual(["1", "2", "3", "4"]);
    const attributes = async (proxy: Proxy) => (await proxy.ask("/permanent")).cookie?.split("; ").slice(1);
    expect(await attributes(tulle)).toEqual((await attributes(envoy)) ?? []);
  });

  test("a header leads to its endpoint", async () => {
    for (const [giver, taker] of both()) {
      const first = await giver.ask("/header");
      const again = await Promise.all([1, 2, 3].map(() => taker.ask("/header", { "x-seat": first.header ?? "" })));
      expect(again.map(({ by, header }) => [by, header])).toEqual(again.map(() => [first.by, undefined]));
    }
  });

  test.each([
    [
      "an endpoint that does not serve",
      () => Buffer.from(`\n${String.fromCharCode(`127.0.0.1:${ports[0]}`.length)}127.0.0.1:${ports[0]}`),
    ],
    ["an endpoint that is not there", () => Buffer.from("\n\x0b127.0.0.1:1")],
    ["nothing that can be read", () => Buffer.from("\xff\xff\xff", "latin1")],
  ])("a cookie of %s is replaced", async (_, value) => {
    for (const proxy of [envoy, tulle]) {
      const { by, cookie } = await proxy.ask("/session", { cookie: `seat="${value().toString("base64")}"` });
      expect(["1", "2", "3", "4"]).toContain(by);
      expect(cookie).toStartWith('seat="');
    }
  });

  test("a route without sessions gives no cookie", async () => {
    for (const proxy of [envoy, tulle]) expect((await proxy.ask("/")).cookie).toBeUndefined();
  });
});
