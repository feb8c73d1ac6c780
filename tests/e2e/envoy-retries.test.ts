/**
 * A real Envoy and our proxy from one bootstrap: when and where a retry goes, as answers and priorities say.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { freePorts } from "../../src/net/free-ports.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { retriesBootstrap } from "./retries/bootstrap.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();

/** What was asked, by the id in the path: which backend, and how long after the one before. */
const asked = new Map<string, { readonly by: number; readonly atMs: number }[]>();

/** `/<route>/<id>?fail=2&header=retry-after&value=1`: the first so many answers are 503 with the header; the last backend is well. */
const backends = Array.from({ length: 3 }, (_, by) =>
  Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      const seen = asked.get(pathname) ?? [];
      asked.set(pathname, [...seen, { by, atMs: systemClock.nowMs() }]);
      const isWell = searchParams.has("fail") ? seen.length >= Number(searchParams.get("fail")) : by === 2;
      const header = searchParams.get("header");
      const value = (searchParams.get("value") ?? "").replace(
        "now",
        String(Math.floor(systemClock.wallMs() / 1000) + 2),
      );
      return new Response("", { status: isWell ? 200 : 503, headers: header === null ? {} : { [header]: value } });
    },
  }),
);

describe.skipIf(binary === undefined)("retries: a real Envoy and our proxy wait and go alike", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-retries-"));
  const processes: ProxyProcess[] = [];
  const urls: string[] = [];

  beforeAll(async () => {
    for (const [name, program] of [
      ["envoy", envoyProxy(binary ?? "")],
      ["tulle", tulleProxy],
    ] as const) {
      let port = 0;
      const made = await ProxyProcess.start(program, join(folder, name), () => {
        const [admin = 0, http = 0] = freePorts(2);
        port = http;
        const ports = backends.map((backend) => backend.port ?? 0);
        return [retriesBootstrap(admin, http, ports), admin];
      });
      processes.push(made);
      urls.push(`http://127.0.0.1:${port}`);
    }
  }, 40_000);
  afterAll(async () => {
    await Promise.all([...processes.map((it) => it.stop()), ...backends.map((it) => it.stop(true))]);
    rmSync(folder, { recursive: true });
  });

  /** The status, whom it asked, and whether each wait was one that an answer asked for. */
  async function course(side: number, path: string): Promise<string> {
    const own = path.replace("ID", String(side));
    const { status } = await fetch(`${urls[side] ?? ""}${own}`);
    const seen = asked.get(own.replace(/\?.*/, "")) ?? [];
    const waits = seen.slice(1).map(({ atMs }, i) => (atMs - (seen[i]?.atMs ?? 0) > 900 ? "long" : "short"));
    return `${status} by ${seen.map(({ by }) => by).join("")} ${waits.join(" ")}`.trim();
  }

  test.each([
    ["/after/ID-a?fail=1&header=retry-after&value=1", "200 by 00 long"],
    ["/after/ID-b?fail=2&header=x-ratelimit-reset&value=now", "200 by 000 long long"],
    ["/after/ID-c?fail=1&header=retry-after&value=3", "200 by 00 short"],
    ["/after/ID-d?fail=1&header=retry-after&value=soon", "200 by 00 short"],
    ["/after/ID-e?fail=1&header=retry-after&value=0", "200 by 00 short"],
    ["/leave-1/ID", "200 by 012 short short"],
    ["/leave-2/ID", "200 by 00112 short short short short"],
  ])(
    "%s",
    async (path, expected) => {
      const [theirs, ours] = await Promise.all([course(0, path), course(1, path)]);
      expect([theirs, ours]).toEqual([expected, expected]);
    },
    20_000,
  );

  test.each([
    // Each request has half a retry of its own.
    ["budget", ["503 by 0", "200 by 0", "200 by 0", "200 by 0", "503 by 0"]],
    // The first alone is one request; of two and more there may be a retry.
    ["budget-of-a-minute", ["503 by 0", "200 by 0", "200 by 0", "200 by 0", "200 by 00 short"]],
  ])("the requests of the cluster %s that its budget counts", async (cluster, expected) => {
    for (const side of [0, 1]) {
      const found: string[] = [];
      for (const [i, fail] of [1, 0, 0, 0, 1].entries())
        found.push(await course(side, `/${cluster}/ID-${i}?fail=${fail}`));
      expect([side, found]).toEqual([side, expected]);
    }
  });
});
