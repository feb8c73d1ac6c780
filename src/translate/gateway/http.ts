/**
 * The HTTP connection manager at the edge: nothing that a client says of itself is believed, except by what is trusted in front.
 *
 * Source: Istio's gateways, and Envoy's "configuring Envoy as an edge proxy" for limits that Istio leaves open: header names
 * with underscores are refused, a head has 10 s to arrive, a stream 5 minutes to move, and an HTTP/2 connection has 100
 * streams with windows of 64 KiB and 1 MiB.
 *
 * @module
 */
import type { GatewayTopology } from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Workload } from "../../model/service.ts";
import { HTTPFault } from "../../xds/proto/filter-fault.ts";
import { HttpRbac } from "../../xds/proto/filter-http-rbac.ts";
import type { HttpConnectionManager, HttpFilter } from "../../xds/proto/http-connection-manager.ts";
import type { NetworkFilter } from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";
import type { Authorization } from "../authorization.ts";
import { httpRateLimits } from "../rate-limit.ts";
import { cors } from "../cors.ts";
import { FAULT_FILTER } from "../fault.ts";
import { httpManager } from "../http-manager.ts";
import type { TranslateOptions } from "../options.ts";

const SERVER_NAME = "istio-envoy";
const HEAD_TIMEOUT_MS = 10_000;
const STREAM_IDLE_TIMEOUT_MS = 300_000;
const CONNECTION_IDLE_TIMEOUT_MS = 3_600_000;
const KIB = 1024;

export function edgeManager(
  routeConfigName: string,
  topology: GatewayTopology,
  admission: readonly HttpFilter[],
  sessions: readonly HttpFilter[],
  options: TranslateOptions,
): NetworkFilter {
  const config: HttpConnectionManager = {
    codecType: "AUTO",
    statPrefix: `outbound_${routeConfigName}`,
    rds: {
      configSource: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 },
      routeConfigName,
    },
    serverName: SERVER_NAME,
    useRemoteAddress: true,
    xffNumTrustedHops: topology.numTrustedProxies,
    forwardClientCertDetails: topology.forwardClientCertDetails ?? "SANITIZE_SET",
    setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
    commonHttpProtocolOptions: {
      idleTimeout: CONNECTION_IDLE_TIMEOUT_MS,
      headersWithUnderscoresAction: "REJECT_REQUEST",
    },
    http2ProtocolOptions: {
      maxConcurrentStreams: 100,
      initialStreamWindowSize: 64 * KIB,
      initialConnectionWindowSize: KIB * KIB,
    },
    requestHeadersTimeout: HEAD_TIMEOUT_MS,
    streamIdleTimeout: STREAM_IDLE_TIMEOUT_MS,
  };
  return httpManager(config, [...admission, fault, cors, ...sessions], options);
}

/** What a request has to pass: who may call, and then how much, so that what is denied uses up nothing. */
export const httpAdmission = (
  mesh: Mesh,
  workload: Workload,
  rbac: Authorization["filters"],
): readonly HttpFilter[] => [
  ...rbac.map((rules): HttpFilter => ({ name: "envoy.filters.http.rbac", typedConfig: pack(HttpRbac, rules) })),
  ...httpRateLimits(mesh, workload),
];

/** Does nothing by itself: routes bring their faults along. */
const fault: HttpFilter = { name: FAULT_FILTER, typedConfig: pack(HTTPFault, {}) };

/** What the workload says, then what the mesh says of all. */
export function topologyOf({ settings }: Mesh, { gateway }: Workload): GatewayTopology {
  const own = gateway?.topology;
  const { gatewayTopology: all } = settings;
  return {
    numTrustedProxies: own?.numTrustedProxies ?? all.numTrustedProxies,
    forwardClientCertDetails: own?.forwardClientCertDetails ?? all.forwardClientCertDetails,
    proxyProtocol: own?.proxyProtocol ?? all.proxyProtocol,
  };
}
