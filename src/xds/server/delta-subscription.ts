/**
 * One type of one delta stream.
 *
 * Source: "Incremental xDS" in Envoy's xDS protocol, and the comments of `DeltaDiscoveryRequest`.
 *
 * @module
 */
import { hasLegacyWildcard, type Resource, TypeUrl } from "../resources.ts";
import {
  type Answer,
  answerOf,
  type InFlight,
  type Subscription,
  type SubscriptionRequest,
  type Update,
  type View,
} from "./subscription.ts";

export interface DeltaRequest extends SubscriptionRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client has from an earlier stream, by name; only the first request of a type on a stream has it. */
  readonly initialVersions: Readonly<Record<string, string>>;
}

/** The "version" of a name of which the client knows that it does not exist. No resource has it. */
const ABSENT = "";

export class DeltaSubscription implements Subscription<DeltaRequest> {
  readonly typeUrl: string;
  inFlight: InFlight | undefined;
  readonly #tellsEndpointsAgain: boolean;
  #wildcard = false;
  readonly #names = new Set<string>();
  /** What the client was told of each name. */
  readonly #known = new Map<string, string>();
  /** Names that must be told even if they have not changed. */
  readonly #resend = new Set<string>();
  #first = true;
  /** Of the last view, where the client was told of all of it that it wants. */
  #told: object | undefined;
  /** Even an empty response is needed: the client waits for one before it goes on. */
  #mustRespond = false;

  /**
   * @param isEnvoy On a new stream it is told its endpoints again, though it says that it has them: a cluster that was being exchanged as the
   *   last stream broke waits for them, without end.
   */
  constructor(typeUrl: string, isEnvoy = false) {
    this.typeUrl = typeUrl;
    this.#tellsEndpointsAgain = isEnvoy && typeUrl === TypeUrl.eds;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get held(): number {
    let held = 0;
    for (const version of this.#known.values()) if (version !== ABSENT) held++;
    return held;
  }

  has(name: string): boolean {
    return (this.#known.get(name) ?? ABSENT) !== ABSENT;
  }

  take(request: DeltaRequest): Answer {
    const answer = answerOf(this.inFlight, request);
    if (answer.t !== "none") this.inFlight = undefined;
    if (this.#first || request.subscribe.length + request.unsubscribe.length > 0) this.#told = undefined;
    if (this.#first) this.#begin(request);
    // Both at once means "nothing for now" (ztunnel begins so), hence in this order.
    for (const name of request.subscribe) this.#subscribe(name);
    for (const name of request.unsubscribe) this.#unsubscribe(name);
    if (this.#first && this.#wildcard) this.#mustRespond = this.#known.size === 0;
    this.#first = false;
    return answer;
  }

  again(names: readonly string[]): void {
    for (const name of names) if (this.has(name)) this.#resend.add(name);
    if (this.#resend.size > 0) this.#told = undefined;
  }

  next(view: View): Update | undefined {
    if (this.#told === view.state) return undefined;
    this.#told = view.state;
    const resources: Resource[] = [];
    const removed: string[] = [];
    if (this.#wildcard) for (const resource of view.all()) this.#offer(resource, resources);
    for (const name of this.#names) {
      const resource = view.get(name);
      if (resource === undefined) this.#miss(name, removed);
      else if (!this.#wildcard) this.#offer(resource, resources);
    }
    for (const name of this.#known.keys()) if (view.get(name) === undefined) this.#lost(name, removed);
    for (const name of this.#resend) if (view.get(name) === undefined) this.#lost(name, removed);
    const mustRespond = this.#mustRespond;
    this.#resend.clear();
    this.#mustRespond = false;
    if (resources.length === 0 && removed.length === 0 && !mustRespond) return undefined;
    return { version: view.version, resources, removed };
  }

  #begin(request: DeltaRequest): void {
    // An empty version is something that the client has, only of unknown content.
    for (const [name, version] of Object.entries(request.initialVersions)) this.#known.set(name, version || "?");
    if (request.subscribe.length === 0 && hasLegacyWildcard(this.typeUrl)) this.#wildcard = true;
  }

  #subscribe(name: string): void {
    if (name === "*") {
      this.#wildcard = true;
      return;
    }
    this.#names.add(name);
    // Later the client may have dropped what we believe it has, so it is told again, whatever it has.
    if (!this.#first || this.#tellsEndpointsAgain) this.#resend.add(name);
  }

  #unsubscribe(name: string): void {
    if (name === "*") {
      this.#wildcard = false;
      for (const known of this.#known.keys()) if (!this.#names.has(known)) this.#known.delete(known);
      return;
    }
    if (!this.#names.delete(name)) return;
    // The wildcard may still cover it, which the client cannot know: it is told either way.
    if (this.#wildcard) this.#resend.add(name);
    else this.#known.delete(name);
  }

  #offer(resource: Resource, resources: Resource[]): void {
    if (this.#known.get(resource.name) === resource.version && !this.#resend.has(resource.name)) return;
    this.#known.set(resource.name, resource.version);
    resources.push(resource);
  }

  /** A name that was asked for does not exist: said once, and when it is asked for again. */
  #miss(name: string, removed: string[]): void {
    if (this.#known.get(name) === ABSENT && !this.#resend.has(name)) return;
    this.#known.set(name, ABSENT);
    this.#resend.delete(name);
    removed.push(name);
  }

  /** A name that the client has, but did not ask for by name, is gone. */
  #lost(name: string, removed: string[]): void {
    if (this.#names.has(name)) return;
    this.#known.delete(name);
    this.#resend.delete(name);
    if (this.#wildcard) removed.push(name);
  }
}
