/**
 * Load on a mesh, by the engine of `tulle load`.
 *
 * @module
 */
import { systemClock } from "../../../src/base/clock.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { loadNetwork } from "../../../src/app/load/network.ts";
import { type LoadResult, type Pace, type RunningLoad, startLoad } from "../../../src/app/load/run-load.ts";
import { parseSplit } from "../../../src/app/load/split.ts";
import { targetOf } from "../../../src/app/load/target.ts";

/** `TULLE_LONG=1`: the whole of every bar, in place of the short form that each run of the tests can afford. */
export const isLong = process.env["TULLE_LONG"] === "1";

export interface TrafficOptions {
  readonly via?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections?: number;
  /** `header:x-version` or `json:.version`. */
  readonly splitBy?: string;
  readonly timeoutMs?: number;
}

/** Until the pace ends it, or `stop()`. */
export function traffic(url: string, pace: Pace, options: TrafficOptions = {}): RunningLoad {
  const { via, headers = {}, connections = 8, splitBy, timeoutMs = 15_000 } = options;
  const target = targetOf({ url, method: "GET", headers: Object.entries(headers), bodyBytes: 0, proxy: via });
  const plan = {
    target,
    pace,
    connections,
    timeoutMs,
    splitBy: splitBy === undefined ? undefined : parseSplit(splitBy),
  };
  return startLoad(plan, {
    clock: systemClock,
    network: loadNetwork(systemClock),
    random: systemRandom,
    onSecond: () => {},
  });
}

/** So many requests, as fast as the answers come. */
export const requests = (count: number, url: string, options: TrafficOptions = {}): Promise<LoadResult> =>
  traffic(url, { t: "count", requests: count }, options).done;

/** Nothing when every request was answered with 200, else what was not. For `expect(faultsOf(result)).toEqual({})`. */
export function faultsOf({ tally }: LoadResult): Record<string, number | string> {
  const statuses = [...tally.statuses]
    .filter(([status]) => status !== 200)
    .map(([s, n]) => [`status ${s}`, n] as const);
  const failures = [...tally.failures].map(([kind, n]) => [kind, `${n}: ${tally.examples.get(kind)}`] as const);
  return Object.fromEntries([...statuses, ...failures]);
}

/** How large a part of the answers had each value of `splitBy`. */
export function sharesOf({ tally }: LoadResult): Record<string, number> {
  return Object.fromEntries([...tally.splits].map(([value, { count }]) => [value, count / tally.answered]));
}
