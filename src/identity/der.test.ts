import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CredentialError } from "./credential-error.ts";
import { DerReader } from "./der-read.ts";
import {
  bitString,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  TAG,
  time,
  unsignedInteger,
} from "./der-write.ts";

const read = (hex: string): DerReader => new DerReader(Buffer.from(hex, "hex"));

describe("DerReader", () => {
  test.each([
    ["an indefinite length", "3080020100 0000", (r: DerReader) => r.enter(TAG.sequence, "x")],
    ["a long length that fits a short one", "30810102", (r: DerReader) => r.enter(TAG.sequence, "x")],
    ["a length with a leading zero", `04820080${"00".repeat(128)}`, (r: DerReader) => r.content(TAG.octetString, "x")],
    ["a length of 5 octets", "04850000000001ff", (r: DerReader) => r.content(TAG.octetString, "x")],
    ["a claim of 4 GB", "0484ffffffff00", (r: DerReader) => r.content(TAG.octetString, "x")],
    ["a tag of several octets", "1f8101", (r: DerReader) => r.skip("x")],
    ["a padded integer", "02020001", (r: DerReader) => r.positiveInteger("x")],
    ["an empty integer", "0200", (r: DerReader) => r.positiveInteger("x")],
    ["a negative integer", "0201ff", (r: DerReader) => r.positiveInteger("x")],
    ["zero where positive is asked", "020100", (r: DerReader) => r.positiveInteger("x")],
    ["a boolean of 01", "010101", (r: DerReader) => r.boolean("x")],
    ["an unfinished identifier arc", "060288", (r: DerReader) => r.objectIdentifier("x")],
    ["an identifier that ends inside an arc", "06022a88", (r: DerReader) => r.objectIdentifier("x")],
    ["a padded identifier arc", "06032a8001", (r: DerReader) => r.objectIdentifier("x")],
    ["unused bits that are set", "03020101", (r: DerReader) => r.namedBits("x")],
    ["unused bits of nothing", "030101", (r: DerReader) => r.namedBits("x")],
    ["a bit string that is not whole octets", "03020780", (r: DerReader) => r.bitString("x")],
    ["30 February", `170d${Buffer.from("260230000000Z").toString("hex")}`, (r: DerReader) => r.time("x")],
    ["a time with a zone", `1711${Buffer.from("260101000000+0100").toString("hex")}`, (r: DerReader) => r.time("x")],
  ] as const)("refuses %s", (_name, hex, take) => {
    expect(() => take(read(hex.replaceAll(" ", "")))).toThrow(CredentialError);
  });

  test("reads what the writer writes", () => {
    const dates = fc.date({ min: new Date(Date.UTC(1950, 0)), max: new Date(Date.UTC(9999, 11)), noInvalidDate: true });
    fc.assert(
      fc.property(dates, (date) => {
        const seconds = Math.floor(date.getTime() / 1000) * 1000;
        expect(new DerReader(time(date.getTime())).time("x")).toBe(seconds);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (octets) => {
        const nested = new DerReader(sequence(octetString(octets), bitString(octets))).enter(TAG.sequence, "x");
        expect(Buffer.from(nested.content(TAG.octetString, "x"))).toEqual(Buffer.from(octets));
        expect(Buffer.from(nested.bitString("x"))).toEqual(Buffer.from(octets));
        nested.finish("x");
        const value = BigInt(`0x${Buffer.from(octets).toString("hex")}`);
        if (value > 0n) {
          const digits = new DerReader(unsignedInteger(octets)).positiveInteger("x");
          expect(BigInt(`0x${Buffer.from(digits).toString("hex")}`)).toBe(value);
        }
      }),
    );
    for (const oid of [
      "2.5.29.17",
      "1.2.840.10045.4.3.2",
      "2.999.3",
      "0.9.2342.19200300.100.1.1",
      "1.3.6.1.4.1.11129.2",
    ])
      expect(new DerReader(objectIdentifier(oid)).objectIdentifier("x")).toBe(oid);
    expect(namedBits([0]).toString("hex")).toBe("03020780");
    expect(namedBits([5, 6]).toString("hex")).toBe("03020106");
  });
});
