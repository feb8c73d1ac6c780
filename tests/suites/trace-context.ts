/**
 * Runs the W3C trace context cases against anything that forwards a request to a service and the service's own calls
 * onwards.
 */
import { expect, test } from "bun:test";
import { suiteFigures } from "./figures.ts";

export type HeaderLines = readonly (readonly [name: string, value: string])[];

/**
 * Sends one request with these header lines, byte for byte, to a service that copies the trace headers it gets into
 * `callbacks` calls of its own. Returns the header lines of each call as they arrive.
 */
export type TraceContextRun = (headers: HeaderLines, callbacks: number) => Promise<readonly HeaderLines[]>;

type Check = Readonly<Record<string, unknown>>;

export interface TraceContextCase {
  readonly name: string;
  readonly test: string;
  readonly requestHeaders: HeaderLines;
  readonly callbacks: number;
  readonly checks: readonly Check[];
}

export interface TraceContextCases {
  readonly traceparentOut: string;
  readonly tracestateMember: string;
  readonly cases: readonly TraceContextCase[];
}

/** Tests in the upstream file: what the score is out of, however many of them the data holds. */
export const UPSTREAM_TESTS = 41;

/** What one request led to. */
interface Outcome {
  readonly traceIds: readonly string[];
  readonly parentIds: readonly string[];
  readonly flags: readonly number[];
  /** Lists of each call, joined. */
  readonly tracestates: readonly string[];
}

/** One `bun:test` test for each upstream test, and one that prints the score. */
export function traceContextSuite(
  { cases, traceparentOut, tracestateMember }: TraceContextCases,
  run: TraceContextRun,
): void {
  const form: Form = { traceparent: new RegExp(traceparentOut), member: new RegExp(tracestateMember) };
  const met = new Set<string>();
  const byTest = new Map<string, TraceContextCase[]>();
  for (const c of cases) byTest.set(c.test, [...(byTest.get(c.test) ?? []), c]);
  for (const [name, requests] of byTest) {
    test(name, async () => {
      let previous: Outcome | undefined;
      for (const request of requests) {
        const outcome = outcomeOf(await run(request.requestHeaders, request.callbacks), request, form);
        for (const check of request.checks) expectCheck(check, outcome, previous, request.name);
        previous = outcome;
      }
      met.add(name);
    });
  }
  test("score", () => {
    const failed = [...byTest.keys()].filter((name) => !met.has(name));
    console.info(
      `trace-context: ${met.size} of ${UPSTREAM_TESTS} upstream tests met; not met: ${failed.join(", ") || "none of those run"}; ` +
        `not run, for the data does not hold them: ${UPSTREAM_TESTS - byTest.size}`,
    );
    expect(failed).toEqual([]);
    expect(suiteFigures("trace-context", "tests")).toEqual({
      passed: met.size,
      here: byTest.size,
      upstream: UPSTREAM_TESTS,
    });
  });
}

interface Form {
  readonly traceparent: RegExp;
  readonly member: RegExp;
}

function outcomeOf(calls: readonly HeaderLines[], { name, callbacks }: TraceContextCase, form: Form): Outcome {
  expect(calls.length, name).toBe(callbacks);
  const parents = calls.map((headers) => valuesOf(headers, "traceparent"));
  for (const values of parents) {
    expect(values.length, `${name}: traceparent headers`).toBe(1);
    expect(values[0], name).toMatch(form.traceparent);
  }
  const fields = parents.map(([value = ""]) => value.split("-"));
  const tracestates = calls.map((headers) => valuesOf(headers, "tracestate").join(","));
  for (const member of tracestates.flatMap(membersOf)) expect(member, name).toMatch(form.member);
  return {
    traceIds: fields.map((f) => f[1] ?? ""),
    parentIds: fields.map((f) => f[2] ?? ""),
    flags: fields.map((f) => Number.parseInt(f[3] ?? "", 16)),
    tracestates,
  };
}

const valuesOf = (headers: HeaderLines, wanted: string): readonly string[] =>
  headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);

const membersOf = (list: string): readonly string[] =>
  list
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");

const keysOf = (list: string): readonly string[] =>
  membersOf(list).map((member) => member.slice(0, member.indexOf("=")));

type Judge = (wanted: unknown, outcome: Outcome, previous: Outcome | undefined) => boolean;

const eachList =
  (holds: (list: string, wanted: string) => boolean): Judge =>
  (wanted, { tracestates }) =>
    tracestates.every((list) => holds(list, String(wanted)));

const strings = (wanted: unknown): readonly string[] => (Array.isArray(wanted) ? wanted.map(String) : [String(wanted)]);

const JUDGES: Readonly<Record<string, Judge>> = {
  alwaysTrueUpstream: () => true,
  traceId: (wanted, { traceIds }) => traceIds.every((id) => id === wanted),
  traceIdNot: (wanted, { traceIds }) => traceIds.every((id) => id !== wanted),
  parentIdNot: (wanted, { parentIds }) => parentIds.every((id) => id !== wanted),
  traceIdsInclude: (wanted, { traceIds }) => strings(wanted).every((id) => traceIds.includes(id)),
  traceIdsExclude: (wanted, { traceIds }) => strings(wanted).every((id) => !traceIds.includes(id)),
  distinctTraceIds: (wanted, { traceIds }) => new Set(traceIds).size === Number(wanted),
  distinctParentIds: (wanted, { parentIds }) => new Set(parentIds).size === Number(wanted),
  flagBitSet: (wanted, { flags }) => flags.every((value) => (value & (1 << Number(wanted))) !== 0),
  tracestateHas: eachList((list, key) => keysOf(list).includes(key)),
  tracestateHasNot: eachList((list, key) => !keysOf(list).includes(key)),
  tracestateContains: eachList((list, part) => list.includes(part)),
  tracestateContainsAny: (wanted, { tracestates }) =>
    tracestates.every((list) => strings(wanted).some((part) => list.includes(part))),
  tracestateValue: (wanted, { tracestates }) => {
    const [key = "", value = ""] = strings(wanted);
    return tracestates.every((list) => membersOf(list).includes(`${key}=${value}`));
  },
  tracestateOrder: (wanted, { tracestates }) => {
    const [before = "", after = ""] = strings(wanted);
    return tracestates.every((list) => {
      const keys = keysOf(list);
      return keys.includes(before) && keys.indexOf(before) < keys.indexOf(after);
    });
  },
  tracestateCount: (wanted, { tracestates }) => tracestates.every((list) => membersOf(list).length === Number(wanted)),
  tracestateCountSameAsPreviousRequest: (_, { tracestates }, previous) =>
    tracestates.every((list, i) => membersOf(list).length === membersOf(previous?.tracestates[i] ?? "").length),
};

function expectCheck(check: Check, outcome: Outcome, previous: Outcome | undefined, name: string): void {
  for (const [kind, wanted] of Object.entries(check)) {
    const judge = JUDGES[kind];
    if (!judge) throw new Error(`${name}: check ${kind} is not known to this suite`);
    const said = `${name}: ${kind} ${JSON.stringify(wanted)}, got ${JSON.stringify(outcome)}`;
    expect(judge(wanted, outcome, previous), said).toBeTrue();
  }
}
