/**
 * One-time tokens that let a workload ask for its first certificate.
 *
 * A token is `<id>.<secret>`: 64 random bits to find it by, 256 that prove it. Only the SHA-256 of the secret is kept, and
 * it is compared in constant time; whether the id or the secret was wrong does not show. Tokens live in memory.
 *
 * Single use is bound to a key: the holder of the key that redeemed a token first may redeem it again until it expires, so
 * that a lost reply does not lock a workload out. A thief of the token has another key.
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { SpiffeId } from "./spiffe.ts";

/** What a token stands for. */
export interface Attested {
  readonly spiffeId: SpiffeId;
  /** Name of the workload, such as `reviews-v1`. */
  readonly workload: string;
}

export type Redeemed =
  | { readonly ok: true; readonly attested: Attested }
  | { readonly ok: false; readonly reason: "malformed" | "unknown" | "expired" | "used" };

interface Entry {
  readonly secretHash: Buffer;
  readonly attested: Attested;
  readonly expiresMs: number;
  /** Who redeemed it; `undefined` until then. */
  redeemedBy: string | undefined;
}

const TOKEN = /^([\w-]{11})\.([\w-]{43})$/;
/** How long a token is remembered after its end, so that its holder hears "expired" and not "unknown". */
const REMEMBER_MS = 3_600_000;
const NO_HASH = Buffer.alloc(32);

export class TokenIssuer {
  readonly #entries = new Map<string, Entry>();
  readonly #maxTokens: number;

  /** @param maxTokens Most tokens kept at a time. */
  constructor(maxTokens = 10_000) {
    this.#maxTokens = maxTokens;
  }

  /**
   * A new token for `attested`, good for `ttlMs` from `nowMs`. It is a secret: hand it over, never log it.
   * @throws {RangeError} If too many tokens are out, or `ttlMs` is not positive.
   */
  issue(attested: Attested, ttlMs: number, nowMs: number): string {
    if (!(ttlMs > 0)) throw new RangeError(`join token ttlMs must be positive: found ${ttlMs}`);
    this.#forgetOld(nowMs);
    if (this.#entries.size >= this.#maxTokens)
      throw new RangeError(`at most ${this.#maxTokens} join tokens may be out: wait until some expire`);
    const id = randomBytes(8).toString("base64url");
    const secret = randomBytes(32).toString("base64url");
    this.#entries.set(id, { secretHash: sha256(secret), attested, expiresMs: nowMs + ttlMs, redeemedBy: undefined });
    return `${id}.${secret}`;
  }

  /**
   * Gives what a token stands for, once.
   * The reasons are for our log: tell the caller only that the token was refused.
   * @param holder The caller's key, such as the fingerprint in its request; absent means that no second use is accepted.
   */
  redeem(token: string, nowMs: number, holder = ""): Redeemed {
    const [, id, secret] = TOKEN.exec(token) ?? [];
    if (id === undefined || secret === undefined) return { ok: false, reason: "malformed" };
    const entry = this.#entries.get(id);
    const matches = timingSafeEqual(sha256(secret), entry?.secretHash ?? NO_HASH);
    if (entry === undefined || !matches) return { ok: false, reason: "unknown" };
    if (nowMs >= entry.expiresMs) return { ok: false, reason: "expired" };
    if (entry.redeemedBy !== undefined && (holder === "" || entry.redeemedBy !== holder))
      return { ok: false, reason: "used" };
    entry.redeemedBy = holder;
    return { ok: true, attested: entry.attested };
  }

  #forgetOld(nowMs: number): void {
    for (const [id, entry] of this.#entries) if (nowMs >= entry.expiresMs + REMEMBER_MS) this.#entries.delete(id);
  }
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
