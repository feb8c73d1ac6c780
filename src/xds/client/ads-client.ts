/**
 * The delta ADS client: keeps what a proxy wants subscribed, through every loss of the control plane.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { codeName, GrpcCode } from "../../wire/grpc.ts";
import type { GrpcClient } from "../grpc-client.ts";
import type { ClientCall } from "../grpc-client-call.ts";
import type { Node } from "../proto/core-base.ts";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "../proto/discovery.ts";
import { compareTypes, type Resource } from "../resources.ts";
import { decodeTolerant, encode } from "../types/codec.ts";
import { ClientSubscription, type Incoming, type Rejection } from "./client-subscription.ts";
import { type Backoff, DEFAULT_BACKOFF, type LinkEvent, type LinkState, step } from "./link.ts";

const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

export interface AdsClientOptions {
  readonly grpc: GrpcClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly node: Node;
  /**
   * Takes what has changed. Resources that it rejects cause a NACK with its reasons; the others count as applied.
   * `removed` also names what was asked for and does not exist. It may call `subscribe` and `unsubscribe`. Where it returns a
   * promise, what arrives meanwhile waits: updates are told and answered one after the other.
   */
  readonly onUpdate: (
    typeUrl: string,
    changed: readonly Resource[],
    removed: readonly string[],
  ) => readonly Rejection[] | Promise<readonly Rejection[]>;
  readonly backoff?: Backoff;
}

export interface ClientTypeStatus {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  /** Names asked for. */
  readonly names: number;
  /** Accepted resources. */
  readonly resources: number;
  readonly updates: number;
  /** Milliseconds since 1970; undefined before the first. */
  readonly lastUpdateMs: number | undefined;
  readonly lastRejection: { readonly reason: string; readonly atMs: number } | undefined;
}

export interface AdsClientStatus {
  readonly link: LinkState;
  /** Streams that have been begun. */
  readonly attempts: number;
  readonly types: readonly ClientTypeStatus[];
}

interface TypeEntry {
  readonly subscription: ClientSubscription;
  updates: number;
  lastUpdateMs: number | undefined;
  lastRejection: ClientTypeStatus["lastRejection"];
}

export class AdsClient {
  readonly #options: Required<AdsClientOptions>;
  readonly #types = new Map<string, TypeEntry>();
  #link: LinkState = { t: "stopped" };
  #call: ClientCall | undefined;
  /** Changes with each stream: what a former one still says does not count. */
  #generation = 0;
  #timer: Timer | undefined;
  #attempts = 0;
  #nodeSent = false;
  /** While the consumer is called, what it asks for is gathered and sent after the answer to its update. */
  #updating = false;
  /** What arrived meanwhile. The server waits for answers before it sends much more. */
  #waiting: Uint8Array[] = [];

  constructor(options: AdsClientOptions) {
    this.#options = { backoff: DEFAULT_BACKOFF, ...options };
  }

