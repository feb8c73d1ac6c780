/**
 * `envoy.extensions.filters.http.fault.v3` and `envoy.extensions.filters.common.fault.v3`.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint32, uint32Value, uint64 } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { duration } from "../types/time.ts";
import { HeaderMatcher } from "./route-match.ts";
import { FractionalPercent } from "./type.ts";

export const FaultAbortHeaderAbort = message("envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort", {});
export type FaultAbortHeaderAbort = Infer<typeof FaultAbortHeaderAbort>;

export const FaultAbort = message("envoy.extensions.filters.http.fault.v3.FaultAbort", {
  ...oneof("error_type", {
    httpStatus: uint32(2),
    headerAbort: of(4, FaultAbortHeaderAbort),
    grpcStatus: uint32(5),
  }),
  percentage: of(3, FractionalPercent),
});
export type FaultAbort = Infer<typeof FaultAbort>;

export const FaultDelayHeaderDelay = message("envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay", {});
export type FaultDelayHeaderDelay = Infer<typeof FaultDelayHeaderDelay>;

export const FaultDelay = message("envoy.extensions.filters.common.fault.v3.FaultDelay", {
  ...oneof("fault_delay_secifier", {
    fixedDelay: duration(3),
    headerDelay: of(5, FaultDelayHeaderDelay),
  }),
  percentage: of(4, FractionalPercent),
});
export type FaultDelay = Infer<typeof FaultDelay>;

export const FaultRateLimitFixedLimit = message("envoy.extensions.filters.common.fault.v3.FaultRateLimit.FixedLimit", {
  limitKbps: uint64(1),
});
export type FaultRateLimitFixedLimit = Infer<typeof FaultRateLimitFixedLimit>;

export const FaultRateLimitHeaderLimit = message(
  "envoy.extensions.filters.common.fault.v3.FaultRateLimit.HeaderLimit",
  {},
);
export type FaultRateLimitHeaderLimit = Infer<typeof FaultRateLimitHeaderLimit>;

export const FaultRateLimit = message("envoy.extensions.filters.common.fault.v3.FaultRateLimit", {
  ...oneof("limit_type", {
    fixedLimit: of(1, FaultRateLimitFixedLimit),
    headerLimit: of(3, FaultRateLimitHeaderLimit),
  }),
  percentage: of(2, FractionalPercent),
});
export type FaultRateLimit = Infer<typeof FaultRateLimit>;

export const HTTPFault = message("envoy.extensions.filters.http.fault.v3.HTTPFault", {
  delay: of(1, FaultDelay),
  abort: of(2, FaultAbort),
  upstreamCluster: string(3),
  headers: repeated(of(4, HeaderMatcher)),
  downstreamNodes: repeated(string(5)),
  maxActiveFaults: uint32Value(6),
  responseRateLimit: of(7, FaultRateLimit),
  delayPercentRuntime: string(8),
  abortPercentRuntime: string(9),
  delayDurationRuntime: string(10),
  abortHttpStatusRuntime: string(11),
  maxActiveFaultsRuntime: string(12),
  responseRateLimitPercentRuntime: string(13),
  abortGrpcStatusRuntime: string(14),
  disableDownstreamClusterStats: bool(15),
  filterMetadata: struct(16),
});
export type HTTPFault = Infer<typeof HTTPFault>;
