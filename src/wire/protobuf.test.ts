import { describe, expect, test } from "bun:test";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { FIXED32, FIXED64, LENGTH, MAX_DEPTH, MAX_FIELD_NUMBER, ProtobufError, VARINT } from "./protobuf.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

const seed = Math.floor(Math.random() * 2 ** 31);
console.log(`protobuf: seed ${seed}`);

const reader = (...bytes: readonly number[]): ProtobufReader => new ProtobufReader(Uint8Array.from(bytes));

function written(write: (to: ProtobufWriter) => void): Uint8Array {
  const writer = new ProtobufWriter(1);
  write(writer);
  return writer.finish();
}

describe("against another implementation", () => {
  const scalars = [
    ["uint32", fc.integer({ min: 0, max: 2 ** 32 - 1 })],
    ["int32", fc.integer()],
    ["uint64", fc.maxSafeNat()],
    ["int64", fc.maxSafeInteger()],
    ["fixed32", fc.integer({ min: 0, max: 2 ** 32 - 1 })],
    ["fixed64", fc.maxSafeNat()],
    ["float", fc.float()],
    ["double", fc.double()],
    ["bool", fc.boolean()],
    ["string", fc.string({ unit: "binary", maxLength: 300 })],
    ["bytes", fc.uint8Array({ maxLength: 300 })],
  ] as const;
  for (const [type, values] of scalars) {
    test(`${type} both ways`, () => {
      const check = (value: unknown): void => {
        const ours = written((to) => to[type](value as never));
        const theirs = new BinaryWriter()[type](value as never).finish();
        expect(ours).toEqual(theirs);
        expect(new ProtobufReader(theirs)[type]()).toEqual(value as never);
        const back: unknown = new BinaryReader(ours)[type]();
        expect(typeof back === "bigint" ? Number(back) : back).toEqual(value);
      };
      fc.assert(fc.property(values as fc.Arbitrary<unknown>, check), { seed });
    });
  }

  test("tags", () => {
    for (const number of [1, 15, 16, 2047, 2048, MAX_FIELD_NUMBER]) {
      for (const wireType of [VARINT, FIXED64, LENGTH, FIXED32] as const) {
        const bytes = written((to) => to.tag(number, wireType));
        const from = new ProtobufReader(bytes);
        expect([from.tag(), from.wireType]).toEqual([number, wireType]);
        expect(new BinaryReader(bytes).tag()).toEqual([number, wireType as number]);
      }
    }
  });
});

describe("nested messages", () => {
  /** A message of one text, in `levels` messages. */
  function nested(text: string, levels: number): Uint8Array {
    return written((to) => {
      const marks = Array.from({ length: levels }, () => to.beginField(1));
      to.tag(2, LENGTH);
      to.string(text);
      for (const mark of marks.reverse()) to.end(mark);
    });
  }

  function textIn(from: ProtobufReader): string {
    for (;;) {
      if (from.tag() === 2) return from.string();
      from.enter();
    }
  }

  test("lengths of one, two and three bytes are filled in", () => {
    for (const length of [0, 125, 126, 127, 128, 16_380, 16_384, 70_000]) {
      expect(textIn(new ProtobufReader(nested("x".repeat(length), 3)))).toBe("x".repeat(length));
    }
  });

  test("nesting is bounded", () => {
    expect(textIn(new ProtobufReader(nested("x", MAX_DEPTH)))).toBe("x");
    expect(() => textIn(new ProtobufReader(nested("x", MAX_DEPTH + 1)))).toThrow("deeper than 64");
  });

  test("a message does not reach past its end", () => {
    const from = reader(0x0a, 0x01, 0x12, 0x01, 0x41);
    from.tag();
    from.enter();
    from.tag();
    expect(() => from.string()).toThrow("truncated");
  });

  test("the reader goes on after the message", () => {
    const from = reader(0x0a, 0x02, 0x10, 0x05, 0x18, 0x07);
    expect(from.tag()).toBe(1);
    const outer = from.enter();
    expect([from.tag(), from.uint32(), from.done]).toEqual([2, 5, true]);
    from.leave(outer);
    expect([from.done, from.tag(), from.uint32(), from.done]).toEqual([false, 3, 7, true]);
  });
});

describe("what is refused", () => {
  test("input that is cut at any byte", () => {
    const values = {
      uint64: written((to) => to.uint64(2 ** 52)),
      fixed32: written((to) => to.fixed32(7)),
      double: written((to) => to.double(1.5)),
      string: written((to) => to.string("text")),
      bytes: written((to) => to.bytes(new Uint8Array(5))),
    };
    for (const [type, bytes] of Object.entries(values)) {
      for (let cut = 0; cut < bytes.length; cut++) {
        const from = new ProtobufReader(bytes.subarray(0, cut));
        expect(() => from[type as keyof typeof values]()).toThrow(ProtobufError);
      }
    }
  });

  test("a length beyond the input, before anything is allocated", () => {
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0x0f).bytes()).toThrow("truncated: 4294967295 bytes wanted, 0 left");
  });

  test("varints that are too long or too big", () => {
    const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 0xff);
    expect(() => reader(...ones(10), 0x01).uint64()).toThrow("longer than 64 bits");
    expect(() => reader(...ones(9), 0x02).int64()).toThrow("longer than 64 bits");
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x10).uint32()).toThrow("exceeds 32 bits");
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0x0f).int32()).toThrow("signed 32-bit");
    expect(() => reader(...ones(9), 0x01).uint64()).toThrow("exceeds 53 bits");
    expect(reader(...ones(9), 0x01).int64()).toBe(-1);
    expect(reader(...ones(9), 0x01).int32()).toBe(-1);
  });

  test("text that is not UTF-8, going in or out", () => {
    expect(() => reader(0x02, 0xc3, 0x28).string()).toThrow("not UTF-8");
    expect(() => reader(0x03, 0xed, 0xa0, 0x80).string()).toThrow("not UTF-8");
    expect(() => written((to) => to.string("a\ud800"))).toThrow("surrogate");
  });

  test("a byte order mark is kept", () => {
    expect(reader(0x03, 0xef, 0xbb, 0xbf).string()).toBe("\ufeff");
  });

  test("groups, unknown wire types and field number 0", () => {
    expect(() => reader(0x0b).tag()).toThrow("wire type 3");
    expect(() => reader(0x0f).tag()).toThrow("wire type 7");
    expect(() => reader(0x00).tag()).toThrow("field number 0");
  });

  test("numbers out of range", () => {
    expect(() => written((to) => to.uint32(-1))).toThrow("uint32 must be an integer from 0 to 4294967295: found -1");
    expect(() => written((to) => to.uint32(1.5))).toThrow(ProtobufError);
    expect(() => written((to) => to.int32(2 ** 31))).toThrow(ProtobufError);
    expect(() => written((to) => to.uint64(2 ** 53))).toThrow(ProtobufError);
    expect(() => written((to) => to.int64(Number.NaN))).toThrow(ProtobufError);
  });

  test("random bytes end in a value or an error, and never in a loop", () => {
    const check = (bytes: Uint8Array): void => {
      const from = new ProtobufReader(bytes);
      try {
        while (!from.done) {
          from.tag();
          from.skip();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ProtobufError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), check), { seed, numRuns: 2000 });
  });
});
