/**
 * What the client wants of one type, what it has, and what it has not told the server yet. No I/O.
 *
 * @module
 */
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "../proto/discovery.ts";
import type { Resource } from "../resources.ts";

/** A resource that was not taken, and why. */
export interface Rejection {
  readonly name: string;
  readonly reason: string;
}

/** What a response means for this client. */
export interface Incoming {
  readonly changed: readonly Resource[];
  readonly removed: readonly string[];
  /** Resources that are wrong whatever they hold. */
  readonly malformed: readonly Rejection[];
}

export class ClientSubscription {
  readonly typeUrl: string;
  #wildcard = false;
  readonly #names = new Set<string>();
  /** Versions of what was accepted. Outlives streams: a new one begins with it instead of with everything. */
  readonly #held = new Map<string, string>();
  #begun = false;
  readonly #subscribe = new Set<string>();
  readonly #unsubscribe = new Set<string>();

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get held(): ReadonlyMap<string, string> {
    return this.#held;
  }

  /** Asks for names; `*` is everything. Those that are asked for already change nothing. */
  want(names: Iterable<string>): void {
    for (const name of names) {
      if (name === "*" ? this.#wildcard : this.#names.has(name)) continue;
      if (name === "*") this.#wildcard = true;
      else this.#names.add(name);
      this.#unsubscribe.delete(name);
      this.#subscribe.add(name);
    }
  }

  /** Asks for names no more, and forgets what they are. */
  drop(names: Iterable<string>): void {
    for (const name of names) {
      if (name === "*") this.#wildcard = false;
      this.#names.delete(name);
      this.#subscribe.delete(name);
      this.#unsubscribe.add(name);
    }
    for (const name of this.#held.keys()) if (!this.#wants(name)) this.#held.delete(name);
  }

  /** The stream is gone. */
  disconnected(): void {
    this.#begun = false;
  }

  /** What must be told to the server; undefined when it knows. Counts as told. */
  nextRequest(): DeltaDiscoveryRequest | undefined {
    const request = this.#begun ? this.#change() : this.#begin();
    this.#subscribe.clear();
    this.#unsubscribe.clear();
    return request;
  }

  /** Sorts a response: what is not wanted any more, or is held already, concerns nobody. */
  read({ resources = [], removedResources = [] }: DeltaDiscoveryResponse): Incoming {
    const changed: Resource[] = [];
    const malformed: Rejection[] = [];
    for (const { name = "", version = "", resource: any } of resources) {
      if (name === "") malformed.push({ name, reason: "the resource has no name" });
      else if (any === undefined) malformed.push({ name, reason: "the resource is missing" });
      else if (any.typeUrl !== this.typeUrl) malformed.push({ name, reason: `it is a ${any.typeUrl}` });
      else if (this.#wants(name) && (version === "" || this.#held.get(name) !== version)) {
        changed.push({ name, version, any });
      }
    }
    return { changed, removed: removedResources.filter((name) => this.#wants(name)), malformed };
  }

  /** Remembers what the consumer accepted. A resource that it rejected stays what it was. */
  accept({ changed, removed }: Incoming, rejected: readonly Rejection[]): void {
    const refused = new Set(rejected.map(({ name }) => name));
    for (const { name, version } of changed) {
      // The consumer may have given it up while it was told of it.
      if (!refused.has(name) && this.#wants(name)) this.#held.set(name, version);
    }
    for (const name of removed) this.#held.delete(name);
  }

  #wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  #begin(): DeltaDiscoveryRequest | undefined {
    // A first request that names nothing would ask for everything.
    if (!this.#wildcard && this.#names.size === 0) return undefined;
    this.#begun = true;
    // A wildcard alone is asked for in the old form, which every server knows.
    const subscribe = [...(this.#wildcard && this.#names.size > 0 ? ["*"] : []), ...this.#names];
    return {
      typeUrl: this.typeUrl,
      resourceNamesSubscribe: subscribe,
      initialResourceVersions: Object.fromEntries(this.#held),
    };
  }

  #change(): DeltaDiscoveryRequest | undefined {
    if (this.#subscribe.size === 0 && this.#unsubscribe.size === 0) return undefined;
    return {
      typeUrl: this.typeUrl,
      resourceNamesSubscribe: [...this.#subscribe],
      resourceNamesUnsubscribe: [...this.#unsubscribe],
    };
  }
}
