/**
 * Keeps a proxy's resources what the control plane says: subscribes to everything of the wildcard types, and by name to
 * what those resources ask for.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Rejection } from "../../proxy/resources.ts";
import type { Proxy } from "../../proxy/proxy.ts";
import { AdsClient, type AdsClientStatus } from "../../xds/client/ads-client.ts";
import type { GrpcClient } from "../../xds/grpc-client.ts";
import type { Node } from "../../xds/proto/core-base.ts";
import { type Resource, TypeUrl } from "../../xds/resources.ts";
import { ResourceLedger } from "./resource-ledger.ts";

export interface XdsLinkOptions {
  readonly grpc: GrpcClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly node: Node;
  readonly proxy: Proxy;
}

export class XdsLink {
  readonly #client: AdsClient;
  readonly #proxy: Proxy;
  readonly #log: Log;
  readonly ledger = new ResourceLedger();
  readonly #wallMs: () => number;
  readonly #subscribed = new Map<string, Set<string>>();
  readonly #seen = new Set<string>();

  constructor(options: XdsLinkOptions) {
    const { grpc, clock, random, log, node, proxy } = options;
    this.#proxy = proxy;
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
    const rejected = this.#proxy.apply(typeUrl, changed, removed);
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
    this.#subscribed.set(typeUrl, new Set(names));
  }
}
