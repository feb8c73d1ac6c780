/**
 * Names that the proxy's clusters call, and their addresses: looked up at once, again when their time is over, and kept while nobody can say.
 *
 * Source: Envoy's STRICT_DNS and DNS cache. An answer holds for the refresh rate, or for the shortest time that its records give; a failure
 * changes nothing and is asked again sooner, with exponential back-off; that a name does not exist is an answer.
 * Differs: clusters that look the same name up in the same way share one lookup; at most 256 addresses of a name count.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { LookupFamily, NameSettings } from "../engine/cluster/names.ts";
import type { DnsAnswer, DnsRecord, DnsResolver } from "../net/dns.ts";

export interface NameState {
  /** An answer of some kind has come. */
  readonly isKnown: boolean;
  /** The last good answer. */
  readonly addresses: readonly string[];
  /** Why the last lookup gave nothing; undefined where it did. */
  readonly failure: string | undefined;
}

export interface DnsServices {
  readonly resolver: DnsResolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const MAX_ADDRESSES = 256;
/** No record makes us ask more often. */
const MIN_REFRESH_MS = 1000;
/** Proxies that started together need not ask together. */
const JITTER = 0.1;
const MAX_JITTER_MS = 100;

/** What one family's lookups come to. */
export function lookUp(
  resolver: DnsResolver,
  name: string,
  family: LookupFamily,
  onAnswer: (answer: DnsAnswer) => void,
): void {
  switch (family) {
    case "V4_ONLY":
      return resolver.lookup(name, 4, onAnswer);
    case "V6_ONLY":
      return resolver.lookup(name, 6, onAnswer);
    case "AUTO":
      return inTurn(resolver, name, [6, 4], onAnswer);
    case "V4_PREFERRED":
      return inTurn(resolver, name, [4, 6], onAnswer);
    case "ALL":
      return resolver.lookup(name, 4, (v4) => resolver.lookup(name, 6, (v6) => onAnswer(both(v4, v6))));
  }
}

function inTurn(
  resolver: DnsResolver,
  name: string,
  [first, second]: readonly [4 | 6, 4 | 6],
  onAnswer: (answer: DnsAnswer) => void,
): void {
  resolver.lookup(name, first, (answer) => {
    if (answer.t === "found") return onAnswer(answer);
    resolver.lookup(name, second, (other) => onAnswer(other.t === "none" ? answer : other));
  });
}

function both(v4: DnsAnswer, v6: DnsAnswer): DnsAnswer {
  const records = [v4, v6].flatMap((answer): readonly DnsRecord[] => (answer.t === "found" ? answer.records : []));
  if (records.length > 0) return { t: "found", records };
  return v4.t === "failed" ? v4 : v6;
}

export class DnsNames {
  readonly #services: DnsServices;
  /** By name, then by settings. */
  readonly #names = new Map<string, Map<string, WatchedName>>();

  constructor(services: DnsServices) {
    this.#services = services;
  }

  /**
   * Tells of the name's state: at once where it is known, and whenever it changes.
   * @returns Ends it. A name that nobody watches is forgotten.
   */
  watch(name: string, settings: NameSettings, onState: (state: NameState) => void): () => void {
    const key = JSON.stringify(settings);
    const same = this.#names.get(name) ?? new Map<string, WatchedName>();
    this.#names.set(name, same);
    let it = same.get(key);
    if (it === undefined) {
      it = new WatchedName(name, settings, this.#services, knownOf(same, settings.family));
      same.set(key, it);
    }
    it.watchers.add(onState);
    if (it.state.isKnown) onState(it.state);
    return () => this.#leave(name, key, it, onState);
  }

  #leave(name: string, key: string, it: WatchedName, onState: (state: NameState) => void): void {
    it.watchers.delete(onState);
    const same = this.#names.get(name);
    if (it.watchers.size > 0 || same?.get(key) !== it) return;
    it.close();
    same.delete(key);
    if (same.size === 0) this.#names.delete(name);
  }
}

/** What others know of the name: who is to look it up more often need not begin with nothing. */
function knownOf(others: ReadonlyMap<string, WatchedName>, family: LookupFamily): NameState {
  for (const { state, family: theirs } of others.values())
    if (theirs === family && state.addresses.length > 0) return state;
  return UNKNOWN;
}

const UNKNOWN: NameState = { isKnown: false, addresses: [], failure: undefined };

class WatchedName {
  state: NameState;
  readonly watchers = new Set<(state: NameState) => void>();
  readonly #name: string;
  readonly #settings: NameSettings;
  readonly #services: DnsServices;
  #timer: Timer | undefined;
  #failures = 0;
  #closed = false;

