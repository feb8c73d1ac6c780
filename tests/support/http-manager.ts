/**
 * Connection managers for tests, and what they decide.
 *
 * @module
 */
import type { Random } from "../../src/base/random.ts";
import { compileHttp, type CompiledHttp, type Decision, type Forward, type Reply } from "../../src/engine/http.ts";
import { HTTPFault } from "../../src/xds/proto/filter-fault.ts";
import { Router } from "../../src/xds/proto/filter-router.ts";
import type { HttpConnectionManager, HttpFilter } from "../../src/xds/proto/http-connection-manager.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../../src/xds/proto/route.ts";
import { pack } from "../../src/xds/types/any.ts";
import { PLAIN_PEER, request, type RequestParts } from "./requests.ts";

export const ROUTER: HttpFilter = { name: "router", typedConfig: pack(Router, {}) };
/** Draws the highest: no chance comes true. */
export const never: Random = () => 0.999_999;

export function hcm(config: Partial<HttpConnectionManager>, ...filters: readonly HttpFilter[]): HttpConnectionManager {
  return { statPrefix: "test", httpFilters: [...filters, ROUTER], ...config };
}

export const routesOf = (routes: readonly Route[], host: VirtualHost = {}): RouteConfiguration => ({
  virtualHosts: [{ name: "all", domains: ["*"], ...host, routes }],
});

export const compile = (routeConfig: RouteConfiguration, ...filters: readonly HttpFilter[]): CompiledHttp =>
  compileHttp(hcm({ routeConfig }, ...filters), () => undefined);

export const to = (cluster: string, prefix = "/"): Route => ({ match: { prefix }, route: { cluster } });

export function decide(
  http: CompiledHttp,
  path: string,
  parts?: RequestParts,
  random = never,
  peer = PLAIN_PEER,
): Decision {
  return http.decide(request(path, parts), peer, random);
}

export function forward(decision: Decision): Forward {
  if (decision.t !== "forward") throw new Error(`expected a forward, found ${JSON.stringify(decision)}`);
  return decision;
}

export function reply(decision: Decision): Reply {
  if (decision.t !== "reply") throw new Error(`expected a reply, found ${decision.t}`);
  return decision;
}

export const fault = (config: HTTPFault): HttpFilter => ({ name: "fault", typedConfig: pack(HTTPFault, config) });
