import { describe, expect, test } from "bun:test";
import { type Random, seededRandom } from "../../base/random.ts";
import { endpointSet } from "../../../tests/suites/balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSet } from "./endpoints.ts";
import { OutlierDetector, resultOfStatus } from "./outlier.ts";
import { compileOutlier } from "./outlier-settings.ts";
import type { OutlierDetection } from "../../xds/proto/cluster-health.ts";

const never: Random = () => 0.999_999;
const always: Random = () => 0;

function detector(message: OutlierDetection, endpoints = 2, random: Random = always) {
  const settings = compileOutlier(
    { maxEjectionPercent: 100, enforcingSuccessRate: 0, ...message },
    "outlier_detection",
  );
  if (settings === undefined) throw new Error("no settings");
  const set = endpointSet(Array.from({ length: endpoints }, () => 1));
  return { set, detector: new OutlierDetector(settings, set, random) };
}

const first = (set: EndpointSet): Endpoint => set.all[0] as Endpoint;

function fail(of: OutlierDetector, endpoint: Endpoint, times: number, nowMs = 0) {
  let last: ReturnType<OutlierDetector["onResult"]>;
  for (let i = 0; i < times; i += 1) last = of.onResult(endpoint, "error5xx", nowMs);
  return last;
}

describe("outlier detection", () => {
  test("the fifth 5xx in a row ejects; a success in between starts again", () => {
    const { set, detector: of } = detector({});
    expect(fail(of, first(set), 4)).toBeUndefined();
    of.onResult(first(set), "success", 0);
    expect(fail(of, first(set), 4)).toBeUndefined();
    const ejection = fail(of, first(set), 1);
    expect(ejection).toEqual({ endpoint: first(set), cause: "consecutive5xx", outcome: "enforced" });
    expect(set.usable.map((endpoint) => endpoint.key)).toEqual(["10.0.0.2:80"]);
  });

  test("what is already out is not ejected again", () => {
    const { set, detector: of } = detector({ consecutive5xx: 1 });
    fail(of, first(set), 1);
    expect(fail(of, first(set), 3)).toBeUndefined();
    expect(first(set).ejections).toBe(1);
  });

  test("no more than maxEjectionPercent, one at least only when asked", () => {
    const percent = (maxEjectionPercent: number, alwaysEjectOneHost = false) => {
      const { set, detector: of } = detector({ maxEjectionPercent, alwaysEjectOneHost, consecutive5xx: 1 }, 4);
      return set.all.map((endpoint) => fail(of, endpoint, 1)?.outcome);
    };
    expect(percent(10)).toEqual(["overflow", "overflow", "overflow", "overflow"]);
    expect(percent(10, true)).toEqual(["enforced", "overflow", "overflow", "overflow"]);
    expect(percent(50)).toEqual(["enforced", "enforced", "overflow", "overflow"]);
    expect(percent(100)).toEqual(["enforced", "enforced", "enforced", "enforced"]);
  });

  test("gateway failures are counted, and enforced only when asked", () => {
    const quiet = detector({ consecutiveGatewayFailure: 2, consecutive5xx: 0 });
    quiet.detector.onResult(first(quiet.set), "gatewayError", 0);
    expect(quiet.detector.onResult(first(quiet.set), "timeout", 0)?.outcome).toBe("notEnforced");
    const loud = detector({ consecutiveGatewayFailure: 2, enforcingConsecutiveGatewayFailure: 100 });
    loud.detector.onResult(first(loud.set), "gatewayError", 0);
    loud.detector.onResult(first(loud.set), "error5xx", 0); // another kind of 5xx ends the row
    expect(loud.detector.onResult(first(loud.set), "gatewayError", 0)).toBeUndefined();
    expect(loud.detector.onResult(first(loud.set), "connectFailure", 0)?.cause).toBe("consecutiveGatewayFailure");
  });

  test("enforcing is a share of the ejections", () => {
    const lucky = detector({ consecutive5xx: 1, enforcingConsecutive5xx: 50 }, 2, never);
    expect(fail(lucky.detector, first(lucky.set), 1)?.outcome).toBe("notEnforced");
    expect(lucky.set.usable.length).toBe(2);
    const random = seededRandom(11);
    let enforced = 0;
    for (let i = 0; i < 2000; i += 1) {
      const { set, detector: of } = detector({ consecutive5xx: 1, enforcingConsecutive5xx: 30 }, 2, random);
      if (fail(of, first(set), 1)?.outcome === "enforced") enforced += 1;
    }
    expect(Math.abs(enforced / 2000 - 0.3)).toBeLessThan(0.04);
  });

  test("local failures count apart when split", () => {
    const { set, detector: of } = detector({
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: 2,
      consecutive5xx: 1,
    });
    of.onResult(first(set), "connectFailure", 0);
    of.onResult(first(set), "connectSuccess", 0);
    expect(of.onResult(first(set), "connectFailure", 0)).toBeUndefined();
    expect(of.onResult(first(set), "timeout", 0)?.cause).toBe("consecutiveLocalOriginFailure");
  });

  test("an ejection ends at the first tick after its time, and the next is longer, up to the maximum", () => {
    const { set, detector: of } = detector({ consecutive5xx: 1, baseEjectionTime: 30_000, maxEjectionTime: 60_000 });
    const outFor = (fromMs: number) => {
      fail(of, first(set), 1, fromMs);
      let nowMs = fromMs;
      while (first(set).ejected) of.tick((nowMs += 10_000));
      return nowMs - fromMs;
    };
    expect(outFor(0)).toBe(30_000);
    expect(set.usable.length).toBe(2);
    expect(outFor(30_000)).toBe(60_000);
    expect(outFor(90_000)).toBe(60_000);
  });

  test("quiet intervals shorten the next ejection", () => {
    const { set, detector: of } = detector({ consecutive5xx: 1 });
    fail(of, first(set), 1, 0);
    of.tick(30_000);
    expect(first(set).ejectionBackoff).toBe(1);
    of.tick(40_000);
    expect(first(set).ejectionBackoff).toBe(0);
    of.tick(50_000);
    expect(first(set).ejectionBackoff).toBe(0);
  });

  test("jitter keeps endpoints from coming back together", () => {
    const { set, detector: of } = detector({ consecutive5xx: 1, maxEjectionTimeJitter: 5000 }, 2, () => 0.5);
    fail(of, first(set), 1, 0);
    expect(first(set).ejectedForMs).toBe(32_500);
    expect(of.tick(32_499).reinstated).toEqual([]);
    expect(of.tick(32_500).reinstated).toEqual([first(set)]);
  });

  test("coming back wipes the counters", () => {
    const { set, detector: of } = detector({ consecutiveGatewayFailure: 3, enforcingConsecutiveGatewayFailure: 100 });
    for (let i = 0; i < 3; i += 1) of.onResult(first(set), "gatewayError", 0);
    expect(first(set).consecutive5xx).toBe(3);
    of.tick(30_000);
    expect([first(set).consecutive5xx, first(set).consecutiveGatewayFailures]).toEqual([0, 0]);
  });

  test("a success rate far below the others' is ejected at the end of the interval", () => {
    const { set, detector: of } = detector({ enforcingSuccessRate: 100, consecutive5xx: 0 }, 5);
    for (const [i, endpoint] of set.all.entries())
      for (let n = 0; n < 100; n += 1) of.onResult(endpoint, i === 0 && n % 2 === 0 ? "error5xx" : "success", 0);
    // 50, 100 × 4: mean 90, deviation 20, threshold 90 - 1.9 × 20 = 52
    expect(of.tick(10_000).ejections).toEqual([{ endpoint: first(set), cause: "successRate", outcome: "enforced" }]);
    expect(of.tick(20_000).ejections).toEqual([]);
  });

  test("rates need enough requests and enough endpoints", () => {
    const run = (endpoints: number, requests: number) => {
      const { set, detector: of } = detector({ enforcingFailurePercentage: 100, consecutive5xx: 0 }, endpoints);
      for (const [i, endpoint] of set.all.entries())
        for (let n = 0; n < requests; n += 1) of.onResult(endpoint, i === 0 ? "error5xx" : "success", 0);
      return of
        .tick(10_000)
        .ejections.filter(({ outcome }) => outcome === "enforced")
        .map(({ cause }) => cause);
    };
    expect(run(5, 50)).toEqual(["failurePercentage"]);
    expect(run(4, 50)).toEqual([]);
    expect(run(5, 49)).toEqual([]);
  });

  test("statuses", () => {
    expect([200, 404, 500, 501, 502, 503, 504, 505, 599].map((status) => resultOfStatus(status))).toEqual([
      "success",
      "success",
      "error5xx",
      "error5xx",
      "gatewayError",
      "gatewayError",
      "gatewayError",
      "error5xx",
      "error5xx",
    ]);
  });

  test("settings that contradict themselves are refused", () => {
    expect(() => compileOutlier({ baseEjectionTime: 10, maxEjectionTime: 5 }, "outlier_detection")).toThrow(
      "outlier_detection.max_ejection_time: must be at least base_ejection_time (10 ms), found 5 ms",
    );
    expect(compileOutlier({ baseEjectionTime: 400_000 }, "o")?.maxEjectionTimeMs).toBe(400_000);
    expect(compileOutlier(undefined, "o")).toBeUndefined();
  });
});
