/**
 * How a destination is called, beyond what a DestinationRule can say: `tulle.dev/v1 BackendPolicy`.
 *
 * @module
 */
import type { Origin } from "./origin.ts";

export interface BackendPolicy {
  readonly origin: Origin;
  /** Fully qualified; may be a wildcard. */
  readonly host: string;
  readonly healthCheck: HealthCheck | undefined;
  readonly loadBalancer: PeakEwma | undefined;
  readonly retries: BackendRetries | undefined;
}

/** Beside what a VirtualService says of them; without effect where it turns retries off. */
export interface BackendRetries {
  /** Answers that say when to try again are believed up to this. Undefined: they are not read. */
  readonly maxRetryAfterMs: number | undefined;
  /** How long an attempt may stay without a byte. Undefined: as long as it likes. */
  readonly perTryIdleTimeoutMs: number | undefined;
}

/** The less slow of two endpoints, by their latencies of late and what they have to do. */
export interface PeakEwma {
  readonly t: "peakEwma";
  /** How long a latency is remembered. */
  readonly decayMs: number;
}

/** Callers ask each endpoint whether it serves, and call only those that do. */
export interface HealthCheck {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** While an endpoint is out. Undefined: the interval. */
  readonly unhealthyIntervalMs: number | undefined;
  /** While this caller has called nobody of the destination. */
  readonly noTrafficIntervalMs: number | undefined;
  /** The first check comes within this, at a random time. */
  readonly initialJitterMs: number | undefined;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly probe: HealthProbe;
}

export type HealthProbe =
  | {
      readonly t: "http";
      readonly path: string;
      readonly method: "GET" | "HEAD" | "POST" | "OPTIONS";
      /** Undefined: the destination's own. */
      readonly host: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
      /** Both ends included. Empty: 200. */
      readonly expectedStatuses: readonly StatusRange[];
      /** Statuses that count towards the threshold; others take an endpoint out at once. */
      readonly retriableStatuses: readonly StatusRange[];
    }
  | { readonly t: "grpc"; readonly service: string }
  | {
      readonly t: "tcp";
      readonly send: string | undefined;
      /** In this order. Empty: being connected is enough. */
      readonly receive: readonly string[];
    };

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}
