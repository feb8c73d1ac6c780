/**
 * Endpoints near the caller go first, and those of the next locality when these are ejected: by our proxies and by Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const workload = (name: string, app: string, locality: string, command: string): string =>
  `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: ${name}, labels: {app: ${app}, istio-locality: ${locality}}},
 spec: {ports: [8080], command: ["${process.execPath}", "${APPS}/${command}.ts"], env: {VERSION: ${name}}}}`;

const documents = [
  "{apiVersion: v1, kind: Service, metadata: {name: stock}, spec: {selector: {app: stock}, ports: [{name: http, port: 80, targetPort: 8080}]}}",
  "{apiVersion: v1, kind: Service, metadata: {name: client}, spec: {selector: {app: client}, ports: [{name: http, port: 80, targetPort: 8080}]}}",
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: stock}, spec: {host: stock, trafficPolicy: {
 outlierDetection: {consecutive5xxErrors: 2, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100},
 loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}}}}`,
  "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: stock}, spec: {hosts: [stock], http: [{retries: {attempts: 0}, route: [{destination: {host: stock}}]}]}}",
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: shares}, spec: {host: shares, trafficPolicy: {
 loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1s}, localityLbSetting: {distribute: [{from: eu/*, to: {"eu/*": 80, "us/*": 20}}]}}}}}`,
  "{apiVersion: v1, kind: Service, metadata: {name: shares}, spec: {selector: {app: stock}, ports: [{name: http, port: 80, targetPort: 8080}]}}",
  workload("stock-asia", "stock", "asia.as-1", "echo"),
  workload("stock-eu", "stock", "eu.eu-1", "faltering"),
  workload("stock-us", "stock", "us.us-1", "echo"),
  workload("client-eu", "client", "eu.eu-2", "echo"),
  workload("client-us", "client", "us.us-1", "echo"),
];

const nameIn = (body: string): string =>
  body.startsWith("asked") ? "stock-eu" : String((JSON.parse(body) as { version: string }).version);

const envoy = (await ensureEnvoy()) === undefined ? [] : [["--proxy", "envoy"]];
const ways: readonly (readonly string[])[] = [[], ["--shared"], ...envoy];

for (const args of ways)
  describe(`up ${args.join(" ")}`, () => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-locality-"));
    let mesh: MeshRun;
    beforeAll(async () => {
      mesh = await MeshRun.start({ folder: empty, files: { "mesh.yaml": documents.join("\n---\n") }, args });
    }, 60_000);
    afterAll(async () => {
      await mesh?.stop();
      rmSync(empty, { recursive: true });
    }, 40_000);

    /** Who answers 20 calls. */
    const answering = async (from: string): Promise<readonly string[]> => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => mesh.callFrom(from, "http://stock/x")));
      return [...new Set(answers.map(({ body }) => nameIn(body)))];
    };

    test("each caller's nearest answers", async () => {
      expect(await answering("client-eu")).toEqual(["stock-eu"]);
      expect(await answering("client-us")).toEqual(["stock-us"]);
    });

    test("shares that are given, of three localities two", async () => {
      const counts = new Map<string, number>();
      for (let i = 0; i < 200; i++) {
        const name = nameIn((await mesh.callFrom("client-eu", "http://shares/x")).body);
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      expect([...counts.keys()].sort()).toEqual(["stock-eu", "stock-us"]);
      expect(counts.get("stock-eu")).toBeGreaterThan(130);
      expect(counts.get("stock-us")).toBeGreaterThan(15);
    }, 20_000);

    test("when it fails, the region that failover names", async () => {
      for (let i = 0; i < 2; i++) await mesh.callFrom("client-eu", "http://stock/fail/503/9/eu");
      await eventually(
        "the region that is left answers",
        async () => (await answering("client-eu")).join() === "stock-us",
      );
      expect(await answering("client-us")).toEqual(["stock-us"]);
    }, 20_000);
  });
