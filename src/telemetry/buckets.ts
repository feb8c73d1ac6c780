/**
 * Bounds of histogram buckets and the search in them.
 *
 * The search looks up where the power of two of a value begins among the bounds, then steps on: with the default
 * bounds at most two or three comparisons, whatever the value.
 *
 * Source: Envoy's default histogram buckets, which Istio keeps. A value equal to a bound belongs to that bound (`le`).
 *
 * @module
 */

/** Envoy's defaults. Milliseconds for durations, bytes for sizes: the same numbers for both, as in Envoy. */
export const DEFAULT_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** Values from here on start their search at the last power of two. */
const TOP = 2 ** 31;

export class Buckets {
  /** Upper bounds, rising; above the last is the bucket `+Inf`. */
  readonly bounds: Float64Array;
  /** First bucket that can hold a value, by the count of significant bits of its whole part. */
  readonly #start: Uint8Array;

  /** @throws {RangeError} If the bounds are not finite and rising, or none or more than 200. */
  constructor(bounds: readonly number[]) {
    const rising = bounds.every((b, i) => Number.isFinite(b) && (i === 0 || b > (bounds[i - 1] ?? b)));
    if (!rising || bounds.length === 0 || bounds.length > 200) {
      throw new RangeError(`histogram bounds must be 1 to 200 finite rising numbers: found [${bounds.join(", ")}]`);
    }
    this.bounds = Float64Array.from(bounds);
    this.#start = Uint8Array.from({ length: 33 }, (_, bits) => {
      const least = bits === 0 ? Number.NEGATIVE_INFINITY : 2 ** (bits - 1);
      const first = bounds.findIndex((bound) => bound >= least);
      return first < 0 ? bounds.length : first;
    });
  }

  /** The bucket of `value`, from 0; `bounds.length` is `+Inf`. Not a number counts as `+Inf`. */
  indexOf(value: number): number {
    const { bounds } = this;
    let i = this.#start[value < TOP ? 32 - Math.clz32(value > 0 ? value : 0) : 32] ?? 0;
    while (i < bounds.length && !(value <= (bounds[i] ?? 0))) i++;
    return i;
  }
}
