/**
 * Delays and aborts of a rule, as the configuration of the fault filter on its routes.
 *
 * @module
 */
import type { Fault } from "../model/virtual-service.ts";
import { HTTPFault } from "../xds/proto/filter-fault.ts";
import type { FractionalPercent } from "../xds/proto/type.ts";
import { type AnyMessage, pack } from "../xds/types/any.ts";

export const FAULT_FILTER = "envoy.filters.http.fault";

export function faultConfig({ delay, abort }: Fault): Readonly<Record<string, AnyMessage>> {
  const config: HTTPFault = {
    delay: delay && { fixedDelay: delay.fixedDelayMs, percentage: percentOf(delay.percentage) },
    abort: abort && {
      httpStatus: abort.httpStatus,
      grpcStatus: abort.grpcStatus,
      percentage: percentOf(abort.percentage),
    },
  };
  return { [FAULT_FILTER]: pack(HTTPFault, config) };
}

/** Millionths, so that 0.01 % is what it says. */
export const percentOf = (percentage: number): FractionalPercent => ({
  numerator: Math.round(percentage * 10_000),
  denominator: "MILLION",
});
