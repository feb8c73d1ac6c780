/**
 * The outbound listener: an HTTP forward proxy for one workload.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance, SocketAddress } from "../model/service.ts";
import { HTTPFault } from "../xds/proto/filter-fault.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import type { Listener, NetworkFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import { socketAddress } from "./endpoints.ts";
import { cors } from "./cors.ts";
import { statefulSessions } from "./stateful-session.ts";
import { requestedHosts } from "./discovery.ts";
import { FAULT_FILTER } from "./fault.ts";
import { httpManager } from "./http-manager.ts";
import type { TranslateOptions } from "./options.ts";
import { namesHosts } from "./outbound-policy.ts";
import { routeConfigurationName } from "./outbound-routes.ts";
import type { Scope } from "./scope.ts";
import { listenerMetadata } from "./workload-metadata.ts";

export function outboundListener(
  mesh: Mesh,
  instance: Instance,
  address: SocketAddress,
  scope: Scope,
  options: TranslateOptions,
): Listener {
  const manager = outboundManager(mesh, "outbound_http_proxy", routeConfigurationName(scope), scope, options);
  return {
    name: `outbound_${address.address}_${address.port}`,
    address: socketAddress(address),
    filterChains: [{ filters: [manager] }],
    trafficDirection: "OUTBOUND",
    metadata: listenerMetadata(instance, options.clusterId, undefined),
  };
}

/** What serves HTTP that a workload sends, by the route configuration `routeConfigName`. */
export function outboundManager(
  mesh: Mesh,
  statPrefix: string,
  routeConfigName: string,
  scope: Scope,
  options: TranslateOptions,
): NetworkFilter {
  return httpManager(
    {
      statPrefix,
      rds: { configSource: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 }, routeConfigName },
      httpProtocolOptions: { allowAbsoluteUrl: true },
    },
    [fault, cors, ...statefulSessions(mesh), ...(namesHosts(mesh, scope) ? [requestedHosts(mesh.settings)] : [])],
    options,
  );
}

/** Does nothing by itself: routes bring their faults along. */
const fault: HttpFilter = { name: FAULT_FILTER, typedConfig: pack(HTTPFault, {}) };
