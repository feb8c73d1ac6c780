/**
 * `zoneAwareLbSetting`: calls stay in the caller's zone as far as that takes its part, and in the region while that is well; by our proxies and by
 * Envoys alike.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const service = (name: string, app: string): string =>
  `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {selector: {app: ${app}}, ports: [{name: http, port: 80, targetPort: 8080}]}}`;
const rule = (host: string, setting: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${host}}, spec: {host: ${host}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN, zoneAwareLbSetting: ${setting}}}}}`;
const workload = (name: string, app: string, locality: string): string =>
  `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: ${name}, labels: {app: ${app}, istio-locality: ${locality}}},
 spec: {ports: [8080], command: ["${process.execPath}", "${APPS}/echo.ts"], env: {VERSION: ${name}}}}`;

/** A third of the region's endpoints in zone a, half of the callers. */
const documents = [
  service("stock", "stock"),
  rule("stock", "{minClusterSize: 3}"),
  service("few", "stock"),
  rule("few", "{enabled: true}"),
  service("off", "stock"),
  rule("off", "{enabled: false}"),
  service("quick", "stock"),
  rule("quick", "{minClusterSize: 1}"),
  "{apiVersion: tulle.dev/v1, kind: BackendPolicy, metadata: {name: quick}, spec: {host: quick, loadBalancer: {peakEwma: {decay: 10s}}}}",
  service("client", "client"),
  workload("a1", "stock", "eu.a"),
  workload("b1", "stock", "eu.b"),
  workload("b2", "stock", "eu.b"),
  workload("us1", "stock", "us.a"),
  workload("client-a", "client", "eu.a"),
  workload("client-b", "client", "eu.b"),
];

const CALLS = 300;
const LANES = 10;
/** Four standard deviations of a fair draw of so many calls. */
const TOLERANCE = 0.115;

const envoy = (await ensureEnvoy()) === undefined ? [] : [["--proxy", "envoy"]];
const ways: readonly (readonly string[])[] = [[], ["--shared"], ["--workers", "2"], ...envoy];

for (const args of ways)
  describe(`up ${args.join(" ")}`, () => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-zones-"));
    let mesh: MeshRun;
    beforeAll(async () => {
      mesh = await MeshRun.start({ folder: empty, files: { "mesh.yaml": documents.join("\n---\n") }, args });
    }, 60_000);
    afterAll(async () => {
      await mesh?.stop();
      rmSync(empty, { recursive: true });
    }, 40_000);

    async function expectShares(from: string, host: string, wanted: Readonly<Record<string, number>>): Promise<void> {
      const counts: Record<string, number> = {};
      for (let i = 0; i < CALLS; i += LANES)
        for (const { body } of await Promise.all(
          Array.from({ length: LANES }, () => mesh.callFrom(from, `http://${host}/x`)),
        )) {
          const { version } = JSON.parse(body) as { version: string };
          counts[version] = (counts[version] ?? 0) + 1 / CALLS;
        }
      expect(Object.keys(counts).sort()).toEqual(Object.keys(wanted).sort());
      for (const [name, share] of Object.entries(wanted))
        expect([name, Math.abs((counts[name] ?? 0) - share) < TOLERANCE, counts]).toEqual([name, true, counts]);
    }

    test("a zone with less than its part gives away the rest", async () => {
      await expectShares("client-a", "stock", { a1: 2 / 3, b1: 1 / 6, b2: 1 / 6 });
    }, 30_000);
    test("a zone with enough keeps all", async () => {
      await expectShares("client-b", "stock", { b1: 1 / 2, b2: 1 / 2 });
    }, 30_000);
    test("by peak EWMA as well, which decides within the zone", async () => {
      const bodies: string[] = [];
      for (let i = 0; i < 30; i += 1) bodies.push((await mesh.callFrom("client-b", "http://quick/x")).body);
      const names = new Set(bodies.map((body) => (JSON.parse(body) as { version: string }).version));
      expect([...names].filter((name) => name !== "b1" && name !== "b2")).toEqual([]);
    }, 30_000);
    test("with fewer endpoints than six, all zones of the region", async () => {
      await expectShares("client-b", "few", { a1: 1 / 3, b1: 1 / 3, b2: 1 / 3 });
    }, 30_000);
    test("turned off, all regions", async () => {
      await expectShares("client-a", "off", { a1: 1 / 4, b1: 1 / 4, b2: 1 / 4, us1: 1 / 4 });
    }, 30_000);
  });
