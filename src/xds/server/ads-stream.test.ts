import { describe, expect, test } from "bun:test";
import { labelOf, make } from "../../../tests/support/ads-rig.ts";
import { TypeUrl } from "../resources.ts";
import type { NamedMessage } from "../sheets.ts";
import { Snapshot } from "../snapshot.ts";
import { AdsStream, type Push } from "./ads-stream.ts";
import { type DeltaRequest, DeltaSubscription } from "./delta-subscription.ts";
import { type SotwRequest, SotwSubscription } from "./sotw-subscription.ts";

const { cds, eds, lds, rds } = TypeUrl;
const short = (typeUrl: string): string => Object.entries(TypeUrl).find(([, url]) => url === typeUrl)?.[0] ?? typeUrl;

/** Answers what it is sent only when told to. */
class Rig {
  readonly stream = new AdsStream<DeltaRequest, DeltaSubscription>({
    makeSubscription: (typeUrl) => new DeltaSubscription(typeUrl),
    onSent() {},
    orderTimeoutMs: 5000,
  });
  readonly open = new Map<string, string>();
  nowMs = 0;
  #snapshot = Snapshot.empty;

  /** What is sent now: `cds a=1 -b`, in order. */
  sent(): string[] {
    return this.stream.pushes(this.nowMs).map((push) => this.#read(push));
  }

  subscribe(typeUrl: string, ...names: string[]): this {
    this.#request(typeUrl, { subscribe: names });
    return this;
  }

  ack(typeUrl: string): this {
    this.#request(typeUrl, { nonce: this.open.get(typeUrl)! });
    return this;
  }

  nack(typeUrl: string, error: string) {
    return this.#request(typeUrl, { nonce: this.open.get(typeUrl)!, error });
  }

  change(...messages: NamedMessage[]): this {
    this.#snapshot = Snapshot.of(messages, this.#snapshot);
    this.stream.change(this.#snapshot);
    return this;
  }

  /** Acknowledges all until nothing more is sent. */
  settle(): this {
    for (let sent = this.sent(); sent.length > 0; sent = this.sent())
      for (const typeUrl of this.open.keys()) this.ack(typeUrl);
    return this;
  }

  #request(typeUrl: string, parts: Partial<DeltaRequest>) {
    const request = { nonce: "", error: undefined, subscribe: [], unsubscribe: [], initialVersions: {}, ...parts };
    return this.stream.request(typeUrl, request, 1_000_000 + this.nowMs);
  }

  #read({ typeUrl, nonce, resources, removed }: Push): string {
    this.open.set(typeUrl, nonce);
    const texts = resources.map(({ name, any }) => `${name}=${labelOf(any)}`);
    return [short(typeUrl), ...texts, ...removed.map((name) => `-${name}`)].join(" ");
  }
}

const all = (rig: Rig): Rig => rig.subscribe(lds).subscribe(rds, "r").subscribe(cds).subscribe(eds, "a", "b");

describe("endpoints of a cluster that changed", () => {
  const labelled = (label: string): readonly NamedMessage[] => [
    make.cluster("a", label),
    make.cluster("b"),
    make.endpoints("a"),
    make.endpoints("b"),
  ];

  test("are sent once more: an Envoy waits for them, and does not ask", () => {
    const rig = new Rig()
      .subscribe(cds)
      .subscribe(eds, "a", "b")
      .change(...labelled("1"))
      .settle();
    expect(rig.change(...labelled("2")).sent()).toEqual(["cds a=2", "eds a=1"]);
    rig.settle();
    expect(rig.sent()).toEqual([]);
  });

  test("wait for the acknowledgement of those that are on their way", () => {
    const rig = new Rig()
      .subscribe(cds)
      .subscribe(eds, "a", "b")
      .change(...labelled("1"));
    rig.sent();
    expect(
      rig
        .ack(cds)
        .change(...labelled("2"))
        .sent(),
    ).toEqual(["cds a=2"]);
    expect(rig.ack(eds).sent()).toEqual(["eds a=1"]);
  });

  test("are not sent to a client that wants none", () => {
    const rig = new Rig()
      .subscribe(cds)
      .subscribe(eds, "b")
      .change(...labelled("1"))
      .settle();
    expect(rig.change(...labelled("2")).sent()).toEqual(["cds a=2"]);
  });
});

