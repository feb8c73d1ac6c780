/**
 * SETTINGS of one side, RFC 9113 §6.5.
 *
 * @module
 */
import {
  DEFAULT_TABLE_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  MIN_FRAME_BYTES,
  SettingId,
} from "./constants.ts";
import { Http2Error } from "./error.ts";
import { uint32 } from "./frame-reader.ts";

export interface Settings {
  /** Largest HPACK table that the sender of these settings keeps for decoding. */
  readonly headerTableBytes: number;
  readonly enablePush: boolean;
  /** Streams that the receiver of these settings may have open. */
  readonly maxConcurrentStreams: number;
  /** Flow-control window of a new stream. */
  readonly initialWindowBytes: number;
  readonly maxFrameBytes: number;
  /** Advice on the size of a field list, 32 bytes counted for each field beside its text. */
  readonly maxHeaderListBytes: number;
  /** Extended CONNECT may be used (RFC 8441); a server says so. */
  readonly enableConnect: boolean;
}

/** What holds before any SETTINGS arrived. */
export const INITIAL_SETTINGS: Settings = {
  headerTableBytes: DEFAULT_TABLE_BYTES,
  enablePush: true,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowBytes: DEFAULT_WINDOW_BYTES,
  maxFrameBytes: MIN_FRAME_BYTES,
  maxHeaderListBytes: Number.POSITIVE_INFINITY,
  enableConnect: false,
};

/**
 * Applies a SETTINGS payload. Settings that nobody defined are ignored.
 *
 * @throws {Http2Error} For a value out of its range, or a payload that is not whole entries.
 */
export function applySettings(now: Settings, payload: Uint8Array): Settings {
  if (payload.length % 6 !== 0) throw new Http2Error(ErrorCode.frameSizeError, "SETTINGS must be entries of 6 bytes");
  let next = now;
  for (let at = 0; at < payload.length; at += 6) {
    next = { ...next, ...change((payload[at]! << 8) | payload[at + 1]!, uint32(payload, at + 2)) };
  }
  return next;
}

function change(id: number, value: number): Partial<Settings> {
  switch (id) {
    case SettingId.headerTableSize:
      return { headerTableBytes: value };
    case SettingId.enablePush:
      check(value <= 1, ErrorCode.protocolError, "SETTINGS_ENABLE_PUSH must be 0 or 1", value);
      return { enablePush: value === 1 };
    case SettingId.maxConcurrentStreams:
      return { maxConcurrentStreams: value };
    case SettingId.initialWindowSize:
      check(value <= MAX_WINDOW_BYTES, ErrorCode.flowControlError, "SETTINGS_INITIAL_WINDOW_SIZE is too large", value);
      return { initialWindowBytes: value };
    case SettingId.maxFrameSize: {
      const fits = value >= MIN_FRAME_BYTES && value <= MAX_FRAME_BYTES;
      check(fits, ErrorCode.protocolError, "SETTINGS_MAX_FRAME_SIZE must be 16384 to 16777215", value);
      return { maxFrameBytes: value };
    }
    case SettingId.maxHeaderListSize:
      return { maxHeaderListBytes: value };
    case SettingId.enableConnectProtocol:
      check(value <= 1, ErrorCode.protocolError, "SETTINGS_ENABLE_CONNECT_PROTOCOL must be 0 or 1", value);
      return { enableConnect: value === 1 };
    default:
      return {};
  }
}

/** The entries that tell `settings` to a peer: those that differ from what it assumes. */
export function settingsEntries(settings: Settings): (readonly [id: number, value: number])[] {
  const entries: (readonly [number, number, number])[] = [
    [SettingId.headerTableSize, settings.headerTableBytes, INITIAL_SETTINGS.headerTableBytes],
    [SettingId.enablePush, settings.enablePush ? 1 : 0, 1],
    [SettingId.maxConcurrentStreams, settings.maxConcurrentStreams, INITIAL_SETTINGS.maxConcurrentStreams],
    [SettingId.initialWindowSize, settings.initialWindowBytes, INITIAL_SETTINGS.initialWindowBytes],
    [SettingId.maxFrameSize, settings.maxFrameBytes, INITIAL_SETTINGS.maxFrameBytes],
    [SettingId.maxHeaderListSize, settings.maxHeaderListBytes, INITIAL_SETTINGS.maxHeaderListBytes],
    [SettingId.enableConnectProtocol, settings.enableConnect ? 1 : 0, 0],
  ];
  return entries.filter(([, value, assumed]) => value !== assumed).map(([id, value]) => [id, value]);
}

function check(holds: boolean, code: number, must: string, found: number): void {
  if (!holds) throw new Http2Error(code, `${must}: found ${found}`);
}
