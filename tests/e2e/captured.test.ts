/**
 * Traffic that the kernel leads to our proxy: applications that know nothing of it call service addresses, unknown addresses and ports that nobody
 * listed, in a network namespace of their own.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const missing = ["unshare", "setpriv", "nft", "ip"].filter((name) => Bun.which(name) === null);
const isRoot = process.getuid?.() === 0;
const canRun = process.platform === "linux" && isRoot && missing.length === 0;
if (!canRun) console.warn(`SKIPPED: captured traffic: ${isRoot ? `missing ${missing.join(", ")}` : "needs root"}`);

type Outcome = Readonly<
  Record<
    "byServiceAddress" | "byRule" | "tcp" | "unknownTcp" | "unknownHttp" | "unlistedInbound" | "proxyItself" | "stats",
    string
  >
>;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function outcomeOf(policy: "ALLOW_ANY" | "REGISTRY_ONLY"): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-captured-"));
  folders.push(folder);
  const scene = join(import.meta.dir, "support/captured-process.ts");
  const child = Bun.spawn(["unshare", "-n", process.execPath, scene, folder, policy], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    timeout: 60_000,
  });
  await child.exited;
  return JSON.parse(readFileSync(join(folder, "outcome.json"), "utf8")) as Outcome;
}

describe.skipIf(!canRun)("captured traffic", () => {
  for (const policy of ["ALLOW_ANY", "REGISTRY_ONLY"] as const)
    test(policy, async () => {
      const it = await outcomeOf(policy);
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
