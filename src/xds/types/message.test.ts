import { describe, expect, test } from "bun:test";
import { decode, decodeTolerant, encode, fromJson, toJson } from "./codec.ts";
import { any, isAny, pack, unpack } from "./any.ts";
import { enumeration } from "./enumeration.ts";
import { lazy, named, of, oneof, redacted } from "./field.ts";
import { repeated } from "./list-field.ts";
import { map } from "./map-field.ts";
import { ignored, type Infer, message, type MessageType } from "./message.ts";
import { bool, boolValue, bytes, double, int64, string, stringValue, uint32, uint32Value } from "./scalars.ts";
import { struct, value } from "./struct.ts";
import { duration, timestamp } from "./time.ts";

const Color = enumeration("test.Color", { RED: 0, GREEN: 1 });
const Leaf = message("test.Leaf", { name: string(1), size: uint32Value(2) });
interface Tree {
  readonly child?: Tree | undefined;
  readonly leaf?: Infer<typeof Leaf> | undefined;
}
const Tree: MessageType<Tree> = message("test.Tree", { child: lazy(1, () => Tree), leaf: of(2, Leaf) });
const All = message(
  "test.All",
  {
    retryOn: string(1),
    perTryTimeout: duration(2),
    color: of(3, Color),
    leaves: repeated(of(4, Leaf)),
    ports: repeated(uint32(5)),
    byName: map(of(6, Leaf)),
    ...oneof("kind", { prefix: string(7), exact: boolValue(8), tree: of(9, Tree) }),
    config: any(10),
    metadata: struct(11),
    big: int64(12),
    raw: bytes(13),
    ratio: double(14),
    consecutive5xx: named("consecutive_5xx", uint32Value(15)),
    at: timestamp(16),
    free: value(17),
    note: stringValue(18),
    key: of(
      19,
      redacted(Leaf, (leaf) => ({ ...leaf, name: "[redacted]" })),
    ),
    on: bool(20),
  },
  ignored(90),
);
type All = Infer<typeof All>;

const SAMPLE: All = {
  retryOn: "5xx",
  perTryTimeout: -1500.25,
  color: "GREEN",
  leaves: [{ name: "a", size: 0 }, {}],
  ports: [1, 300, 70_000],
  byName: { b: { size: 2 }, a: {} },
  tree: { child: { leaf: { name: "deep" } } },
  config: pack(Leaf, { name: "inside" }),
  metadata: { list: [1, "two", null, { three: true }] },
  big: -5,
  raw: new Uint8Array([0, 255]),
  ratio: 0.5,
  consecutive5xx: 7,
  at: Date.UTC(2026, 0, 31) + 0.5,
  free: null,
  note: "",
  on: false,
};

const bytesOf = (...list: readonly number[]): Uint8Array => Uint8Array.from(list);
const all = (json: unknown): All => fromJson(All, json, "root");

