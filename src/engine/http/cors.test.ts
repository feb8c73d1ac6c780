import { describe, expect, test } from "bun:test";
import { compile, decide, routesOf, to } from "../../../tests/support/http-manager.ts";
import { request, PLAIN_PEER } from "../../../tests/support/requests.ts";
import { Cors, CorsPolicy } from "../../xds/proto/filter-cors.ts";
import { HTTPFault } from "../../xds/proto/filter-fault.ts";
import { FilterConfig, type Route, type VirtualHost } from "../../xds/proto/route.ts";
import { pack } from "../../xds/types/any.ts";
import type { CompiledHttp, Decision } from "../http.ts";
import { formatTraceStep, type TraceStep } from "../trace.ts";

const filter = { name: "cors", typedConfig: pack(Cors, {}) };
const A = { origin: "https://a" };
const ASKS = { "access-control-request-method": "PUT" };

const config = (policy: CorsPolicy): Pick<Route, "typedPerFilterConfig"> => ({
  typedPerFilterConfig: { cors: pack(CorsPolicy, policy) },
});
const managed = (policy: CorsPolicy, host: Partial<VirtualHost> = {}, more: Partial<Route> = {}): CompiledHttp =>
  compile(routesOf([{ ...to("a"), ...config(policy), ...more }], host), filter);

const ask = (
  http: CompiledHttp,
  headers: Readonly<Record<string, string>>,
  method = "GET",
  random = () => 0,
): Decision => decide(http, "/", { headers, method }, random);

/** What is set on the answer, by the end of the header's name. */
function allowed(decision: Decision): string[] {
  if (decision.t !== "forward") throw new Error(`not forwarded: ${decision.t}`);
  return decision.responseHeaders.map(({ lowerName, value }) => `${lowerName.slice(15)}=${value ?? "made"}`);
}

/** Of a preflight's answer. */
function granted(decision: Decision): Record<string, string> {
  if (decision.t !== "reply") throw new Error(`not answered: ${decision.t}`);
  expect(decision).toMatchObject({ status: 200, details: "cors_response", body: "", flag: "" });
  return Object.fromEntries(decision.headers.map(([name, value]) => [name.slice(15), value]));
}

