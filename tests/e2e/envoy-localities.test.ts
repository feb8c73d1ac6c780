/**
 * A real Envoy and our proxy from one bootstrap, in front of endpoints in several zones: each zone gets the same part of the
 * calls by both, and a hash that meets a busy endpoint goes on to the same one.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { localitiesBootstrap, SHARED } from "./localities/bootstrap.ts";
import { eventually } from "./support/eventually.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const BACKENDS = 6;
const CALLS = 1200;
/** Of the shares of two fair draws of as many calls, four standard deviations and more. */
const TOLERANCE = 0.09;

/** They say who they are; calls to `/bounded/` they hold until they are let go. */
class Backends {
  readonly held: { readonly by: number; go(): void }[] = [];
  readonly #servers = Array.from({ length: BACKENDS }, (_, i) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        if (request.url.includes("/bounded/")) await new Promise<void>((go) => void this.held.push({ by: i, go }));
        return new Response(String(i));
      },
    }),
  );

  get ports(): readonly number[] {
    return this.#servers.map(({ port }) => port ?? 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop(true)));
  }
}

describe.skipIf(binary === undefined)("localities: a real Envoy and our proxy spread calls alike", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-localities-"));
  const backends = new Backends();
  const processes: ProxyProcess[] = [];
  let urls: readonly string[] = [];

  beforeAll(async () => {
    const start = async (program: readonly string[], name: string): Promise<string> => {
      let port = 0;
      const made = await ProxyProcess.start(program, join(folder, name), () => {
        const [admin = 0, http = 0] = freePorts(2);
        port = http;
        return [localitiesBootstrap(admin, http, backends.ports), admin];
      });
      processes.push(made);
      return `http://127.0.0.1:${port}`;
    };
    urls = [await start(envoyProxy(binary ?? ""), "envoy"), await start(tulleProxy, "tulle")];
  }, 40_000);
  afterAll(async () => {
    await Promise.all(processes.map((it) => it.stop()));
    await backends.stop();
    rmSync(folder, { recursive: true });
  });

  async function shares(url: string, cluster: string): Promise<readonly number[]> {
    const counts = Array.from({ length: BACKENDS }, () => 0);
    for (let i = 0; i < CALLS; i += 20)
      await Promise.all(
        Array.from({ length: 20 }, async (_, j) => {
          const answer = await fetch(`${url}/${cluster}/`, { headers: { "x-key": `key-${(i + j) * 7919}` } });
          expect(answer.status).toBe(200);
          counts[Number(await answer.text())]! += 1;
        }),
      );
    return counts.map((count) => count / CALLS);
  }

  test.each(SHARED)(
    "%s",
    async (cluster) => {
      const [theirs = [], ours = []] = await Promise.all(urls.map((url) => shares(url, cluster)));
      for (const [i, share] of theirs.entries())
        expect([`backend ${i}`, Math.abs(share - (ours[i] ?? 0)) < TOLERANCE, theirs, ours]).toEqual([
          `backend ${i}`,
          true,
          theirs,
          ours,
        ]);
      expect(ours.filter((share) => share === 0).length).toBe(theirs.filter((share) => share === 0).length);
    },
    40_000,
  );

  test("a hash that meets a busy endpoint goes on to the same one", async () => {
    const order = async (url: string): Promise<string> => {
      const answers: Promise<Response>[] = [];
      for (let i = 0; i < 24; i += 1) {
        answers.push(fetch(`${url}/bounded/`, { headers: { "x-key": `key-${i % 3}` } }));
        await eventually("the call has arrived", () => backends.held.length === i + 1);
      }
      const by = backends.held.map((it) => it.by).join("");
      for (const { go } of backends.held.splice(0)) go();
      await Promise.all(answers);
      return by;
    };
    const [envoyUrl = "", tulleUrl = ""] = urls;
    const theirs = await order(envoyUrl);
    expect(await order(tulleUrl)).toBe(theirs);
    expect(new Set(theirs).size).toBeGreaterThan(3);
  }, 30_000);
});
