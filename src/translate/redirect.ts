/**
 * Rules that answer themselves: redirects and direct responses.
 *
 * Source: Istio. A port that is given, or derived, is left out where it is its scheme's own; where none is written, Envoy keeps the
 * port of the request. `FROM_REQUEST_PORT` is the port that the routes are for.
 *
 * @module
 */
import type { DirectResponseAction, RedirectAction } from "../model/virtual-service.ts";
import type {
  DirectResponseAction as EnvoyDirectResponse,
  RedirectAction as EnvoyRedirect,
  RedirectResponseCode,
} from "../xds/proto/route-action.ts";

/** What Envoy must be told before it takes bodies of more than 4 KiB. Istio's value. */
export const MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024;

export const REDIRECT_CODES: Readonly<Record<RedirectAction["code"], RedirectResponseCode>> = {
  301: "MOVED_PERMANENTLY",
  302: "FOUND",
  303: "SEE_OTHER",
  307: "TEMPORARY_REDIRECT",
  308: "PERMANENT_REDIRECT",
};

/** Where the request came in. `port` is undefined where it can be any. */
export interface RedirectContext {
  readonly port: number | undefined;
  readonly isTls: boolean;
}

export const redirect = (r: RedirectAction, context: RedirectContext): EnvoyRedirect => ({
  pathRedirect: r.uri,
  prefixRewrite: r.prefixRewrite,
  hostRedirect: r.authority,
  schemeRedirect: r.scheme,
  portRedirect: portOf(r, context),
  responseCode: REDIRECT_CODES[r.code],
});

function portOf({ derivePort, port, scheme }: RedirectAction, context: RedirectContext): number | undefined {
  const wanted = derivePort === "FROM_REQUEST_PORT" ? context.port : port;
  const final = scheme ?? (context.isTls ? "https" : "http");
  return wanted === (final === "https" ? 443 : 80) ? undefined : wanted;
}

export const directResponse = ({ body, status }: DirectResponseAction): EnvoyDirectResponse => ({
  status,
  body: body === undefined ? undefined : { inlineString: body },
});
