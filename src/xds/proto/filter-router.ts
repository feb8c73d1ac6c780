/**
 * `envoy.extensions.filters.http.router.v3`.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { AccessLog } from "./access-log.ts";
import { HttpFilter } from "./http-connection-manager.ts";

export const RouterUpstreamAccessLogOptions = message(
  "envoy.extensions.filters.http.router.v3.Router.UpstreamAccessLogOptions",
  {
    flushUpstreamLogOnUpstreamStream: bool(1),
    upstreamLogFlushInterval: duration(2),
  },
);
export type RouterUpstreamAccessLogOptions = Infer<typeof RouterUpstreamAccessLogOptions>;

export const Router = message("envoy.extensions.filters.http.router.v3.Router", {
  dynamicStats: boolValue(1),
  upstreamLog: repeated(of(3, AccessLog)),
  suppressEnvoyHeaders: bool(4),
  strictCheckHeaders: repeated(string(5)),
  respectExpectedRqTimeout: bool(6),
  suppressGrpcRequestFailureCodeStats: bool(7),
  upstreamHttpFilters: repeated(of(8, HttpFilter)),
  upstreamLogOptions: of(9, RouterUpstreamAccessLogOptions),
});
export type Router = Infer<typeof Router>;
