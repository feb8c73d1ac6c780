/**
 * Sessions of routes as Envoy's stateful_session filter: off for all, and turned on by the routes that have one.
 *
 * @module
 */
import type { SessionPersistence } from "../model/gateway-api/route.ts";
import type { Mesh } from "../model/mesh.ts";
import {
  CookieBasedSessionState,
  HeaderBasedSessionState,
  StatefulSession,
  StatefulSessionPerRoute,
} from "../xds/proto/filter-stateful-session.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import { type AnyMessage, pack } from "../xds/types/any.ts";

const FILTER = "envoy.filters.http.stateful_session";

const off: HttpFilter = { name: FILTER, typedConfig: pack(StatefulSession, {}) };

/** Nothing where no route of the mesh keeps sessions: a filter more is a listener anew. */
export const statefulSessions = ({ gatewayApi }: Mesh): readonly HttpFilter[] =>
  gatewayApi.routes.some(
    (route) =>
      (route.t === "HTTPRoute" || route.t === "GRPCRoute") &&
      route.rules.some((rule) => rule.sessionPersistence !== undefined),
  )
    ? [off]
    : [];

/** @param fallbackName Of the cookie or header, where the document names none. */
export function sessionConfig(
  { type, sessionName, absoluteTimeoutMs, lifetime }: SessionPersistence,
  fallbackName: string,
): Readonly<Record<string, AnyMessage>> {
  const name = sessionName ?? fallbackName;
  const ttl = lifetime === "Permanent" ? absoluteTimeoutMs : undefined;
  const sessionState =
    type === "Cookie"
      ? {
          name: "envoy.http.stateful_session.cookie",
          typedConfig: pack(CookieBasedSessionState, { cookie: { name, path: "/", ttl } }),
        }
      : { name: "envoy.http.stateful_session.header", typedConfig: pack(HeaderBasedSessionState, { name }) };
  return { [FILTER]: pack(StatefulSessionPerRoute, { statefulSession: { sessionState } }) };
}
