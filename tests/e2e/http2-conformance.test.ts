/**
 * h2spec and nghttp2's tools against a real Envoy and our proxy from one bootstrap: nothing fails with ours that passes
 * with Envoy, in strict mode too.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { ensureGoTool } from "../support/go-tool.ts";
import { HopChain } from "./support/hop-chain.ts";
import { Nghttpd } from "./support/http2-server.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";

const h2spec = ensureGoTool("h2spec");
const envoyPath = await ensureEnvoy();
const hasNghttp = ["nghttpd", "nghttp", "h2load"].every((it) => Bun.which(it) !== null);
if (!hasNghttp) console.warn("SKIPPED: nghttp2's tools are not installed");

interface SpecCase {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly detail: string;
}

async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return out + err;
}

/** Each waits for what does not come, so they run side by side. */
const SECTIONS = ["generic", "hpack", ...["3", "4", "5", "6", "7", "8"].map((it) => `http2/${it}`)];

async function runSpec(port: number, folder: string, program: string): Promise<SpecCase[]> {
  const reports = await Promise.all(
    SECTIONS.map(async (section, i) => {
      const report = join(folder, `${port}-${i}.xml`);
      await run([program, section, "--strict", "--timeout", "2", "--port", String(port), "--junit-report", report]);
      return readReport(readFileSync(report, "utf8"));
    }),
  );
  return reports.flat();
}

/** Cases by their section and words. */
function readReport(xml: string): SpecCase[] {
  const cases: SpecCase[] = [];
  for (const [, attributes = "", inner = ""] of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const attribute = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    const outcome = /<(failure|error)/.test(inner) ? "failed" : inner.includes("<skipped") ? "skipped" : "passed";
    cases.push({
      name: `${attribute("package")} ${attribute("classname")}`,
      outcome,
      detail: inner.trim().slice(0, 400),
    });
  }
  return cases;
}

const count = (cases: readonly SpecCase[]): string => {
  const of = (outcome: SpecCase["outcome"]): number => cases.filter((it) => it.outcome === outcome).length;
  return `${of("passed")} passed, ${of("failed")} failed, ${of("skipped")} skipped of ${cases.length}`;
};

describe.skipIf(!hasNghttp || envoyPath === undefined)("HTTP/2 as others judge it", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-h2spec-"));
  let server: Nghttpd;
  let tulle: HopChain;
  let envoy: HopChain;

  beforeAll(async () => {
    server = await Nghttpd.start();
    // Envoy would wait for a second before it closes, and h2spec not much longer.
    const chain = { upstream: server.port, http2: true, manager: { delayedCloseTimeout: 100 } };
    tulle = await HopChain.start(tulleProxy, chain);
    envoy = await HopChain.start(envoyProxy(envoyPath ?? ""), chain);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([tulle?.stop(), envoy?.stop()]);
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  test.skipIf(h2spec === undefined)(
    "h2spec, strict: nothing fails that passes with Envoy",
    async () => {
      const [ours, theirs] = await Promise.all([tulle, envoy].map(({ port }) => runSpec(port, folder, h2spec ?? "")));
      console.log(`h2spec --strict: Tulle ${count(ours ?? [])}; Envoy ${count(theirs ?? [])}`);
      const passes = new Set(theirs?.filter(({ outcome }) => outcome === "passed").map(({ name }) => name));
      expect(passes.size).toBeGreaterThan(100);
      const failedOf = (cases: readonly SpecCase[] = []): SpecCase[] => cases.filter((it) => it.outcome === "failed");
      let failed = failedOf(ours);
      if (failed.some(({ name }) => passes.has(name))) {
        // On a machine that is busy an answer may be late: only what fails again has failed.
        const again = new Set(failedOf(await runSpec(tulle.port, folder, h2spec ?? "")).map(({ name }) => name));
        failed = failed.filter(({ name }) => again.has(name));
      }
      for (const { detail, name } of failed) console.log(`  failed: ${name}: ${detail}`);
      expect(failed.filter(({ name }) => passes.has(name)).map(({ detail, name }) => `${name}: ${detail}`)).toEqual([]);
      expect(ours).toHaveLength(theirs?.length ?? 0);
    },
    120_000,
  );

  test("h2load: every request is answered, with many streams and with large bodies", async () => {
    const url = (path: string): string => `http://127.0.0.1:${tulle.port}${path}`;
    for (const args of [
      ["-n", "2000", "-c", "4", "-m", "50", url("/")],
      ["-n", "40", "-c", "2", "-m", "10", "-w", "16", "-W", "18", url("/large")],
    ]) {
      const output = await run(["h2load", ...args]);
      const wanted = args[1] ?? "";
      expect(output).toContain(
        `requests: ${wanted} total, ${wanted} started, ${wanted} done, ${wanted} succeeded, 0 failed, 0 errored, 0 timeout`,
      );
    }
  }, 60_000);

  test("nghttp: an upload comes back, and a head in CONTINUATION frames passes", async () => {
    const upload = join(folder, "upload");
    await Bun.write(upload, "u".repeat(300_000));
    const echoed = await run(["nghttp", "-d", upload, `http://127.0.0.1:${tulle.port}/echo`]);
    expect(echoed.length).toBe(300_000);
    const long = await run(["nghttp", "-v", "--continuation", `http://127.0.0.1:${tulle.port}/`]);
    expect(long).toContain(":status: 200");
  }, 30_000);
});
