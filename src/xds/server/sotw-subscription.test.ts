import { describe, expect, test } from "bun:test";
import { type Resource, TypeUrl } from "../resources.ts";
import { type SotwRequest, SotwSubscription } from "./sotw-subscription.ts";
import type { Update, View } from "./subscription.ts";

const { cds, eds } = TypeUrl;
const any = { typeUrl: cds, bytes: new Uint8Array() };

function view(content: Readonly<Record<string, string>>): View {
  const resources = new Map<string, Resource>(
    Object.entries(content).map(([name, version]) => [name, { name, version, any }]),
  );
  return { version: "v", state: resources, get: (name) => resources.get(name), all: () => resources.values() };
}

/** A client that acknowledges what it gets and asks by `names`. */
class Client {
  readonly subscription: SotwSubscription;
  version = "";
  nonce = "";
  #count = 0;

  constructor(typeUrl: string, names: readonly string[], version = "") {
    this.subscription = new SotwSubscription(typeUrl);
    this.version = version;
    this.take(names);
  }

  take(names: readonly string[], parts: Partial<SotwRequest> = {}): string {
    const request = { names, version: this.version, nonce: this.nonce, error: undefined, ...parts };
    return this.subscription.take(request).t;
  }

  /** What is sent for `content`: names with versions; undefined when nothing. */
  told(content: Readonly<Record<string, string>>): string | undefined {
    const update: Update | undefined = this.subscription.next(view(content));
    if (update === undefined) return undefined;
    this.nonce = String(++this.#count);
    this.version = update.version;
    this.subscription.inFlight = { nonce: this.nonce, version: update.version, sentMs: 0 };
    this.subscription.sentAs(this.nonce);
    return update.resources.map((it) => `${it.name}=${it.version}`).join(" ");
  }
}

describe("wildcard", () => {
  test("all of it each time something changes, also when something goes", () => {
    const it = new Client(cds, []);
    expect(it.told({ a: "1", b: "1" })).toBe("a=1 b=1");
    expect(it.take([])).toBe("ack");
    expect(it.told({ a: "1", b: "1" })).toBeUndefined();
    expect(it.told({ a: "2", b: "1" })).toBe("a=2 b=1");
    expect(it.told({ b: "1" })).toBe("b=1");
    expect(it.told({})).toBe("");
  });

  test("nothing to send is sent once, since the client waits for it", () => {
    const it = new Client(cds, []);
    expect(it.told({})).toBe("");
    expect(it.told({})).toBeUndefined();
  });

  test("no wildcard for endpoints, unless it is explicit", () => {
    expect(new Client(eds, []).told({ a: "1" })).toBeUndefined();
    expect(new Client(eds, ["*"]).told({ a: "1" })).toBe("a=1");
  });

  test("an empty list after names gives all up; so does one empty name", () => {
    for (const none of [[], [""]]) {
      const it = new Client(cds, ["a"]);
      it.told({ a: "1" });
      it.take(none);
      expect(it.subscription.wildcard).toBe(false);
      expect(it.told({ a: "2", b: "1" })).toBeUndefined();
    }
  });

  test("an empty first request stays a wildcard through its acknowledgements", () => {
    const it = new Client(cds, []);
    it.told({ a: "1" });
    it.take([]);
    expect(it.subscription.wildcard).toBe(true);
  });
});

describe("names", () => {
  test("of clusters all that are wanted come together, of endpoints only those that changed", () => {
    const clusters = new Client(cds, ["a", "b"]);
    const endpoints = new Client(eds, ["a", "b"]);
    for (const it of [clusters, endpoints]) {
      expect(it.told({ a: "1", b: "1", c: "1" })).toBe("a=1 b=1");
      expect(it.told({ a: "1", b: "1", c: "2" })).toBeUndefined();
    }
    expect(clusters.told({ a: "2", b: "1" })).toBe("a=2 b=1");
    expect(endpoints.told({ a: "2", b: "1" })).toBe("a=2");
  });

  test("more names are answered, fewer are not", () => {
    for (const [typeUrl, more] of [
      [cds, "a=1 b=1"],
      [eds, "b=1"],
    ] as const) {
      const it = new Client(typeUrl, ["a"]);
      it.told({ a: "1", b: "1" });
      it.take(["a", "b"]);
      expect(it.told({ a: "1", b: "1" })).toBe(more);
      it.take(["b"]);
      expect(it.told({ a: "1", b: "1" })).toBeUndefined();
      expect(it.told({ a: "2", b: "1" })).toBeUndefined();
      it.take(["a", "b"]);
      expect(it.told({ a: "2", b: "1" })).toBe(typeUrl === cds ? "a=2 b=1" : "a=2");
    }
  });

  test("a cluster that does not exist is answered by a response without it; endpoints are waited for", () => {
    expect(new Client(cds, ["a", "x"]).told({ a: "1" })).toBe("a=1");
    expect(new Client(cds, ["x"]).told({})).toBe("");
    const endpoints = new Client(eds, ["x"]);
    expect(endpoints.told({})).toBeUndefined();
    expect(endpoints.told({ x: "1" })).toBe("x=1");
  });

  test("endpoints that went and came back as they were are sent again", () => {
    const it = new Client(eds, ["a"]);
    it.told({ a: "1" });
    expect(it.told({})).toBeUndefined();
    expect(it.told({ a: "1" })).toBe("a=1");
  });
});

describe("nonces", () => {
  test("a request with an older nonce is ignored whole", () => {
    const it = new Client(cds, ["a"]);
    it.told({ a: "1" });
    it.take(["a"]);
    it.told({ a: "2" });
    expect(it.take(["a", "b"], { nonce: "1" })).toBe("none");
    expect([[...it.subscription.names], it.subscription.inFlight?.nonce]).toEqual([["a"], "2"]);
  });

  test("before the first response a second request counts, since there is no nonce to name", () => {
    const it = new Client(eds, ["x"]);
    it.told({});
    it.take(["x", "a"]);
    expect(it.told({ a: "1" })).toBe("a=1");
  });

  test("a nonce of an earlier stream on the first request does not matter", () => {
    const it = new SotwSubscription(cds);
    it.take({ names: [], version: "", nonce: "99", error: undefined });
    expect(it.next(view({ a: "1" }))?.resources.length).toBe(1);
  });

  test("a rejected response is not sent again until something changes", () => {
    const it = new Client(cds, []);
    it.told({ a: "1" });
    expect(it.take([], { version: "", error: "bad" })).toBe("nack");
    expect(it.told({ a: "1" })).toBeUndefined();
    expect(it.told({ a: "2" })).toBe("a=2");
  });
});

describe("a reconnect", () => {
  test("with the version of just this brings nothing", () => {
    for (const typeUrl of [cds, eds]) {
      const before = new Client(typeUrl, ["a", "b"]);
      before.told({ a: "1", b: "1" });
      expect(new Client(typeUrl, ["a", "b"], before.version).told({ a: "1", b: "1" })).toBeUndefined();
      expect(new Client(typeUrl, ["a", "b"], before.version).told({ a: "2", b: "1" })).toBe("a=2 b=1");
    }
  });

  test("with more names than that version covered brings them", () => {
    const before = new Client(cds, ["a"]);
    before.told({ a: "1", b: "1" });
    expect(new Client(cds, ["a", "b"], before.version).told({ a: "1", b: "1" })).toBe("a=1 b=1");
    // A name that does not exist counts as well: its client still waits to hear so.
    expect(new Client(cds, ["a", "x"], before.version).told({ a: "1" })).toBe("a=1");
  });

  test("the version is the same whoever sends it, and in whatever order", () => {
    const [one, two] = [new Client(cds, []), new Client(cds, [])];
    one.told({ a: "1", b: "2" });
    two.told({ b: "2", a: "1" });
    expect(one.version).toBe(two.version);
  });
});
