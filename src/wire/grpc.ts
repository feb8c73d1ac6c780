/**
 * gRPC over HTTP/2 as a codec: messages, status, metadata. No I/O.
 *
 * Source: PROTOCOL-HTTP2.md and statuscodes.md of grpc/grpc. Differs: compression is not offered, a compressed message is refused.
 *
 * @module
 */
import { fieldValue } from "./http2/fields.ts";
import type { Fields } from "./http2/fields.ts";

export const GrpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** How a call ended. */
export interface GrpcStatus {
  /** See `GrpcCode`. */
  readonly code: number;
  readonly message: string;
}

/** A call that did not end with `ok`. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly status: GrpcStatus;

  constructor(code: number, message: string) {
    super(`[${codeName(code)}] ${message}`);
    this.status = { code, message };
  }
}

const NAMES = new Map<number, string>(Object.entries(GrpcCode).map(([name, code]) => [code, name]));

/** `unavailable` for 14. */
export const codeName = (code: number): string => NAMES.get(code) ?? `code ${code}`;

// ---- messages ----

const PREFIX_BYTES = 5;

/** Puts the five-byte prefix before a message. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** Cuts the body of a call into messages. After an error it must be discarded. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  /** The message that is being filled, allocated once its length is known and allowed. */
  #message: Uint8Array | undefined;
  #filled = 0;

  /** @param maxBytes Largest message. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Nothing of a message is held: the body may end here. */
  get idle(): boolean {
    return this.#prefixBytes === 0;
  }

  /**
   * Passes each message that is now complete to `sink`, which may keep it.
   *
   * @throws {GrpcError} resourceExhausted for a message that is too large, unimplemented for a compressed one.
   */
  read(chunk: Uint8Array, sink: (message: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#prefixBytes < PREFIX_BYTES) {
        this.#prefix[this.#prefixBytes++] = chunk[at++]!;
        if (this.#prefixBytes === PREFIX_BYTES) this.#begin();
      }
      const message = this.#message;
      if (message === undefined) continue;
      const take = Math.min(message.length - this.#filled, chunk.length - at);
      message.set(chunk.subarray(at, at + take), this.#filled);
      at += take;
      this.#filled += take;
      if (this.#filled < message.length) continue;
      this.#message = undefined;
      this.#prefixBytes = 0;
      sink(message);
    }
  }

  #begin(): void {
    const length = new DataView(this.#prefix.buffer).getUint32(1);
    const compressed = this.#prefix[0] !== 0;
    if (compressed) throw new GrpcError(GrpcCode.unimplemented, "compressed messages are not supported");
    if (length > this.#maxBytes) {
      throw new GrpcError(GrpcCode.resourceExhausted, `a message must be <= ${this.#maxBytes} bytes: found ${length}`);
    }
    this.#message = new Uint8Array(length);
    this.#filled = 0;
  }
}

// ---- status ----

/** The fields that end a call. */
export function statusFields(status: GrpcStatus): Fields {
  const fields = ["grpc-status", String(status.code)];
  if (status.message !== "") fields.push("grpc-message", encodeMessage(status.message));
  return fields;
}

/** Status of a call from its trailers, or from its head when that ended it. Undefined when there is none. */
export function statusOf(fields: Fields): GrpcStatus | undefined {
  const code = fieldValue(fields, "grpc-status");
  if (code === undefined) return undefined;
  if (!/^\d{1,9}$/.test(code)) return { code: GrpcCode.unknown, message: `grpc-status is not a number: ${code}` };
  return { code: Number(code), message: decodeMessage(fieldValue(fields, "grpc-message") ?? "") };
}

/** What an answer means that is not gRPC, by its HTTP status. */
export function statusOfHttp(httpStatus: number): GrpcStatus {
  return { code: HTTP_CODES[httpStatus] ?? GrpcCode.unknown, message: `the server answered with HTTP ${httpStatus}` };
}

const HTTP_CODES: Readonly<Record<number, number>> = {
  400: GrpcCode.internal,
  401: GrpcCode.unauthenticated,
  403: GrpcCode.permissionDenied,
  404: GrpcCode.unimplemented,
  429: GrpcCode.unavailable,
  502: GrpcCode.unavailable,
  503: GrpcCode.unavailable,
  504: GrpcCode.unavailable,
};

/** Percent-encodes what is not printable ASCII, and the percent sign. */
export function encodeMessage(message: string): string {
  return Array.from(Buffer.from(message, "utf8"), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}

/** Undoes {@link encodeMessage}; what is not well encoded stays as it is, as the specification asks. */
export function decodeMessage(encoded: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i++) {
    const digits = encoded.slice(i + 1, i + 3);
    if (encoded[i] === "%" && /^[0-9a-fA-F]{2}$/.test(digits)) {
      bytes.push(Number.parseInt(digits, 16));
      i += 2;
    } else bytes.push(encoded.charCodeAt(i) & 0xff);
  }
  return Buffer.from(bytes).toString("utf8");
}

// ---- request ----

export const GRPC_CONTENT_TYPE = "application/grpc";

/** `application/grpc`, also with `+proto` or a parameter; not `application/grpc-web`. */
export function isGrpcContentType(value: string | undefined): boolean {
  return value !== undefined && /^application\/grpc($|[+; ])/i.test(value);
}

const TIMEOUT_UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout`; undefined when it is not one. */
export function parseTimeoutMs(value: string): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(value);
  return parts === null ? undefined : Number(parts[1]) * TIMEOUT_UNITS[parts[2]!]!;
}

/** A `grpc-timeout` of at least `timeoutMs`, in the finest unit whose eight digits hold it. */
export function formatTimeout(timeoutMs: number): string {
  const ms = Math.max(Math.ceil(timeoutMs), 0);
  if (ms < 1e8) return `${ms}m`;
  return ms < 1e11 ? `${Math.ceil(ms / 1000)}S` : `${Math.min(Math.ceil(ms / 3_600_000), 99_999_999)}H`;
}
