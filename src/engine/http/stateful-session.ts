/**
 * The filter that keeps clients with their endpoints: a cookie or a header of the client names one, and it gets a new one when another
 * endpoint has answered.
 *
 * Source: `envoy.extensions.filters.http.stateful_session.v3` and Envoy's filter; the cookie's value is Envoy's, too. As there, only the first
 * attempt goes to the named endpoint. Costs a request nothing where its route has no session.
 *
 * Differs: when a cookie ends is left to its `Max-Age`; Envoy writes it into the value, too, by the clock of its own machine. `strict` is not
 * supported.
 *
 * @module
 */
import type { TypedExtensionConfig } from "../../xds/proto/core-base.ts";
import {
  CookieBasedSessionState,
  HeaderBasedSessionState,
  SessionCookie,
  StatefulSession,
  StatefulSessionPerRoute,
} from "../../xds/proto/filter-stateful-session.ts";
import { isAny } from "../../xds/types/any.ts";
import { decode, encode } from "../../xds/types/codec.ts";
import { CompileError, fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { cookieIn } from "../hash/cookie.ts";
import type { RequestView } from "../request.ts";
import type { FilterType } from "./filter-type.ts";
import type { FilterStep } from "./target.ts";

/** Of one request. */
export interface Session {
  /** Key of the endpoint that the client has been with; undefined for a new client. */
  readonly wanted: string | undefined;
  /** What the client gets, by which it comes back to this endpoint; undefined where it has it. */
  headerFor(endpointKey: string): readonly [name: string, value: string] | undefined;
}

type SessionOf = (request: RequestView) => Session | undefined;

export const STATEFUL_SESSION_FILTER: FilterType = {
  message: StatefulSession,
  forwardsOnly: true,
  compile: (config, path) => stepOf(unpackAt(config, StatefulSession, path), path),
  compileForRoute: (config, path) => {
    const { disabled, statefulSession, ...others } = unpackAt(config, StatefulSessionPerRoute, path);
    refuseOthers(others, path, new Set());
    if (disabled === true || statefulSession === undefined) return undefined;
    return stepOf(statefulSession, fieldPath(path, "statefulSession"));
  },
};

function stepOf(config: StatefulSession, path: string): FilterStep | undefined {
  refuseOthers(config, path, new Set(["sessionState"]));
  if (config.sessionState === undefined) return undefined;
  const sessionOf = compileState(config.sessionState, fieldPath(path, "sessionState"));
  return (request) => {
    const session = sessionOf(request);
    return session === undefined ? undefined : { t: "edits", responseHeaders: [], session };
  };
}

function compileState({ typedConfig }: TypedExtensionConfig, path: string): SessionOf {
  if (typedConfig === undefined) throw new CompileError(path, "must hold typed_config");
  if (isAny(typedConfig, CookieBasedSessionState)) {
    const config = unpackAt(typedConfig, CookieBasedSessionState, path);
    return byCookie(config, fieldPath(path, "cookie"));
  }
  if (isAny(typedConfig, HeaderBasedSessionState))
    return byHeader(unpackAt(typedConfig, HeaderBasedSessionState, path), path);
  throw new CompileError(path, `sessions of type ${typedConfig.typeUrl} are not supported yet`);
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");

function byCookie({ cookie }: CookieBasedSessionState, path: string): SessionOf {
  const { name = "", ttl = 0, path: cookiePath = "" } = cookie ?? {};
  if (name === "") throw new CompileError(fieldPath(path, "name"), "must not be empty");
  const ttlSeconds = Math.floor(ttl / 1000);
  const parts = [
    ...(ttlSeconds === 0 ? [] : [`Max-Age=${ttlSeconds}`]),
    ...(cookiePath === "" ? [] : [`Path=${cookiePath}`]),
    "HttpOnly",
  ].join("; ");
  return (request) => {
    if (!isUnder(request.path, cookiePath)) return undefined;
    const wanted = endpointIn(cookieIn(request, name));
    return {
      wanted,
      headerFor: (address) => {
        if (address === wanted) return undefined;
        return ["set-cookie", `${name}="${base64(encode(SessionCookie, { address }))}"; ${parts}`];
      },
    };
  };
}

/** Whether a cookie of that path is for the request. As in Envoy: whole elements, unless the cookie's path ends in a slash. */
export function isUnder(requestPath: string, cookiePath: string): boolean {
  if (cookiePath === "" || cookiePath === "/") return true;
  const [path = ""] = requestPath.split("?");
  if (!path.startsWith(cookiePath)) return false;
  return cookiePath.endsWith("/") || path.length === cookiePath.length || path[cookiePath.length] === "/";
}

/** Whatever a client sends: what cannot be read names no endpoint. */
function endpointIn(value: string | undefined): string | undefined {
  if (value === undefined || value === "" || value.length > MAX_VALUE_LENGTH) return undefined;
  try {
    return decode(SessionCookie, Buffer.from(value, "base64")).address || undefined;
  } catch {
    return undefined;
  }
}

/** An address, a port and a time are some forty bytes. */
const MAX_VALUE_LENGTH = 512;

function byHeader({ name = "" }: HeaderBasedSessionState, path: string): SessionOf {
  if (name === "") throw new CompileError(fieldPath(path, "name"), "must not be empty");
  const lower = name.toLowerCase();
  return (request) => {
    const value = request.header(lower);
    const wanted =
      value === undefined || value.length > MAX_VALUE_LENGTH
        ? undefined
        : Buffer.from(value, "base64").toString() || undefined;
    return { wanted, headerFor: (address) => (address === wanted ? undefined : [lower, base64(address)]) };
  };
}