  get status(): AdsClientStatus {
    const types = Array.from(this.#types.values(), ({ subscription, ...counts }) => ({
      typeUrl: subscription.typeUrl,
      wildcard: subscription.wildcard,
      names: subscription.names.size,
      resources: subscription.held.size,
      ...counts,
    }));
    return { link: this.#link, attempts: this.#attempts, types };
  }

  /** Begins, and goes on until {@link stop}. */
  start(): void {
    this.#step({ t: "start" });
  }

  /** Ends for good. What was subscribed is kept, so that a later start resumes. */
  stop(): void {
    this.#step({ t: "stop" });
  }

  /**
   * Begins the stream anew on a new connection, which shows the certificate of now: a server ends streams whose certificate
   * has expired. What is held is not sent again.
   */
  renew(): void {
    const { t } = this.#link;
    if (t !== "streaming" && t !== "connecting") return;
    this.#hangUp();
    this.#options.grpc.renew();
    this.#step({ t: "renewed" });
  }

  /** Asks for resources by name, or for all of a type by `*`. What is asked for already is not asked for again. */
  subscribe(typeUrl: string, names: Iterable<string>): void {
    this.#entry(typeUrl).subscription.want(names);
    this.#flush();
  }

  /** Asks no more. The consumer is not told of what it gave up. */
  unsubscribe(typeUrl: string, names: Iterable<string>): void {
    this.#entry(typeUrl).subscription.drop(names);
    this.#flush();
  }

  #entry(typeUrl: string): TypeEntry {
    let entry = this.#types.get(typeUrl);
    if (entry === undefined) {
      const subscription = new ClientSubscription(typeUrl);
      entry = { subscription, updates: 0, lastUpdateMs: undefined, lastRejection: undefined };
      this.#types.set(typeUrl, entry);
    }
    return entry;
  }

  #step(event: LinkEvent): void {
    const { backoff, clock, random } = this.#options;
    const before = this.#link;
    this.#link = step(backoff, before, event, clock.nowMs(), random);
    if (this.#link === before) return;
    this.#timer?.cancel();
    switch (this.#link.t) {
      case "stopped":
        return this.#hangUp();
      case "connecting":
        return this.#dial();
      case "waiting":
        return this.#wait(this.#link);
      case "streaming":
        return;
    }
  }

  #wait({ untilMs, reason }: Extract<LinkState, { t: "waiting" }>): void {
    const { clock, log } = this.#options;
    const delayMs = untilMs - clock.nowMs();
    log.warn("the control plane is not there, what is known stays in use", { reason, retryMs: Math.round(delayMs) });
    this.#timer = clock.after(delayMs, () => this.#step({ t: "due" }));
  }

  #hangUp(): void {
    const call = this.#call;
    this.#forgetStream();
    call?.cancel();
  }

  #dial(): void {
    this.#attempts++;
    const generation = ++this.#generation;
    const call = this.#options.grpc.call(METHOD, {
      onHead: () => generation === this.#generation && this.#step({ t: "heard" }),
      onMessage: (message) => generation === this.#generation && this.#arrived(message),
      onEnd: ({ code, message }) => generation === this.#generation && this.#ended(`${codeName(code)}: ${message}`),
    });
    // A call that cannot be made has ended by now.
    if (generation !== this.#generation) return;
    this.#call = call;
    this.#flush();
  }

  #ended(reason: string): void {
    this.#hangUp();
    // The next attempt shall meet the address and show the certificate of its own time.
    this.#options.grpc.renew();
    this.#step({ t: "ended", reason });
  }

  #forgetStream(): void {
    this.#generation++;
    this.#call = undefined;
    this.#nodeSent = false;
    this.#waiting = [];
    for (const { subscription } of this.#types.values()) subscription.disconnected();
  }

  #flush(): void {
    if (this.#call === undefined || this.#updating) return;
    for (const typeUrl of [...this.#types.keys()].sort(compareTypes)) {
      const request = this.#types.get(typeUrl)!.subscription.nextRequest();
      if (request !== undefined) this.#send(request);
    }
  }

  #send(request: DeltaDiscoveryRequest): void {
    const { node } = this.#options;
    this.#call?.send(encode(DeltaDiscoveryRequest, this.#nodeSent ? request : { node, ...request }));
    this.#nodeSent = true;
  }

  #arrived(message: Uint8Array): void {
    if (this.#updating) this.#waiting.push(message);
    else this.#receive(message);
  }

  #receive(message: Uint8Array): void {
    let response: DeltaDiscoveryResponse;
    try {
      response = decodeTolerant(DeltaDiscoveryResponse, message);
    } catch (error) {
      // Without its nonce it cannot be refused, and a server that speaks otherwise is no use.
      const why = error instanceof Error ? error.message : String(error);
      return this.#ended(`the server sent what is no discovery response: ${why}`);
    }
    this.#step({ t: "heard" });
    const entry = this.#types.get(response.typeUrl ?? "");
    if (entry === undefined)
      return this.#done(response, [{ name: "", reason: `nobody asked for ${response.typeUrl}` }], this.#generation);
    const incoming = entry.subscription.read(response);
    const generation = this.#generation;
    const told = this.#tell(entry, incoming);
    const done = (rejected: readonly Rejection[]): void => {
      const all = [...incoming.malformed, ...rejected];
      this.#note(entry, incoming, all);
      this.#done(response, all, generation);
    };
    if (told instanceof Promise) void told.then(done);
    else done(told);
  }

  #note(entry: TypeEntry, incoming: Incoming, rejected: readonly Rejection[]): void {
    entry.subscription.accept(incoming, rejected);
    const atMs = this.#options.clock.wallMs();
    entry.updates++;
    entry.lastUpdateMs = atMs;
    if (rejected.length > 0) entry.lastRejection = { reason: reasonOf(rejected), atMs };
  }

  /** @param generation Of the stream that the response came on: the consumer may have stopped the client, or it broke. */
  #done(response: DeltaDiscoveryResponse, rejected: readonly Rejection[], generation: number): void {
    this.#updating = false;
    if (generation === this.#generation) this.#answer(response, rejected);
    this.#flush();
    while (!this.#updating && this.#waiting.length > 0) this.#receive(this.#waiting.shift() as Uint8Array);
  }

  #tell(
    { subscription: { typeUrl } }: TypeEntry,
    { changed, removed }: Incoming,
  ): readonly Rejection[] | Promise<readonly Rejection[]> {
    if (changed.length === 0 && removed.length === 0) return [];
    this.#updating = true;
    const failed = (error: unknown): readonly Rejection[] => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error("an update failed", { typeUrl, error: reason });
      return changed.map(({ name }) => ({ name, reason }));
    };
    try {
      const rejected = this.#options.onUpdate(typeUrl, changed, removed);
      if (!(rejected instanceof Promise)) return rejected;
      return rejected.catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  #answer({ typeUrl = "", nonce = "" }: DeltaDiscoveryResponse, rejected: readonly Rejection[]): void {
    if (rejected.length === 0) return this.#send({ typeUrl, responseNonce: nonce });
    const message = reasonOf(rejected);
    this.#options.log.warn("configuration rejected", { typeUrl, reason: message });
    this.#send({ typeUrl, responseNonce: nonce, errorDetail: { code: GrpcCode.invalidArgument, message } });
  }
}

/** How much of the reasons is sent: the server's limit on a message is not ours to meet. */
const MAX_REASON_LENGTH = 4096;

const reasonOf = (rejected: readonly Rejection[]): string =>
  rejected
    .map(({ name, reason }) => (name === "" ? reason : `${name}: ${reason}`))
    .join("; ")
    .slice(0, MAX_REASON_LENGTH);
