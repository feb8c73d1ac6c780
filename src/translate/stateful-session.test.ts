import { expect, test } from "bun:test";
import "../xds/proto/all.ts";
import { meshOf, service, workload } from "../../tests/support/mesh.ts";
import type { SessionPersistence } from "../model/gateway-api/route.ts";
import {
  CookieBasedSessionState,
  HeaderBasedSessionState,
  StatefulSessionPerRoute,
} from "../xds/proto/filter-stateful-session.ts";
import { FilterConfig } from "../xds/proto/route.ts";
import { KeptSession } from "../xds/proto/tulle-sessions.ts";
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
  expect(statefulSessions(mesh(", sessionPersistence: {idleTimeout: 1h}"))).toMatchObject([
    { name: "envoy.filters.http.stateful_session" },
    { name: "tulle.sessions", isOptional: true },
  ]);
});

const at = { place: { file: "a.yaml", line: 1, column: 1 }, path: "" };
const session = { at, sessionName: undefined, idleTimeoutMs: undefined, absoluteTimeoutMs: 5000 } as const;
const PLACE = { fallbackName: "fallback", path: "/", backends: 1 };

function stateOf(kind: Pick<SessionPersistence, "type" | "lifetime">): unknown {
  const [config] = Object.values(sessionConfig({ ...session, ...kind }, PLACE));
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

/** What is told to our proxies beside it. */
function ownOf(kind: Partial<SessionPersistence>, backends = 1): KeptSession | undefined {
  const plain = { ...session, type: "Cookie", lifetime: "Session", absoluteTimeoutMs: undefined } as const;
  const any = sessionConfig({ ...plain, ...kind }, { ...PLACE, path: "/a", backends })["tulle.sessions"];
  const config = any && unpack(any, FilterConfig);
  expect(config?.isOptional ?? true).toBe(true);
  return config?.config && unpack(config.config, KeptSession);
}

test("what Envoy cannot keep is told to who can: ends, and a choice among backends", () => {
  expect(ownOf({})).toBeUndefined();
  expect(ownOf({ lifetime: "Permanent", absoluteTimeoutMs: 5000 })).toBeUndefined();
  expect(ownOf({}, 2)).toEqual({ name: "fallback", path: "/a" });
  expect(ownOf({ absoluteTimeoutMs: 5000 })).toEqual({ name: "fallback", path: "/a", absoluteTimeout: 5000 });
  expect(ownOf({ lifetime: "Permanent", absoluteTimeoutMs: 5000, idleTimeoutMs: 10 })).toEqual({
    name: "fallback",
    path: "/a",
    absoluteTimeout: 5000,
    idleTimeout: 10,
    isPermanent: true,
  });
  expect(ownOf({ type: "Header", idleTimeoutMs: 10 })).toMatchObject({ inHeader: true, idleTimeout: 10 });
});
