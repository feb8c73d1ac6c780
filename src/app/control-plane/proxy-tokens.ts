/**
 * One-time join tokens, and which proxy each was made for.
 *
 * @module
 */
import { TokenIssuer } from "../../identity/join-tokens.ts";
import { parseSpiffeId } from "../../identity/spiffe.ts";

export class ProxyTokens {
  readonly issuer = new TokenIssuer();
  readonly #ttlMs: number;
  /** By the part of a token that is no secret. */
  readonly #owners = new Map<string, { readonly proxyId: string; readonly expiresMs: number }>();

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  /**
   * A token with which the proxy gets its first certificate for this identity. It is a secret.
   * @throws {RangeError} If too many tokens are out.
   */
  issue(proxyId: string, spiffeId: string, nowMs: number): string {
    for (const [id, { expiresMs }] of this.#owners) if (expiresMs < nowMs) this.#owners.delete(id);
    const token = this.issuer.issue({ spiffeId: parseSpiffeId(spiffeId), workload: proxyId }, this.#ttlMs, nowMs);
    this.#owners.set(idOf(token), { proxyId, expiresMs: nowMs + this.#ttlMs });
    return token;
  }

  /** The proxy that a token was made for. Says nothing about whether the token is good. */
  ownerOf(token: string): string | undefined {
    return this.#owners.get(idOf(token))?.proxyId;
  }
}

const idOf = (token: string): string => token.split(".", 1)[0] ?? "";
