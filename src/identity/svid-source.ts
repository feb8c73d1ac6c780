/**
 * Holds a workload's SVID and keeps it fresh: drives {@link step} of svid-machine.ts with a clock, a key generator and a
 * way to ask the authority.
 *
 * Each renewal has a new key. Attempts of one renewal share it, so that a repeated first request is the same holder's.
 * What arrives is verified (chain, key, identity, dates) before it replaces what is in use.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { buildCsr } from "./csr-write.ts";
import { generateKeyPair, type KeyPair } from "./keys.ts";
import type { SpiffeId } from "./spiffe.ts";
import { assembleSvid, type IssuedChain, type Svid } from "./svid.ts";
import {
  attemptTimeoutMs,
  DEFAULT_RETRY,
  step,
  type RetryLimits,
  type SvidEvent,
  type SvidState,
} from "./svid-machine.ts";

/**
 * Asks the authority. `current` is the SVID in use, to authenticate a renewal with; none means that this is the first
 * request, or that the one in use is over.
 */
export type RequestCertificate = (csrPem: string, current: Svid | undefined) => Promise<IssuedChain>;

export interface SvidSourceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly requestCertificate: RequestCertificate;
  /** Refuses an SVID for anybody else. @default whoever the first SVID is for */
  readonly spiffeId?: SpiffeId;
  readonly retry?: RetryLimits;
}

/** A wall clock may jump and a machine may sleep: look again this often at least. */
const MAX_SLEEP_MS = 600_000;

export class SvidSource {
  readonly #o: SvidSourceOptions;
  readonly #limits: RetryLimits;
  readonly #listeners = new Set<(svid: Svid) => void>();
  #state: SvidState = { t: "idle" };
  #current: Svid | undefined;
  #pendingKey: KeyPair | undefined;
  #timer: Timer | undefined;
  #expiryLogged = false;

  constructor(options: SvidSourceOptions) {
    this.#o = options;
    this.#limits = options.retry ?? DEFAULT_RETRY;
  }

  /** The SVID in use; `undefined` until the first one is there. It stays when it expires: look at `notAfterMs`. */
  get current(): Svid | undefined {
    return this.#current;
  }

  get state(): SvidState {
    return this.#state;
  }

  start(): void {
    this.#handle({ t: "start" });
  }

  /** Ends asking. The SVID in use stays readable. */
  stop(): void {
    this.#handle({ t: "stop" });
  }

  /** Asks for a new SVID at once; nothing if that is under way. */
  renewNow(): void {
    this.#handle({ t: "renewNow" });
  }

  /** Calls `listener` with each new SVID, after `current` has changed. Call what is returned to end that. */
  onChange(listener: (svid: Svid) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The first SVID. */
  ready(): Promise<Svid> {
    if (this.#current) return Promise.resolve(this.#current);
    return new Promise((resolve) => {
      const done = this.onChange((svid) => {
        done();
        resolve(svid);
      });
    });
  }

  #handle(event: SvidEvent): void {
    const before = this.#state;
    this.#state = step(this.#limits, before, event, this.#o.clock.wallMs());
    const after = this.#state;
    if (after.t === "asking" && after !== before) this.#ask(after.attempt);
    else if (after.t !== "asking") this.#sleep();
  }

  #sleep(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const s = this.#state;
    if (s.t !== "holding" && s.t !== "pausing") return;
    const waitMs = Math.min(MAX_SLEEP_MS, Math.max(0, s.wakeMs - this.#o.clock.wallMs()));
    this.#timer = this.#o.clock.after(waitMs, () => this.#handle({ t: "tick" }));
  }

  #ask(attempt: number): void {
    const { clock, random } = this.#o;
    this.#timer?.cancel();
    this.#noteExpiry();
    this.#pendingKey ??= generateKeyPair();
    const key = this.#pendingKey;
    const limitMs = attemptTimeoutMs(this.#limits, this.#current?.notAfterMs, clock.wallMs());
    const fail = (reason: string): void => this.#fail(attempt, reason);
    this.#timer = clock.after(limitMs, () => fail(`no answer within ${limitMs} ms`));
    const inUse = this.#current && this.#current.notAfterMs > clock.wallMs() ? this.#current : undefined;
    Promise.resolve()
      .then(() => this.#o.requestCertificate(buildCsr(key, this.#o.spiffeId), inUse))
      .then((issued) => this.#install(attempt, key, issued, random()))
      .catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
  }

  #install(attempt: number, key: KeyPair, issued: IssuedChain, jitter: number): void {
    if (!this.#isUnderWay(attempt)) return;
    const expected = this.#o.spiffeId ?? this.#current?.spiffeId;
    const svid = assembleSvid(key.privateKeyPem, issued, this.#o.clock.wallMs(), expected);
    this.#current = svid;
    this.#pendingKey = undefined;
    this.#expiryLogged = false;
    const until = new Date(svid.notAfterMs).toISOString();
    this.#o.log.info("SVID received", { spiffeId: svid.spiffeId.uri, serial: svid.serial, until });
    this.#handle({ t: "issued", attempt, notAfterMs: svid.notAfterMs, jitter });
    for (const listener of this.#listeners) this.#tell(listener, svid);
  }

  #tell(listener: (svid: Svid) => void, svid: Svid): void {
    try {
      listener(svid);
    } catch (error) {
      this.#o.log.error("a listener for new SVIDs failed", { error: String(error) });
    }
  }

  #fail(attempt: number, reason: string): void {
    if (!this.#isUnderWay(attempt)) return;
    this.#o.log.warn("SVID request failed, will be repeated", { attempt, reason });
    this.#handle({ t: "failed", attempt, jitter: this.#o.random() });
  }

  #isUnderWay(attempt: number): boolean {
    return this.#state.t === "asking" && this.#state.attempt === attempt;
  }

  #noteExpiry(): void {
    const current = this.#current;
    if (this.#expiryLogged || current === undefined || current.notAfterMs > this.#o.clock.wallMs()) return;
    this.#expiryLogged = true;
    const since = new Date(current.notAfterMs).toISOString();
    this.#o.log.error("SVID has expired before it could be renewed", { spiffeId: current.spiffeId.uri, since });
  }
}
