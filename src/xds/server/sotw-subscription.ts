/**
 * One type of one state-of-the-world stream.
 *
 * Source: "Basic protocol" in Envoy's xDS protocol. A response of clusters or listeners holds all that is wanted; of the
 * other types only what has changed, which the protocol allows and clients keep the rest.
 *
 * @module
 */
import { hasLegacyWildcard, isFullState, type Resource, versionOf } from "../resources.ts";
import {
  type Answer,
  answerOf,
  type InFlight,
  type Subscription,
  type SubscriptionRequest,
  type Update,
  type View,
} from "./subscription.ts";

export interface SotwRequest extends SubscriptionRequest {
  readonly names: readonly string[];
  /** What the client applied last. */
  readonly version: string;
}

export class SotwSubscription implements Subscription<SotwRequest> {
  readonly typeUrl: string;
  inFlight: InFlight | undefined;
  #wildcard = false;
  #names: ReadonlySet<string> = new Set();
  /** Once names were given, an empty list means none instead of all. */
  #namesGiven = false;
  /** Version of each resource that was sent, as long as it is wanted. */
  readonly #sent = new Map<string, string>();
  #lastNonce = "";
  /** What the client had when the stream began, until the first look at what it should have. */
  #clientVersion: string | undefined;
  #first = true;
  #mustRespond = false;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get held(): number {
    return this.#sent.size;
  }

  has(name: string): boolean {
    return this.#sent.has(name);
  }

  take(request: SotwRequest): Answer {
    if (this.#first) {
      // A nonce here is of an earlier stream, and so is the version.
      this.#clientVersion = request.version;
      this.#want(request.names);
      this.#first = false;
      // A client that may ask for everything also waits to hear that there is nothing.
      this.#mustRespond = this.#wildcard || this.#names.size > 0;
      return { t: "none" };
    }
    // Written before the client saw our last response: it will write again.
    if (request.nonce !== this.#lastNonce) return { t: "none" };
    const answer = answerOf(this.inFlight, request);
    this.inFlight = undefined;
    if (this.#want(request.names)) this.#mustRespond = true;
    return answer;
  }

  again(names: readonly string[]): void {
    for (const name of names) this.#sent.delete(name);
  }

  next(view: View): Update | undefined {
    const wanted = this.#wanted(view);
    const version = this.#version(wanted);
    const news = wanted.filter(({ name, version: now }) => this.#sent.get(name) !== now);
    const gone = this.#keepOnly(new Set(wanted.map(({ name }) => name)));
    for (const { name, version: now } of wanted) this.#sent.set(name, now);
    const full = isFullState(this.typeUrl);
    const due = full ? this.#mustRespond || gone || news.length > 0 : news.length > 0;
    this.#mustRespond = false;
    // The client says that it has exactly this from an earlier stream.
    const resumed = version === this.#clientVersion;
    this.#clientVersion = undefined;
    if (!due || resumed) return undefined;
    return { version, resources: full ? wanted : news, removed: [] };
  }

  /** @returns Whether something that was sent is not wanted, or does not exist, any more. */
  #keepOnly(names: ReadonlySet<string>): boolean {
    const before = this.#sent.size;
    for (const name of this.#sent.keys()) if (!names.has(name)) this.#sent.delete(name);
    return this.#sent.size < before;
  }

  /** The nonce under which the last update was sent. */
  sentAs(nonce: string): void {
    this.#lastNonce = nonce;
  }

  /** @returns Whether something is wanted that was not before. */
  #want(requested: readonly string[]): boolean {
    // An empty name means nothing; clients that want nothing have been seen to send one.
    const names = new Set(requested.filter((name) => name !== ""));
    const wasWildcard = this.#wildcard;
    if (names.size > 0 || requested.length > 0) this.#namesGiven = true;
    this.#wildcard = names.delete("*") || (!this.#namesGiven && hasLegacyWildcard(this.typeUrl));
    const added = [...names].filter((name) => !this.#names.has(name));
    this.#names = names;
    // What is asked for anew is sent anew, even if the client had it before.
    for (const name of added) this.#sent.delete(name);
    if (!this.#wildcard) this.#keepOnly(names);
    return added.length > 0 || (this.#wildcard && !wasWildcard);
  }

  #wanted(view: View): Resource[] {
    if (this.#wildcard) return [...view.all()];
    return [...this.#names].flatMap((name) => view.get(name) ?? []);
  }

  /** Covers the names that do not exist too: a client that waits for one of them has not seen this version. */
  #version(wanted: readonly Resource[]): string {
    const present = new Set(wanted.map(({ name }) => name));
    const absent = [...this.#names].filter((name) => !present.has(name)).map((name) => ({ name, version: "" }));
    return versionOf([...wanted, ...absent]);
  }
}
