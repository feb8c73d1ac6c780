/**
 * Notices a peer that is gone without a word (Envoy's `connection_keepalive`).
 *
 * @module
 */
export interface KeepaliveOptions {
  /** Time between two PINGs; 0: none are sent. Milliseconds. */
  readonly intervalMs: number;
  /** How long the peer may say nothing at all after one. Milliseconds. */
  readonly timeoutMs: number;
}

export class Keepalive {
  readonly #options: KeepaliveOptions;
  #askedMs = -1;
  #isAsking = false;

  constructor(options: KeepaliveOptions) {
    this.#options = options;
  }

  /** Bytes of the peer came; any of them show that it is there. */
  heard(): void {
    this.#isAsking = false;
  }

  /** What is due. */
  step(nowMs: number): "nothing" | "ping" | "dead" {
    const { intervalMs, timeoutMs } = this.#options;
    if (intervalMs <= 0) return "nothing";
    if (this.#isAsking) return nowMs - this.#askedMs >= timeoutMs ? "dead" : "nothing";
    if (this.#askedMs < 0) this.#askedMs = nowMs;
    if (nowMs - this.#askedMs < intervalMs) return "nothing";
    this.#askedMs = nowMs;
    this.#isAsking = true;
    return "ping";
  }
}