describe("bytes", () => {
  test("a message comes back", () => {
    expect(decode(All, encode(All, SAMPLE))).toEqual(SAMPLE);
  });

  test("absent and undefined fields do not travel, and nothing is filled in", () => {
    expect(encode(All, { retryOn: undefined })).toEqual(bytesOf());
    expect(Object.keys(decode(All, bytesOf()))).toEqual([]);
  });

  test("equal messages give equal bytes, whatever the order of their keys", () => {
    const turned = Object.fromEntries(Object.entries(SAMPLE).reverse()) as All;
    const byName = { a: {}, b: { size: 2 } };
    expect(encode(All, { ...turned, byName })).toEqual(encode(All, SAMPLE));
  });

  test("input that is cut at any byte is refused, or is a shorter list of whole fields", () => {
    const whole = encode(All, SAMPLE);
    let refused = 0;
    for (let cut = 0; cut < whole.length; cut++) {
      try {
        const part = decode(All, whole.subarray(0, cut));
        expect(encode(All, part)).toEqual(whole.subarray(0, cut));
      } catch (error) {
        expect(error).toHaveProperty("name", "FieldError");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(whole.length / 2);
  });

  test("unknown field numbers name the message and the path", () => {
    const inner = encode(message("test.NewerLeaf", { name: string(1), extra: bool(7) }), { extra: true });
    const outer = message("test.Newer", { leaves: repeated(bytes(4)) });
    const found = encode(outer, { leaves: [bytesOf(), inner] });
    expect(() => decode(All, found)).toThrow("leaves[1]: unknown field number 7 in test.Leaf");
    expect(decodeTolerant(All, found)).toEqual({ leaves: [{}, {}] });
  });

  test("a number that the table ignores is passed over", () => {
    expect(decode(All, bytesOf(0xd0, 0x05, 0x01))).toEqual({});
  });

  test("unknown enum values, second values and second members of a oneof", () => {
    expect(() => decode(All, bytesOf(0x18, 0x05))).toThrow("color: unknown value 5 of the enum test.Color");
    expect(() => decode(All, bytesOf(0x18, 0x01, 0x18, 0x01))).toThrow("color: the field is given twice");
    expect(() => decode(All, bytesOf(0x3a, 0x00, 0x42, 0x00))).toThrow(/exact: only one .* "kind" .* prefix is too/);
    expect(() => encode(All, { prefix: "/", exact: true })).toThrow('only one of the fields of "kind"');
  });

  test("a wrong wire type", () => {
    expect(() => decode(All, bytesOf(0x0d, 0, 0, 0, 0))).toThrow("retry_on: wire type 2 expected, found 5");
  });

  test("scalars of a list are read packed and one by one", () => {
    expect(decode(All, bytesOf(0x28, 0x01, 0x2a, 0x02, 0x02, 0x03, 0x28, 0x04)).ports).toEqual([1, 2, 3, 4]);
  });

  test("recursion is bounded", () => {
    let tree: Tree = {};
    for (let i = 0; i < 64; i++) tree = { child: tree };
    expect(() => decode(Tree, encode(Tree, tree))).not.toThrow();
    expect(() => decode(Tree, encode(Tree, { child: tree }))).toThrow("nest deeper than 64");
  });

  test("a key named __proto__ is a key", () => {
    const byName = JSON.parse('{"__proto__": {"size": 1}}') as Record<string, Infer<typeof Leaf>>;
    const back = decode(All, encode(All, { byName }));
    expect(Object.keys(back.byName ?? {})).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(back.byName)).toBe(Object.prototype);
  });

  test("what is wrong on the way out names its path too", () => {
    expect(() => encode(All, { leaves: [{}, { size: -1 }] })).toThrow("leaves[1].size: uint32 must be an integer");
    expect(() => encode(All, { byName: { x: { size: 1.5 } } })).toThrow('by_name["x"].size: uint32');
    expect(() => encode(All, { perTryTimeout: Number.NaN })).toThrow("per_try_timeout: not a duration");
    expect(() => encode(All, { color: "BLUE" as "RED" })).toThrow(
      'color: "BLUE" is not a value of the enum test.Color',
    );
  });
});

describe("JSON", () => {
  test("a message is printed in snake_case and read back", () => {
    const printed = toJson(All, SAMPLE);
    expect(printed).toEqual({
      retry_on: "5xx",
      per_try_timeout: "-1.500250s",
      color: "GREEN",
      leaves: [{ name: "a", size: 0 }, {}],
      ports: [1, 300, 70_000],
      by_name: { a: {}, b: { size: 2 } },
      tree: { child: { leaf: { name: "deep" } } },
      config: { "@type": "type.googleapis.com/test.Leaf", name: "inside" },
      metadata: { list: [1, "two", null, { three: true }] },
      big: "-5",
      raw: "AP8=",
      ratio: 0.5,
      consecutive_5xx: 7,
      at: "2026-01-31T00:00:00.000500Z",
      free: null,
      note: "",
      on: false,
    });
    expect(all(JSON.parse(JSON.stringify(printed)))).toEqual(SAMPLE);
  });

  test("keys in camelCase, numbers as text, enums by number, base64 for URLs, null for absent", () => {
    const read = all({
      retryOn: "x",
      big: "9007199254740991",
      color: 1,
      raw: "AP8",
      ports: ["7"],
      note: null,
      free: null,
    });
    expect(read).toEqual({
      retryOn: "x",
      big: Number.MAX_SAFE_INTEGER,
      color: "GREEN",
      raw: bytesOf(0, 255),
      ports: [7],
      free: null,
    });
    expect(all({ raw: "-_8=" }).raw).toEqual(bytesOf(0xfb, 0xff));
    expect(all({ consecutive_5xx: 1 })).toEqual(all({ consecutive5xx: 1 }));
    expect(all({ ratio: "-Infinity" }).ratio).toBe(Number.NEGATIVE_INFINITY);
  });

  const durations: readonly (readonly [string, number])[] = [
    ["0s", 0],
    ["1.5s", 1500],
    ["0.25s", 250],
    ["-0.000001s", -0.001],
    ["315576000000s", 315_576_000_000_000],
  ];
  for (const [text, ms] of durations)
    test(`duration ${text}`, () => expect(all({ per_try_timeout: text })).toEqual({ perTryTimeout: ms }));

  const wrong: readonly (readonly [unknown, string])[] = [
    [{ foo: 1 }, "root.foo: unknown field of test.All; known fields are retry_on, per_try_timeout"],
    [{ leaves: [{}, { nam: 1 }] }, "root.leaves[1].nam: unknown field of test.Leaf; known fields are name, size"],
    [{ by_name: { x: { size: -1 } } }, 'root.by_name["x"].size: expected an integer from 0 to 4294967295, found -1'],
    [{ tree: { child: { leaf: 3 } } }, "root.tree.child.leaf: expected an object (test.Leaf), found a number"],
    [{ retry_on: 5 }, "root.retry_on: expected a string, found a number"],
    [{ on: "true" }, "root.on: expected a boolean, found a string"],
    [{ leaves: {} }, "root.leaves: expected a list of test.Leaf, found an object"],
    [{ ports: [1, null] }, "root.ports[1]: expected an integer, found null"],
    [{ per_try_timeout: 5 }, 'root.per_try_timeout: expected a duration in seconds such as "1.5s", found a number'],
    [{ per_try_timeout: "5ms" }, 'root.per_try_timeout: expected a duration in seconds such as "1.5s", found "5ms"'],
    [{ per_try_timeout: "999999999999s" }, "root.per_try_timeout: not a duration"],
    [{ color: "BLUE" }, 'root.color: expected one of RED, GREEN, found "BLUE"'],
    [{ color: 9 }, "root.color: unknown value 9 of the enum test.Color"],
    [{ big: "9007199254740993" }, "root.big: expected an integer from"],
    [{ raw: "a b" }, "root.raw: expected base64"],
    [{ at: "yesterday" }, "root.at: expected a time"],
    [{ prefix: "/", exact: true }, 'root.exact: only one of the fields of "kind" may be set, and prefix is too'],
    [{ retry_on: "a", retryOn: "b" }, "root.retryOn: the field is given twice"],
    [{ config: { "@type": "type.googleapis.com/test.Leaf", nam: "" } }, "root.config.nam: unknown field of test.Leaf"],
    [
      { config: { "@type": "type.googleapis.com/test.Absent" } },
      'root.config.@type: unknown type "type.googleapis.com/test.Absent"',
    ],
    [{ config: {} }, 'root.config: expected the type\'s URL under "@type"'],
    [{ metadata: [] }, "root.metadata: expected an object (google.protobuf.Struct), found a list"],
    [[], "root: expected an object (test.All), found a list"],
  ];
  for (const [json, problem] of wrong) test(problem, () => expect(() => all(json)).toThrow(problem));

  test("recursion is bounded, in messages and in free JSON", () => {
    let tree: unknown = {};
    for (let i = 0; i < 100; i++) tree = { child: tree };
    expect(() => all({ tree })).toThrow("nest deeper than 64");
    expect(() => all({ metadata: tree })).toThrow("nests deeper than 64");
  });

  test("a secret is printed as such, and the wire keeps it", () => {
    const secret: All = { key: { name: "hunter2" } };
    expect(JSON.stringify(toJson(All, secret))).toBe('{"key":{"name":"[redacted]"}}');
    expect(decode(All, encode(All, secret))).toEqual(secret);
  });
});

describe("any", () => {
  test("is opened once and knows its type", () => {
    const { config } = decode(All, encode(All, SAMPLE));
    if (config === undefined) throw new Error("no config");
    expect(isAny(config, Leaf)).toBe(true);
    expect(isAny(config, Tree)).toBe(false);
    expect(isAny({ ...config, typeUrl: "example.com/test.Leaf" }, Leaf)).toBe(true);
    expect(unpack(config, Leaf)).toEqual({ name: "inside" });
    expect(unpack(config, Leaf)).toBe(unpack(config, Leaf));
    expect(() => unpack(config, Tree)).toThrow("expected a test.Tree, found type.googleapis.com/test.Leaf");
  });

  test("two of equal messages are equal, one of them opened or not", () => {
    expect(decode(All, encode(All, SAMPLE)).config).toEqual(pack(Leaf, { name: "inside" }));
    expect(pack(Leaf, { name: "a" })).not.toEqual(pack(Leaf, { name: "b" }));
  });

  test("a dump shows the size alone of what it cannot read", () => {
    const config = { typeUrl: "type.googleapis.com/test.Absent", bytes: bytesOf(1, 2, 3) };
    expect(toJson(All, { config })).toEqual({ config: { "@type": config.typeUrl, unreadable_bytes: 3 } });
    const broken = { typeUrl: "type.googleapis.com/test.Leaf", bytes: bytesOf(0x7f) };
    expect(toJson(All, { config: broken })).toEqual({ config: { "@type": broken.typeUrl, unreadable_bytes: 1 } });
  });
});

describe("tables", () => {
  test("two of one name are refused, and two fields of one number", () => {
    expect(() => message("test.Leaf", {})).toThrow("two tables are named test.Leaf");
    const twice = message("test.Twice", { a: string(1), b: string(1) });
    expect(() => encode(twice, {})).toThrow("table test.Twice: two fields have one number");
  });
});
