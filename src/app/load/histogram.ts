/**
 * Latencies in buckets that grow with the value, so that every quantile is right to within 1 % at a fixed size: the
 * layout of HdrHistogram, 64 to 128 steps an octave.
 *
 * @module
 */

const SUB_BITS = 7;
const SUB = 1 << SUB_BITS;
const HALF = SUB / 2;
/** Up to 2^36 µs, 19 hours. */
const OCTAVES = 36 - SUB_BITS;

export class Histogram {
  count = 0;
  readonly #buckets = new Float64Array(SUB + OCTAVES * HALF);
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  record(latencyMs: number): void {
    const index = indexOf(Math.max(0, Math.round(latencyMs * 1000)));
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.count++;
    this.#sumMs += latencyMs;
    if (latencyMs < this.#minMs) this.#minMs = latencyMs;
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs;
  }

  /** Milliseconds that the share `q` (0 to 1) of the latencies does not exceed; 0 where there are none. */
  quantileMs(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = 0;
    for (const [i, n] of this.#buckets.entries()) {
      seen += n;
      if (n > 0 && seen >= rank) return Math.min(Math.max(midOf(i) / 1000, this.minMs), this.#maxMs);
    }
    return 0;
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.#sumMs / this.count;
  }

  get minMs(): number {
    return this.count === 0 ? 0 : this.#minMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }
}

/** Values below {@link SUB} µs have a bucket each; above, each octave has {@link HALF}. */
function indexOf(us: number): number {
  if (us < SUB) return us;
  const octave = Math.min(Math.floor(Math.log2(us)) - SUB_BITS + 1, OCTAVES);
  const sub = Math.min(Math.floor(us / 2 ** octave), SUB - 1);
  return SUB + (octave - 1) * HALF + sub - HALF;
}

/** The middle of a bucket, in µs. */
function midOf(index: number): number {
  if (index < SUB) return index;
  const octave = Math.floor((index - SUB) / HALF) + 1;
  const sub = ((index - SUB) % HALF) + HALF;
  return (sub + 0.5) * 2 ** octave;
}
