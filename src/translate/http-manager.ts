/**
 * The HTTP connection managers: what inbound and outbound have in common.
 *
 * @module
 */
import type { AccessLog } from "../xds/proto/access-log.ts";
import { FileAccessLog } from "../xds/proto/access-loggers.ts";
import { Router } from "../xds/proto/filter-router.ts";
import { HttpConnectionManager, type HttpFilter } from "../xds/proto/http-connection-manager.ts";
import type { NetworkFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import type { TranslateOptions } from "./options.ts";

/** A manager with `filters` before the router. */
export function httpManager(
  config: HttpConnectionManager,
  filters: readonly HttpFilter[],
  options: TranslateOptions,
): NetworkFilter {
  const manager: HttpConnectionManager = {
    ...config,
    httpFilters: [...filters, router],
    accessLog: accessLogs(options),
    upgradeConfigs: [{ upgradeType: "websocket" }],
    // WebSockets over HTTP/2 are CONNECT requests: RFC 8441.
    http2ProtocolOptions: { ...config.http2ProtocolOptions, allowConnect: true },
    proxy100Continue: true,
    streamIdleTimeout: config.streamIdleTimeout ?? 0,
    // Istio's path normalization BASE: dot segments go, doubled and escaped slashes stay.
    normalizePath: true,
    pathWithEscapedSlashesAction: "KEEP_UNCHANGED",
  };
  return { name: "envoy.filters.network.http_connection_manager", typedConfig: pack(HttpConnectionManager, manager) };
}

export function accessLogs({ accessLogPath, accessLogFormat }: TranslateOptions): readonly AccessLog[] | undefined {
  if (accessLogPath === undefined) return undefined;
  const logFormat = { textFormatSource: { inlineString: accessLogFormat } };
  const config: FileAccessLog = { path: accessLogPath, logFormat };
  return [{ name: "envoy.access_loggers.file", typedConfig: pack(FileAccessLog, config) }];
}

const router: HttpFilter = { name: "envoy.filters.http.router", typedConfig: pack(Router, {}) };