  /** @param known Until the first answer. */
  constructor(name: string, settings: NameSettings, services: DnsServices, known: NameState) {
    this.state = known;
    this.#name = name;
    this.#settings = settings;
    this.#services = services;
    this.#ask();
  }

  get family(): LookupFamily {
    return this.#settings.family;
  }

  #ask(): void {
    lookUp(this.#services.resolver, this.#name, this.#settings.family, (answer) => {
      if (!this.#closed) this.#onAnswer(answer);
    });
  }

  #onAnswer(answer: DnsAnswer): void {
    const { clock, log } = this.#services;
    const last = this.state;
    if (answer.t === "failed") {
      this.#failures++;
      if (last.failure !== answer.reason)
        log.warn("a name was not looked up", { name: this.#name, reason: answer.reason });
      this.#become({ isKnown: true, addresses: last.addresses, failure: answer.reason });
    } else {
      this.#failures = 0;
      const addresses = answer.t === "found" ? addressesOf(answer.records) : [];
      const failure = answer.t === "none" ? NO_SUCH_NAME : undefined;
      if (failure !== undefined && last.failure !== failure) log.warn("a name has no address", { name: this.#name });
      this.#become({ isKnown: true, addresses, failure });
    }
    // Who was told may have been the last to watch.
    if (!this.#closed) this.#timer = clock.after(this.#waitMs(answer), () => this.#ask());
  }

  #waitMs(answer: DnsAnswer): number {
    const { random } = this.#services;
    const { failure, refreshMs } = this.#settings;
    if (answer.t === "failed" && failure !== undefined) {
      const longest = Math.min(failure.baseMs * 2 ** Math.min(this.#failures, 30), failure.maxMs);
      return Math.max(failure.baseMs / 2, random() * longest);
    }
    const ttlMs = answer.t === "found" && this.#settings.respectsTtl ? shortest(answer.records) : 0;
    const baseMs = ttlMs > 0 ? Math.max(ttlMs, MIN_REFRESH_MS) : refreshMs;
    return baseMs + random() * Math.min(baseMs * JITTER, MAX_JITTER_MS);
  }

  #become(next: NameState): void {
    const last = this.state;
    this.state = next;
    const isSame =
      last.isKnown &&
      last.failure === next.failure &&
      last.addresses.length === next.addresses.length &&
      last.addresses.every((address, i) => address === next.addresses[i]);
    if (!isSame) for (const tell of this.watchers) tell(next);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}

/** As Envoy says it of c-ares. */
const NO_SUCH_NAME = "cares_norecords:Domain name not found";

/** 0 where none says it. */
const shortest = (records: readonly DnsRecord[]): number =>
  Math.min(...records.map(({ ttlMs }) => (ttlMs > 0 ? ttlMs : Number.POSITIVE_INFINITY))) === Number.POSITIVE_INFINITY
    ? 0
    : Math.min(...records.filter(({ ttlMs }) => ttlMs > 0).map(({ ttlMs }) => ttlMs));

const addressesOf = (records: readonly DnsRecord[]): readonly string[] =>
  [...new Set(records.map(({ address }) => address))].slice(0, MAX_ADDRESSES);
