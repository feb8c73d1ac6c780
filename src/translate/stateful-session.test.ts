import { expect, test } from "bun:test";
import "../xds/proto/all.ts";
import { meshOf, service, workload } from "../../tests/support/mesh.ts";
import type { SessionPersistence } from "../model/gateway-api/route.ts";
import {
  CookieBasedSessionState,
  HeaderBasedSessionState,
  StatefulSessionPerRoute,
} from "../xds/proto/filter-stateful-session.ts";
import { unpack } from "../xds/types/any.ts";
import { sessionConfig, statefulSessions } from "./stateful-session.ts";

const route = (session: string): string =>
  `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {parentRefs: [{group: "", kind: Service, name: a}], rules: [{backendRefs: [{name: a, port: 80}]${session}}]}}`;
const mesh = (session: string) => meshOf(service("a", ["http:80:8080"]), workload("a", "v1", [8080]), route(session));

test("the filter is in the chain only where a route keeps sessions", () => {
  expect(statefulSessions(mesh(""))).toEqual([]);
  expect(statefulSessions(mesh(", sessionPersistence: {}")).map((f) => f.name)).toEqual([
    "envoy.filters.http.stateful_session",
  ]);
});

const at = { place: { file: "a.yaml", line: 1, column: 1 }, path: "" };
const session = { at, sessionName: undefined, idleTimeoutMs: undefined, absoluteTimeoutMs: 5000 } as const;

function stateOf(kind: Pick<SessionPersistence, "type" | "lifetime">): unknown {
  const [config] = Object.values(sessionConfig({ ...session, ...kind }, "fallback"));
  const route = config && unpack(config, StatefulSessionPerRoute);
  const state = route?.statefulSession?.sessionState?.typedConfig;
  return state && unpack<unknown>(state, kind.type === "Cookie" ? CookieBasedSessionState : HeaderBasedSessionState);
}

test("a Permanent cookie has the time that it lives, a Session cookie none, a header a name", () => {
  expect(stateOf({ type: "Cookie", lifetime: "Permanent" })).toEqual({
    cookie: { name: "fallback", ttl: 5000, path: "/" },
  });
  expect(stateOf({ type: "Cookie", lifetime: "Session" })).toEqual({ cookie: { name: "fallback", path: "/" } });
  expect(stateOf({ type: "Header", lifetime: "Session" })).toEqual({ name: "fallback" });
});
