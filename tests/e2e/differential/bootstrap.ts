/**
 * The bootstrap that both proxies start from: three listeners, with routes, rules and faults of all kinds.
 *
 * @module
 */
import { FileAccessLog } from "../../../src/xds/proto/access-loggers.ts";
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import { HTTPFault } from "../../../src/xds/proto/filter-fault.ts";
import { HttpRbac } from "../../../src/xds/proto/filter-http-rbac.ts";
import { Router } from "../../../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import type { Listener } from "../../../src/xds/proto/listener.ts";
import type { Permission, Policy } from "../../../src/xds/proto/rbac.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";
import { routeConfiguration } from "./routes.ts";

export interface BootstrapPorts {
  readonly admin: number;
  /** In the order of {@link LISTENERS}. */
  readonly listeners: readonly number[];
  readonly backend: number;
  /** Nothing listens there. */
  readonly dead: number;
}

/** What differs between the listeners. `plain`: Envoy's defaults. */
export const LISTENERS: Readonly<Record<string, Partial<HttpConnectionManager>>> = {
  plain: {},
  edge: {
    useRemoteAddress: true,
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction: "UNESCAPE_AND_FORWARD",
    stripAnyHostPort: true,
    commonHttpProtocolOptions: { headersWithUnderscoresAction: "REJECT_REQUEST", maxHeadersCount: 40 },
    serverName: "edge",
    via: "edge",
    alwaysSetRequestIdInResponse: true,
    upgradeConfigs: [{ upgradeType: "websocket" }],
  },
  old: {
    httpProtocolOptions: { acceptHttp10: true, defaultHostForHttp10: "old.example" },
    pathWithEscapedSlashesAction: "UNESCAPE_AND_REDIRECT",
    stripTrailingHostDot: true,
    proxy100Continue: true,
    generateRequestId: false,
    serverHeaderTransformation: "APPEND_IF_ABSENT",
    maxRequestHeadersKb: 8,
    appendXForwardedPort: true,
    commonHttpProtocolOptions: { headersWithUnderscoresAction: "DROP_HEADER" },
  },
};

/** First the case, then the client, then what is compared. */
const LOG_FORMAT = [
  "%REQ(X-CASE)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  "%REQ(:METHOD)% %REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH)% %REQ(:AUTHORITY)% %PROTOCOL%",
  "%RESPONSE_CODE% %RESPONSE_FLAGS%",
  "%RESPONSE_CODE_DETAILS%",
  "in=%BYTES_RECEIVED% out=%BYTES_SENT%",
  "route=%ROUTE_NAME% cluster=%UPSTREAM_CLUSTER% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%\n",
].join(" | ");

export function bootstrapText(ports: BootstrapPorts, accessLogPath: string): string {
  const bootstrap: Bootstrap = {
    node: { id: "differential", cluster: "differential" },
    admin: { address: address(ports.admin) },
    staticResources: {
      listeners: Object.entries(LISTENERS).map(([name, settings], i) =>
        listener(name, ports.listeners[i] ?? 0, settings, accessLogPath),
      ),
      clusters: [
        cluster("backend", [ports.backend]),
        cluster("other", [ports.backend]),
        cluster("dead", [ports.dead]),
        cluster("empty", []),
      ],
    },
  };
  return `${JSON.stringify(toJson(Bootstrap, bootstrap), null, 1)}\n`;
}

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

function listener(
  name: string,
  port: number,
  settings: Partial<HttpConnectionManager>,
  accessLogPath: string,
): Listener {
  const log: FileAccessLog = { path: accessLogPath, logFormat: { textFormatSource: { inlineString: LOG_FORMAT } } };
  const manager: HttpConnectionManager = {
    statPrefix: name,
    routeConfig: routeConfiguration,
    httpFilters: [
      { name: "rbac-deny", typedConfig: pack(HttpRbac, { rules: { action: "DENY", policies: denials } }) },
      { name: "rbac-allow", typedConfig: pack(HttpRbac, { rules: { action: "ALLOW", policies: { all: anybody } } }) },
      { name: "fault", typedConfig: pack(HTTPFault, {}) },
      { name: "router", typedConfig: pack(Router, {}) },
    ],
    accessLog: [{ name: "file", typedConfig: pack(FileAccessLog, log) }],
    // The default of a second would be most of what a run takes.
    delayedCloseTimeout: 100,
    ...settings,
  };
  const filters = [{ name: "http", typedConfig: pack(HttpConnectionManager, manager) }];
  return { name, address: address(port), filterChains: [{ filters }] };
}

function cluster(name: string, ports: readonly number[]): Cluster {
  return {
    name,
    type: "STATIC",
    connectTimeout: 5000,
    // Cases run side by side, and three retries at a time are the default.
    circuitBreakers: { thresholds: [{ maxRetries: 100 }] },
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
    },
  };
}

const who = [{ any: true }];
const anybody: Policy = { permissions: [{ any: true }], principals: who };
const header = (name: string, value: string): Permission => ({ header: { name, stringMatch: { exact: value } } });
const path = (prefix: string): Permission => ({ urlPath: { path: { prefix } } });
const all = (...rules: Permission[]): Permission => ({ andRules: { rules } });

const denials: Readonly<Record<string, Policy>> = {
  "by-path": { permissions: [path("/denied")], principals: who },
  "by-method": {
    permissions: [
      all(path("/rbac"), { orRules: { rules: [header(":method", "DELETE"), header(":method", "PATCH")] } }),
    ],
    principals: who,
  },
  "by-header": {
    permissions: [
      all(path("/rbac"), { header: { name: "x-role", stringMatch: { prefix: "guest", ignoreCase: true } } }),
    ],
    principals: who,
  },
  "by-host": {
    permissions: [all(path("/rbac"), { header: { name: ":authority", stringMatch: { suffix: ".forbidden" } } })],
    principals: who,
  },
  "by-absence": {
    permissions: [all(path("/rbac/token"), { notRule: { header: { name: "x-token", presentMatch: true } } })],
    principals: who,
  },
  "by-address": {
    permissions: [path("/rbac/net")],
    principals: [{ directRemoteIp: { addressPrefix: "127.1.0.0", prefixLen: 24 } }],
  },
  "by-regex": {
    permissions: [{ urlPath: { path: { safeRegex: { regex: "/rbac/re/[0-9]+" } } } }],
    principals: who,
  },
};
