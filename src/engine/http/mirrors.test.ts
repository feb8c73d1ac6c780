import { describe, expect, test } from "bun:test";
import { hcm, routesOf } from "../../../tests/support/http-manager.ts";
import { PLAIN_PEER, request, type RequestParts } from "../../../tests/support/requests.ts";
import { seededRandom } from "../../base/random.ts";
import type { RequestMirrorPolicy } from "../../xds/proto/route-action.ts";
import type { RouteConfiguration, VirtualHost } from "../../xds/proto/route.ts";
import { compileHttp, type Forward } from "../http.ts";
import { formatTraceStep, type TraceStep } from "../trace.ts";
import { compileMirrors } from "./mirrors.ts";

const part = (numerator: number): RequestMirrorPolicy["runtimeFraction"] => ({
  runtimeKey: "any",
  defaultValue: { numerator, denominator: "HUNDRED" },
});

function forwardOf(
  policies: readonly RequestMirrorPolicy[],
  draw: number,
  parts: RequestParts = {},
  host: Partial<VirtualHost> = {},
  configuration: Partial<RouteConfiguration> = {},
): Forward {
  const routes = routesOf(
    [{ match: { prefix: "/" }, route: { cluster: "a", requestMirrorPolicies: [...policies] } }],
    host,
  );
  const http = compileHttp(hcm({ routeConfig: { ...routes, ...configuration } }), () => undefined);
  return http.decide(request("/", parts), PLAIN_PEER, () => draw) as Forward;
}

const namesOf = (forward: Forward): readonly string[] | undefined => forward.mirrors?.map((it) => it.clusterName);

describe("which mirrors a request gets", () => {
  test("without a fraction every request, and nothing is drawn", () => {
    const policies = [{ cluster: "m" }, { cluster: "n", disableShadowHostSuffixAppend: true }];
    const forward = forwardOf(policies, Number.NaN);
    expect(forward.mirrors).toEqual([
      { clusterName: "m", keepsAuthority: false },
      { clusterName: "n", keepsAuthority: true },
    ]);
  });

  test("by one draw for all of them", () => {
    const policies = [
      { cluster: "m", runtimeFraction: part(10) },
      { cluster: "n", runtimeFraction: part(50) },
    ];
    // A number below 2^32 whose remainder by 100 is known.
    const drawing = (remainder: number): number => remainder / 2 ** 32;
    expect(namesOf(forwardOf(policies, drawing(9)))).toEqual(["m", "n"]);
    expect(namesOf(forwardOf(policies, drawing(10)))).toEqual(["n"]);
    expect(namesOf(forwardOf(policies, drawing(50)))).toBeUndefined();
  });

  test("by a header, of whose lines the first counts; an empty one names none", () => {
    const policies = [{ clusterHeader: "X-Mirror" }];
    expect(namesOf(forwardOf(policies, 0, { headers: { "x-mirror": "m" } }))).toEqual(["m"]);
    expect(namesOf(forwardOf(policies, 0, { headers: { "x-mirror": "" } }))).toBeUndefined();
    expect(namesOf(forwardOf(policies, 0))).toBeUndefined();
  });

  test("those of the virtual host and of the configuration count where the route has none", () => {
    const host = { requestMirrorPolicies: [{ cluster: "of-host" }] };
    const configuration = { requestMirrorPolicies: [{ cluster: "of-all" }] };
    expect(namesOf(forwardOf([{ cluster: "own" }], 0, {}, host, configuration))).toEqual(["own"]);
    expect(namesOf(forwardOf([], 0, {}, host, configuration))).toEqual(["of-host"]);
    expect(namesOf(forwardOf([], 0, {}, {}, configuration))).toEqual(["of-all"]);
  });

  test("none of 0 %, and then nothing is compiled", () => {
    expect(compileMirrors([{ cluster: "m", runtimeFraction: part(0) }], "")).toBeUndefined();
    expect(compileMirrors([{ cluster: "m", runtimeFraction: {} }], "")).toBeUndefined();
    expect(compileMirrors([], "")).toBeUndefined();
  });

  test("not what wants another protocol", () => {
    const mirrors = compileMirrors([{ cluster: "m" }], "");
    expect(mirrors?.shares).toEqual([{ clusterName: "m", clusterHeader: undefined, percent: 100 }]);
    const upgrade = { ...request("/"), upgrade: "websocket" };
    const routeConfig = routesOf([
      { match: { prefix: "/" }, route: { cluster: "a", requestMirrorPolicies: [{ cluster: "m" }] } },
    ]);
    const http = compileHttp(hcm({ routeConfig, upgradeConfigs: [{ upgradeType: "websocket" }] }), () => undefined);
    expect((http.decide(upgrade, PLAIN_PEER, () => 0) as Forward).mirrors).toBeUndefined();
  });

  test("a share of them, whichever weighted cluster was chosen", () => {
    const weightedClusters = { clusters: ["a", "b"].map((name) => ({ name, weight: 50 })) };
    const requestMirrorPolicies = [{ cluster: "m", runtimeFraction: part(50) }];
    const routeConfig = routesOf([{ match: { prefix: "/" }, route: { weightedClusters, requestMirrorPolicies } }]);
    const http = compileHttp(hcm({ routeConfig }), () => undefined);
    const random = seededRandom(3);
    const seen = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const { clusterName, mirrors } = http.decide(request("/"), PLAIN_PEER, random) as Forward;
      const key = `${clusterName} ${mirrors === undefined ? "alone" : "mirrored"}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    for (const key of ["a alone", "a mirrored", "b alone", "b mirrored"]) expect(seen.get(key)).toBeWithin(870, 1130);
  });
});

test("a trace says who gets a copy, and who does not", () => {
  const requestMirrorPolicies = [
    { cluster: "all" },
    { cluster: "some", runtimeFraction: part(10) },
    { clusterHeader: "x-mirror" },
  ];
  const routeConfig = routesOf([{ match: { prefix: "/" }, route: { cluster: "a", requestMirrorPolicies } }]);
  const http = compileHttp(hcm({ routeConfig }), () => undefined);
  const trace: TraceStep[] = [];
  http.decide(request("/"), PLAIN_PEER, () => 12 / 2 ** 32, trace);
  expect(trace.filter(({ step }) => step === "mirror").map(formatTraceStep)).toEqual([
    "> mirror all  a copy of 100 %",
    "  mirror some  a copy of 10 %; drew 12 of 100",
    "  mirror by header x-mirror  the request names no cluster in it",
  ]);
});

test.each([
  [{}, "p[0]: must hold either cluster or cluster_header, found neither"],
  [{ cluster: "a", clusterHeader: "b" }, "p[0]: must hold either cluster or cluster_header, found both"],
])("%j is refused", (policy, message) => {
  expect(() => compileMirrors([policy], "p")).toThrow(message);
});
