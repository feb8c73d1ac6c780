/**
 * A real Envoy and our proxy check backends of their own, which change in the same way: what each says of its endpoints, and
 * after how many checks, must be the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { type Backend, http2Backend, type Mood, textBackend } from "./health/backends.ts";
import { type CheckKind, healthBootstrapText, KINDS } from "./health/bootstrap.ts";
import { eventually } from "./support/eventually.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();

class Side {
  readonly backends: Readonly<Record<CheckKind, Backend>>;
  readonly #process: ProxyProcess;
  readonly #admin: number;

  private constructor(backends: Readonly<Record<CheckKind, Backend>>, process: ProxyProcess, admin: number) {
    this.backends = backends;
    this.#process = process;
    this.#admin = admin;
  }

  static async start(program: readonly string[], folder: string): Promise<Side> {
    const backends = {
      http1: await textBackend(),
      http2: await http2Backend(),
      grpc: await http2Backend(),
      tcp: await textBackend(),
    };
    const ports = Object.fromEntries(KINDS.map((kind) => [kind, backends[kind].port])) as Record<CheckKind, number>;
    let admin = 0;
    const process = await ProxyProcess.start(program, folder, () => {
      [admin = 0] = freePorts(1);
      return [healthBootstrapText(admin, ports), admin];
    });
    return new Side(backends, process, admin);
  }

  async #admins(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#admin}${path}`)).text();
  }

  async flags(kind: CheckKind): Promise<string> {
    const text = await this.#admins("/clusters");
    return new RegExp(`^${kind}::127\\S+?::health_flags::(.*)$`, "m").exec(text)?.[1] ?? "none";
  }

  async stat(kind: CheckKind, name: string): Promise<number> {
    const text = await this.#admins(`/stats?filter=cluster.${kind}.`);
    return Number(new RegExp(`^cluster\\.${kind}\\.${name}: (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  }

  /** Changes the mood, and tells the flags that come of it and after how many checks. */
  async becomes(kind: CheckKind, mood: Mood, until: string): Promise<string> {
    const backend = this.backends[kind];
    backend.mood = mood;
    backend.checks = 0;
    await eventually(`${kind} is ${until}`, async () => (await this.flags(kind)) === until);
    return `${mood}: ${until} after ${backend.checks}`;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    for (const backend of Object.values(this.backends)) await backend.stop();
  }
}

const IN = "healthy";
const OUT = "/failed_active_hc";
const SILENT = "/failed_active_hc/active_hc_timeout";

/** What happens to a backend, and what its endpoint is then. */
const COURSES: Readonly<Record<CheckKind, readonly (readonly [Mood, string])[]>> = {
  http1: [
    ["well", IN],
    ["ill", OUT],
    ["well", IN],
    ["moody", OUT],
    ["degraded", "/degraded_active_hc"],
    ["well", IN],
    ["mute", SILENT],
    ["well", IN],
    ["closed", OUT],
  ],
  http2: [
    ["well", IN],
    ["ill", OUT],
    ["well", IN],
    ["moody", OUT],
    ["degraded", "/degraded_active_hc"],
    ["well", IN],
    ["mute", SILENT],
    ["well", IN],
  ],
  grpc: [
    ["well", IN],
    ["ill", OUT],
    ["well", IN],
    ["moody", OUT],
    ["well", IN],
    ["mute", SILENT],
    ["well", IN],
  ],
  tcp: [
    ["well", IN],
    ["ill", SILENT],
    ["well", IN],
    ["closed", OUT],
    ["well", IN],
  ],
};

describe.skipIf(binary === undefined)("active health checks: a real Envoy and our proxy see the same", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-health-"));
  let envoy: Side;
  let tulle: Side;

  beforeAll(async () => {
    envoy = await Side.start(envoyProxy(binary ?? ""), join(folder, "envoy"));
    tulle = await Side.start(tulleProxy, join(folder, "tulle"));
  }, 40_000);
  afterAll(async () => {
    await Promise.all([envoy?.stop(), tulle?.stop()]);
    rmSync(folder, { recursive: true });
  });

  test.each(KINDS)(
    "%s",
    async (kind) => {
      const course = async (side: Side): Promise<readonly string[]> => {
        const seen: string[] = [];
        for (const [mood, until] of COURSES[kind]) seen.push(await side.becomes(kind, mood, until));
        return seen;
      };
      const [theirs, ours] = await Promise.all([course(envoy), course(tulle)]);
      // Admin is asked between two checks, and one may be under way: which flags there were is exact, counts are near.
      const words = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replace(/ after .*/, ""));
      expect(words(ours)).toEqual(words(theirs));
      const checks = (line: string): number => Number(/ (\d+)$/.exec(line)?.[1]);
      for (const [i, line] of theirs.entries())
        expect([line, Math.abs(checks(line) - checks(ours[i] ?? "")) <= 1]).toEqual([line, true]);
      for (const side of [envoy, tulle]) {
        const [attempts, good, bad] = await Promise.all(
          ["attempt", "success", "failure"].map((name) => side.stat(kind, `health_check.${name}`)),
        );
        // One may be under way.
        expect((attempts ?? 0) - (good ?? 0) - (bad ?? 0)).toBeWithin(-1, 2);
        expect(bad).toBeGreaterThan(0);
      }
      expect(await tulle.stat(kind, "health_check.healthy")).toBe(await envoy.stat(kind, "health_check.healthy"));
    },
    40_000,
  );
});
