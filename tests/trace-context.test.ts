/**
 * The W3C trace context cases, in this process: inbound side, an application that copies `traceparent` and
 * `tracestate` from the request it serves to the calls it makes, outbound side.
 */
import { describe, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../src/base/random.ts";
import { RandomIds } from "../src/telemetry/random-ids.ts";
import { nextHop } from "../src/telemetry/trace-context.ts";
import { traceContextSuite, type HeaderLines, type TraceContextCases } from "./suites/trace-context.ts";

const CASES = join(import.meta.dir, "../../shared/suites/trace-context/cases.json");

const random = seededRandom(20_261_123);
const ids = new RandomIds((into) => {
  for (let i = 0; i < into.length; i++) into[i] = Math.floor(random() * 256);
});

/** What a side of the proxy does: repeated lines are joined, the context goes on as a new hop, the rest as it is. */
function forwarded(headers: HeaderLines): HeaderLines {
  const joined = (wanted: string): string | undefined => {
    const values = headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(",");
  };
  const hop = nextHop(joined("traceparent"), joined("tracestate"), ids, 0.5);
  const others = headers.filter(([name]) => !TRACE_HEADERS.includes(name.toLowerCase()));
  const state: HeaderLines = hop.tracestate === undefined ? [] : [["tracestate", hop.tracestate]];
  return [...others, ["traceparent", hop.traceparent], ...state];
}

const TRACE_HEADERS: readonly string[] = ["traceparent", "tracestate"];

describe("W3C trace context", () => {
  if (!existsSync(CASES)) {
    console.warn(`SKIPPED: ${CASES} is absent`);
    test.skip("cases are absent", () => {});
    return;
  }
  const cases = JSON.parse(readFileSync(CASES, "utf8")) as TraceContextCases;
  traceContextSuite(cases, (headers, callbacks) => {
    const seen = forwarded(headers);
    const copied = seen.filter(([name]) => TRACE_HEADERS.includes(name));
    return Promise.resolve(Array.from({ length: callbacks }, () => forwarded(copied)));
  });
});
