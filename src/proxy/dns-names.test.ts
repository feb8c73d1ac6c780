import { describe, expect, test } from "bun:test";
import { ScriptedResolver } from "../../tests/support/scripted-resolver.ts";
import { silentLog } from "../base/log.ts";
import { ManualClock } from "../base/manual-clock.ts";
import type { NameSettings } from "../engine/cluster/names.ts";
import { DnsNames, lookUp, type NameState } from "./dns-names.ts";

const settings: NameSettings = {
  family: "V4_ONLY",
  refreshMs: 60_000,
  respectsTtl: true,
  failure: { baseMs: 1000, maxMs: 8000 },
};

function watching(over: Partial<NameSettings> = {}, random = (): number => 0) {
  const clock = new ManualClock();
  const resolver = new ScriptedResolver();
  const names = new DnsNames({ resolver, clock, random, log: silentLog });
  const states: NameState[] = [];
  const stop = names.watch("a.test", { ...settings, ...over }, (state) => states.push(state));
  return { clock, resolver, names, states, stop };
}

describe("a name", () => {
  test("is looked up at once, and again after the refresh rate", () => {
    const { clock, resolver, states } = watching();
    expect(resolver.asked).toEqual(["a.test 4"]);
    resolver.found("10.0.0.1", "10.0.0.1", "10.0.0.2");
    expect(states).toEqual([{ isKnown: true, addresses: ["10.0.0.1", "10.0.0.2"], failure: undefined }]);
    clock.advance(59_999);
    expect(resolver.total).toBe(1);
    clock.advance(1);
    resolver.found("10.0.0.3");
    expect(states.at(-1)?.addresses).toEqual(["10.0.0.3"]);
  });

  test("is looked up when the shortest of its records ends, where that counts; never more often than each second", () => {
    const { clock, resolver } = watching();
    resolver.answer({
      t: "found",
      records: [
        { address: "10.0.0.1", ttlMs: 9000 },
        { address: "10.0.0.2", ttlMs: 7000 },
      ],
    });
    clock.advance(7000);
    expect(resolver.total).toBe(2);
    resolver.foundFor(1, "10.0.0.1");
    clock.advance(999);
    expect(resolver.total).toBe(2);
    clock.advance(1);
    expect(resolver.total).toBe(3);
    const deaf = watching({ respectsTtl: false });
    deaf.resolver.foundFor(7000, "10.0.0.1");
    deaf.clock.advance(59_999);
    expect(deaf.resolver.total).toBe(1);
  });

  test("keeps its addresses while nobody can say, and is asked for with longer and longer waits", () => {
    const { clock, resolver, states } = watching({}, () => 0.99);
    resolver.found("10.0.0.1");
    clock.advance(60_100);
    const waits = [2000, 4000, 8000, 8000].map((longest) => {
      resolver.answer({ t: "failed", reason: "ESERVFAIL" });
      const before = resolver.total;
      clock.advance(longest * 0.98);
      expect(resolver.total).toBe(before);
      clock.advance(longest * 0.02);
      return resolver.total - before;
    });
    expect(waits).toEqual([1, 1, 1, 1]);
    expect(states.at(-1)).toEqual({ isKnown: true, addresses: ["10.0.0.1"], failure: "ESERVFAIL" });
    expect(states).toHaveLength(2);
    resolver.found("10.0.0.1");
    expect(states.at(-1)?.failure).toBeUndefined();
  });

  test("that does not exist any more has no address", () => {
    const { clock, resolver, states } = watching();
    resolver.found("10.0.0.1");
    clock.advance(60_000);
    resolver.answer({ t: "none" });
    expect(states.at(-1)).toMatchObject({ addresses: [] });
  });

  test("is looked up once for all who watch it, and forgotten with the last", () => {
    const { clock, names, resolver, stop } = watching();
    resolver.found("10.0.0.1");
    const seen: NameState[] = [];
    const stopSecond = names.watch("a.test", settings, (state) => seen.push(state));
    expect(seen.map(({ addresses }) => addresses)).toEqual([["10.0.0.1"]]);
    stop();
    clock.advance(60_000);
    expect(resolver.total).toBe(2);
    stopSecond();
    resolver.found("10.0.0.9");
    clock.advance(1_000_000);
    expect(resolver.total).toBe(2);
    expect(seen).toHaveLength(1);
  });
});

describe("families", () => {
  const asked = (family: NameSettings["family"], ...answers: readonly (readonly string[])[]): unknown => {
    const resolver = new ScriptedResolver();
    let got: unknown;
    const questions: string[] = [];
    lookUp(
      resolver,
      "a",
      family,
      (answer) => (got = answer.t === "found" ? answer.records.map((r) => r.address) : answer.t),
    );
    for (const addresses of answers) {
      questions.push(...resolver.asked);
      if (addresses.length === 0) resolver.answer({ t: "none" });
      else resolver.found(...addresses);
    }
    return [questions, got];
  };

  test.each([
    ["V4_ONLY", [["1.1.1.1"]], [["a 4"], ["1.1.1.1"]]],
    ["V6_ONLY", [[]], [["a 6"], "none"]],
    ["AUTO", [["::1"]], [["a 6"], ["::1"]]],
    ["AUTO", [[], ["1.1.1.1"]], [["a 6", "a 4"], ["1.1.1.1"]]],
    ["V4_PREFERRED", [[], ["::1"]], [["a 4", "a 6"], ["::1"]]],
    [
      "ALL",
      [["1.1.1.1"], ["::1"]],
      [
        ["a 4", "a 6"],
        ["1.1.1.1", "::1"],
      ],
    ],
    ["ALL", [[], ["::1"]], [["a 4", "a 6"], ["::1"]]],
  ] as const)("%s", (family, answers, wanted) => expect(asked(family, ...answers)).toEqual(wanted as never));
});
