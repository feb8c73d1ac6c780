/**
 * Mirrored requests: a real Envoy and our proxy from one bootstrap, clients of HTTP/1.1 and HTTP/2, endpoints and mirrors of
 * both. What reaches the application and each mirror is compared: line, headers, body, trailers.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { MirrorLab } from "./mirrors/lab.ts";
import type { Recorded } from "./mirrors/recorder.ts";
import { eventually } from "./support/eventually.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";

interface Probe {
  readonly path: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in these pieces; without a length where there are several. */
  readonly body?: readonly string[];
  readonly trailers?: Readonly<Record<string, string>>;
  /** How many mirrors get it. Default 1. */
  readonly copies?: number;
}

const LARGE = ["l".repeat(60_000), "m".repeat(300_000), "n".repeat(300_000)];

const PROBES: readonly Probe[] = [
  { path: "/plain/a?b=c" },
  { path: "/plain", host: "app:8080" },
  { path: "/plain", host: "[::1]:80" },
  { path: "/plain", method: "HEAD" },
  { path: "/plain", method: "DELETE" },
  { path: "/plain", method: "POST" },
  { path: "/plain", headers: { "x-forwarded-for": "10.0.0.1, 10.0.0.2", te: "trailers", "x-mine": "1" } },
  { path: "/plain", headers: { "x-envoy-internal": "false", "x-envoy-expected-rq-timeout-ms": "7" } },
  { path: "/plain", method: "POST", body: ["all at once"] },
  { path: "/plain", method: "PUT", body: ["in", " ", "pieces"] },
  { path: "/plain", method: "POST", body: LARGE },
  { path: "/timed", method: "POST", body: ["x"] },
  { path: "/timed", headers: { "x-envoy-upstream-rq-timeout-ms": "9000" } },
  { path: "/keep", host: "app:8080" },
  { path: "/edited/a", headers: { "x-gone": "1" } },
  { path: "/edited/a", method: "POST", body: ["a", "b"] },
  { path: "/several", copies: 2 },
  { path: "/several", method: "POST", body: ["all at once"], copies: 2 },
  { path: "/several", method: "POST", body: LARGE, copies: 2 },
  { path: "/to2", method: "POST", body: ["in", "pieces"], trailers: { "x-trailer": "t" } },
  { path: "/to2", method: "HEAD" },
  { path: "/to2", host: "app:8080", headers: { te: "trailers" } },
  { path: "/from2", method: "POST", body: ["in", "pieces"] },
  { path: "/from2", method: "POST", body: LARGE },
  { path: "/by-header", headers: { "x-mirror": "mirror" } },
  { path: "/by-header", headers: { "x-mirror": "unknown" }, copies: 0 },
  { path: "/by-header", headers: { "x-mirror": "" }, copies: 0 },
  { path: "/by-header", copies: 0 },
  { path: "/none", copies: 0 },
  { path: "/dead", method: "POST", body: ["x"] },
  { path: "/full", method: "POST", body: ["in", "pieces"] },
  { path: "/no-app", copies: 0 },
  { path: "/no-cluster", copies: 0 },
  { path: "/redirect", copies: 0 },
];

const binary = await ensureEnvoy();
const folder = mkdtempSync(join(tmpdir(), "tulle-mirrors-"));
const labs: MirrorLab[] = [];

/** The status of the answer. */
async function askHttp1(port: number, name: string, probe: Probe): Promise<number> {
  const { body = [], headers = {}, host = "app", method = "GET", trailers } = probe;
  const [only = "", ...more] = body;
  const framing =
    body.length === 0 ? {} : more.length > 0 ? { "transfer-encoding": "chunked" } : { "content-length": only.length };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = httpRequest(
    {
      host: "127.0.0.1",
      port,
      method,
      path: probe.path,
      agent: false,
      headers: { host, ...headers, ...framing, "x-probe": name },
    },
    (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    },
  );
  request.on("error", reject);
  for (const piece of body) {
    request.write(piece);
    await new Promise((next) => setImmediate(next));
  }
  if (trailers !== undefined) request.addTrailers(trailers);
  request.end();
  return promise;
}

async function askHttp2(port: number, name: string, probe: Probe): Promise<number> {
  const { body = [], headers = {}, host = "app", method = "GET", trailers } = probe;
  const session = connect(`http://127.0.0.1:${port}`);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  session.on("error", reject);
  const head = { ":method": method, ":path": probe.path, ":authority": host, ...headers, "x-probe": name };
  const stream = session.request(head, { endStream: body.length === 0, waitForTrailers: trailers !== undefined });
  let status = 0;
  stream.on("response", (response) => void (status = Number(response[":status"])));
  stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
  stream.on("error", reject);
  stream.on("end", () => resolve(status));
  stream.resume();
  for (const piece of body) {
    stream.write(piece);
    await new Promise((next) => setImmediate(next));
  }
  if (body.length > 0) stream.end();
  try {
    return await promise;
  } finally {
    session.close();
  }
}

