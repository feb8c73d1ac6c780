/**
 * The outcome of a gRPC call, as its answer tells it: in the trailers, or in the head of an answer that has nothing else.
 *
 * @module
 */
import type { Head } from "../wire/http1/head.ts";

/** Undefined where nothing is said, or no number. */
export function grpcStatusIn(head: Head): number | undefined {
  const text = head.header("grpc-status");
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
