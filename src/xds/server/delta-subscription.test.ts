import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { type Resource, TypeUrl } from "../resources.ts";
import { type DeltaRequest, DeltaSubscription } from "./delta-subscription.ts";
import type { View } from "./subscription.ts";

const { cds, eds } = TypeUrl;
const any = { typeUrl: cds, bytes: new Uint8Array() };

function view(content: Readonly<Record<string, string>>): View {
  const resources = new Map<string, Resource>(
    Object.entries(content).map(([name, version]) => [name, { name, version, any }]),
  );
  return { version: "v", state: resources, get: (name) => resources.get(name), all: () => resources.values() };
}

const request = (parts: Partial<DeltaRequest> = {}): DeltaRequest => ({
  nonce: "",
  error: undefined,
  subscribe: [],
  unsubscribe: [],
  initialVersions: {},
  ...parts,
});

/** What is told for `content`, such as `a=1 -b`; undefined when there is no response. */
function told(subscription: DeltaSubscription, content: Readonly<Record<string, string>>): string | undefined {
  const update = subscription.next(view(content));
  if (update === undefined) return undefined;
  return [...update.resources.map((it) => `${it.name}=${it.version}`), ...update.removed.map((it) => `-${it}`)].join(
    " ",
  );
}

function begin(typeUrl: string, parts: Partial<DeltaRequest> = {}): DeltaSubscription {
  const subscription = new DeltaSubscription(typeUrl);
  subscription.take(request(parts));
  return subscription;
}

describe("wildcard", () => {
  test("an empty first request asks for all clusters, but for no endpoints", () => {
    expect(told(begin(cds), { a: "1", b: "1" })).toBe("a=1 b=1");
    expect(told(begin(eds), { a: "1" })).toBeUndefined();
  });

  test("with nothing to send, a first empty response says so; the second time nobody waits", () => {
    const it = begin(cds);
    expect(told(it, {})).toBe("");
    expect(told(it, {})).toBeUndefined();
  });

  test("changes, additions and removals, each once", () => {
    const it = begin(cds);
    told(it, { a: "1", b: "1" });
    expect(told(it, { a: "2", c: "1" })).toBe("a=2 c=1 -b");
    expect(told(it, { a: "2", c: "1" })).toBeUndefined();
  });

  test("an acknowledgement with empty lists does not turn names into a wildcard", () => {
    const it = begin(cds, { subscribe: ["a"] });
    told(it, { a: "1", b: "1" });
    it.take(request({ nonce: "1" }));
    expect(it.wildcard).toBe(false);
    expect(told(it, { a: "1", b: "2" })).toBeUndefined();
  });

  test("an explicit * begins it at any time, for any type, and ends it", () => {
    const it = begin(eds, { subscribe: ["a"] });
    told(it, { a: "1", b: "1" });
    it.take(request({ subscribe: ["*"] }));
    expect(told(it, { a: "1", b: "1" })).toBe("b=1");
    it.take(request({ unsubscribe: ["*"] }));
    expect(told(it, { a: "2", b: "2" })).toBe("a=2");
  });

  test("* asked for and given up in one request means nothing for now", () => {
    const it = begin(cds, { subscribe: ["*"], unsubscribe: ["*"] });
    expect(told(it, { a: "1" })).toBeUndefined();
    it.take(request({ subscribe: ["a"] }));
    expect(told(it, { a: "1" })).toBe("a=1");
  });

  test("a name beside the wildcard that does not exist is told as removed; giving a name up is answered either way", () => {
    const it = begin(cds, { subscribe: ["*", "x", "a"] });
    expect(told(it, { a: "1" })).toBe("a=1 -x");
    it.take(request({ unsubscribe: ["a", "x"] }));
    expect(told(it, { a: "1" })).toBe("a=1 -x");
    expect(told(it, { a: "1" })).toBeUndefined();
  });
});

describe("names", () => {
  test("absence is told once, again when asked again, and ends when the resource comes", () => {
    const it = begin(eds, { subscribe: ["a"] });
    expect(told(it, {})).toBe("-a");
    expect(told(it, {})).toBeUndefined();
    it.take(request({ subscribe: ["a"] }));
    expect(told(it, {})).toBe("-a");
    expect(told(it, { a: "1" })).toBe("a=1");
    expect(told(it, {})).toBe("-a");
  });

  test("a name asked for again is sent again even if nothing changed", () => {
    const it = begin(eds, { subscribe: ["a", "b"] });
    told(it, { a: "1", b: "1" });
    it.take(request({ subscribe: ["a"] }));
    expect(told(it, { a: "1", b: "1" })).toBe("a=1");
  });

  test("a name given up is not told any more, and its removal neither", () => {
    const it = begin(eds, { subscribe: ["a", "b"] });
    told(it, { a: "1", b: "1" });
    it.take(request({ unsubscribe: ["a", "never"] }));
    expect(told(it, { b: "1" })).toBeUndefined();
    expect([...it.names]).toEqual(["b"]);
  });
});

