import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { huffmanEncode, huffmanLength, huffmanText } from "../../../tests/suites/hpack-twin/huffman.ts";
import { huffmanDecode } from "./huffman.ts";

function encode(text: string): Buffer {
  const out = Buffer.alloc(huffmanLength(text));
  expect(huffmanEncode(text, out, 0)).toBe(out.length);
  return out;
}

function decode(bytes: Uint8Array): string | undefined {
  const out = Buffer.alloc(2 * bytes.length);
  const length = huffmanDecode(bytes, 0, bytes.length, out);
  return length < 0 ? undefined : out.toString("latin1", 0, length);
}

describe("Huffman", () => {
  test.each([
    ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
    ["no-cache", "a8eb10649cbf"],
    ["custom-value", "25a849e95bb8e8b4bf"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
    [
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
      "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
  ])("%s as in RFC 7541 Appendix C", (text, hex) => {
    expect(encode(text).toString("hex")).toBe(hex);
    expect(decode(Buffer.from(hex, "hex"))).toBe(text);
  });

  test("the code is complete: each symbol alone comes back", () => {
    let kraft = 0;
    for (let symbol = 0; symbol < 256; symbol++) {
      const text = String.fromCharCode(symbol);
      expect(decode(encode(text))).toBe(text);
      const bits = [...Array(40).keys()].find((n) => huffmanLength(text.repeat(8)) === n)!;
      kraft += 2 ** -bits;
    }
    expect(kraft + 2 ** -30).toBe(1);
  });

  test("random strings come back", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    for (let i = 0; i < 2000; i++) {
      const text = Array.from({ length: Math.floor(random() * 40) }, () =>
        String.fromCharCode(Math.floor(random() * (random() < 0.5 ? 128 : 256))),
      ).join("");
      expect(decode(encode(text)), `seed ${seed}`).toBe(text);
    }
  });

  test("random bytes are read as its twin reads them", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    const ends = [[], [0xff], [0xff, 0xff, 0xff, 0xff], [0x07]];
    for (let i = 0; i < 20_000; i++) {
      const length = Math.floor(random() * 12);
      const start = Array.from({ length }, () => (random() < 0.5 ? 0xff : Math.floor(random() * 256)));
      const bytes = Buffer.from([...start, ...ends[Math.floor(random() * 4)]!]);
      expect(decode(bytes), `seed ${seed}: ${bytes.toString("hex")}`).toBe(huffmanText(bytes)!);
    }
  });

  test.each([
    ["padding of zeros", "18"],
    ["a whole byte of padding", "1fff"],
    ["end-of-string", "fffffffc"],
    ["end-of-string after a symbol", "1fffffffff"],
  ])("%s is refused", (_, hex) => {
    expect(decode(Buffer.from(hex, "hex"))).toBeUndefined();
  });

  test("text outside Latin-1 has no length", () => {
    expect(huffmanLength("a\u010a")).toBe(-1);
  });
});
