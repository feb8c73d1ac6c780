/**
 * The bootstrap that both proxies start from: listeners that differ in what they let a client switch to.
 *
 * @module
 */
import { FileAccessLog } from "../../../src/xds/proto/access-loggers.ts";
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import { Router } from "../../../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import type { Listener } from "../../../src/xds/proto/listener.ts";
import type { Route } from "../../../src/xds/proto/route.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";

export interface BootstrapPorts {
  readonly admin: number;
  /** In the order of {@link LISTENERS}. */
  readonly listeners: readonly number[];
  readonly backend: number;
}

interface ListenerSettings {
  readonly manager: Partial<HttpConnectionManager>;
  readonly routes: readonly Route[];
}

const WEBSOCKET = { upgradeConfigs: [{ upgradeType: "websocket" }] };
const CONNECT = { upgradeConfigs: [{ upgradeType: "CONNECT" }] };
const prefix = (path: string, action: Route["route"] = {}): Route => ({
  match: { prefix: path },
  route: { cluster: "backend", timeout: 1000, ...action },
});
const connect = (action: Route["route"] = {}): Route => ({
  match: { connectMatcher: {} },
  route: { cluster: "backend", timeout: 1000, ...action },
});
const rest = prefix("/");

export const LISTENERS: Readonly<Record<string, ListenerSettings>> = {
  none: { manager: {}, routes: [rest] },
  websocket: {
    manager: WEBSOCKET,
    routes: [
      prefix("/off", { upgradeConfigs: [{ upgradeType: "websocket", enabled: false }] }),
      prefix("/more", { upgradeConfigs: [{ upgradeType: "mine" }] }),
      { match: { prefix: "/direct" }, directResponse: { status: 200, body: { inlineString: "here" } } },
      prefix("/retried", { retryPolicy: { retryOn: "5xx", numRetries: 1 } }),
      prefix("/idle", { idleTimeout: 1000 }),
      prefix("/short", { maxStreamDuration: { maxStreamDuration: 1000 } }),
      rest,
    ],
  },
  offered: {
    manager: { upgradeConfigs: [{ upgradeType: "websocket", enabled: false }] },
    routes: [prefix("/on", { upgradeConfigs: [{ upgradeType: "websocket" }] }), rest],
  },
  connect: {
    manager: CONNECT,
    routes: [connect({ upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }] }), rest],
  },
  forward: { manager: CONNECT, routes: [connect(), rest] },
  "connect-route": {
    manager: {},
    routes: [connect({ upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }] }), rest],
  },
  "connect-off": {
    manager: CONNECT,
    routes: [connect({ upgradeConfigs: [{ upgradeType: "CONNECT", enabled: false, connectConfig: {} }] }), rest],
  },
  "connect-unmatched": { manager: CONNECT, routes: [rest] },
  post: {
    manager: CONNECT,
    routes: [
      prefix("/", { upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: { allowPost: true } }], timeout: 0 }),
    ],
  },
  times: {
    manager: { streamIdleTimeout: 0 },
    routes: [
      prefix("/grpc/unlimited", { timeout: 0, maxStreamDuration: { grpcTimeoutHeaderMax: 0 } }),
      prefix("/grpc/capped", { timeout: 0, maxStreamDuration: { grpcTimeoutHeaderMax: 500 } }),
      prefix("/grpc/offset", {
        timeout: 0,
        maxStreamDuration: { grpcTimeoutHeaderMax: 0, grpcTimeoutHeaderOffset: 400 },
      }),
      prefix("/grpc/ignored", { timeout: 0, maxStreamDuration: { maxStreamDuration: 500 } }),
      prefix("/both", { timeout: 500, maxStreamDuration: { maxStreamDuration: 5000 } }),
      prefix("/grpc/both", { timeout: 500, maxStreamDuration: { grpcTimeoutHeaderMax: 0 } }),
      prefix("/duration", { timeout: 0, maxStreamDuration: { maxStreamDuration: 500 } }),
      prefix("/try-idle/retried", {
        timeout: 0,
        retryPolicy: { retryOn: "5xx", numRetries: 1, perTryIdleTimeout: 500 },
      }),
      prefix("/try-idle", { timeout: 0, retryPolicy: { retryOn: "5xx", numRetries: 0, perTryIdleTimeout: 500 } }),
    ],
  },
  continue: { manager: { proxy100Continue: true }, routes: [rest] },
};

const LOG_FORMAT = [
  "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %PROTOCOL%",
  "%RESPONSE_CODE% %RESPONSE_FLAGS%",
  "%RESPONSE_CODE_DETAILS%",
  "in=%BYTES_RECEIVED% out=%BYTES_SENT%",
  "cluster=%UPSTREAM_CLUSTER% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%\n",
].join(" | ");

export function bootstrapText({ admin, backend, listeners }: BootstrapPorts, accessLogPath: string): string {
  const bootstrap: Bootstrap = {
    node: { id: "tunnels", cluster: "tunnels" },
    admin: { address: address(admin) },
    staticResources: {
      listeners: Object.entries(LISTENERS).map(([name, settings], i) =>
        listener(name, listeners[i] ?? 0, settings, accessLogPath),
      ),
      clusters: [
        {
          name: "backend",
          type: "STATIC",
          connectTimeout: 1000,
          loadAssignment: {
            clusterName: "backend",
            endpoints: [{ lbEndpoints: [{ endpoint: { address: address(backend) } }] }],
          },
        },
      ],
    },
  };
  return `${JSON.stringify(toJson(Bootstrap, bootstrap), null, 1)}\n`;
}

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

function listener(name: string, port: number, { manager, routes }: ListenerSettings, accessLogPath: string): Listener {
  const log: FileAccessLog = { path: accessLogPath, logFormat: { textFormatSource: { inlineString: LOG_FORMAT } } };
  const hcm: HttpConnectionManager = {
    statPrefix: name,
    routeConfig: { name, virtualHosts: [{ name: "all", domains: ["*"], routes: [...routes] }] },
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
    accessLog: [{ name: "file", typedConfig: pack(FileAccessLog, log) }],
    ...manager,
  };
  const filters = [{ name: "http", typedConfig: pack(HttpConnectionManager, hcm) }];
  return { name, address: address(port), filterChains: [{ filters }] };
}
