/**
 * `tulle.balancing.v1`: balancers that Envoy does not have. Emitted before one that it has, of which it takes the first it knows.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { duration } from "../types/time.ts";
import { LocalityLbConfig } from "./load-balancing-policies.ts";

/** The cheaper of two by a mean of latencies that jumps up and comes down slowly. */
export const PeakEwma = message("tulle.balancing.v1.PeakEwma", {
  /** How long a latency is remembered. Default 10 s. */
  decayTime: duration(1),
  localityLbConfig: of(2, LocalityLbConfig),
});
export type PeakEwma = Infer<typeof PeakEwma>;
