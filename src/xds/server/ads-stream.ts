/**
 * One discovery stream: the types that a client wants on it, and in which order they are sent. No I/O.
 *
 * Order: "Eventual consistency considerations" in Envoy's xDS protocol. Routes and listeners wait while clusters or
 * endpoints are on their way; clusters and endpoints that were removed stay until routes and listeners have let go
 * of them. Neither waits longer than `orderTimeoutMs`, so that a client which answers slowly still gets everything.
 *
 * @module
 */
import { compareTypes, isReferenced, isReferring, type Resource, TypeUrl } from "../resources.ts";
import type { Snapshot } from "../snapshot.ts";
import type { InFlight, Subscription, SubscriptionRequest, Update, View } from "./subscription.ts";

/** A response that is to be sent now. */
export interface Push extends Update {
  readonly typeUrl: string;
  readonly nonce: string;
}

/** The last rejection of a type, as an operator wants to see it. */
export interface Nack {
  readonly typeUrl: string;
  /** Of the response that was refused. */
  readonly version: string;
  readonly nonce: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/** A type with what became of its responses. */
export interface TypeState<S> {
  readonly subscription: S;
  sentVersion: string | undefined;
  ackedVersion: string | undefined;
  pushes: number;
  nacks: number;
  lastNack: Nack | undefined;
}

export interface AdsStreamOptions<S> {
  readonly makeSubscription: (typeUrl: string) => S;
  /** Told after `next` gave an update its nonce. */
  readonly onSent: (subscription: S, nonce: string) => void;
  /** @default 5000 */
  readonly orderTimeoutMs: number;
}

export class AdsStream<R extends SubscriptionRequest, S extends Subscription<R>> {
  readonly #options: AdsStreamOptions<S>;
  readonly #types = new Map<string, TypeState<S>>();
  #snapshot: Snapshot | undefined;
  /** Resources that the snapshot has no more, kept for those that still refer to them. */
  #lingering = new Map<string, ReadonlyMap<string, Resource>>();
  #nonce = 0;

  constructor(options: AdsStreamOptions<S>) {
    this.#options = options;
  }

  get types(): readonly TypeState<S>[] {
    return [...this.#types.values()];
  }

  /** When the stream must be looked at again although nothing happens; on the clock of `nowMs`. */
  wakeMs(nowMs: number): number | undefined {
    const waits = [...this.#waited(isReferring, nowMs), ...this.#waited(isReferenced, nowMs)];
    if (waits.length === 0) return undefined;
    return Math.min(...waits.map(({ sentMs }) => sentMs)) + this.#options.orderTimeoutMs;
  }

  /** Takes a request in. @returns The NACK that it was, if it was one. */
  request(typeUrl: string, request: R, wallMs: number): Nack | undefined {
    const state = this.#types.get(typeUrl) ?? this.#begin(typeUrl);
    const { inFlight } = state.subscription;
    const answer = state.subscription.take(request);
    if (answer.t === "ack") state.ackedVersion = inFlight?.version;
    if (answer.t !== "nack" || inFlight === undefined) return undefined;
    const { version, nonce } = inFlight;
    state.nacks++;
    state.lastNack = { typeUrl, version, nonce, reason: answer.reason, atMs: wallMs };
    return state.lastNack;
  }

  /** The node's resources are these from now on. */
  change(snapshot: Snapshot): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (before === undefined) return;
    for (const { subscription } of this.types) {
      if (isReferenced(subscription.typeUrl)) this.#linger(subscription, before, snapshot);
    }
  }

  /** What is to be sent now, in order. Counts as sent. */
  pushes(nowMs: number): readonly Push[] {
    if (this.#snapshot === undefined) return [];
    const pushes = this.#round(nowMs);
    const waits = this.#waited(isReferring, nowMs).length + this.#waited(isReferenced, nowMs).length > 0;
    if (this.#lingering.size === 0 || waits) return pushes;
    this.#lingering = new Map();
    return [...pushes, ...this.#round(nowMs)];
  }

  #begin(typeUrl: string): TypeState<S> {
    const state: TypeState<S> = {
      subscription: this.#options.makeSubscription(typeUrl),
      sentVersion: undefined,
      ackedVersion: undefined,
      pushes: 0,
      nacks: 0,
      lastNack: undefined,
    };
    this.#types.set(typeUrl, state);
    return state;
  }

  /** Keeps what the client has and the new snapshot has not. */
  #linger(subscription: S, before: Snapshot, now: Snapshot): void {
    const { typeUrl } = subscription;
    const [had, has] = [before.get(typeUrl), now.get(typeUrl)];
    const lingering = this.#lingering.get(typeUrl);
    if (had === has && lingering === undefined) return;
    const seen = new Map<string, Resource>();
    const keep = ([name, resource]: readonly [string, Resource]): void => {
      if (!has.has(name) && subscription.has(name)) seen.set(name, resource);
    };
    for (const entry of lingering ?? []) keep(entry);
    if (had !== has) for (const entry of had) keep(entry);
    if (seen.size > 0) this.#lingering.set(typeUrl, seen);
    else this.#lingering.delete(typeUrl);
  }

  #round(nowMs: number): Push[] {
    const pushes: Push[] = [];
    for (const typeUrl of [...this.#types.keys()].sort(compareTypes)) {
      const state = this.#types.get(typeUrl)!;
      if (state.subscription.inFlight !== undefined) continue;
      if (isReferring(typeUrl) && this.#waited(isReferenced, nowMs).length > 0) continue;
      const update = state.subscription.next(this.#view(typeUrl));
      if (update === undefined) continue;
      pushes.push(this.#send(state, update, nowMs));
      if (typeUrl === TypeUrl.cds) this.#endpointsOf(update);
    }
    return pushes;
  }

  /**
   * A cluster that changed is a new one to an Envoy: it waits for endpoints, does not ask for those that it knows by name already, and
   * takes no other clusters in before. So they are sent once more. ("Resource warming" in Envoy's xDS protocol.) Endpoints are
   * looked for under the cluster's own name, as our clusters have them.
   */
  #endpointsOf({ resources }: Update): void {
    this.#types.get(TypeUrl.eds)?.subscription.again(resources.map(({ name }) => name));
  }

  #send(state: TypeState<S>, update: Update, nowMs: number): Push {
    const { subscription } = state;
    const nonce = String(++this.#nonce);
    subscription.inFlight = { nonce, version: update.version, sentMs: nowMs };
    this.#options.onSent(subscription, nonce);
    state.sentVersion = update.version;
    state.pushes++;
    return { ...update, typeUrl: subscription.typeUrl, nonce };
  }

  /** Responses of these types that others wait for. */
  #waited(which: (typeUrl: string) => boolean, nowMs: number): readonly InFlight[] {
    return this.types.flatMap(({ subscription: { typeUrl, inFlight } }) => {
      const waited = inFlight !== undefined && which(typeUrl) && nowMs - inFlight.sentMs < this.#options.orderTimeoutMs;
      return waited ? inFlight : [];
    });
  }

  #view(typeUrl: string): View {
    const current = this.#snapshot!.get(typeUrl);
    const lingering = this.#lingering.get(typeUrl);
    return {
      version: this.#snapshot!.version(typeUrl),
      state: lingering === undefined ? current : {},
      get: (name) => current.get(name) ?? lingering?.get(name),
      all: () => (lingering === undefined ? current.values() : [...current.values(), ...lingering.values()]),
    };
  }
}
