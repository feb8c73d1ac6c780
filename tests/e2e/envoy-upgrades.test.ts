/**
 * Upgrades, CONNECT and 100-continue: a real Envoy and our proxy from one bootstrap, the same script with both. Where they may
 * differ is said, with a reason each, in `tunnels/accepted.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";
import { ACCEPTED, type Difference } from "./tunnels/accepted.ts";
import { TunnelLab } from "./tunnels/lab.ts";
import { SCRIPTS } from "./tunnels/scripts.ts";

const binary = await ensureEnvoy();

describe.skipIf(binary === undefined)("connections that become something else", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-tunnels-"));
  const used = new Set<string>();
  const differences = new Map<string, readonly Difference[]>();

  beforeAll(async () => {
    const labs = [
      await TunnelLab.start(envoyProxy(binary ?? ""), join(folder, "envoy")),
      await TunnelLab.start(tulleProxy, join(folder, "tulle")),
    ];
    const [envoy = [], tulle = []] = await Promise.all(labs.map((lab) => lab.runAll(SCRIPTS)));
    for (const [i, { what }] of SCRIPTS.entries())
      differences.set(what, compared(what, envoy[i] ?? [], tulle[i] ?? []));
    await Promise.all(labs.map((lab) => lab.stop()));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(SCRIPTS.map(({ what }) => what))("%s", (what) => {
    const unexplained = differences.get(what)?.filter((difference) => {
      const reason = ACCEPTED.find(({ covers }) => covers(difference));
      if (reason !== undefined) used.add(reason.why);
      return reason === undefined;
    });
    expect(unexplained).toEqual([]);
  });

  test("each reason for a difference is needed", () =>
    expect(ACCEPTED.map(({ why }) => why).filter((why) => !used.has(why))).toEqual([]));
});

function compared(what: string, envoy: readonly string[], tulle: readonly string[]): Difference[] {
  return envoy.flatMap((text, i) => {
    const other = tulle[i] ?? "";
    return text === other ? [] : { what, isLog: text.startsWith("log "), envoy: text, tulle: other };
  });
}
