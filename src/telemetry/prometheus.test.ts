import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { prometheusText } from "./prometheus.ts";
import { Registry } from "./registry.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text format character by character, strictly, and checks that lines of a metric stay together. */
function parse(text: string): { readonly types: ReadonlyMap<string, string>; readonly samples: readonly Sample[] } {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  let family = "";
  expect(text === "" || text.endsWith("\n")).toBeTrue();
  for (const line of text.split("\n").slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line);
    if (comment) {
      family = comment[2] ?? "";
      if (comment[1] !== "TYPE") continue;
      expect(types.has(family)).toBeFalse();
      types.set(family, comment[3] ?? "");
      continue;
    }
    const sample = parseSample(line);
    expect(sample.name.replace(/_(bucket|sum|count)$/, "") === family || sample.name === family).toBeTrue();
    samples.push(sample);
  }
  return { types, samples };
}

function parseSample(line: string): Sample {
  const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0] ?? "";
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === "{") {
    for (at++; line[at] !== "}"; ) {
      const label = /^([a-zA-Z_]\w*)="/.exec(line.slice(at));
      if (!label) throw new Error(`label expected at ${at} of ${line}`);
      at += label[0].length;
      let value = "";
      for (; line[at] !== '"'; at++) {
        if (line[at] === undefined) throw new Error(`quote expected in ${line}`);
        if (line[at] !== "\\") value += line[at];
        else value += { n: "\n", '"': '"', "\\": "\\" }[line[++at] ?? ""] ?? fail(line);
      }
      labels[label[1] ?? ""] = value;
      at++;
      if (line[at] === ",") at++;
    }
    at++;
  }
  const number = /^ (\+Inf|-Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line.slice(at))?.[1] ?? fail(line);
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function fail(line: string): never {
  throw new Error(`not a sample: ${line}`);
}

const text = (registry: Registry): string => [...prometheusText(registry)].join("");

describe("Prometheus text", () => {
  test("a parser reads each label value back, whatever it holds", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom('"', "\\", "\n", "n", "{", "}", ",", "=", "é") }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(value, { maxLength: 8 }), (values) => {
        const registry = new Registry();
        for (const [i, v] of values.entries())
          registry.counter({ name: "m", help: 'a\nb\\ "c"' }, { v, w: "x" }).add(i + 1);
        expect(parse(text(registry)).samples).toEqual(
          values.map((v, i) => ({ name: "m", labels: { v, w: "x" }, value: i + 1 })),
        );
      }),
    );
  });

  test("numbers come back as they are", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        const registry = new Registry();
        registry.gauge({ name: "g", help: "" }).set(value);
        expect(parse(text(registry)).samples[0]?.value).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test("buckets are cumulative, end with +Inf and agree with the count", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e8, noNaN: true }));
    fc.assert(
      fc.property(values, (seen) => {
        const registry = new Registry();
        const histogram = registry.histogram({ name: "h", help: "", bounds: [0.5, 10, 1000] }, { a: "b" });
        for (const value of seen) histogram.observe(value);
        const { samples, types } = parse(text(registry));
        expect(types.get("h")).toBe("histogram");
        const bounds = [0.5, 10, 1000, Number.POSITIVE_INFINITY];
        const expected = bounds.map((le) => ({
          name: "h_bucket",
          labels: { a: "b", le: le === Number.POSITIVE_INFINITY ? "+Inf" : String(le) },
          value: seen.filter((value) => value <= le).length,
        }));
        expect(samples.slice(0, 4)).toEqual(expected);
        expect(samples.slice(4).map(({ name, labels }) => [name, labels])).toEqual([
          ["h_sum", { a: "b" }],
          ["h_count", { a: "b" }],
        ]);
        expect(samples[4]?.value).toBeCloseTo(
          seen.reduce((a, b) => a + b, 0),
          0,
        );
        expect(samples[5]?.value).toBe(seen.length);
      }),
    );
  });

  test("comes in chunks, with one header a metric", () => {
    const registry = new Registry();
    for (let i = 0; i < 1500; i++) registry.counter({ name: "m_total", help: "M" }, { label: `value-${i}` }).add();
    const chunks = [...prometheusText(registry)];
    expect(chunks.length).toBeGreaterThan(2);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(17_000);
    expect(parse(chunks.join("")).samples).toHaveLength(1500);
  });
});
