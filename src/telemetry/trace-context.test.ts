import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { seededRandom } from "../base/random.ts";
import { RandomIds } from "./random-ids.ts";
import { formatTraceparent, isSampled, nextHop, parseTraceparent } from "./trace-context.ts";
import { parseTracestate, propagatedTracestate } from "./tracestate.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";

function idsOf(seed: number): RandomIds {
  const random = seededRandom(seed);
  return new RandomIds((into) => {
    for (let i = 0; i < into.length; i++) into[i] = Math.floor(random() * 256);
  });
}

describe("traceparent", () => {
  test("is read", () => {
    const parent = { traceId: TRACE, parentId: SPAN, sampled: true, random: false };
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual(parent);
    expect(parseTraceparent(`\t 00-${TRACE}-${SPAN}-01 \t`)).toEqual(parent);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-fe`)).toEqual({ ...parent, sampled: false, random: true });
    for (const later of [`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-comes`, `cc-${TRACE}-${SPAN}-01-`]) {
      expect(parseTraceparent(later)).toEqual(parent);
    }
  });

  test("what is not valid is not read", () => {
    const valid = `00-${TRACE}-${SPAN}-01`;
    const wrong = [
      "",
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-`,
      `00-${TRACE}-${SPAN}-01.`,
      `cc-${TRACE}-${SPAN}-01.`,
      `cc-${TRACE}-${SPAN}-0`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.replace("1", "A")}-${SPAN}-01`,
      `${valid},${valid}`,
      `cc-${TRACE}-${SPAN}-01,${valid}`,
      `\n${valid}`,
      ...Array.from({ length: 55 }, (_, i) => `${valid.slice(0, i)}g${valid.slice(i + 1)}`),
      ...Array.from({ length: 55 }, (_, i) => valid.slice(0, i)),
    ];
    for (const value of wrong) expect([value, parseTraceparent(value)]).toEqual([value, undefined]);
  });

  test("what is written is read back", () => {
    const hex = (length: number): fc.Arbitrary<string> =>
      fc
        .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
        .filter((id) => /[^0]/.test(id));
    const parent = fc.record({ traceId: hex(32), parentId: hex(16), sampled: fc.boolean(), random: fc.boolean() });
    fc.assert(fc.property(parent, (context) => expect(parseTraceparent(formatTraceparent(context))).toEqual(context)));
  });
});

describe("tracestate", () => {
  test("valid lists go on", () => {
    const cases: readonly (readonly [value: string, expected: string])[] = [
      ["foo=1", "foo=1"],
      [" foo=1\t, \tbar=2 ", "foo=1,bar=2"],
      ["foo=1,,,bar=2,", "foo=1,bar=2"],
      ["foo=1,bar=2,foo=3", "foo=1,bar=2"],
      ["foo= a b", "foo= a b"],
      ["0a@b_-*/=~!", "0a@b_-*/=~!"],
    ];
    for (const [value, expected] of cases) expect([value, propagatedTracestate(value)]).toEqual([value, expected]);
  });

  test("one wrong entry ends the list", () => {
    const long = "z".repeat(257);
    for (const wrong of [
      "foo",
      "foo=",
      "=1",
      "FOO=1",
      "fo o=1",
      "foo =1",
      "@a=1",
      "a=b=c",
      "a=\x7f",
      "a=\u00e9",
      `${long}=1`,
      `a=${long}`,
      "a=1;b=2\n",
    ]) {
      expect([wrong, propagatedTracestate(`ok=1,${wrong}`)]).toEqual([wrong, undefined]);
    }
    for (const none of ["", " ", ",", " ,\t,"]) expect(propagatedTracestate(none)).toBeUndefined();
  });

  test("32 entries go on, 33 do not", () => {
    const list = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=${i}`).join(",");
    expect(propagatedTracestate(list(32))).toBe(list(32));
    expect(propagatedTracestate(list(33))).toBeUndefined();
  });

  test("long lists lose their large entries first, then the last ones", () => {
    const small = Array.from({ length: 20 }, (_, i) => `small${i}=${"v".repeat(90)}`);
    const large = `large=${"v".repeat(200)}`;
    const kept = propagatedTracestate([small.slice(0, 10), large, small.slice(10), "last=1"].flat().join(",")) ?? "";
    expect([...(parseTracestate(kept)?.keys() ?? [])]).toEqual([
      ...small.map((member) => member.split("=")[0] ?? ""),
      "last",
    ]);
    const longer =
      propagatedTracestate(Array.from({ length: 32 }, (_, i) => `k${i}=${"v".repeat(100)}`).join(",")) ?? "";
    expect(longer.length).toBeGreaterThan(1900);
    expect(longer.length).toBeLessThanOrEqual(2048);
    expect(longer).toStartWith("k0=");
  });
});

describe("a hop", () => {
  test("continues a valid trace with its own span", () => {
    const hop = nextHop(`00-${TRACE}-${SPAN}-01`, "foo=1", idsOf(1), 0);
    expect(hop).toMatchObject({
      callerSpanId: SPAN,
      tracestate: "foo=1",
      context: { traceId: TRACE, sampled: true, random: false },
    });
    expect(hop.context.parentId).not.toBe(SPAN);
    expect(hop.traceparent).toBe(`00-${TRACE}-${hop.context.parentId}-01`);
  });

  test("starts a trace where there is none, and drops the tracestate", () => {
    for (const traceparent of [undefined, "", "00-nonsense"]) {
      const hop = nextHop(traceparent, "foo=1", idsOf(2), 1);
      expect(hop.tracestate).toBeUndefined();
      expect(hop.callerSpanId).toBeUndefined();
      expect(hop.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
    }
  });

  test("samples the share that was asked for, and larger shares hold smaller ones", () => {
    const ids = idsOf(3);
    const traces = Array.from({ length: 20_000 }, () => ids.traceId());
    const share = (ratio: number): number => traces.filter((trace) => isSampled(trace, ratio)).length / traces.length;
    for (const ratio of [0.01, 0.1, 0.5, 0.9]) expect(Math.abs(share(ratio) - ratio)).toBeLessThan(0.015);
    expect([share(0), share(1)]).toEqual([0, 1]);
    for (const trace of traces) if (isSampled(trace, 0.1)) expect(isSampled(trace, 0.3)).toBeTrue();
  });
});

describe("random ids", () => {
  test("request ids are UUIDs of version 4, all different, with an even variant", () => {
    const ids = idsOf(4);
    const made = Array.from({ length: 4000 }, () => ids.requestId());
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(made).size).toBe(made.length);
    for (const variant of "89ab") {
      expect(Math.abs(made.filter((id) => id[19] === variant).length - 1000)).toBeLessThan(150);
    }
  });

  test("a traceparent that begins here is one that is read, is not sampled, and is new each time", () => {
    const ids = idsOf(5);
    const made = Array.from({ length: 400 }, () => ids.unsampledTraceparent());
    for (const traceparent of made)
      expect(parseTraceparent(traceparent)).toMatchObject({ sampled: false, random: true });
    expect(new Set(made).size).toBe(made.length);
  });

  test("ids are never all zero, and bytes are drawn in pools", () => {
    let fills = 0;
    const zeros = new RandomIds((into) => {
      fills++;
      into.fill(0);
    });
    for (let i = 0; i < 100; i++) {
      expect(zeros.traceId()).toMatch(/^0{31}1$/);
      expect(zeros.spanId()).toMatch(/^0{15}1$/);
    }
    expect(zeros.unsampledTraceparent()).toBe(`00-${"0".repeat(31)}1-${"0".repeat(15)}1-02`);
    expect(fills).toBe(3);
  });
});
