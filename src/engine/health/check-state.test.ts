import { describe, expect, test } from "bun:test";
import { LiveEndpoint, type Endpoint } from "../cluster/endpoint.ts";
import { compileAssignment } from "../cluster/endpoints.ts";
import { CompileError } from "../compile-error.ts";
import type { HealthCheck } from "../../xds/proto/core-health-check.ts";
import { type CheckFailure, type CheckResult, CheckState } from "./check-state.ts";
import { type CheckSettings, compileHealthCheck } from "./health-check.ts";

const CHECK: HealthCheck = {
  timeout: 500,
  interval: 5000,
  unhealthyInterval: 2000,
  unhealthyEdgeInterval: 700,
  healthyEdgeInterval: 300,
  noTrafficInterval: 60_000,
  noTrafficHealthyInterval: 90_000,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
  httpHealthCheck: { path: "/healthz" },
};
const settingsOf = (over: Partial<HealthCheck> = {}): CheckSettings =>
  compileHealthCheck({ name: "c", healthChecks: [{ ...CHECK, ...over }] }) as CheckSettings;
const endpointOf = (failedCheck: boolean): Endpoint => {
  const [spec] = compileAssignment({
    clusterName: "c",
    endpoints: [
      { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: 1 } } } }] },
    ],
  });
  const endpoint = new LiveEndpoint(spec as NonNullable<typeof spec>);
  endpoint.failedCheck = failedCheck;
  return endpoint;
};
const PASS: CheckResult = { t: "passed", degraded: false };
const fail = (failure: CheckFailure, retriable = false): CheckResult => ({ t: "failed", failure, retriable, why: "x" });

/** What a row of results makes of an endpoint: `+` in, `-` out, a capital where it has changed. */
function course(state: CheckState, endpoint: Endpoint, results: readonly CheckResult[]): string {
  return results
    .map((result) => {
      const { transition } = state.onResult(result);
      const mark = endpoint.failedCheck ? "out" : "in";
      return transition === "changed" ? mark.toUpperCase() : transition === "changePending" ? `${mark}?` : mark;
    })
    .join(" ");
}

