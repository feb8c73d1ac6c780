/**
 * A real Envoy and our proxy from one bootstrap, for what is not HTTP: TCP proxies, listener filters, TLS passed through
 * and ended, PROXY headers in and out. What the client heard, what the backend got, how both were left, the access log
 * and the statistics are compared. Where they may differ is said, with a reason each, in `tcp/accepted.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestCa } from "../support/certificates.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";
import { ACCEPTED, ACCEPTED_STATS } from "./tcp/accepted.ts";
import { type TcpCase, tcpCases } from "./tcp/cases.ts";
import { differences, type Outcome, outcomeOf } from "./tcp/outcome.ts";
import { type Observed, TcpProxyUnderTest } from "./tcp/proxies.ts";

const binary = await ensureEnvoy();

describe.skipIf(binary === undefined)("TCP: a real Envoy and our proxy from one bootstrap", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-tcp-"));
  let envoy: TcpProxyUnderTest;
  let tulle: TcpProxyUnderTest;

  beforeAll(async () => {
    const ca = new TestCa();
    envoy = await TcpProxyUnderTest.start(envoyProxy(binary ?? ""), join(folder, "envoy"), ca);
    tulle = await TcpProxyUnderTest.start(tulleProxy, join(folder, "tulle"), ca);
  }, 40_000);
  afterAll(async () => {
    await Promise.all([envoy?.stop(), tulle?.stop()]);
    rmSync(folder, { recursive: true });
  });

  test("clients of all kinds, and the log lines of each", async () => {
    const cases = await tcpCases();
    const [theirs, ours] = await Promise.all([outcomes(envoy, cases), outcomes(tulle, cases)]);
    const left = cases.flatMap((wire, i) =>
      differences(theirs[i] as Outcome, ours[i] as Outcome)
        .filter((difference) => !ACCEPTED.some(({ covers }) => covers(difference, wire)))
        .map(({ at, envoy: a, tulle: b }) => `${wire.listener}, ${wire.what}: ${at}: Envoy ${a}, Tulle ${b}`),
    );
    expect(left).toEqual([]);
    const stats = [await envoy.stats(), await tulle.stats()];
    const counted = [...(stats[1]?.keys() ?? [])].filter((name) => COMPARED.test(name) && !(name in ACCEPTED_STATS));
    const of = (i: number): string[] => counted.map((name) => `${name}: ${stats[i]?.get(name)}`);
    expect(counted.length).toBeGreaterThan(100);
    expect(of(1)).toEqual(of(0));
  }, 120_000);
});

const COMPARED = /^(tcp\.|http_inspector\.|tls_inspector\.|proxy_proto\.)/;

const addressOf = (i: number): string => `127.1.${i >> 8}.${i & 255}`;

/** One after the other, each from an address of its own, by which log lines are told apart. */
async function outcomes(proxy: TcpProxyUnderTest, cases: readonly TcpCase[]): Promise<Outcome[]> {
  const observed: Observed[] = [];
  for (const [i, wire] of cases.entries()) observed.push(await proxy.observe(wire, addressOf(i)));
  const log = await proxy.log();
  return cases.map((wire, i) => {
    const lines = log.filter((line) => line.includes(` ${addressOf(i)} |`));
    return outcomeOf(wire, observed[i] as Observed, lines, proxy);
  });
}
