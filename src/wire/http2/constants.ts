/**
 * Numbers of HTTP/2, named as in RFC 9113.
 *
 * @module
 */

/** Frame types, RFC 9113 §6. */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Frame flags; each is defined for some types only. */
export const Flag = {
  /** DATA, HEADERS */
  endStream: 0x1,
  /** SETTINGS, PING */
  ack: 0x1,
  /** HEADERS, CONTINUATION */
  endHeaders: 0x4,
  /** DATA, HEADERS */
  padded: 0x8,
  /** HEADERS */
  priority: 0x20,
} as const;

/** Error codes, RFC 9113 §7. */
export const ErrorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

/** Settings, RFC 9113 §6.5.2 and where named. */
export const SettingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  /** RFC 8441 §3. */
  enableConnectProtocol: 0x8,
} as const;

export const FRAME_HEADER_BYTES = 9;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;
export const MAX_STREAM_ID = 2 ** 31 - 1;
export const MIN_FRAME_BYTES = 16_384;
export const MAX_FRAME_BYTES = 2 ** 24 - 1;
export const DEFAULT_TABLE_BYTES = 4096;

/** What a client sends first, RFC 9113 §3.4. */
export const CLIENT_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

/** `flowControlError` for 3; `error 0x2a` for a code that nobody defined. */
export function errorName(code: number): string {
  return NAMES.get(code) ?? `error 0x${code.toString(16)}`;
}
