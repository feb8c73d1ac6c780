/**
 * The cookie that keeps a client with its endpoint: read from requests, and made for a client that has none.
 *
 * Source: `RouteAction.HashPolicy.Cookie` of `envoy/config/route/v3/route_components.proto`; value and form of the
 * generated cookie are Envoy's, so that a client may go from one proxy to the other and stay with its endpoint.
 *
 * @module
 */
import { formatAddress } from "../../base/ip-address.ts";
import type { RouteActionHashPolicyCookie } from "../../xds/proto/route-action.ts";
import { CompileError } from "../compile-error.ts";
import type { PeerView, RequestView } from "../request.ts";
import { hashOfWire } from "./xx-hash.ts";

export interface GeneratedCookie {
  /** What a client that comes back with it is hashed by. */
  readonly value: string;
  /** The value of `set-cookie`. */
  readonly line: string;
}

/** The first cookie of a name; quotes around its value do not belong to it. */
export function cookieIn(request: RequestView, name: string): string | undefined {
  for (const line of request.headerLines?.("cookie") ?? [request.header("cookie") ?? ""])
    for (const pair of line.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).replace(/^ +/, "") !== name) continue;
      const value = pair.slice(equals + 1);
      return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
  return undefined;
}

/**
 * Makes cookies, of the same value for all requests of one connection. Undefined without a ttl: then a client that has
 * no cookie gets none.
 *
 * @throws {CompileError}
 */
export function compileCookie(
  { name = "", ttl, path: cookiePath, attributes = [] }: RouteActionHashPolicyCookie,
  path: string,
): ((peer: PeerView) => GeneratedCookie) | undefined {
  if (name === "") throw new CompileError(`${path}.name`, "must not be empty");
  if (ttl === undefined) return undefined;
  if (ttl < 0) throw new CompileError(`${path}.ttl`, `must be at least 0, found ${ttl} ms`);
  const seconds = Math.floor(ttl / 1000);
  const parts = [
    ...(seconds === 0 ? [] : [`Max-Age=${seconds}`]),
    ...(cookiePath ? [`Path=${cookiePath}`] : []),
    ...attributes.map(({ name: attribute = "", value }) => (value ? `${attribute}=${value}` : attribute)),
    "HttpOnly",
  ].join("; ");
  return ({ remote, local }) => {
    const value = hashOfWire(formatAddress(remote) + formatAddress(local))
      .toString(16)
      .padStart(16, "0");
    return { value, line: `${name}="${value}"; ${parts}` };
  };
}
