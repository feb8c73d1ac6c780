import { describe, expect, test } from "bun:test";
import "../../xds/proto/all.ts";
import { service, stateOf, workload } from "../../../tests/support/mesh.ts";
import { CookieBasedSessionState, StatefulSessionPerRoute } from "../../xds/proto/filter-stateful-session.ts";
import { FilterConfig, type Route } from "../../xds/proto/route.ts";
import { KeptSession } from "../../xds/proto/tulle-sessions.ts";
import { unpack } from "../../xds/types/any.ts";
import { defaultTranslateOptions } from "../options.ts";
import { translate } from "../translate.ts";

const base = [
  service("cart", ["http:80:8080"]),
  service("stock", ["http:80:8080"]),
  workload("cart", "v1", [8080]),
  workload("stock", "v1", [8080]),
  workload("web", "v1", []),
];
const policy = (spec: string, name = "p", target = "cart"): string =>
  `{apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XBackendTrafficPolicy, metadata: {name: ${name}}, spec: {targetRefs: [{group: "", kind: Service, name: ${target}}], ${spec}}}`;
const httpRoute = (rule: string): string =>
  `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {parentRefs: [{group: "", kind: Service, name: stock}], rules: [{${rule}}]}}`;

const resources = (...documents: readonly string[]) =>
  translate(stateOf(...base, ...documents), { t: "sidecar", instance: "web-v1-0" }, defaultTranslateOptions);

const budgetOf = (name: string, ...documents: readonly string[]) =>
  resources(...documents).clusters.find((c) => c.name === `outbound|80||${name}.default.svc.cluster.local`)
    ?.circuitBreakers?.thresholds?.[0]?.retryBudget;

const routesOf = (name: string, ...documents: readonly string[]): readonly Route[] =>
  resources(...documents).routes[0]?.virtualHosts?.find((h) => h.name === `${name}.default.svc.cluster.local:80`)
    ?.routes ?? [];

/** Name and path of the cookie that Envoy is told of, and the number of backends that ours chooses among. */
function cookieOf(route: Route | undefined): unknown {
  const { "envoy.filters.http.stateful_session": plain, "tulle.sessions": own } = route?.typedPerFilterConfig ?? {};
  if (plain === undefined) return undefined;
  const state = unpack(plain, StatefulSessionPerRoute).statefulSession?.sessionState?.typedConfig;
  const { name, path } = (state && unpack(state, CookieBasedSessionState).cookie) ?? {};
  const config = own && unpack(own, FilterConfig).config;
  return [name, path, config === undefined ? "plain" : unpack(config, KeptSession).name];
}

describe("XBackendTrafficPolicy", () => {
  test("limits retries to its targets, unless a DestinationRule does", () => {
    const limited = policy("retryConstraint: {budget: {percent: 30}, minRetryRate: {count: 5}}");
    expect(budgetOf("cart", limited)).toEqual({
      budgetPercent: { value: 30 },
      minRetryConcurrency: 5,
      budgetInterval: 10_000,
    });
    const long = policy("retryConstraint: {budget: {interval: 1m}}");
    expect(budgetOf("cart", long)).toMatchObject({ budgetInterval: 60_000 });
    expect(budgetOf("cart", policy("retryConstraint: {}"))).toEqual({
      budgetPercent: { value: 20 },
      minRetryConcurrency: 10,
      budgetInterval: 10_000,
    });
    expect(budgetOf("stock", limited)).toBeUndefined();
    const rule =
      "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: cart, trafficPolicy: {retryBudget: {percent: 50}}}}";
    expect(budgetOf("cart", limited, rule)).toEqual({ budgetPercent: { value: 50 }, minRetryConcurrency: 3 });
  });

  test("of two for one Service the older holds, else the first by name", () => {
    const two = (percent: number, name: string): string =>
      policy(`retryConstraint: {budget: {percent: ${percent}}}`, name);
    expect(budgetOf("cart", two(30, "b"), two(40, "a"))).toMatchObject({ budgetPercent: { value: 40 } });
  });

  const session = policy("sessionPersistence: {sessionName: seat}");

  test("keeps sessions on whatever way to its targets, and no other", () => {
    expect(cookieOf(routesOf("cart", session)[0])).toEqual(["seat", "", "plain"]);
    expect(cookieOf(routesOf("stock", session)[0])).toBeUndefined();
    const virtualService =
      "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [stock], http: [{route: [{destination: {host: cart}}]}]}}";
    expect(cookieOf(routesOf("stock", session, virtualService)[0])).toEqual(["seat", "", "plain"]);
    const route = httpRoute("backendRefs: [{name: cart, port: 80}]");
    expect(cookieOf(routesOf("stock", session, route)[0])).toEqual(["seat", "", "plain"]);
  });

  test("of one of several backends is for all, and stands above their weights", () => {
    const route = httpRoute("backendRefs: [{name: stock, port: 80}, {name: cart, port: 80, weight: 0}]");
    const [made] = routesOf("stock", session, route);
    expect(cookieOf(made)).toEqual(["seat", "", "seat"]);
    expect(made?.route?.weightedClusters?.clusters?.map(({ weight }) => weight)).toEqual([1, 0]);
  });

  test("gives way to what the rule says itself, and has a name of its own", () => {
    const route = httpRoute("sessionPersistence: {sessionName: own}, backendRefs: [{name: cart, port: 80}]");
    expect(cookieOf(routesOf("stock", session, route)[0])).toEqual(["own", "/", "plain"]);
    expect(cookieOf(routesOf("cart", policy("sessionPersistence: {}"))[0])).toEqual([
      "tulle-session-default-p",
      "",
      "plain",
    ]);
  });
});
