/**
 * Keeps a proxy's resources what the control plane says: subscribes to everything of the wildcard types, and by name to
 * what those resources ask for.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Rejection } from "../../proxy/resources.ts";
import type { Proxy } from "../../proxy/proxy.ts";
import { AdsClient, type AdsClientStatus } from "../../xds/client/ads-client.ts";
import type { GrpcClient } from "../../xds/grpc-client.ts";
import type { Node } from "../../xds/proto/core-base.ts";
import { type Resource, TypeUrl } from "../../xds/resources.ts";
import { applyEverywhere, type Followers } from "./apply.ts";
import { ResourceLedger } from "./resource-ledger.ts";

const FIRST_RETRY_MS = 5000;
const MAX_RETRY_MS = 60_000;

export interface XdsLinkOptions {
  readonly grpc: GrpcClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly node: Node;
  readonly proxy: Proxy;
  readonly workers?: Followers | undefined;
}

export class XdsLink {
  readonly #client: AdsClient;
  readonly #proxy: Proxy;
  readonly #workers: Followers | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  #retries = 0;
  #retry: Timer | undefined;
  readonly ledger = new ResourceLedger();
  readonly #wallMs: () => number;
  readonly #subscribed = new Map<string, Set<string>>();
  readonly #seen = new Set<string>();

  constructor(options: XdsLinkOptions) {
    const { grpc, clock, random, log, node, proxy } = options;
    this.#proxy = proxy;
    this.#workers = options.workers;
    this.#clock = clock;
    this.#log = log;
    this.#wallMs = () => clock.wallMs();
    this.#client = new AdsClient({ grpc, clock, random, log, node, onUpdate: (...update) => this.#update(...update) });
  }

  start(): void {
    this.#client.subscribe(TypeUrl.cds, ["*"]);
    this.#client.subscribe(TypeUrl.lds, ["*"]);
    this.#client.start();
  }

  stop(): void {
    this.#retry?.cancel();
    this.#client.stop();
  }

  /** The certificate that the connection shows has been replaced. */
  renew(): void {
    this.#client.renew();
  }

  get status(): AdsClientStatus {
    return this.#client.status;
  }

  /** The control plane has said at least once what clusters and listeners there are. */
  get hasConfiguration(): boolean {
    return this.#seen.has(TypeUrl.cds) && this.#seen.has(TypeUrl.lds);
  }

  #update(typeUrl: string, changed: readonly Resource[], removed: readonly string[]) {
    const rejected = applyEverywhere(this.#proxy, this.#workers, { typeUrl, changed, removed });
    if (!(rejected instanceof Promise)) return this.#updated(typeUrl, changed, removed, rejected);
    return rejected.then((all) => {
      if (typeUrl === TypeUrl.lds) this.#askAgain(all.some(({ mayPass }) => mayPass === true));
      return this.#updated(typeUrl, changed, removed, all);
    });
  }

  /** An address that is taken may come free, and nobody tells: a stream that begins anew brings what was refused once more. */
  #askAgain(isRefused: boolean): void {
    this.#retry?.cancel();
    if (!isRefused) {
      this.#retries = 0;
      return;
    }
    const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#retries++);
    this.#retry = this.#clock.after(delayMs, () => this.#client.renew());
  }

  #updated(
    typeUrl: string,
    changed: readonly Resource[],
    removed: readonly string[],
    rejected: readonly Rejection[],
  ): readonly Rejection[] {
    this.#seen.add(typeUrl);
    this.#note(typeUrl, changed, removed, rejected);
    for (const [type, names] of this.#proxy.wanted()) this.#settle(type, names);
    return rejected;
  }

  #note(
    typeUrl: string,
    changed: readonly Resource[],
    removed: readonly string[],
    rejected: readonly Rejection[],
  ): void {
    const atMs = this.#wallMs();
    const reasons = new Map(rejected.map(({ name, reason }) => [name, reason]));
    for (const { name, version } of changed) {
      const reason = reasons.get(name);
      if (reason === undefined) this.ledger.accept(typeUrl, name, { version, atMs });
      else this.ledger.reject(typeUrl, name, { version, atMs, reason });
    }
    for (const name of removed) this.ledger.remove(typeUrl, name);
    for (const { name, reason } of rejected) this.#log.warn("resource refused", { type: typeUrl, name, reason });
  }

  /** Asks for names that are new and gives up those that nothing wants any more. */
  #settle(typeUrl: string, names: ReadonlySet<string>): void {
    const have = this.#subscribed.get(typeUrl) ?? new Set<string>();
    const added = [...names].filter((name) => !have.has(name));
    const gone = [...have].filter((name) => !names.has(name));
    if (added.length > 0) this.#client.subscribe(typeUrl, added);
    if (gone.length > 0) this.#client.unsubscribe(typeUrl, gone);
    // A key that nothing uses any more has no business in memory.
    if (typeUrl === TypeUrl.sds && gone.length > 0) this.#proxy.apply(typeUrl, [], gone);
    this.#subscribed.set(typeUrl, new Set(names));
  }
}
