/**
 * Traffic that the kernel leads to proxies, ours and real Envoys with what our control plane gives: applications that know nothing of them call service
 * addresses, names, unknown addresses and ports that nobody listed, in network namespaces of their own.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import type { Outcome, SceneSettings } from "./support/captured/scene.ts";

const missing = ["unshare", "setpriv", "nft", "ip"].filter((name) => Bun.which(name) === null);
const isRoot = process.getuid?.() === 0;
const canRun = process.platform === "linux" && isRoot && missing.length === 0;
if (!canRun) console.warn(`SKIPPED: captured traffic: ${isRoot ? `missing ${missing.join(", ")}` : "needs root"}`);

type Alone = Readonly<
  Record<
    "byServiceAddress" | "byRule" | "tcp" | "unknownTcp" | "unknownHttp" | "unlistedInbound" | "proxyItself" | "stats",
    string
  >
>;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What a scene wrote, in namespaces that are gone then. */
async function played<T>(namespaces: string, scene: string, ...settings: readonly string[]): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-captured-"));
  folders.push(folder);
  const program = [process.execPath, join(import.meta.dir, "support", scene), folder, ...settings];
  const child = Bun.spawn(["unshare", namespaces, ...program], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    timeout: 80_000,
  });
  await child.exited;
  return JSON.parse(readFileSync(join(folder, "outcome.json"), "utf8")) as T;
}

describe.skipIf(!canRun)("a captured workload that calls itself", () => {
  for (const policy of ["ALLOW_ANY", "REGISTRY_ONLY"] as const)
    test(policy, async () => {
      const it = await played<Alone>("-n", "captured-process.ts", policy);
      // By the service's own address, over mutual TLS, to an application on the address that was dialed.
      expect(it.byServiceAddress).toContain("HTTP/1.1 200");
      expect(it.byServiceAddress).toContain("URI=spiffe://cluster.local/ns/default/sa/shop");
      expect(it.byRule).toContain("HTTP/1.1 418");
      expect(it.tcp).toBe("10.1.0.10:3306 from 127.0.0.6 \u0001hello");
      expect(it.proxyItself).not.toContain("hello");
      if (policy === "ALLOW_ANY") {
        expect(it.unknownTcp).toBe("10.9.0.1:5555 from 127.0.0.6 \u0001hello");
        expect(it.unknownHttp).toContain("\r\n\r\nfar");
        expect(it.unlistedInbound).toBe("10.1.0.10:4444 from 127.0.0.6 \u0001hello");
        expect(it.stats).toMatch(/cluster\.PassthroughCluster\.upstream_cx_total: [1-9]/);
        expect(it.stats).toMatch(/cluster\.InboundPassthroughCluster\.upstream_cx_total: [1-9]/);
      } else {
        expect(it.unknownTcp).not.toContain("hello");
        expect(it.unknownHttp).toContain("HTTP/1.1 502");
        expect(it.unlistedInbound).not.toContain("hello");
        expect(it.stats).toMatch(/cluster\.BlackHoleCluster\.upstream_cx_none_healthy: [1-9]/);
        expect(it.stats).toContain("cluster.PassthroughCluster.upstream_cx_total: 0");
      }
    }, 90_000);
});

/** The words of an answer that say nothing of which connection it came by. */
const SHOP = "URI=spiffe://cluster.local/ns/default/sa/shop";
const repeated = (line: string, count: number): string => Array<string>(count).fill(line).join("\n");

