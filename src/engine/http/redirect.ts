/**
 * Redirects and direct responses: answers that a route gives itself.
 *
 * Source: `RedirectAction` and `DirectResponseAction`; the URL is put together as Envoy's router does.
 *
 * @module
 */
import type { DirectResponseAction, RedirectAction } from "../../xds/proto/route-action.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { CompiledRoute, HeaderOperation, Reply } from "../http.ts";
import type { PathCheck } from "../match/path-matcher.ts";
import { wireText } from "../match/wire-text.ts";
import type { RequestView } from "../request.ts";
import { portStart } from "./authority.ts";
import { compileRewrite } from "./rewrite.ts";

const CODES = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const;

const KNOWN_REDIRECT = new Set([
  "hostRedirect",
  "pathRedirect",
  "prefixRewrite",
  "regexRewrite",
  "responseCode",
  "httpsRedirect",
  "schemeRedirect",
  "stripQuery",
  "portRedirect",
]);
const MAX_PORT = 65_535;

/** @throws {CompileError} */
export function compileRedirect(
  action: RedirectAction,
  matched: PathCheck,
  route: CompiledRoute,
  responseHeaders: readonly HeaderOperation[],
  path: string,
): (request: RequestView) => Reply {
  refuseOthers(action, path, KNOWN_REDIRECT);
  if ((action.portRedirect ?? 0) > MAX_PORT) {
    throw new CompileError(
      fieldPath(path, "portRedirect"),
      `must be at most ${MAX_PORT}, found ${action.portRedirect}`,
    );
  }
  const locationOf = compileLocation(action, matched, path);
  const reply = localReply(CODES[action.responseCode ?? "MOVED_PERMANENTLY"], "", route, responseHeaders);
  return (request) => ({ ...reply, headers: [["location", locationOf(request)]] });
}

/** The same URL with another scheme: what `require_tls` answers. */
export function httpsRedirect(route: CompiledRoute | undefined): (request: RequestView) => Reply {
  const reply = localReply(CODES.MOVED_PERMANENTLY, "", route, []);
  return (request) => ({ ...reply, headers: [["location", `https://${request.authority}${request.path}`]] });
}

function compileLocation(action: RedirectAction, matched: PathCheck, path: string): (request: RequestView) => string {
  const scheme = action.schemeRedirect || (action.httpsRedirect === true ? "https" : "");
  const port = (action.portRedirect ?? 0) === 0 ? "" : `:${action.portRedirect}`;
  const host = wireText(action.hostRedirect ?? "");
  const pathOf = compilePath(action, matched, path);
  return (request) => {
    const finalScheme = scheme || request.scheme;
    const finalHost = host || keptHost(request, finalScheme, port !== "");
    return `${finalScheme}://${finalHost}${port}${pathOf(request.path)}`;
  };
}

/** The host as it came; without its port when that is replaced, or is the default of a scheme that is left. */
function keptHost({ authority, scheme }: RequestView, finalScheme: string, hasPort: boolean): string {
  const at = portStart(authority);
  if (at < 0) return authority;
  const port = authority.slice(at);
  const leaves =
    finalScheme !== scheme && ((scheme === "https" && port === ":443") || (scheme === "http" && port === ":80"));
  return hasPort || leaves ? authority.slice(0, at) : authority;
}

function compilePath(action: RedirectAction, matched: PathCheck, path: string): (path: string) => string {
  const { stripQuery = false } = action;
  const target = wireText(action.pathRedirect ?? "");
  // A query of its own stays, whatever is asked of the request's.
  if (target.includes("?")) return () => target;
  const rewrite = target === "" ? compileRewrite(action, matched, path) : undefined;
  return (whole) => {
    const query = whole.indexOf("?");
    if (target !== "") return stripQuery || query < 0 ? target : target + whole.slice(query);
    const kept = stripQuery && query >= 0 ? whole.slice(0, query) : whole;
    return rewrite === undefined ? kept : rewrite(kept);
  };
}

/** @throws {CompileError} */
export function compileDirectResponse(
  action: DirectResponseAction,
  route: CompiledRoute,
  responseHeaders: readonly HeaderOperation[],
  maxBodyBytes: number,
  path: string,
): Reply {
  refuseOthers(action, path, new Set(["status", "body"]));
  const status = action.status ?? 0;
  if (status < 200 || status > 599) {
    throw new CompileError(fieldPath(path, "status"), `must be from 200 to 599, found ${status}`);
  }
  return localReply(status, bodyOf(action, maxBodyBytes, path), route, responseHeaders);
}

function bodyOf({ body = {} }: DirectResponseAction, maxBodyBytes: number, path: string): string {
  refuseOthers(body, fieldPath(path, "body"), new Set(["inlineString", "inlineBytes"]));
  const text = body.inlineString ?? Buffer.from(body.inlineBytes ?? []).toString("utf8");
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBodyBytes) {
    throw new CompileError(fieldPath(path, "body"), `must be at most ${maxBodyBytes} bytes, found ${bytes}`);
  }
  return text;
}

function localReply(
  status: number,
  body: string,
  route: CompiledRoute | undefined,
  responseHeaders: readonly HeaderOperation[],
): Reply {
  return {
    t: "reply",
    status,
    headers: [],
    responseHeaders,
    body,
    flag: "",
    details: "direct_response",
    route,
    kind: undefined,
    grpcStatus: undefined,
    closes: false,
  };
}
