/**
 * A real Envoy and our proxy from one bootstrap, for UDP: what clients hear, the access log and the statistics are compared. Clients have the
 * same addresses and ports at both, since these choose clusters and endpoints.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";
import { type Echo, type Seen, SCRIPTS, startEchoes, UdpProxyUnderTest } from "./udp/proxies.ts";

const binary = await ensureEnvoy();
const COMPARED =
  /^(udp\.|cluster\.\w+\.(udp\.|upstream_cx_(overflow|none_healthy|rx_bytes_total|tx_bytes_total)$)|listener\..*\.udp\.)/;
const OURS = /downstream_sess_overflow$/;

describe.skipIf(binary === undefined)("UDP: a real Envoy and our proxy from one bootstrap", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-udp-"));
  let envoy: UdpProxyUnderTest;
  let tulle: UdpProxyUnderTest;
  let echoes: readonly Echo[] = [];
  let theirs: Seen;
  let ours: Seen;

  beforeAll(async () => {
    echoes = await startEchoes();
    envoy = await UdpProxyUnderTest.start(envoyProxy(binary ?? ""), join(folder, "envoy"), echoes);
    tulle = await UdpProxyUnderTest.start(tulleProxy, join(folder, "tulle"), echoes);
    const ports = freePorts(SCRIPTS.length);
    theirs = await envoy.run(ports);
    ours = await tulle.run(ports);
  }, 90_000);
  afterAll(async () => {
    await Promise.all([envoy?.stop(), tulle?.stop()]);
    for (const echo of echoes) echo.close();
    rmSync(folder, { recursive: true });
  });

  test("clients hear the same of the same endpoints", () => {
    // Round robin begins anywhere: each endpoint in turn is all that is alike.
    const inTurn = (heard: string): string => (/^(.), (.), (.), \1, \2, \3$/.test(heard) ? "in turn" : heard);
    const told = (all: Seen): string[] =>
      all.heard.map((heard, i) => {
        const { to, says } = SCRIPTS[i] as (typeof SCRIPTS)[number];
        return `${to} ${says.length} ${to === "spread" ? inTurn(heard.replaceAll(" 1", "")) : heard}`;
      });
    expect(told(ours)).toContain("spread 6 in turn");
    expect(told(ours)).toEqual(told(theirs));
    expect(ours.heard.filter((heard) => heard !== "").length).toBeGreaterThan(30);
    expect(new Set(ours.heard.filter((_, i) => SCRIPTS[i]?.to === "shares"))).toEqual(new Set(["a 1", "b 1", ""]));
  });

  test("statistics are the same", () => {
    const counted = [...ours.stats.keys()].filter((name) => COMPARED.test(name) && !OURS.test(name));
    expect(counted.length).toBeGreaterThan(100);
    const of = ({ stats }: Seen): string[] => counted.map((name) => `${name}: ${stats.get(name) ?? 0}`);
    expect(of(ours)).toEqual(of(theirs));
  });

  test("sessions that ended have the same lines", () => {
    expect(ours.log).toEqual(theirs.log);
    expect(ours.log.length).toBeGreaterThanOrEqual(6);
  });
});