describe("order", () => {
  test("types are sent in order, whatever the order of the requests; routes wait for what they refer to", () => {
    const rig = all(new Rig()).change(make.listener("l"), make.route("r"), make.cluster("a"), make.endpoints("a"));
    expect(rig.sent()).toEqual(["cds a=1", "eds a=1 -b"]);
    expect(rig.ack(eds).sent()).toEqual([]);
    expect(rig.ack(cds).sent()).toEqual(["lds l=1", "rds r=1"]);
  });

  test("endpoints do not wait for the clusters: an Envoy acknowledges clusters only when it has their endpoints", () => {
    const rig = new Rig().subscribe(cds).change(make.cluster("a"), make.endpoints("a"));
    rig.sent();
    expect(rig.subscribe(eds, "a").sent()).toEqual(["eds a=1"]);
  });

  test("a cluster that is new comes before the route to it", () => {
    const rig = all(new Rig()).change(make.cluster("a"), make.route("r", "to-a")).settle();
    rig.change(make.cluster("a"), make.cluster("b"), make.route("r", "to-b"));
    expect(rig.sent()).toEqual(["cds b=1"]);
    expect(rig.ack(cds).sent()).toEqual(["rds r=to-b"]);
  });

  test("a cluster that goes, goes after the route to it", () => {
    const rig = all(new Rig());
    rig
      .change(make.cluster("a"), make.endpoints("a"), make.cluster("b"), make.endpoints("b"), make.route("r", "to-a"))
      .settle();
    rig.change(make.cluster("b"), make.endpoints("b"), make.route("r", "to-b"));
    expect(rig.sent()).toEqual(["rds r=to-b"]);
    expect(rig.sent()).toEqual([]);
    expect(rig.ack(rds).sent()).toEqual(["cds -a", "eds -a"]);
  });

  test("both in one change: new cluster, route, old cluster", () => {
    const rig = all(new Rig()).change(make.cluster("a"), make.route("r", "to-a")).settle();
    rig.change(make.cluster("b"), make.route("r", "to-b"));
    expect(rig.sent()).toEqual(["cds b=1"]);
    expect(rig.ack(cds).sent()).toEqual(["rds r=to-b"]);
    expect(rig.ack(rds).sent()).toEqual(["cds -a"]);
  });

  test("a cluster that goes while no route changes goes at once, and one that comes back in time was never gone", () => {
    const rig = all(new Rig()).change(make.cluster("a"), make.cluster("b"), make.route("r")).settle();
    rig.change(make.cluster("a"), make.route("r"));
    expect(rig.sent()).toEqual(["cds -b"]);
    rig.ack(cds);
    rig.change(make.route("r", "2"));
    expect(rig.sent()).toEqual(["rds r=2"]);
    rig.change(make.cluster("a"), make.route("r", "2"));
    expect(rig.ack(rds).sent()).toEqual([]);
  });

  test("what goes over several changes lingers until the routes have settled, with the content it had last", () => {
    const rig = all(new Rig()).change(make.cluster("a"), make.cluster("b"), make.route("r")).settle();
    rig.change(make.cluster("b"), make.route("r", "2")).sent();
    rig.change(make.route("r", "2"));
    expect(rig.sent()).toEqual([]);
    expect(rig.ack(rds).sent()).toEqual(["cds -a -b"]);
  });

  test("a client that does not answer holds the others up for five seconds only", () => {
    const rig = all(new Rig()).change(make.cluster("a"), make.route("r")).settle();
    rig.change(make.cluster("a", "2"), make.route("r", "2"));
    expect(rig.sent()).toEqual(["cds a=2"]);
    expect(rig.stream.wakeMs(rig.nowMs)).toBe(5000);
    rig.nowMs = 4999;
    expect(rig.sent()).toEqual([]);
    rig.nowMs = 5000;
    expect(rig.sent()).toEqual(["rds r=2"]);
    expect(rig.stream.wakeMs(rig.nowMs)).toBe(10_000);
    rig.nowMs = 10_000;
    expect([rig.sent(), rig.stream.wakeMs(rig.nowMs)]).toEqual([[], undefined]);
  });

  test("state of the world: removed clusters stay in the response until the routes have let go", () => {
    const stream = new AdsStream<SotwRequest, SotwSubscription>({
      makeSubscription: (typeUrl) => new SotwSubscription(typeUrl),
      onSent: (subscription, nonce) => subscription.sentAs(nonce),
      orderTimeoutMs: 5000,
    });
    const names = { [cds]: [], [rds]: ["r"] };
    const request = (typeUrl: string, nonce: string): void =>
      void stream.request(typeUrl, { names: names[typeUrl]!, version: "", nonce, error: undefined }, 0);
    const sent = (): string[] =>
      stream.pushes(0).map(({ typeUrl, nonce, resources }) => {
        answers.push(() => request(typeUrl, nonce));
        return `${short(typeUrl)} ${resources.map(({ name }) => name).join()}`;
      });
    const answers: (() => void)[] = [];
    const answer = (): void => answers.splice(0).forEach((it) => it());
    request(cds, "");
    request(rds, "");
    stream.change(Snapshot.of([make.cluster("a"), make.route("r", "to-a")]));
    expect(sent()).toEqual(["cds a"]);
    answer();
    expect(sent()).toEqual(["rds r"]);
    answer();
    stream.change(Snapshot.of([make.cluster("b"), make.route("r", "to-b")]));
    expect(sent()).toEqual(["cds b,a"]);
    answer();
    expect(sent()).toEqual(["rds r"]);
    answer();
    expect(sent()).toEqual(["cds b"]);
  });
});

describe("one response in flight a type", () => {
  test("changes that come meanwhile are told together, the last of each", () => {
    const rig = new Rig().subscribe(cds).change(make.cluster("a"));
    expect(rig.sent()).toEqual(["cds a=1"]);
    for (let i = 2; i < 50; i++)
      expect(rig.change(make.cluster("a", String(i)), make.cluster(`c${i}`)).sent()).toEqual([]);
    expect(rig.ack(cds).sent()).toEqual(["cds a=49 c49=1"]);
  });

  test("nothing is sent before there is a snapshot", () => {
    expect(new Rig().subscribe(cds).sent()).toEqual([]);
  });
});

test("a rejection is kept with what it was about, and later acceptance does not wipe it out", () => {
  const rig = new Rig().subscribe(cds).change(make.cluster("a"));
  rig.sent();
  const nonce = rig.open.get(cds)!;
  const nack = rig.nack(cds, "no such thing");
  expect(nack).toMatchObject({ typeUrl: cds, nonce, reason: "no such thing", atMs: 1_000_000 });
  expect(rig.stream.types[0]).toMatchObject({ nacks: 1, ackedVersion: undefined, sentVersion: nack!.version });
  rig.change(make.cluster("a", "2")).settle();
  const state = rig.stream.types[0]!;
  expect([state.lastNack, state.ackedVersion]).toEqual([nack, state.sentVersion]);
});
