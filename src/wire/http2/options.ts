/**
 * What can be chosen about a session.
 *
 * @module
 */
import { DEFAULT_TABLE_BYTES, DEFAULT_WINDOW_BYTES } from "./constants.ts";
import { DEFAULT_FLOOD_LIMITS, type FloodLimits } from "./flood.ts";
import type { HeaderBlockLimits } from "./header-block.ts";
import type { KeepaliveOptions } from "./keepalive.ts";
import { INITIAL_SETTINGS, type Settings } from "./settings.ts";

export interface SessionOptions {
  /**
   * What the peer is told. `maxHeaderListBytes` is also held: a request beyond it is answered with 431.
   * @default 100 streams, windows of 256 KiB, frames of 16 KiB, field lists of 64 KiB
   */
  readonly settings?: Partial<Settings>;
  /** Flow-control window of the whole connection; 65 535 or more. @default 1_048_576 */
  readonly connectionWindowBytes?: number;
  /** Body bytes are taken only while less than this waits to be written. @default 131_072 */
  readonly maxOutputBytes?: number;
  /** Lines of a head, Envoy's `max_headers_count`. @default 100 */
  readonly maxHeaders?: number;
  /** Largest HPACK table that is kept for encoding. @default 4096 */
  readonly encoderTableBytes?: number;
  /** A malformed message ends its stream alone, as Envoy's `override_stream_error_on_invalid_http_message`; else the connection. @default true */
  readonly streamErrorOnMalformed?: boolean;
  /** Sends PINGs, for an owner that calls `Session.sweep`. @default none */
  readonly keepalive?: KeepaliveOptions;
  readonly headerBlock?: Partial<HeaderBlockLimits>;
  readonly flood?: Partial<FloodLimits>;
}

export interface SessionConfig {
  readonly settings: Settings;
  readonly connectionWindowBytes: number;
  readonly maxOutputBytes: number;
  readonly maxHeaders: number;
  readonly encoderTableBytes: number;
  readonly streamErrorOnMalformed: boolean;
  readonly keepalive: KeepaliveOptions;
  readonly headerBlock: HeaderBlockLimits;
  readonly flood: FloodLimits;
}

/** @throws {RangeError} If a value is outside its range. */
export function sessionConfig(role: "client" | "server", options: SessionOptions): SessionConfig {
  const settings: Settings = {
    ...INITIAL_SETTINGS,
    enablePush: role === "server",
    maxConcurrentStreams: 100,
    initialWindowBytes: 262_144,
    maxHeaderListBytes: 65_536,
    ...options.settings,
  };
  const connectionWindowBytes = options.connectionWindowBytes ?? 1_048_576;
  if (connectionWindowBytes < DEFAULT_WINDOW_BYTES) {
    // RFC 9113 has no way to make the window of the connection smaller.
    throw new RangeError(`connectionWindowBytes must be >= ${DEFAULT_WINDOW_BYTES}: found ${connectionWindowBytes}`);
  }
  return {
    settings,
    connectionWindowBytes,
    maxOutputBytes: options.maxOutputBytes ?? 131_072,
    maxHeaders: options.maxHeaders ?? 100,
    encoderTableBytes: options.encoderTableBytes ?? DEFAULT_TABLE_BYTES,
    streamErrorOnMalformed: options.streamErrorOnMalformed ?? true,
    keepalive: options.keepalive ?? { intervalMs: 0, timeoutMs: 0 },
    headerBlock: { maxBlockBytes: settings.maxHeaderListBytes, maxContinuations: 32, ...options.headerBlock },
    flood: { ...DEFAULT_FLOOD_LIMITS, ...options.flood },
  };
}
