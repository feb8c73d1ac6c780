/**
 * A real Envoy and our proxy from one bootstrap, in front of the same endpoints: a request must go to the same one of
 * them by both, for every key, cluster and policy.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { BALANCED } from "./hashing/bootstrap.ts";
import { type Answer, HashBackends, HashLab, type Probe } from "./hashing/lab.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const KEYS = Array.from({ length: 300 }, (_, i) => `key-${i * 7919}`);

describe.skipIf(binary === undefined)("consistent hashing: a real Envoy and our proxy choose the same endpoint", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-hash-"));
  const backends = new HashBackends();
  let envoy: HashLab;
  let tulle: HashLab;

  beforeAll(async () => {
    envoy = await HashLab.start(envoyProxy(binary ?? ""), join(folder, "envoy"), backends.ports);
    tulle = await HashLab.start(tulleProxy, join(folder, "tulle"), backends.ports);
  }, 40_000);
  afterAll(async () => {
    await Promise.all([envoy?.stop(), tulle?.stop()]);
    await backends.stop();
    rmSync(folder, { recursive: true });
  });

  /** The endpoint of each probe by both, where they differ, and how many endpoints there were. */
  async function compared(probes: readonly Probe[]): Promise<{ differ: readonly string[]; endpoints: number }> {
    const [theirs, ours] = await Promise.all([envoy.askAll(probes), tulle.askAll(probes)]);
    const by = (answers: readonly Answer[], i: number): string => answers[i]?.by ?? "";
    const differ = probes.flatMap((probe, i) =>
      by(theirs, i) === by(ours, i)
        ? []
        : [`${JSON.stringify(probe)}: Envoy ${by(theirs, i)}, Tulle ${by(ours, i)} of ${backends.ports.join()}`],
    );
    expect([...theirs, ...ours].filter(({ by: one }) => one.startsWith("status"))).toEqual([]);
    return { differ, endpoints: new Set(theirs.map(({ by: one }) => one)).size };
  }

  test.each(BALANCED)(
    "%s: the same endpoint for 300 keys",
    async (cluster) => {
      const { differ, endpoints } = await compared(
        KEYS.map((key) => ({ path: `/${cluster}/`, headers: { "x-key": key } })),
      );
      expect(differ).toEqual([]);
      expect(endpoints).toBeGreaterThan(1);
    },
    30_000,
  );

  test("tables are of the same size, and as even", async () => {
    // Of several priorities Envoy tells of the one that it made last.
    const of = async (lab: HashLab): Promise<readonly string[]> =>
      (await lab.tables()).filter((line) => !line.includes("spilling"));
    expect(await of(tulle)).toEqual([...(await of(envoy))]);
    expect(await of(tulle)).not.toEqual([]);
  });

  const some = KEYS.slice(0, 24);
  const cases: Readonly<Record<string, readonly Probe[]>> = {
    "a header of several lines, in any order": some.flatMap((key) => [
      { path: "/ring-equal/", headers: { "x-key": [key, "b", "a"] } },
      { path: "/ring-equal/", headers: { "x-key": ["a", key, "b"] } },
      { path: "/ring-equal/", headers: { "x-key": `${key},a,b` } },
      { path: "/ring-equal/", headers: { "x-key": "" } },
    ]),
    "bytes above ASCII": some.map((key) => ({ path: "/ring-equal/", headers: { "x-key": `${key}\xe9\xff` } })),
    "a pseudo-header": some.map((key) => ({ path: `/path/${key}?a=b` })),
    "a header that is rewritten": some.map((key) => ({ path: "/rewritten/", headers: { "x-key": key } })),
    cookies: some.flatMap((key) => [
      { path: "/cookie/", headers: { cookie: `stay=${key}` } },
      { path: "/cookie/", headers: { cookie: `other=1; stay="${key}" ;stay=x` } },
      { path: "/cookie/", headers: { cookie: `stay; xstay=1;   stay=${key}=` } },
    ]),
    "HTTP/2, with cookies in pieces": some.flatMap((key) => [
      { path: "/cookie/", headers: { cookie: ["a=b", `stay=${key}`, "stay=x"] }, http2: true },
      { path: "/ring-equal/", headers: { "x-key": [key, "b"] }, http2: true },
      { path: `/several/?q=${key}`, headers: { "x-key": key, cookie: `a=b; stay=${key}` }, http2: true },
    ]),
    "query parameters": some.flatMap((key) => [
      { path: `/query/?q=${key}` },
      { path: `/query/?a=1&q=${key}%20x&q=2` },
      { path: "/query/?q" },
      { path: `/query/?a&q=&b=${key}` },
    ]),
    "source IP": some.map((_, i) => ({ path: "/source/", from: `127.3.0.${i + 1}` })),
    "source IP of TCP": some.map((_, i) => ({ path: undefined, from: `127.3.1.${i + 1}` })),
    "several keys": some.flatMap((key) => [
      { path: `/several/?q=${key}`, headers: { "x-key": `h${key}`, cookie: `stay=c${key}` } },
      { path: `/several/?q=${key}`, headers: { cookie: `stay=c${key}` } },
      { path: "/several/", headers: { "x-key": key } },
      { path: "/twice/", headers: { "x-key": key } },
      { path: "/terminal/", headers: { "x-key": `h${key}`, cookie: `stay=c${key}` } },
      { path: "/terminal/", headers: { "x-key": `h${key}` } },
      { path: `/terminal-late/?q=${key}`, headers: { "x-key": `h${key}`, cookie: `stay=c${key}` } },
      { path: "/terminal-late/", headers: { "x-key": `h${key}`, cookie: `stay=c${key}` } },
      { path: "/terminal-late/", headers: { cookie: `stay=c${key}` } },
    ]),
  };
  test.each(Object.keys(cases))(
    "%s",
    async (what) => {
      const { differ, endpoints } = await compared(cases[what] ?? []);
      expect(differ).toEqual([]);
      expect(endpoints).toBeGreaterThan(1);
    },
    30_000,
  );

  test("a client without a cookie gets one of the same form, and stays with its endpoint, at either proxy", async () => {
    for (const [route, http2] of [
      ["generated", false] as const,
      ["session", false] as const,
      ["generated", true] as const,
    ]) {
      const probe: Probe = { path: `/${route}/`, http2 };
      const [theirs, ours] = [await envoy.ask(probe), await tulle.ask(probe)];
      const forms = [theirs, ours].map(({ setCookie }) => setCookie.map((line) => line.replace(/"[0-9a-f]{16}"/, "…")));
      expect(forms[1]).toEqual(forms[0] ?? []);
      for (const { by, setCookie } of [theirs, ours]) {
        const back = { ...probe, headers: { cookie: setCookie[0]?.split(";")[0] ?? "" } };
        const again = [await envoy.ask(back), await tulle.ask(back)];
        expect(again).toEqual([
          { by, setCookie: [] },
          { by, setCookie: [] },
        ]);
      }
    }
  });
});
