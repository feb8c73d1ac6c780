/**
 * How long a request may take from its first byte to the last of its answer, and what `grpc-timeout` has to say about it.
 *
 * Source: `RouteAction.max_stream_duration` and `HttpProtocolOptions.max_stream_duration`, as Envoy 1.40 acts on them. Where
 * `grpc_timeout_header_max` is set, the caller's `grpc-timeout` counts, up to that (0: any), less
 * `grpc_timeout_header_offset`; else the header counts for nothing. The endpoint is told what counts.
 *
 * @module
 */
import type { RouteAction } from "../../xds/proto/route-action.ts";

/** Milliseconds; 0 for none. */
export interface StreamLimits {
  /** Undefined: the connection manager's. */
  readonly maxMs: number | undefined;
  /** What may be asked for. Undefined: nothing. */
  readonly grpc: { readonly maxMs: number; readonly offsetMs: number } | undefined;
}

export function compileStreamLimits({ maxStreamDuration = {} }: RouteAction): StreamLimits {
  const { grpcTimeoutHeaderMax, grpcTimeoutHeaderOffset = 0, maxStreamDuration: maxMs } = maxStreamDuration;
  const grpc =
    grpcTimeoutHeaderMax === undefined ? undefined : { maxMs: grpcTimeoutHeaderMax, offsetMs: grpcTimeoutHeaderOffset };
  return { maxMs, grpc };
}

/**
 * @param managerMs The connection manager's limit; 0 for none.
 * @param askedMs What `grpc-timeout` says.
 * @returns Undefined for no limit; 0 when the time is over already.
 */
export function streamDurationMs(
  { grpc, maxMs }: StreamLimits,
  managerMs: number,
  askedMs: number | undefined,
): number | undefined {
  if (grpc === undefined || askedMs === undefined) return (maxMs ?? managerMs) || undefined;
  const allowedMs = grpc.maxMs > 0 ? Math.min(askedMs, grpc.maxMs) : askedMs;
  return Math.max(allowedMs - grpc.offsetMs, 0);
}

/**
 * The time for a gRPC call as a whole, 0 for none. Source: `RouteAction.max_grpc_timeout`.
 *
 * @param maxMs 0: any.
 * @param asked `grpc-timeout`. What is none asks for no end.
 */
export function grpcCallTimeoutMs(maxMs: number, asked: string | undefined): number {
  const askedMs = asked === undefined ? 0 : (parseGrpcTimeout(asked) ?? 0);
  return maxMs > 0 && (askedMs === 0 || askedMs > maxMs) ? maxMs : askedMs;
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const MAX_VALUE = 99_999_999;

/** Reads `grpc-timeout` (gRPC's PROTOCOL-HTTP2) as whole milliseconds, up. Undefined for what is none. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,8})[ \t]*([HMSmun])$/.exec(text) ?? [];
  return unit === "" ? undefined : Math.ceil(Number(digits) * (UNIT_MS[unit] as number));
}

/** In the smallest unit from milliseconds up that takes eight digits or fewer. */
export function formatGrpcTimeout(ms: number): string {
  for (const unit of ["m", "S", "M"]) {
    const value = Math.floor(ms / (UNIT_MS[unit] as number));
    if (value <= MAX_VALUE) return `${value}${unit}`;
  }
  return `${Math.min(Math.floor(ms / (UNIT_MS["H"] as number)), MAX_VALUE)}H`;
}
