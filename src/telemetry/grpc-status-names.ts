/**
 * Names of gRPC's status codes, as `%GRPC_STATUS%` prints them. A code that has none prints as its number.
 *
 * @module
 */
import { GRPC_STATUSES } from "../base/grpc-statuses.ts";

const CAMEL = GRPC_STATUSES.map((name) => (name === "OK" ? name : name === "CANCELLED" ? "Canceled" : camelOf(name)));

function camelOf(name: string): string {
  return name
    .split("_")
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join("");
}

export function grpcStatusName(status: number | undefined, style: "camel" | "snake"): string | number | undefined {
  return status === undefined ? undefined : ((style === "camel" ? CAMEL : GRPC_STATUSES)[status] ?? status);
}
