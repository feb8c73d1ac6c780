/**
 * The buckets of one local rate limit: a default one, and one for each descriptor.
 *
 * Source: Envoy's `LocalRateLimiterImpl`: every descriptor of a request that has a bucket takes from it, the slowest one first, and
 * the default bucket after them. An entry without a value has a bucket for each value, of which the ones that were not
 * used for longest are given up.
 *
 * Differs: those that do not hold are looked at in the order of the configuration; Envoy's is that of a hash.
 *
 * @module
 */
import type { LocalRateLimitDescriptor } from "../../xds/proto/filter-local-rate-limit.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { wireText } from "../match/wire-text.ts";
import type { Descriptor } from "./descriptors.ts";
import { type BucketSettings, compileBucket, TokenBucket } from "./token-bucket.ts";

export interface LimiterSettings {
  /** Undefined: nothing is limited but what has a descriptor. */
  readonly whole: BucketSettings | undefined;
  readonly descriptors: readonly LimitedDescriptor[];
  /** Requests with a descriptor take from the default bucket as well. */
  readonly alwaysTakesWhole: boolean;
  /** Buckets that are kept for an entry without a value. */
  readonly maxDynamic: number;
}

export interface LimitedDescriptor {
  readonly entries: Descriptor;
  readonly bucket: BucketSettings;
}

/** @throws {CompileError} */
export function compileDescriptors(
  messages: readonly LocalRateLimitDescriptor[] | undefined,
  share: number,
  path: string,
): readonly LimitedDescriptor[] {
  const seen = new Set<string>();
  return (messages ?? []).map((message, i) => {
    const at = `${path}[${i}]`;
    refuseOthers(message, at, new Set(["entries", "tokenBucket"]));
    const entries = (message.entries ?? []).map(({ key = "", value = "" }) => ({
      key: wireText(key),
      value: wireText(value),
    }));
    if (entries.length === 0) throw new CompileError(`${at}.entries`, "must hold at least one");
    if (seen.has(keyOf(entries))) throw new CompileError(`${at}.entries`, "stand twice");
    seen.add(keyOf(entries));
    return { entries, bucket: compileBucket(message.tokenBucket ?? {}, share, `${at}.token_bucket`) };
  });
}

export interface Verdict {
  readonly allowed: boolean;
  /** Whose tokens the answer tells of; undefined for none. */
  readonly bucket: TokenBucket | undefined;
}

export class Limiter {
  readonly #settings: LimiterSettings;
  readonly #whole: TokenBucket | undefined;
  readonly #fixed = new Map<string, TokenBucket>();
  readonly #dynamic: readonly DynamicBuckets[];

  constructor(settings: LimiterSettings, nowMs: number) {
    this.#settings = settings;
    this.#whole = settings.whole && new TokenBucket(settings.whole, nowMs);
    for (const { entries, bucket } of settings.descriptors)
      if (!isDynamic(entries)) this.#fixed.set(keyOf(entries), new TokenBucket(bucket, nowMs));
    this.#dynamic = settings.descriptors
      .filter(({ entries }) => isDynamic(entries))
      .map((descriptor) => new DynamicBuckets(descriptor, settings.maxDynamic));
  }

  take(descriptors: readonly Descriptor[], nowMs: number): Verdict {
    const whole = this.#whole;
    if (descriptors.length === 0) return { allowed: whole?.take(nowMs) ?? true, bucket: whole };
    const matched = descriptors.flatMap((descriptor) => this.#bucketOf(descriptor, nowMs) ?? []);
    matched.sort((a, b) => a.settings.tokensPerMs - b.settings.tokensPerMs);
    for (const bucket of matched) if (!bucket.take(nowMs)) return { allowed: false, bucket };
    const [first] = matched;
    if (whole !== undefined && (first === undefined || this.#settings.alwaysTakesWhole) && !whole.take(nowMs))
      return { allowed: false, bucket: whole };
    return { allowed: true, bucket: first ?? whole };
  }

  #bucketOf(descriptor: Descriptor, nowMs: number): TokenBucket | undefined {
    const key = keyOf(descriptor);
    const fixed = this.#fixed.get(key);
    if (fixed !== undefined) return fixed;
    for (const buckets of this.#dynamic) if (buckets.fits(descriptor)) return buckets.of(key, nowMs);
    return undefined;
  }
}

class DynamicBuckets {
  readonly #pattern: LimitedDescriptor;
  readonly #max: number;
  /** The least recently used first. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(pattern: LimitedDescriptor, max: number) {
    this.#pattern = pattern;
    this.#max = max;
  }

  fits(descriptor: Descriptor): boolean {
    const { entries } = this.#pattern;
    return (
      entries.length === descriptor.length &&
      entries.every(
        ({ key, value }, i) => descriptor[i]?.key === key && (value === "" || value === descriptor[i]?.value),
      )
    );
  }

  of(key: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#pattern.bucket, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const [oldest] of this.#buckets) {
      if (this.#buckets.size <= this.#max) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}

const isDynamic = (entries: Descriptor): boolean => entries.some(({ value }) => value === "");

const keyOf = (entries: Descriptor): string =>
  entries.map(({ key, value }) => `${key.length}:${key}=${value.length}:${value}`).join();