describe("CORS", () => {
  const policy: CorsPolicy = {
    allowOriginStringMatch: [
      { exact: "https://a" },
      { prefix: "https://b." },
      { safeRegex: { regex: "https://[a-z]+\\.c" } },
    ],
    allowMethods: "GET,PUT",
    allowHeaders: "x-a",
    exposeHeaders: "x-b",
    maxAge: "60",
    allowCredentials: true,
  };

  test("an origin that is allowed is told so on the answer, behind the route's own edits", () => {
    const edits = { responseHeadersToAdd: [{ header: { key: "access-control-x", value: "y" } }] };
    const http = managed(policy, {}, edits);
    expect(allowed(ask(http, A))).toEqual(["x=y", "allow-origin=made", "allow-credentials=true", "expose-headers=x-b"]);
    for (const origin of ["https://b.any", "https://z.c"]) expect(allowed(ask(http, { origin }))).toHaveLength(4);
    for (const origin of ["https://z.c.d", "null", ""]) expect(allowed(ask(http, { origin })), origin).toEqual(["x=y"]);
    expect(allowed(ask(http, {}))).toEqual(["x=y"]);
  });

  test("a request without an origin gets the decision that was made beforehand", () => {
    const http = managed(policy);
    expect(ask(http, {})).toBe(ask(http, {}));
  });

  test("a preflight request is answered; other OPTIONS go on", () => {
    const http = managed(policy);
    expect(granted(ask(http, { ...A, ...ASKS }, "OPTIONS"))).toEqual({
      "allow-origin": "https://a",
      "allow-credentials": "true",
      "allow-methods": "GET,PUT",
      "allow-headers": "x-a",
      "max-age": "60",
      "expose-headers": "x-b",
    });
    expect(ask(http, A, "OPTIONS").t).toBe("forward");
    expect(ask(http, { ...A, "access-control-request-method": "" }, "OPTIONS").t).toBe("forward");
    expect(ask(http, { ...A, ...ASKS }, "PUT").t).toBe("forward");
    expect(ask(http, ASKS, "OPTIONS").t).toBe("forward");
  });

  test("one of another origin goes on, or is answered without leave", () => {
    const other = { origin: "https://other", ...ASKS };
    expect(allowed(ask(managed(policy), other, "OPTIONS"))).toEqual([]);
    const answered = granted(ask(managed({ ...policy, forwardNotMatchingPreflights: false }), other, "OPTIONS"));
    expect(answered["allow-origin"]).toBeUndefined();
    expect(answered["expose-headers"]).toBeUndefined();
    expect(answered["allow-methods"]).toBe("GET,PUT");
  });

  test("* grants what is asked for, and an exact * every origin", () => {
    const http = managed({
      allowOriginStringMatch: [{ exact: "*" }],
      allowMethods: "*",
      allowHeaders: "*",
      allowPrivateNetworkAccess: true,
    });
    const more = { "access-control-request-headers": "x,y", "access-control-request-private-network": "true" };
    expect(granted(ask(http, { ...A, ...ASKS, ...more }, "OPTIONS"))).toEqual({
      "allow-origin": "https://a",
      "allow-methods": "PUT",
      "allow-headers": "x,y",
      "allow-private-network": "true",
    });
  });

  test("what the route leaves out is the virtual host's; whether it is on, the route says alone", () => {
    const host = config({ ...policy, filterEnabled: { defaultValue: { numerator: 0 } } });
    expect(granted(ask(managed({ maxAge: "5", allowCredentials: false }, host), { ...A, ...ASKS }, "OPTIONS"))).toEqual(
      {
        "allow-origin": "https://a",
        "allow-methods": "GET,PUT",
        "allow-headers": "x-a",
        "max-age": "5",
        "expose-headers": "x-b",
      },
    );
    const off = { defaultValue: { numerator: 0 } };
    expect(allowed(ask(managed({ ...policy, filterEnabled: off }, config(policy)), A))).toEqual([]);
    const half = managed({ ...policy, filterEnabled: { defaultValue: { numerator: 50 } } });
    expect(allowed(ask(half, A, "GET", () => 0.000_000_01))).toHaveLength(3);
  });

  test("a route turns it off, and one that answers itself has none", () => {
    const disabled = { typedPerFilterConfig: { cors: pack(FilterConfig, { disabled: true }) } };
    expect(allowed(ask(managed(policy, config(policy), disabled), A))).toEqual([]);
    const direct = { route: undefined, directResponse: { status: 200 } };
    expect(ask(managed(policy, {}, direct), { ...A, ...ASKS }, "OPTIONS")).toMatchObject({
      details: "direct_response",
      responseHeaders: [],
    });
  });

  test("an abort behind it tells the origin as well", () => {
    const fault = {
      name: "fault",
      typedConfig: pack(HTTPFault, { abort: { httpStatus: 500, percentage: { numerator: 100 } } }),
    };
    const aborted = ask(compile(routesOf([{ ...to("a"), ...config(policy) }]), filter, fault), A);
    expect(aborted).toMatchObject({ t: "reply", status: 500 });
    expect(aborted.t === "reply" && aborted.responseHeaders).toHaveLength(3);
  });

  test("says why", () => {
    const steps: TraceStep[] = [];
    managed(policy).decide(request("/", { headers: { origin: "https://z" } }), PLAIN_PEER, () => 0, steps);
    expect(steps.map(formatTraceStep).join("\n")).toContain(
      'cors  origin: wanted exact "https://a" or prefix "https://b." or regex "https://[a-z]+\\\\.c", found "https://z"',
    );
  });

  test("what is wrong is refused with its path", () => {
    expect(() => managed({ allowOriginStringMatch: [{}] })).toThrow(/allow_origin_string_match\[0\]: must hold exact/);
  });
});