interface Outcome {
  readonly status: number;
  readonly app: readonly Recorded[];
  readonly mirror: readonly Recorded[];
  readonly mirror2: readonly Recorded[];
}

/** Made for each request; that a copy has the same ids as its request is looked at beside. */
const IDS = ["x-request-id", "traceparent"];

const comparable = (all: readonly Recorded[]): Recorded[] =>
  all.map((it) => ({
    ...it,
    headers: Object.fromEntries(Object.entries(it.headers).filter(([name]) => !IDS.includes(name))),
  }));

async function outcomeOf(lab: MirrorLab, name: string, probe: Probe, ask: typeof askHttp1): Promise<Outcome> {
  const status = await ask(lab.port, name, probe);
  const { copies = 1 } = probe;
  const count = (): number => lab.mirror.of(name).length + lab.mirror2.of(name).length;
  await eventually(`${name}: ${copies} copies`, () => count() >= copies);
  const [app, mirror, mirror2] = [
    [...lab.app.of(name), ...lab.app2.of(name)],
    lab.mirror.of(name),
    lab.mirror2.of(name),
  ];
  for (const copy of [...mirror, ...mirror2])
    for (const id of IDS) expect([name, id, copy.headers[id]]).toEqual([name, id, app[0]?.headers[id]]);
  return { status, app: comparable(app), mirror: comparable(mirror), mirror2: comparable(mirror2) };
}

describe.skipIf(binary === undefined)("mirrored requests", () => {
  beforeAll(async () => {
    labs.push(await MirrorLab.start(envoyProxy(binary ?? ""), join(folder, "envoy")));
    labs.push(await MirrorLab.start(tulleProxy, join(folder, "tulle")));
  }, 60_000);
  afterAll(async () => {
    await Promise.all(labs.map((lab) => lab.stop()));
    rmSync(folder, { recursive: true });
  });

  for (const [version, ask] of [
    ["1.1", askHttp1],
    ["2", askHttp2],
  ] as const)
    for (const [i, probe] of PROBES.entries()) {
      const what = [
        probe.method ?? "GET",
        probe.path,
        probe.host,
        JSON.stringify(probe.headers ?? {}),
        probe.body?.length,
      ].join(" ");
      test(`HTTP/${version} ${i} ${what}`, async () => {
        const [envoy, tulle] = await Promise.all(labs.map((lab) => outcomeOf(lab, `${version}-${i}`, probe, ask)));
        expect(tulle).toEqual(envoy as Outcome);
        expect((tulle?.mirror.length ?? 0) + (tulle?.mirror2.length ?? 0)).toBe(probe.copies ?? 1);
      }, 20_000);
    }

  test("a part of them, the same in both", async () => {
    const shares = await Promise.all(
      labs.map(async (lab) => {
        for (let i = 0; i < 400; i++) await askHttp1(lab.port, "half", { path: "/half" });
        return lab.mirror.of("half").length;
      }),
    );
    // Five standard deviations.
    for (const share of shares) expect(share).toBeWithin(150, 251);
  }, 60_000);

  test("clusters of mirrors count as any other, and no connection manager counts a copy", async () => {
    const names = [
      "cluster.full.upstream_rq_pending_overflow",
      "cluster.full.upstream_rq_total",
      "cluster.dead.upstream_cx_connect_fail",
      "cluster.mirror2.upstream_rq_total",
      "cluster.mirror2.upstream_rq_2xx",
      "http.in.downstream_rq_total",
      "http.in.downstream_rq_completed",
    ];
    const [envoy, tulle] = await Promise.all(
      labs.map(async (lab) => {
        await eventually("all is counted", async () => (await lab.stat("http.in.downstream_rq_active")) === 0);
        return Promise.all(names.map(async (name) => `${name}: ${await lab.stat(name)}`));
      }),
    );
    expect(tulle).toEqual(envoy ?? []);
  });

  // Envoy slows the client down with its mirror, here for ever: only ours is asked.
  test("a mirror that stops reading is given up, and the upload goes on", async () => {
    const [, lab] = labs as [MirrorLab, MirrorLab];
    const body = Array.from({ length: 80 }, () => "x".repeat(256 * 1024));
    for (const [name, ask] of [
      ["stuck-1", askHttp1],
      ["stuck-2", askHttp2],
    ] as const) {
      expect(await ask(lab.port, name, { path: "/stuck", method: "POST", body })).toBe(200);
      expect(lab.app.of(name)[0]?.body).toStartWith(String(80 * 256 * 1024));
    }
    expect(await lab.stat("cluster.stuck.upstream_rq_mirror_dropped")).toBe(2);
    expect(await lab.stat("cluster.stuck.upstream_rq_active")).toBe(0);
  }, 20_000);
});