describe("what results make of an endpoint", () => {
  const start = (failedCheck: boolean, isKnown = false) => {
    const endpoint = endpointOf(failedCheck);
    return { endpoint, state: new CheckState(settingsOf(), endpoint, isKnown) };
  };

  test("the first result brings a new endpoint in, later ones must be as many as the threshold says", () => {
    const { endpoint, state } = start(true);
    const net = fail("network");
    expect(course(state, endpoint, [PASS, PASS, net, net, PASS, net, net, net, net, PASS, net, PASS, PASS])).toBe(
      "IN in in? in? in in? in? OUT out out? out out? IN",
    );
  });

  test("an endpoint that was assumed to serve is out at the first result that says otherwise", () => {
    const { endpoint, state } = start(false);
    expect(course(state, endpoint, [fail("network"), PASS, PASS])).toBe("OUT out? IN");
  });

  test("one that another checker knew needs the thresholds from the start", () => {
    const known = start(false, true);
    expect(course(known.state, known.endpoint, [fail("network"), PASS])).toBe("in? in");
    const out = start(true, true);
    expect(course(out.state, out.endpoint, [PASS, PASS])).toBe("out? IN");
  });

  test("an answer that says no counts at once, unless its status is retriable", () => {
    const { endpoint, state } = start(true);
    const retriable = fail("active", true);
    expect(course(state, endpoint, [PASS, retriable, retriable, PASS, fail("active")])).toBe("IN in? in? in OUT");
  });

  test("a degraded answer changes what it is, not whether it is in", () => {
    const { endpoint, state } = start(true);
    state.onResult({ t: "passed", degraded: true });
    expect([endpoint.failedCheck, endpoint.degradedCheck]).toEqual([false, true]);
    expect(state.onResult(PASS)).toEqual({
      transition: "changed",
      events: [{ kind: "no_longer_degraded_host", isFirst: false }],
    });
  });

  test("any first result ends the wait of an endpoint that was not counted", () => {
    const { endpoint, state } = start(true);
    endpoint.awaitsCheck = true;
    expect(state.onResult(fail("networkTimeout")).transition).toBe("changed");
    expect([endpoint.awaitsCheck, endpoint.failedCheck, endpoint.checkTimedOut]).toEqual([false, true, true]);
  });

  test("an endpoint that told traffic to leave comes back by its checks", () => {
    const { endpoint, state } = start(true);
    state.onResult(PASS);
    expect(state.takeOutNow()).toBe(true);
    expect([endpoint.failedCheck, endpoint.excluded]).toEqual([true, true]);
    expect(course(state, endpoint, [PASS, PASS])).toBe("out? IN");
    expect(endpoint.excluded).toBe(false);
  });

  test("the wait depends on traffic, on the result and on whether a change is near", () => {
    const { endpoint, state } = start(true);
    const waits = [PASS, fail("network"), PASS, ...Array<CheckResult>(4).fill(fail("network")), PASS, PASS].map(
      (result) => {
        const report = state.onResult(result);
        return [true, false].map((traffic) => state.nextMs(result, report, traffic, () => 0));
      },
    );
    expect(endpoint.failedCheck).toBe(false);
    expect(waits).toEqual([
      [5000, 90_000], // in
      [700, 60_000], // one failure
      [5000, 90_000], // it passed again
      [700, 60_000],
      [700, 60_000],
      [2000, 60_000], // out
      [2000, 60_000],
      [300, 60_000], // one of two passes
      [5000, 90_000], // in
    ]);
  });

  test("jitter is added, by share and by time", () => {
    const endpoint = endpointOf(true);
    const state = new CheckState(settingsOf({ intervalJitterPercent: 50, intervalJitter: 1000 }), endpoint, false);
    const report = state.onResult(PASS);
    expect(state.nextMs(PASS, report, true, () => 0.5)).toBe(5000 + 1250 + 500);
  });
});

describe("settings", () => {
  const refused = (over: Partial<HealthCheck>): string => {
    try {
      settingsOf(over);
    } catch (error) {
      if (error instanceof CompileError) return error.message;
      throw error;
    }
    return "taken";
  };

  test("what is wrong is refused with its field", () => {
    expect(refused({ timeout: 0 })).toBe("health_checks[0].timeout: must be above 0, found 0 ms");
    expect(refused({ interval: undefined })).toBe("health_checks[0].interval: must be above 0, found nothing");
    expect(refused({ altPort: 81 })).toContain("health_checks[0].alt_port: is not supported yet");
    expect(refused({ httpHealthCheck: { path: "x" } })).toContain("health_checks[0].http_health_check.path");
    expect(refused({ httpHealthCheck: undefined, tcpHealthCheck: { send: { text: "abc" } } })).toBe(
      'health_checks[0].tcp_health_check.send.text: must be pairs of hexadecimal digits, found "abc"',
    );
    expect(refused({ httpHealthCheck: { path: "/", expectedStatuses: [{ start: 200, end: 200 }] } })).toContain(
      "http_health_check.expected_statuses[0]: must be a range",
    );
  });

  test("intervals fall back on each other as Envoy's do", () => {
    const { intervals } = compileHealthCheck({
      name: "c",
      healthChecks: [
        { timeout: 1, interval: 7, unhealthyThreshold: 1, healthyThreshold: 1, httpHealthCheck: { path: "/" } },
      ],
    }) as CheckSettings;
    expect(intervals).toMatchObject({
      intervalMs: 7,
      unhealthyIntervalMs: 7,
      unhealthyEdgeIntervalMs: 7,
      healthyEdgeIntervalMs: 7,
      noTrafficIntervalMs: 60_000,
      noTrafficHealthyIntervalMs: 60_000,
    });
  });
});
