/**
 * gRPC methods with one request and one response, on both sides.
 *
 * @module
 */
import type { Log } from "../base/log.ts";
import { GrpcCode, GrpcError } from "../wire/grpc.ts";
import type { CallOptions, GrpcClient } from "./grpc-client.ts";
import type { Method, ServerCall } from "./grpc-server.ts";

/** Answers one request. Errors end the call: `GrpcError` with its status, any other is logged and told as `internal`. */
export type UnaryHandler = (request: Uint8Array, call: ServerCall) => Uint8Array | Promise<Uint8Array>;

export function unaryMethod(log: Log, handle: UnaryHandler): Method {
  return (call) => {
    let request: Uint8Array | undefined;
    return {
      onMessage(message) {
        if (request !== undefined) throw wrongCount();
        request = message;
      },
      onHalfClose() {
        if (request === undefined) throw wrongCount();
        const response = handle(request, call);
        if (response instanceof Uint8Array) answer(call, response);
        else response.then((bytes) => answer(call, bytes)).catch((error: unknown) => fail(call, log, error));
      },
      onClosed() {},
    };
  };
}

const wrongCount = (): GrpcError => new GrpcError(GrpcCode.unimplemented, "the method takes exactly one message");

function answer(call: ServerCall, response: Uint8Array): void {
  call.send(response);
  call.end({ code: GrpcCode.ok, message: "" });
}

function fail(call: ServerCall, log: Log, error: unknown): void {
  if (error instanceof GrpcError) return call.end(error.status);
  log.error("a gRPC method failed", { error: error instanceof Error ? error.message : String(error) });
  call.end({ code: GrpcCode.internal, message: "the method failed" });
}

/**
 * Calls a method with one request and one response.
 *
 * @throws {GrpcError} (as rejection) When the call ends with any status but `ok`.
 */
export function callUnary(
  client: GrpcClient,
  path: string,
  request: Uint8Array,
  options: CallOptions = {},
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let response: Uint8Array | undefined;
    const call = client.call(
      path,
      {
        onMessage(message) {
          response = message;
        },
        onEnd({ code, message }) {
          if (code !== GrpcCode.ok) reject(new GrpcError(code, message));
          else if (response === undefined) reject(new GrpcError(GrpcCode.unimplemented, "the server sent no message"));
          else resolve(response);
        },
      },
      options,
    );
    call.send(request);
    call.halfClose();
  });
}
