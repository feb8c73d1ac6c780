/**
 * One call of a gRPC client, from before its connection is there to its status.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import {
  formatTimeout,
  GRPC_CONTENT_TYPE,
  GrpcCode,
  GrpcError,
  type GrpcStatus,
  isGrpcContentType,
  statusOf,
  statusOfHttp,
} from "../wire/grpc.ts";
import { ErrorCode, errorName } from "../wire/http2/constants.ts";
import { fieldValue } from "../wire/http2/fields.ts";
import type { Fields } from "../wire/http2/fields.ts";
import type { FieldsHandler, FieldsStream } from "../wire/http2/fields-session.ts";
import type { StreamReset } from "../wire/http2/stream.ts";
import { GrpcBody } from "./grpc-body.ts";
import type { CallOptions } from "./grpc-client.ts";
import type { GrpcConnection } from "./grpc-connection.ts";

export interface CallHandler {
  /** The server has taken the call on. */
  onHead?(): void;
  onMessage(message: Uint8Array): void;
  /** The last call, and it always comes. */
  onEnd(status: GrpcStatus): void;
}

interface CallLimits {
  readonly clock: Clock;
  readonly authority: string;
  readonly maxMessageBytes: number;
  readonly maxQueuedBytes: number;
}

type Phase =
  /** The connection is not there yet. */
  | { readonly t: "waiting"; readonly messages: Uint8Array[]; halfClosed: boolean }
  | { readonly t: "open"; readonly stream: FieldsStream; readonly body: GrpcBody; readonly connection: GrpcConnection }
  | { readonly t: "ended" };

export class ClientCall {
  readonly #path: string;
  readonly #handler: CallHandler;
  readonly #options: CallOptions;
  readonly #limits: CallLimits;
  #phase: Phase = { t: "waiting", messages: [], halfClosed: false };
  #deadline: Timer | undefined;

  constructor(path: string, handler: CallHandler, options: CallOptions, limits: CallLimits) {
    this.#path = path;
    this.#handler = handler;
    this.#options = options;
    this.#limits = limits;
    const { timeoutMs } = options;
    if (timeoutMs === undefined) return;
    const status = { code: GrpcCode.deadlineExceeded, message: `not done within ${timeoutMs} ms` };
    this.#deadline = limits.clock.after(timeoutMs, () => this.finish(status));
  }

  /** Sends a message, or keeps it until the server makes room. Does nothing once the call has ended. */
  send(message: Uint8Array): void {
    const phase = this.#phase;
    if (phase.t === "waiting") phase.messages.push(message);
    if (phase.t !== "open") return;
    this.#guarded(() => phase.body.send(message));
    phase.connection.flush();
  }

  /** Says that no more messages follow. */
  halfClose(): void {
    const phase = this.#phase;
    if (phase.t === "waiting") phase.halfClosed = true;
    if (phase.t !== "open") return;
    phase.body.end(undefined);
    phase.connection.flush();
  }

  cancel(): void {
    this.finish({ code: GrpcCode.cancelled, message: "cancelled by the caller" });
  }

  /** For the client: the connection is there. */
  start(connection: GrpcConnection): void {
    const phase = this.#phase;
    if (phase.t !== "waiting") return;
    const stream = connection.session.request(this.#head(connection), false, this.#streamHandler());
    if (stream === undefined) {
      return this.finish({ code: GrpcCode.unavailable, message: "the server takes no more calls on this connection" });
    }
    const body = new GrpcBody(stream, this.#limits.maxMessageBytes, this.#limits.maxQueuedBytes);
    this.#phase = { t: "open", stream, body, connection };
    for (const message of phase.messages) this.send(message);
    if (phase.halfClosed) this.halfClose();
    connection.flush();
  }

  /** Ends the call on our side. */
  finish(status: GrpcStatus): void {
    const phase = this.#phase;
    if (phase.t === "ended") return;
    this.#phase = { t: "ended" };
    this.#deadline?.cancel();
    if (phase.t === "open") {
      phase.stream.reset(status.code === GrpcCode.ok ? ErrorCode.noError : ErrorCode.cancel);
      phase.connection.flush();
    }
    this.#handler.onEnd(status);
  }

  #head(connection: GrpcConnection): Fields {
    const { timeoutMs, metadata = [] } = this.#options;
    const timeout = timeoutMs === undefined ? [] : ["grpc-timeout", formatTimeout(timeoutMs)];
    const scheme = connection.socket.secure ? "https" : "http";
    const pseudo = [":method", "POST", ":scheme", scheme, ":path", this.#path, ":authority", this.#limits.authority];
    const fixed = ["te", "trailers", "content-type", GRPC_CONTENT_TYPE, "user-agent", "tulle"];
    return [...pseudo, ...fixed, ...timeout, ...metadata];
  }

  #streamHandler(): FieldsHandler {
    return {
      onHeaders: (fields, endStream) => this.#onHead(fields, endStream),
      onData: (bytes, endStream) => this.#onData(bytes, endStream),
      onTrailers: (fields) => this.finish(statusOf(fields) ?? NO_STATUS),
      onWritable: () => this.#phase.t === "open" && this.#phase.body.push(),
      onReset: (reset) => this.finish(statusOfReset(reset)),
    };
  }

  #onHead(fields: Fields, endStream: boolean): void {
    const status = Number(fieldValue(fields, ":status"));
    if (status < 200) return;
    const isGrpc = status === 200 && isGrpcContentType(fieldValue(fields, "content-type"));
    if (!isGrpc) return this.finish(statusOf(fields) ?? statusOfHttp(status));
    if (endStream) return this.finish(statusOf(fields) ?? NO_STATUS);
    this.#handler.onHead?.();
  }

  #onData(bytes: Uint8Array, endStream: boolean): void {
    const phase = this.#phase;
    if (phase.t !== "open") return;
    this.#guarded(() => phase.body.receive(bytes, endStream, (message) => this.#deliver(message)));
    if (endStream) this.finish(NO_STATUS);
  }

  #deliver(message: Uint8Array): void {
    // The handler may have cancelled at an earlier message of the same chunk.
    if (this.#phase.t === "open") this.#handler.onMessage(message);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
      this.finish(error.status);
    }
  }
}

const NO_STATUS: GrpcStatus = { code: GrpcCode.unknown, message: "the server ended the call without a status" };

/** PROTOCOL-HTTP2.md, "Errors". */
function statusOfReset({ code, by, message }: StreamReset): GrpcStatus {
  if (by === "connection" || by === "refused") return { code: GrpcCode.unavailable, message };
  const text = `${message} (${errorName(code)})`;
  switch (code) {
    case ErrorCode.cancel:
      return { code: GrpcCode.cancelled, message: text };
    case ErrorCode.enhanceYourCalm:
      return { code: GrpcCode.resourceExhausted, message: text };
    case ErrorCode.inadequateSecurity:
      return { code: GrpcCode.permissionDenied, message: text };
    default:
      return { code: GrpcCode.internal, message: text };
  }
}
