/**
 * Plays the scenarios of an xDS conformance collection (data, see `xds-features.test.ts`) against a discovery server.
 *
 * Where the collection waits seconds, the target settles: every byte is delivered and a minute of its clock passes.
 */
import { expect } from "bun:test";

export type Service = "CDS" | "LDS" | "RDS" | "EDS";

/** The server under test with its state, and a client's way in. */
export interface FeatureTarget {
  /** Sets all named resources of a service to content that shows `label`; those not named are gone. */
  set(service: Service, labels: ReadonlyMap<string, string>): void;
  /** Opens a stream; responses go to `onResponse` as they come. */
  open(variant: Variant, service: Service, onResponse: (response: Response) => void): FeatureStream;
  /** Delivers all that is under way and lets a minute pass. */
  settle(): void;
}

export interface Variant {
  readonly incremental: boolean;
  readonly aggregated: boolean;
}

interface FeatureStream {
  send(request: Request): void;
}

interface Request {
  readonly service: Service;
  /** State of the world: all names. */
  readonly names?: readonly string[];
  readonly version?: string;
  /** Delta. */
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly nonce?: string;
}

export interface Response {
  readonly service: Service;
  readonly nonce: string;
  /** `version_info` in state-of-the-world. */
  readonly version: string;
  readonly resources: readonly { readonly name: string; readonly version: string; readonly label: string }[];
  readonly removed: readonly string[];
}

export interface Step {
  readonly kind: string;
  readonly text: string;
}

/** A resource as the client saw it last. */
interface Seen {
  readonly label: string;
  readonly version: string;
  readonly nonce: string;
}

/** One scenario under way. */
class Play {
  readonly #target: FeatureTarget;
  readonly #variant: Variant;
  readonly #unsubscribeAll: readonly string[];
  readonly #streams = new Map<string, FeatureStream>();
  readonly #state = new Map<Service, Map<string, string>>();
  /** Label of each service's last change: what its `version_info` must stand for. */
  readonly #serviceLabel = new Map<Service, string>();
  readonly #versionLabels = new Map<string, string>();
  readonly #seen = new Map<Service, Map<string, Seen>>();
  readonly #last = new Map<Service, Response>();
  readonly #names = new Map<Service, readonly string[]>();
  readonly #removed = new Map<Service, Set<string>>();
  /** Names that came since the subscription last changed. */
  #sinceChange = new Map<Service, Set<string>>();
  #messagesSinceChange = new Map<Service, number>();
  #requests = 0;
  #responses = 0;

  constructor(target: FeatureTarget, variant: Variant, unsubscribeAll: readonly string[]) {
    this.#target = target;
    this.#variant = variant;
    this.#unsubscribeAll = unsubscribeAll;
  }

  setUp(service: Service, names: readonly string[], label: string): void {
    this.#state.set(service, new Map(names.map((name) => [name, label])));
    this.#publish(service, label);
  }

  put(service: Service, name: string, label: string): void {
    this.#state.get(service)!.set(name, label);
    this.#publish(service, label);
  }

  remove(service: Service, name: string): void {
    this.#state.get(service)!.delete(name);
    this.#publish(service, this.#serviceLabel.get(service)!);
  }