function expectServices(it: Outcome): void {
  expect(it.rejections).toBe("[]");
  expect(it.byAddress).toMatch(/^200 .*"app":"reviews-v[12]","host":"reviews","from":"127\.0\.0\.6"/);
  expect(it.byAddress).toContain(SHOP);
  expect(it.byName).toContain('200 {"app":"reviews-v2"');
  for (const app of ["reviews-v1", "reviews-v2"]) expect(it.split).toContain(`"app":"${app}"`);
  expect(it.split.match(/^200 /gm)?.length).toBe(24);
  expect(it.byRule).toBe("418 ");
  expect(it.greeting).toMatch(/^welcome to reviews-v[12]$/);
  // By the addresses of one of them.
  expect(it.headlessTcp).toBe("reviews-v1:3306 from 127.0.0.6 \u0001hello");
  expect(it.headlessHttp).toContain('200 {"app":"reviews-v1","host":"each:9080"');
  expect(it.headlessHttp).toContain(SHOP);
  expect(it.tcp).toBe(repeated("reviews-v2:3306 from 127.0.0.6 \u0001hello", 6));
}

/** Who is in no mesh gets to the application only where mutual TLS is not asked for. */
function expectFromOutside(it: Outcome): void {
  expect(it.plainHttp).toStartWith("failed");
  expect(it.plainTcp).not.toContain("hello");
  expect(it.unlisted).toBe("reviews-v1:4444 from 127.0.0.6 \u0001hello");
  expect(it.unlistedStrict).not.toContain("hello");
  expect(it.reviewsStats).toMatch(/cluster\.InboundPassthroughCluster\.upstream_cx_total: [1-9]/);
  for (const closed of [it.ownProxy, it.otherProxy, it.loopback]) expect(closed).toBe("closed");
}

function expectUnknown(it: Outcome, mode: SceneSettings["mode"]): void {
  if (mode === "REGISTRY_ONLY") {
    for (const closed of [it.unknownTcp, it.byPod, it.farGreeting]) expect(closed).toBe("closed");
    expect(it.unknownHttp).toStartWith("502 ");
    expect(it.shopStats).toMatch(/cluster\.BlackHoleCluster\.upstream_cx_none_healthy: [2-9]/);
    return;
  }
  expect(it.unknownTcp).toBe("far:5555 from 10.1.0.10 \u0001hello");
  expect(it.farGreeting).toBe("welcome to far");
  expect(it.byPod).toBe("reviews-v1:4444 from 127.0.0.6 \u0001hello");
  expect(it.unknownHttp).toContain('200 {"app":"far","host":"far.example","from":"10.1.0.10"');
  expect(it.shopStats).toMatch(/cluster\.PassthroughCluster\.upstream_cx_total: [1-9]/);
}

function expectUndone(it: Outcome): void {
  expect(it.withoutProxy).toBe("closed");
  expect(it.withoutProxyByName).toStartWith("failed");
  expect(it.straightTcp).toBe("far:5555 from 10.1.0.10 \u0001hello");
  expect(it.straightHttp).toContain('"from":"10.1.0.10","xfcc":null');
  // IPv6 is refused while the rest is captured.
  for (const refused of [it.outV6, it.inV6]) expect(refused).toBe("closed");
  for (const straight of [it.straightV6, it.straightInV6]) expect(straight).toContain("hello");
}

async function expectScene(settings: SceneSettings): Promise<void> {
  const it = await played<Outcome>("-nm", "captured/scene.ts", JSON.stringify(settings));
  expectServices(it);
  expectFromOutside(it);
  expectUnknown(it, settings.mode);
  expectUndone(it);
}

describe.skipIf(!canRun)("captured workloads in namespaces of their own", () => {
  test("ALLOW_ANY", () => expectScene({ mode: "ALLOW_ANY" }), 90_000);
  test("REGISTRY_ONLY, with two workers", () => expectScene({ mode: "REGISTRY_ONLY", workers: 2 }), 90_000);
});

const envoy = canRun ? await ensureEnvoy() : undefined;
describe.skipIf(envoy === undefined)("the same with Envoys in the place of our proxies", () => {
  for (const mode of ["ALLOW_ANY", "REGISTRY_ONLY"] as const)
    test(mode, () => expectScene({ mode, envoy: envoy as string }), 90_000);
});
