/**
 * `grpc.health.v1`: how a server of gRPC says that it serves.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";

export const HealthCheckRequest = message("grpc.health.v1.HealthCheckRequest", { service: string(1) });
export type HealthCheckRequest = Infer<typeof HealthCheckRequest>;

export const ServingStatus = enumeration("grpc.health.v1.HealthCheckResponse.ServingStatus", {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
  SERVICE_UNKNOWN: 3,
});
export type ServingStatus = Infer<typeof ServingStatus>;

export const HealthCheckResponse = message("grpc.health.v1.HealthCheckResponse", { status: of(1, ServingStatus) });
export type HealthCheckResponse = Infer<typeof HealthCheckResponse>;
