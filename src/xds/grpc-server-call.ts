/**
 * One call of a gRPC server, from its head to its trailers.
 *
 * @module
 */
import type { Timer } from "../base/clock.ts";
import {
  GRPC_CONTENT_TYPE,
  GrpcCode,
  GrpcError,
  type GrpcStatus,
  isGrpcContentType,
  parseTimeoutMs,
  statusFields,
} from "../wire/grpc.ts";
import { ErrorCode } from "../wire/http2/constants.ts";
import { fieldValue } from "../wire/http2/fields.ts";
import type { Fields } from "../wire/http2/fields.ts";
import type { FieldsHandler, FieldsStream } from "../wire/http2/fields-session.ts";
import { GrpcBody } from "./grpc-body.ts";
import type { GrpcConnection } from "./grpc-connection.ts";
import type { CallHandler, GrpcServerOptions, ServerCall } from "./grpc-server.ts";

const RESPONSE_HEAD: Fields = [":status", "200", "content-type", GRPC_CONTENT_TYPE];

/** Serves the call that opens `stream`. */
export function serveStream(
  stream: FieldsStream,
  connection: GrpcConnection,
  options: Required<GrpcServerOptions>,
): FieldsHandler {
  const call = new Call(stream, connection, options);
  return {
    onHeaders: (fields, endStream) => call.begin(fields, endStream),
    onData: (bytes, endStream) => call.receive(bytes, endStream),
    onTrailers: () => call.halfClosed(),
    onWritable: () => call.push(),
    onReset: () => call.closed(),
  };
}

class Call implements ServerCall {
  fields: Fields = [];
  readonly #stream: FieldsStream;
  readonly #connection: GrpcConnection;
  readonly #options: Required<GrpcServerOptions>;
  readonly #body: GrpcBody;
  #handler: CallHandler | undefined;
  #deadline: Timer | undefined;
  #headSent = false;
  #ended = false;
  #closed = false;

  constructor(stream: FieldsStream, connection: GrpcConnection, options: Required<GrpcServerOptions>) {
    this.#stream = stream;
    this.#connection = connection;
    this.#options = options;
    this.#body = new GrpcBody(stream, options.maxMessageBytes, options.maxQueuedBytes);
  }

  get peer(): ServerCall["peer"] {
    return this.#connection.socket.peer;
  }

  get remote(): ServerCall["remote"] {
    return this.#connection.socket.remote;
  }

  get queuedBytes(): number {
    return this.#body.queuedBytes;
  }

  begin(fields: Fields, endStream: boolean): void {
    this.fields = fields;
    if (fieldValue(fields, ":method") !== "POST") return this.#refuse("405");
    if (!isGrpcContentType(fieldValue(fields, "content-type"))) return this.#refuse("415");
    const path = fieldValue(fields, ":path") ?? "";
    const method = Object.hasOwn(this.#options.methods, path) ? this.#options.methods[path] : undefined;
    if (method === undefined) return this.end({ code: GrpcCode.unimplemented, message: `there is no method ${path}` });
    if (!this.#startDeadline(fieldValue(fields, "grpc-timeout"))) return;
    this.#guarded(() => {
      this.#handler = method(this);
      if (endStream) this.#handler.onHalfClose();
    });
  }

  receive(bytes: Uint8Array, endStream: boolean): void {
    this.#guarded(() => {
      this.#body.receive(bytes, endStream, (message) => this.#ended || this.#handler?.onMessage(message));
      if (endStream) this.#handler?.onHalfClose();
    });
  }

  halfClosed(): void {
    this.#guarded(() => this.#handler?.onHalfClose());
  }

  send(message: Uint8Array): void {
    if (this.#ended) return;
    this.#sendHead();
    this.#body.send(message);
    this.#connection.flush();
  }

  end(status: GrpcStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    const trailers = statusFields(status);
    this.#body.end(this.#headSent ? trailers : [...RESPONSE_HEAD, ...trailers]);
    this.#afterPush();
    this.#connection.flush();
  }

  accept(): void {
    if (this.#ended) return;
    this.#sendHead();
    this.#connection.flush();
  }

  push(): void {
    this.#body.push();
    this.#afterPush();
  }

  /** The stream is gone: by the caller, or because both directions ended. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#deadline?.cancel();
    this.#handler?.onClosed();
  }

  #sendHead(): void {
    if (!this.#headSent) this.#stream.sendHeaders(RESPONSE_HEAD, false);
    this.#headSent = true;
  }

  /** Once the trailers are out, nobody reads what the caller may still send. */
  #afterPush(): void {
    if (!this.#ended || this.#stream.canSend) return;
    this.#stream.reset(ErrorCode.noError);
    this.closed();
  }

  /** An answer to what is not gRPC. */
  #refuse(httpStatus: string): void {
    this.#ended = true;
    this.#stream.sendHeaders([":status", httpStatus], true);
    this.#afterPush();
  }

  #startDeadline(timeout: string | undefined): boolean {
    if (timeout === undefined) return true;
    const timeoutMs = parseTimeoutMs(timeout);
    if (timeoutMs === undefined) {
      this.end({ code: GrpcCode.invalidArgument, message: `grpc-timeout is not a timeout: ${timeout}` });
      return false;
    }
    const status = { code: GrpcCode.deadlineExceeded, message: `not done within ${timeoutMs} ms` };
    this.#deadline = this.#options.clock.after(timeoutMs, () => this.end(status));
    return true;
  }

  #guarded(work: () => void): void {
    if (this.#ended) return;
    try {
      work();
    } catch (error) {
      if (error instanceof GrpcError) return this.end(error.status);
      this.#options.log.error("a gRPC method failed", {
        path: fieldValue(this.fields, ":path"),
        error: error instanceof Error ? error.message : String(error),
      });
      // What went wrong inside is not the caller's business.
      this.end({ code: GrpcCode.internal, message: "the method failed" });
    }
  }
}
