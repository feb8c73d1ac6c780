/**
 * A bucket that fills steadily, and of which each request takes a token.
 *
 * Source: Envoy's `AtomicTokenBucketImpl` (as of 1.32): tokens come in parts, `tokens_per_fill / fill_interval` at any time,
 * rather than all at the end of an interval.
 *
 * @module
 */
import type { TokenBucket as TokenBucketMessage } from "../../xds/proto/type.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";

export interface BucketSettings {
  readonly maxTokens: number;
  readonly tokensPerMs: number;
}

const MIN_INTERVAL_MS = 50;

/**
 * @param share Which part of the limit this process holds: above 0, up to 1. At least one token is left.
 * @throws {CompileError}
 */
export function compileBucket(message: TokenBucketMessage, share: number, path: string): BucketSettings {
  refuseOthers(message, path, new Set(["maxTokens", "tokensPerFill", "fillInterval"]));
  const { maxTokens = 0, tokensPerFill = 1, fillInterval = 0 } = message;
  if (maxTokens < 1) throw new CompileError(`${path}.max_tokens`, `must be at least 1, found ${maxTokens}`);
  if (tokensPerFill < 1)
    throw new CompileError(`${path}.tokens_per_fill`, `must be at least 1, found ${tokensPerFill}`);
  if (fillInterval < MIN_INTERVAL_MS)
    throw new CompileError(`${path}.fill_interval`, `must be at least ${MIN_INTERVAL_MS} ms, found ${fillInterval} ms`);
  return { maxTokens: Math.max(1, Math.floor(maxTokens * share)), tokensPerMs: (tokensPerFill * share) / fillInterval };
}

export class TokenBucket {
  readonly settings: BucketSettings;
  #tokens: number;
  #atMs: number;

  /** Full. */
  constructor(settings: BucketSettings, nowMs: number) {
    this.settings = settings;
    this.#tokens = settings.maxTokens;
    this.#atMs = nowMs;
  }

  /** Takes a token; false when there is none. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Whole tokens that are there. */
  remaining(nowMs: number): number {
    this.#fill(nowMs);
    return Math.floor(this.#tokens);
  }

  /** 0 while there is one. */
  nextTokenMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.settings.tokensPerMs;
  }

  #fill(nowMs: number): void {
    const { maxTokens, tokensPerMs } = this.settings;
    this.#tokens = Math.min(maxTokens, this.#tokens + (nowMs - this.#atMs) * tokensPerMs);
    this.#atMs = nowMs;
  }
}