  #publish(service: Service, label: string): void {
    this.#serviceLabel.set(service, label);
    this.#target.set(service, this.#state.get(service)!);
    this.#target.settle();
  }

  subscribe(service: Service, names: readonly string[]): void {
    this.#changed(service);
    this.#names.set(service, names);
    if (this.#variant.incremental) this.#send({ service, subscribe: names });
    else this.#send({ service, names, ...this.#position(service) });
    this.#target.settle();
  }

  unsubscribe(service: Service, name: string): void {
    this.#changed(service);
    this.#send({ service, unsubscribe: [name] });
    this.#target.settle();
  }

  unsubscribeAll(service: Service): void {
    this.subscribe(service, this.#unsubscribeAll);
  }

  #position(service: Service): { version: string; nonce: string } {
    const last = this.#last.get(service);
    return { version: last?.version ?? "", nonce: last?.nonce ?? "" };
  }

  #changed(service: Service): void {
    this.#sinceChange.set(service, new Set());
    this.#messagesSinceChange.set(service, 0);
  }

  #send(request: Request): void {
    const key = this.#variant.aggregated ? "ads" : request.service;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = this.#target.open(this.#variant, request.service, (response) => this.#receive(response));
      this.#streams.set(key, stream);
    }
    this.#requests++;
    stream.send(request);
  }

  #receive(response: Response): void {
    const { service, nonce } = response;
    this.#responses++;
    this.#last.set(service, response);
    this.#messagesSinceChange.set(service, (this.#messagesSinceChange.get(service) ?? 0) + 1);
    const seen = this.#seen.get(service) ?? new Map<string, Seen>();
    this.#seen.set(service, seen);
    for (const { name, version, label } of response.resources) {
      this.#sinceChange.get(service)?.add(name);
      seen.set(name, { nonce, version, label: this.#variant.incremental ? label : this.#labelOf(response) });
    }
    const removed = this.#removed.get(service) ?? new Set<string>();
    this.#removed.set(service, removed);
    for (const name of response.removed) {
      seen.delete(name);
      removed.add(name);
    }
    if (this.#variant.incremental) this.#send({ service, nonce });
    else this.#send({ service, names: this.#names.get(service) ?? [], version: response.version, nonce });
  }

  /** A server's versions are opaque: the first response with one stands for what had been set then. */
  #labelOf({ service, version }: Response): string {
    const key = `${service} ${version}`;
    const label = this.#versionLabels.get(key) ?? this.#serviceLabel.get(service)!;
    this.#versionLabels.set(key, label);
    return label;
  }

  expectReceived(service: Service, names: readonly string[], label: string): void {
    for (const name of names) expect(this.#seen.get(service)?.get(name)?.label, `${service} ${name}`).toBe(label);
  }

  expectOnly(service: Service, names: readonly string[], label: string): void {
    this.expectReceived(service, names, label);
    expect([...(this.#sinceChange.get(service) ?? [])].sort()).toEqual([...names].sort());
  }

  expectOneResponse(service: Service, names: readonly string[], label: string): void {
    this.expectReceived(service, names, label);
    expect(new Set(names.map((name) => this.#seen.get(service)?.get(name)?.nonce)).size).toBe(1);
  }

  expectAlone(service: Service, names: readonly string[], versionToo: boolean): void {
    const seen = this.#seen.get(service) ?? new Map<string, Seen>();
    for (const name of names)
      for (const [other, { nonce, version }] of seen) {
        if (names.includes(other)) continue;
        expect(nonce, `${name} and ${other}`).not.toBe(seen.get(name)!.nonce);
        if (versionToo) expect(version, `${name} and ${other}`).not.toBe(seen.get(name)!.version);
      }
  }

  expectRemoved(service: Service, name: string): void {
    expect([...(this.#removed.get(service) ?? [])]).toContain(name);
  }

  expectAbsent(service: Service, name: string, label: string): void {
    expect(this.#seen.get(service)?.get(name)?.label).not.toBe(label);
  }

  expectSilence(service: Service): void {
    expect(this.#messagesSinceChange.get(service)).toBe(0);
  }

  expectQuiet(): void {
    const before = this.#responses;
    this.#target.settle();
    expect(this.#responses, "responses that nothing asked for").toBe(before);
    // Every response was answered at once, so the last word is the client's.
    expect(this.#requests).toBeGreaterThan(this.#responses);
  }
}

type Act = (play: Play, ...values: readonly string[]) => void;

const list = (text = ""): string[] => text.split(",").filter((name) => name !== "");
const service = (text = ""): Service => text as Service;

/** Every step of the collection; a quoted word is a value. */
const STEPS: Readonly<Record<string, Act>> = {
  "a target setup with multiple services _, each with resources _, and starting version _": (
    play,
    services,
    names,
    v,
  ) => {
    for (const one of list(services)) play.setUp(service(one), list(names), v!);
  },
  "a target setup with service _, resources _, and starting version _": (play, s, names, v) =>
    play.setUp(service(s), list(names), v!),
  "the Client does a wildcard subscription to _": (play, s) => play.subscribe(service(s), []),
  "the Client subscribes to resources _ for _": (play, names, s) => play.subscribe(service(s), list(names)),
  "the Client updates subscription to a resource(_) of _ with version _": (play, name, s) =>
    play.subscribe(service(s), [name!]),
  "the Client unsubscribes from all resources for _": (play, s) => play.unsubscribeAll(service(s)),
  "the Client unsubscribes from resource _ for service _": (play, name, s) => play.unsubscribe(service(s), name!),
  "the resource _ is added to the _ with version _": (play, name, s, v) => play.put(service(s), name!, v!),
  "the resource _ of service _ is updated to version _": (play, name, s, v) => play.put(service(s), name!, v!),
  "the resource _ is removed from the _": (play, name, s) => play.remove(service(s), name!),
  "the Client receives the resources _ and version _ for _": (play, names, v, s) =>
    play.expectReceived(service(s), list(names), v!),
  "the Client receives only the resource _ and version _ for the service _": (play, names, v, s) =>
    play.expectOnly(service(s), list(names), v!),
  "the resources _ and version _ for _ came in a single response": (play, names, v, s) =>
    play.expectOneResponse(service(s), list(names), v!),
  "for service _, no resource other than _ has same version or nonce": (play, s, names) =>
    play.expectAlone(service(s), list(names), true),
  "for service _, no resource other than _ has same nonce": (play, s, names) =>
    play.expectAlone(service(s), list(names), false),
  "the Client receives notice that resource _ was removed for service _": (play, name, s) =>
    play.expectRemoved(service(s), name!),
  "the client does not receive resource _ of service _ at version _": (play, name, s, v) =>
    play.expectAbsent(service(s), name!, v!),
  "the Client does not receive any message from _": (play, s) => play.expectSilence(service(s)),
  "the service never responds more than necessary": (play) => play.expectQuiet(),
};

/**
 * Plays one scenario.
 *
 * @param unsubscribeAll Names of the state-of-the-world request that gives up everything: `[]` by the protocol, `[""]` in the collection.
 * @throws {Error} For a step that is not known.
 */
export function playScenario(
  target: FeatureTarget,
  variant: Variant,
  steps: readonly Step[],
  unsubscribeAll: readonly string[],
): void {
  const play = new Play(target, variant, unsubscribeAll);
  for (const { text } of steps) {
    const values = Array.from(text.matchAll(/"([^"]*)"/g), (found) => found[1]!);
    const act = STEPS[text.replaceAll(/"[^"]*"/g, "_")];
    if (act === undefined) throw new Error(`There is no step for: ${text}`);
    act(play, ...values);
  }
}