describe("a reconnect", () => {
  test("sends what differs from the client's versions, and removes what is gone", () => {
    const it = begin(cds, { initialVersions: { a: "1", b: "1", c: "1" } });
    expect(told(it, { a: "1", b: "2", d: "1" })).toBe("b=2 d=1 -c");
  });

  test("with everything as it was sends nothing", () => {
    expect(told(begin(cds, { initialVersions: { a: "1" } }), { a: "1" })).toBeUndefined();
    const names = begin(eds, { subscribe: ["a"], initialVersions: { a: "1" } });
    expect(told(names, { a: "1" })).toBeUndefined();
    expect(names.held).toBe(1);
  });

  test("an Envoy's endpoints are sent again once: a cluster that was exchanged as the last stream broke waits for them", () => {
    const it = new DeltaSubscription(eds, true);
    it.take(request({ subscribe: ["a", "b"], initialVersions: { a: "1", b: "1", c: "1" } }));
    expect(told(it, { a: "1", b: "1", c: "1" })).toBe("a=1 b=1");
    expect(told(it, { a: "1", b: "1", c: "1" })).toBeUndefined();
  });

  test("versions of names that are not asked for count for nothing", () => {
    const it = begin(eds, { subscribe: ["a"], initialVersions: { a: "1", b: "1" } });
    expect(told(it, { b: "2" })).toBe("-a");
  });

  test("an empty version is content that nobody knows", () => {
    const it = begin(eds, { subscribe: ["a", "b"], initialVersions: { a: "", b: "" } });
    expect(told(it, { a: "1" })).toBe("a=1 -b");
  });
});

describe("answers", () => {
  test.each([
    ["its nonce", request({ nonce: "7" }), "ack", true],
    ["its nonce with an error", request({ nonce: "7", error: "bad" }), "nack", true],
    ["an older nonce", request({ nonce: "6", error: "bad" }), "none", false],
    ["no nonce", request({ subscribe: ["b"] }), "none", false],
  ])("%s", (_, answer, kind, cleared) => {
    const it = begin(eds, { subscribe: ["a"] });
    it.inFlight = { nonce: "7", version: "v", sentMs: 0 };
    expect(it.take(answer).t).toBe(kind as "ack");
    expect(it.inFlight === undefined).toBe(cleared);
  });

  test("what was rejected is not sent again until it changes", () => {
    const it = begin(cds);
    told(it, { a: "1" });
    it.inFlight = { nonce: "1", version: "v", sentMs: 0 };
    expect(it.take(request({ nonce: "1", error: "bad" }))).toEqual({ t: "nack", reason: "bad" });
    expect(told(it, { a: "1" })).toBeUndefined();
    expect(told(it, { a: "2" })).toBe("a=2");
  });
});

test("random changes and subscriptions: a client that applies what it is told has what it asks for", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const NAMES = ["a", "b", "c", "d", "*"];
  for (let round = 0; round < 500; round++) {
    let content: Record<string, string> = {};
    let has = new Map<string, string>();
    let wants = new Set<string>([pick(NAMES)]);
    let it = begin(cds, { subscribe: [...wants] });
    for (let i = 0; i < 30; i++) {
      const name = pick(NAMES);
      const dice = random();
      if (dice < 0.4 && name !== "*") content = { ...content, [name]: String(i) };
      else if (dice < 0.5) content = Object.fromEntries(Object.entries(content).filter(([key]) => key !== name));
      else if (dice < 0.7) {
        wants.add(name);
        it.take(request({ subscribe: [name] }));
      } else if (dice < 0.85) {
        wants.delete(name);
        it.take(request({ unsubscribe: [name] }));
      } else if (dice < 0.9 && wants.size > 0)
        it = begin(cds, { subscribe: [...wants], initialVersions: Object.fromEntries(has) });
      const wanted = (key: string): boolean => wants.has("*") || wants.has(key);
      // The client forgets what it gave up.
      has = new Map([...has].filter(([key]) => wanted(key)));
      const update = it.next(view(content));
      for (const resource of update?.resources ?? []) has.set(resource.name, resource.version);
      for (const gone of update?.removed ?? []) has.delete(gone);
      const expected = Object.entries(content).filter(([key]) => wanted(key));
      expect(Object.fromEntries(has), `seed ${seed} round ${round} step ${i}`).toEqual(Object.fromEntries(expected));
    }
    wants = new Set();
  }
});
