/**
 * How an HTTP/2 connection is kept within bounds.
 *
 * Source: `envoy.config.core.v3.Http2ProtocolOptions`, with Envoy's names and ranges. Our default windows are smaller
 * than Envoy's 16 and 24 MiB: a window is memory that a slow reader can make us hold.
 *
 * @module
 */
import type { Http2ProtocolOptions } from "../xds/proto/core-protocol.ts";
import { CompileError, fieldPath, refuseOthers } from "./compile-error.ts";

export interface Http2Settings {
  /** @default 4096 */
  readonly hpackTableBytes: number;
  /** Of the peer; on a connection of ours, of ours. @default 1024 */
  readonly maxConcurrentStreams: number;
  /** @default 262_144 */
  readonly streamWindowBytes: number;
  /** @default 16_777_216 */
  readonly connectionWindowBytes: number;
  /** Extended CONNECT, RFC 8441. */
  readonly allowConnect: boolean;
  /** Frames that may wait to be written. @default 10_000 */
  readonly maxOutboundFrames: number;
  /** The same for PING, SETTINGS and RST_STREAM. @default 1000 */
  readonly maxOutboundControlFrames: number;
  /** Empty DATA and HEADERS frames in a row that do not end a stream. @default 1 */
  readonly maxEmptyFrames: number;
  /** @default 100 */
  readonly maxPriorityFramesPerStream: number;
  /** @default 10 */
  readonly maxWindowUpdatesPerDataFrame: number;
  /** A message that is not HTTP ends its stream instead of the connection. @default false */
  readonly invalidMessageEndsStream: boolean;
  /** Undefined: no pings. */
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
}

const KNOWN: ReadonlySet<string> = new Set([
  "hpackTableSize",
  "maxConcurrentStreams",
  "initialStreamWindowSize",
  "initialConnectionWindowSize",
  "allowConnect",
  "maxOutboundFrames",
  "maxOutboundControlFrames",
  "maxConsecutiveInboundFramesWithEmptyPayload",
  "maxInboundPriorityFramesPerStream",
  "maxInboundWindowUpdateFramesPerDataFrameSent",
  "streamErrorOnInvalidHttpMessaging",
  "overrideStreamErrorOnInvalidHttpMessage",
  "connectionKeepalive",
  // Which library reads the frames is nobody's business here.
  "useOghttp2Codec",
]);
const KNOWN_KEEPALIVE: ReadonlySet<string> = new Set(["interval", "timeout", "connectionIdleInterval"]);
const MIN_WINDOW_BYTES = 65_535;
const MAX_INT = 0x7fff_ffff;
const KEEPALIVE_TIMEOUT_MS = 20_000;

type NumberField =
  | "hpackTableSize"
  | "maxConcurrentStreams"
  | "initialStreamWindowSize"
  | "initialConnectionWindowSize";

/** @throws {CompileError} For what is out of range or not supported. */
export function compileHttp2(options: Http2ProtocolOptions | undefined, path: string): Http2Settings {
  const given = options ?? {};
  refuseOthers(given, path, KNOWN);
  const within = (field: NumberField, least: number, otherwise: number): number => {
    const value = given[field] ?? otherwise;
    if (value >= least && value <= MAX_INT) return value;
    throw new CompileError(fieldPath(path, field), `must be ${least} to ${MAX_INT}, found ${value}`);
  };
  return {
    hpackTableBytes: within("hpackTableSize", 0, 4096),
    maxConcurrentStreams: within("maxConcurrentStreams", 1, 1024),
    streamWindowBytes: within("initialStreamWindowSize", MIN_WINDOW_BYTES, 256 * 1024),
    connectionWindowBytes: within("initialConnectionWindowSize", MIN_WINDOW_BYTES, 16 * 1024 * 1024),
    allowConnect: given.allowConnect ?? false,
    maxOutboundFrames: given.maxOutboundFrames ?? 10_000,
    maxOutboundControlFrames: given.maxOutboundControlFrames ?? 1000,
    maxEmptyFrames: given.maxConsecutiveInboundFramesWithEmptyPayload ?? 1,
    maxPriorityFramesPerStream: given.maxInboundPriorityFramesPerStream ?? 100,
    maxWindowUpdatesPerDataFrame: given.maxInboundWindowUpdateFramesPerDataFrameSent ?? 10,
    invalidMessageEndsStream:
      given.overrideStreamErrorOnInvalidHttpMessage ?? given.streamErrorOnInvalidHttpMessaging ?? false,
    keepalive: keepaliveOf(given.connectionKeepalive, fieldPath(path, "connectionKeepalive")),
  };
}

function keepaliveOf(given: Http2ProtocolOptions["connectionKeepalive"], path: string): Http2Settings["keepalive"] {
  if (given === undefined) return undefined;
  refuseOthers(given, path, KNOWN_KEEPALIVE);
  const { interval = 0, timeout = KEEPALIVE_TIMEOUT_MS } = given;
  return interval > 0 ? { intervalMs: interval, timeoutMs: timeout } : undefined;
}
