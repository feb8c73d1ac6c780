/**
 * Names of gRPC's status codes, as `%GRPC_STATUS%` prints them. A code that has none prints as its number.
 *
 * @module
 */
const SNAKE = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];
const CAMEL = SNAKE.map((name) => (name === "OK" ? name : name === "CANCELLED" ? "Canceled" : camelOf(name)));

function camelOf(name: string): string {
  return name
    .split("_")
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join("");
}

export function grpcStatusName(status: number | undefined, style: "camel" | "snake"): string | number | undefined {
  return status === undefined ? undefined : ((style === "camel" ? CAMEL : SNAKE)[status] ?? status);
}
