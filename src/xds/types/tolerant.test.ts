import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../proto/discovery.ts";
import { decode, decodeTolerant, encode } from "./codec.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const node = { id: "n1", cluster: "c", metadata: { app: "reviews", n: 1 }, clientFeatures: ["x"] };

/** Field 99 in each wire type: varint, eight bytes, text, four bytes. */
const UNKNOWN = ["980601", "9906 0102030405060708", "9a06 03616263", "9d06 01020304"].map(hex);

describe("decodeTolerant()", () => {
  test("drops unknown fields of every wire type, before, between and after known ones", () => {
    const type = encode(DiscoveryRequest, { typeUrl: "t" });
    const nonce = encode(DiscoveryRequest, { responseNonce: "7" });
    for (const unknown of UNKNOWN) {
      const bytes = Buffer.concat([unknown, type, unknown, nonce, unknown]);
      expect(() => decode(DiscoveryRequest, bytes)).toThrow(/unknown field/);
      expect(decodeTolerant(DiscoveryRequest, bytes)).toEqual({ typeUrl: "t", responseNonce: "7" });
    }
  });

  test("drops them from messages within, and mends the lengths around", () => {
    const inner = encode(DiscoveryRequest, { node }).subarray(2);
    const within = Buffer.concat([inner, ...UNKNOWN]);
    const bytes = Buffer.concat([
      hex("12"),
      Buffer.of(within.length),
      within,
      encode(DiscoveryRequest, { typeUrl: "t" }),
    ]);
    expect(decodeTolerant(DiscoveryRequest, bytes)).toEqual({ node, typeUrl: "t" });
  });

  test("leaves what is known as it is", () => {
    const request = { node, typeUrl: "t", resourceNamesSubscribe: ["a", ""], initialResourceVersions: { a: "1" } };
    expect(decodeTolerant(DeltaDiscoveryRequest, encode(DeltaDiscoveryRequest, request))).toEqual(request);
  });

  test.each(["12", "1205 01", "9b06", "ffffffffffffffffffffff", "1a80808080808080808080"])(
    "malformed %s is refused",
    (text) => {
      expect(() => decodeTolerant(DiscoveryRequest, hex(text))).toThrow();
    },
  );

  test("random bytes: the same verdict as the strict decoder, but for unknown fields", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    const start = encode(DeltaDiscoveryRequest, { node, typeUrl: "t", initialResourceVersions: { a: "1" } });
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from(start);
      for (let n = 0; n < 3; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const [strict, tolerant] = [decode, decodeTolerant].map((read) => {
        try {
          return JSON.stringify(read(DeltaDiscoveryRequest, bytes));
        } catch (error) {
          expect((error as Error).name, `seed ${seed}`).toBe("FieldError");
          return (error as Error).message.includes("unknown field") ? "unknown" : "malformed";
        }
      });
      if (strict !== "unknown") expect(tolerant, `seed ${seed} ${Buffer.from(bytes).toString("hex")}`).toBe(strict!);
    }
  });
});
