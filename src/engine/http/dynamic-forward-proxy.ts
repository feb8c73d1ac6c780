/**
 * `envoy.filters.http.dynamic_forward_proxy`: in Envoy it looks up the host of a request whose route leads to a dynamic forward proxy cluster.
 * Here the cluster does so for each new connection, so the filter is taken and does nothing.
 *
 * Not here: settings of single routes, and the host of a connection's filter state.
 *
 * @module
 */
import { DynamicForwardProxyFilter } from "../../xds/proto/dynamic-forward-proxy.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import type { FilterType } from "./filter-type.ts";

const KNOWN = new Set(["dnsCacheConfig", "saveUpstreamAddress"]);

export const DYNAMIC_FORWARD_PROXY_FILTER: FilterType = {
  message: DynamicForwardProxyFilter,
  compile(config, path) {
    refuseOthers(unpackAt(config, DynamicForwardProxyFilter, path), path, KNOWN);
    return undefined;
  },
  compileForRoute(_config, path) {
    throw new CompileError(path, "a dynamic forward proxy has no settings of single routes yet");
  },
};
