/**
 * Sessions of routes as Envoy's stateful_session filter: off for all, and turned on by the routes that have one. What it cannot keep is told to our
 * proxies by a filter of our own, which is optional: an Envoy keeps such sessions with the endpoints of the cluster that it drew, for ever.
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
import { FilterConfig } from "../xds/proto/route.ts";
import { KeptSession } from "../xds/proto/tulle-sessions.ts";
import { type AnyMessage, pack } from "../xds/types/any.ts";
import { lookUp } from "./reads.ts";

const FILTER = "envoy.filters.http.stateful_session";
const OWN_FILTER = "tulle.sessions";

const off: HttpFilter = { name: FILTER, typedConfig: pack(StatefulSession, {}) };
const ownOff: HttpFilter = { name: OWN_FILTER, isOptional: true, typedConfig: pack(KeptSession, {}) };

/** Nothing where no route of the mesh keeps sessions: a filter more is a listener anew. */
export const statefulSessions = (mesh: Mesh): readonly HttpFilter[] => lookUp(mesh, sessionFilters);

function sessionFilters({ gatewayApi }: Mesh): readonly HttpFilter[] {
  const inline = gatewayApi.routes.flatMap((route) =>
    route.t === "HTTPRoute" || route.t === "GRPCRoute"
      ? route.rules.flatMap(({ sessionPersistence: session, backends }) =>
          session === undefined ? [] : [needsOwn(session, backends.length)],
        )
      : [],
  );
  // Whoever leads to its targets may lead to others too.
  const ofPolicies = gatewayApi.backendTrafficPolicies.flatMap(({ sessionPersistence }) =>
    sessionPersistence === undefined ? [] : [true],
  );
  const own = [...inline, ...ofPolicies];
  if (own.length === 0) return [];
  return own.includes(true) ? [off, ownOff] : [off];
}

/** What Envoy cannot keep: a session that ends by another's clock than the browser's, and one that goes before weights. */
const needsOwn = ({ absoluteTimeoutMs, idleTimeoutMs, lifetime }: SessionPersistence, backends: number): boolean =>
  backends > 1 || idleTimeoutMs !== undefined || (absoluteTimeoutMs !== undefined && lifetime === "Session");

/** Where a session is kept. */
export interface SessionPlace {
  /** Of the cookie or header, where the document names none. */
  readonly fallbackName: string;
  /** That requests of the rule begin with. */
  readonly path: string;
  /** Of the rule, those without a weight too. */
  readonly backends: number;
}

/** For Envoy, and what it cannot do beside it: who knows that goes by it. */
export function sessionConfig(
  session: SessionPersistence,
  { fallbackName, path, backends }: SessionPlace,
): Readonly<Record<string, AnyMessage>> {
  const { type, sessionName, absoluteTimeoutMs, idleTimeoutMs, lifetime } = session;
  const name = sessionName ?? fallbackName;
  const isPermanent = lifetime === "Permanent";
  const ttl = isPermanent ? absoluteTimeoutMs : undefined;
  const sessionState =
    type === "Cookie"
      ? {
          name: "envoy.http.stateful_session.cookie",
          typedConfig: pack(CookieBasedSessionState, { cookie: { name, path, ttl } }),
        }
      : { name: "envoy.http.stateful_session.header", typedConfig: pack(HeaderBasedSessionState, { name }) };
  const plain = { [FILTER]: pack(StatefulSessionPerRoute, { statefulSession: { sessionState } }) };
  if (!needsOwn(session, backends)) return plain;
  const own: KeptSession = {
    name,
    inHeader: type === "Header" ? true : undefined,
    path,
    absoluteTimeout: absoluteTimeoutMs,
    idleTimeout: idleTimeoutMs,
    isPermanent: isPermanent ? true : undefined,
  };
  return { ...plain, [OWN_FILTER]: pack(FilterConfig, { isOptional: true, config: pack(KeptSession, own) }) };
}
