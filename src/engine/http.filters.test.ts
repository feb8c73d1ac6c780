import { describe, expect, test } from "bun:test";
import { compile, decide, fault, hcm, routesOf, to } from "../../tests/support/http-manager.ts";
import type { Random } from "../base/random.ts";
import { HTTPFault } from "../xds/proto/filter-fault.ts";
import { HttpRbac, HttpRbacPerRoute } from "../xds/proto/filter-http-rbac.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import { FilterConfig, type Route } from "../xds/proto/route.ts";
import { pack } from "../xds/types/any.ts";
import { compileHttp } from "./http.ts";

const ALL = { numerator: 100 };

describe("faults", () => {
  test("delay first, then abort, each by its own draw", () => {
    const config = {
      delay: { fixedDelay: 50, percentage: { numerator: 50 } },
      abort: { httpStatus: 418, percentage: { numerator: 10 } },
    };
    const http = compile(routesOf([to("a")]), fault(config));
    const draws = (...values: readonly number[]): Random => {
      const rest = [...values];
      return () => rest.shift() ?? 1;
    };
    const passed = decide(http, "/", {}, draws(0.49, 0.1));
    expect(passed).toMatchObject({ t: "delay", delayMs: 50 });
    expect(passed.t === "delay" && passed.then.t).toBe("forward");
    const aborted = decide(http, "/", {}, draws(0.49, 0.09));
    expect(aborted.t === "delay" && aborted.then).toMatchObject({ status: 418, flag: "FI" });
    expect(decide(http, "/", {}, draws(0.5, 0.09))).toMatchObject({ t: "reply", body: "fault filter abort" });
    expect(decide(http, "/", {}, draws(0.5, 0.1)).t).toBe("forward");
  });

  test("percentages that are not set are none", () => {
    const http = compile(routesOf([to("a")]), fault({ abort: { httpStatus: 500 }, delay: { fixedDelay: 1 } }));
    expect(decide(http, "/", {}, () => 0).t).toBe("forward");
  });

  test("fractions of a million", () => {
    const percentage = { numerator: 1, denominator: "MILLION" as const };
    const http = compile(routesOf([to("a")]), fault({ abort: { httpStatus: 500, percentage } }));
    expect(decide(http, "/", {}, () => 0.000_000_9).t).toBe("reply");
    expect(decide(http, "/", {}, () => 0.000_001).t).toBe("forward");
  });

  test("a gRPC status is told to others with 200", () => {
    const http = compile(routesOf([to("a")]), fault({ abort: { grpcStatus: 14, percentage: ALL } }));
    expect(decide(http, "/")).toMatchObject({ status: 200, grpcStatus: 14 });
  });

  test("routes replace, narrow and turn off", () => {
    const off = pack(FilterConfig, { disabled: true });
    const other = pack(HTTPFault, { abort: { httpStatus: 599, percentage: ALL } });
    const routes: readonly Route[] = [
      { ...to("a", "/off"), typedPerFilterConfig: { fault: off } },
      { ...to("a", "/other"), typedPerFilterConfig: { fault: other, unknown: other } },
      to("a", "/host"),
    ];
    const host = {
      typedPerFilterConfig: { fault: pack(HTTPFault, { abort: { httpStatus: 555, percentage: ALL } }) },
    };
    const http = compile(routesOf(routes, host), fault({ abort: { httpStatus: 500, percentage: ALL } }));
    expect(decide(http, "/off").t).toBe("forward");
    expect(decide(http, "/other")).toMatchObject({ status: 599 });
    expect(decide(http, "/host")).toMatchObject({ status: 555 });
    expect(decide(http, "/none")).toMatchObject({ status: 500 });
  });

  test("a filter that is off can be turned on by a route", () => {
    const filter = { ...fault({ abort: { httpStatus: 500, percentage: ALL } }), disabled: true };
    const on = { ...to("a", "/on"), typedPerFilterConfig: { fault: pack(FilterConfig, {}) } };
    const http = compile(routesOf([on, to("a")]), filter);
    expect(decide(http, "/on").t).toBe("reply");
    expect(decide(http, "/").t).toBe("forward");
  });

  test("only for a cluster and headers that it names", () => {
    const headers = [{ name: "x", stringMatch: { exact: "1" } }];
    const config = { abort: { httpStatus: 500, percentage: ALL }, upstreamCluster: "a", headers };
    const http = compile(routesOf([to("a", "/a"), to("b", "/b")]), fault(config));
    expect(decide(http, "/a", { headers: { x: "1" } }).t).toBe("reply");
    expect(decide(http, "/a").t).toBe("forward");
    expect(decide(http, "/b", { headers: { x: "1" } }).t).toBe("forward");
  });
});

describe("RBAC in the chain", () => {
  const ANY = { any: true };
  const rbac = (config: HttpRbac): HttpFilter => ({ name: "rbac", typedConfig: pack(HttpRbac, config) });
  const everything = { permissions: [ANY], principals: [ANY] };
  const denyAll = rbac({ rules: { action: "DENY", policies: { "all of it": everything } } });

  test("a denial carries the policy's name and the route's headers", () => {
    const route = { ...to("a"), responseHeadersToAdd: [{ header: { key: "x-route", value: "1" } }] };
    expect(decide(compile(routesOf([route]), denyAll), "/")).toMatchObject({
      status: 403,
      flag: "",
      body: "RBAC: access denied",
      details: "rbac_access_denied_matched_policy[all_of_it]",
      responseHeaders: [{ name: "x-route" }],
      kind: "rbacDenied",
    });
  });

  test("it stands before the route: what has none is denied too", () => {
    expect(decide(compile(routesOf([]), denyAll), "/")).toMatchObject({ status: 403 });
  });

  test("a route without rules of its own turns it off", () => {
    const route = { ...to("a"), typedPerFilterConfig: { rbac: pack(HttpRbacPerRoute, {}) } };
    expect(decide(compile(routesOf([route]), denyAll), "/").t).toBe("forward");
  });

  test("no rules let everything pass, empty ALLOW rules nothing", () => {
    expect(decide(compile(routesOf([to("a")]), rbac({})), "/").t).toBe("forward");
    expect(decide(compile(routesOf([to("a")]), rbac({ rules: {} })), "/")).toMatchObject({
      details: "rbac_access_denied_matched_policy[none]",
    });
  });

  test("shadow rules are recorded and not enforced", () => {
    const filter = rbac({
      shadowRules: { action: "DENY", policies: { p: everything } },
      shadowRulesStatPrefix: "dry_",
    });
    const seen: unknown[] = [];
    const observer = { rbac: (...args: readonly unknown[]) => void seen.push(args) };
    const config = hcm({ routeConfig: routesOf([to("a")]) }, filter);
    const http = compileHttp(config, () => undefined, { observer });
    expect(decide(http, "/").t).toBe("forward");
    expect(seen).toEqual([["dry_", true, false, "p"]]);
  });
});
