/**
 * A real Envoy and our proxy from one bootstrap: which statuses eject an endpoint where the cluster says which ones are errors.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import { Router } from "../../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import { UpstreamHttpOptions } from "../../src/xds/proto/upstream-http.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

/** By count of all errors in a row, or of gateway errors alone. */
const KINDS = {
  errors: { consecutive5xx: 2, enforcingConsecutive5xx: 100, enforcingConsecutiveGatewayFailure: 0 },
  gateway: {
    consecutive5xx: 100,
    consecutiveGatewayFailure: 2,
    enforcingConsecutive5xx: 0,
    enforcingConsecutiveGatewayFailure: 100,
  },
} as const;
/** Those that count, of every hundred: as of all the statuses that a document may name. */
const ERRORS = [204, 299, 301, 404, 418, 429, 499, 502, 503, 599];
const STATUSES = [...ERRORS, 200, 201, 302, 304, 400, 451, 500, 504, 520];

const cluster = (name: string, port: number, kind: keyof typeof KINDS): Cluster => ({
  name,
  type: "STATIC",
  commonLbConfig: { healthyPanicThreshold: { value: 0 } },
  outlierDetection: { ...KINDS[kind], maxEjectionPercent: 100, enforcingSuccessRate: 0 },
  typedExtensionProtocolOptions: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, {
      explicitHttpConfig: { httpProtocolOptions: {} },
      outlierDetection: {
        errorMatcher: {
          httpResponseHeadersMatch: {
            headers: [{ name: ":status", stringMatch: { safeRegex: { regex: ERRORS.join("|") } } }],
          },
        },
      },
    }),
  },
  loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: { address: address(port) } }] }] },
});

const NAMES = Object.keys(KINDS).flatMap((kind) =>
  STATUSES.map((status) => ({ name: `${kind}-${status}`, kind: kind as keyof typeof KINDS })),
);

function bootstrapText(admin: number, http: number, backend: number): string {
  const manager: HttpConnectionManager = {
    statPrefix: "http",
    routeConfig: {
      name: "all",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: NAMES.map(({ name }) => ({ match: { prefix: `/${name}/` }, route: { cluster: name } })),
        },
      ],
    },
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
  };
  const bootstrap: Bootstrap = {
    node: { id: "n", cluster: "n" },
    admin: { address: address(admin) },
    staticResources: {
      listeners: [
        {
          name: "http",
          address: address(http),
          filterChains: [{ filters: [{ name: "http", typedConfig: pack(HttpConnectionManager, manager) }] }],
        },
      ],
      clusters: NAMES.map(({ name, kind }) => cluster(name, backend, kind)),
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}

describe.skipIf(binary === undefined)("statuses that count: a real Envoy and our proxy eject alike", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-codes-"));
  const backend = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response(null, { status: Number(/-(\d+)\//.exec(request.url)?.[1]) }),
  });
  const processes: ProxyProcess[] = [];
  const urls: string[] = [];

  beforeAll(async () => {
    for (const [name, program] of [["envoy", envoyProxy(binary ?? "")] as const, ["tulle", tulleProxy] as const]) {
      let port = 0;
      const made = await ProxyProcess.start(program, join(folder, name), () => {
        const [admin = 0, http = 0] = freePorts(2);
        port = http;
        return [bootstrapText(admin, http, backend.port ?? 0), admin];
      });
      processes.push(made);
      urls.push(`http://127.0.0.1:${port}`);
    }
  }, 40_000);
  afterAll(async () => {
    await Promise.all([...processes.map((it) => it.stop()), backend.stop(true)]);
    rmSync(folder, { recursive: true });
  });

  test("for every status, by both counts", async () => {
    const ask = async (url: string, name: string): Promise<string> => {
      const answer = await fetch(`${url}/${name}/`, { redirect: "manual" });
      return `${name}: ${answer.status} ${await answer.text()}`.trim();
    };
    /** The answer behind four: the endpoint's own, or that there is none. An Envoy ejects on another thread, so all clusters get their four first. */
    const seen = async (url: string): Promise<readonly string[]> => {
      for (const { name } of NAMES) for (let i = 0; i < 4; i += 1) await ask(url, name);
      const found: string[] = [];
      for (const { name } of NAMES) found.push(await ask(url, name));
      return found;
    };
    const [envoyUrl = "", tulleUrl = ""] = urls;
    const theirs = await seen(envoyUrl);
    expect(await seen(tulleUrl)).toEqual([...theirs]);
    expect(theirs.filter((line) => line.includes("no healthy upstream")).length).toBeGreaterThan(2);
    expect(theirs.filter((line) => !line.includes("no healthy upstream")).length).toBeGreaterThan(2);
  }, 30_000);
});
