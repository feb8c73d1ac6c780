/** Headers of both versions, cut, damaged and written back. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { MAX_PROXY_HEADER_BYTES, type ProxyHeaderResult, readProxyHeader, writeProxyHeader } from "./proxy-protocol.ts";

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const SIGNATURE = latin1("\r\n\r\n\0\r\nQUIT\n");
const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
const line = (text: string): Buffer => latin1(`PROXY ${text}\r\n`);
const ports = Buffer.concat([u16(1000), u16(80)]);
const V4 = Buffer.concat([Buffer.of(10, 0, 0, 1, 10, 0, 0, 2), ports]);
const V6 = Buffer.concat([Buffer.from(`20010db8${"0".repeat(23)}1${"0".repeat(31)}1`, "hex"), ports]);
const tlv = (type: number, value: Uint8Array): Buffer => Buffer.concat([Buffer.of(type), u16(value.length), value]);

/** A header of version 2. @param kind Family and transport. */
const binary = (kind: number, body: Uint8Array, command = 0x21, length = body.length): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.of(command, kind), u16(length), body]);

/** The result, after making sure that no prefix says anything else than what the whole says, and that what follows is left. */
function read(bytes: Buffer): ProxyHeaderResult {
  const whole = readProxyHeader(bytes);
  for (let end = 0; end < bytes.length; end++) {
    const part = readProxyHeader(bytes.subarray(0, end));
    if (part.t !== "incomplete") expect(`${end} ${part.t}`).toBe(`${end} ${whole.t}`);
    if (part.t === "header") expect<ProxyHeaderResult>(part).toEqual(whole);
  }
  if (whole.t === "header") expect(readProxyHeader(Buffer.concat([bytes, latin1("PROXY more")]))).toEqual(whole);
  return whole;
}

const found = (version: 1 | 2, size: number, source: string, destination: string): ProxyHeaderResult => ({
  t: "header",
  header: {
    version,
    size,
    addresses: { source: { address: source, port: 1000 }, destination: { address: destination, port: 80 } },
  },
});
const itself = (version: 1 | 2, size: number): ProxyHeaderResult => ({
  t: "header",
  header: { version, size, addresses: undefined },
});

describe("good headers", () => {
  test("a line", () => {
    expect(read(line("TCP4 10.0.0.1 10.0.0.2 1000 80"))).toEqual(found(1, 38, "10.0.0.1", "10.0.0.2"));
    expect(read(line("TCP6 2001:DB8:0::1 ::1 1000 80"))).toEqual(found(1, 38, "2001:db8::1", "::1"));
  });
  test("a line that tells nothing", () => {
    expect(read(line("UNKNOWN"))).toEqual(itself(1, 15));
    expect(read(line("UNKNOWN ffff::1 what ever 1"))).toEqual(itself(1, 35));
  });
  test("the longest line", () => {
    const address = `2001:${"ffff:".repeat(6)}fffe`;
    const longest = line(`TCP6 ${address} ${address} 65535 65535`);
    expect(longest.length).toBe(104);
    expect(read(longest).t).toBe("header");
    expect(read(line(`UNKNOWN ${"x".repeat(91)}`)).t).toBe("header");
  });
  test("bytes", () => {
    expect(read(binary(0x11, V4))).toEqual(found(2, 28, "10.0.0.1", "10.0.0.2"));
    expect(read(binary(0x21, V6))).toEqual(found(2, 52, "2001:db8::1", "::1"));
    expect(read(binary(0x12, V4))).toEqual(found(2, 28, "10.0.0.1", "10.0.0.2"));
  });
  test("TLVs are passed over", () => {
    const tlvs = Buffer.concat([tlv(1, latin1("h2")), tlv(4, Buffer.alloc(300)), tlv(5, Buffer.alloc(0))]);
    const body = Buffer.concat([V4, tlvs]);
    expect(read(binary(0x11, body))).toEqual(found(2, 16 + body.length, "10.0.0.1", "10.0.0.2"));
  });
  test("a connection that is the proxy's own, with whatever stands behind", () => {
    expect(read(binary(0, Buffer.alloc(0), 0x20))).toEqual(itself(2, 16));
    expect(read(binary(0x11, V4, 0x20))).toEqual(itself(2, 28));
    expect(read(binary(0xff, Buffer.alloc(7, 255), 0x20))).toEqual(itself(2, 23));
  });
  test("the longest", () => {
    const room = MAX_PROXY_HEADER_BYTES - 16 - V4.length - 3;
    expect(read(binary(0x11, Buffer.concat([V4, tlv(4, Buffer.alloc(room))]))).t).toBe("header");
    expect(read(binary(0x11, Buffer.concat([V4, tlv(4, Buffer.alloc(room + 1))]))).t).toBe("malformed");
  });
});

describe("no headers", () => {
  test("other protocols are told at their first byte that differs", () => {
    for (const text of ["GET / HTTP/1.1\r\n", "PROXYX", "proxy TCP4", "\r\n\r\nX", "\x16\x03\x01", " PROXY "])
      expect(read(latin1(text))).toEqual({ t: "none" });
    expect(read(latin1("P"))).toEqual({ t: "incomplete" });
    expect(read(latin1(""))).toEqual({ t: "incomplete" });
  });

  const BAD: readonly (readonly [string, Buffer])[] = [
    ["no family", line("")],
    ["another family", line("TCP5 10.0.0.1 10.0.0.2 1 2")],
    ["a port too few", line("TCP4 10.0.0.1 10.0.0.2 1")],
    ["a port too many", line("TCP4 10.0.0.1 10.0.0.2 1 2 3")],
    ["two spaces", line("TCP4  10.0.0.1 10.0.0.2 1 2")],
    ["a space behind", line("TCP4 10.0.0.1 10.0.0.2 1 2 ")],
    ["a tab", line("TCP4\t10.0.0.1 10.0.0.2 1 2")],
    ["IPv6 for IPv4", line("TCP4 ::1 ::1 1 2")],
    ["IPv4 for IPv6", line("TCP6 10.0.0.1 10.0.0.2 1 2")],
    ["a leading zero", line("TCP4 10.0.0.01 10.0.0.2 1 2")],
    ["a zone", line("TCP6 fe80::1%eth0 ::1 1 2")],
    ["a port that is too large", line("TCP4 10.0.0.1 10.0.0.2 65536 2")],
    ["a port with a sign", line("TCP4 10.0.0.1 10.0.0.2 +1 2")],
    ["a port with a leading zero", line("TCP4 10.0.0.1 10.0.0.2 01 2")],
    ["nobody's address", line("TCP4 0.0.0.0 10.0.0.2 1 2")],
    ["everybody's address", line("TCP4 255.255.255.255 10.0.0.2 1 2")],
    ["a group's address", line("TCP6 ff02::1 ::1 1 2")],
    ["a line without CR", latin1("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n")],
    ["a line that does not end", latin1(`PROXY UNKNOWN ${"x".repeat(100)}`)],
    ["a line of 108 bytes", line(`UNKNOWN ${"x".repeat(92)}`)],
    ["version 1 in bytes", binary(0x11, V4, 0x11)],
    ["version 3", binary(0x11, V4, 0x31)],
    ["another command", binary(0x11, V4, 0x22)],
    ["no family in bytes", binary(0x01, V4)],
    ["unix sockets", binary(0x31, Buffer.alloc(216, 65))],
    ["no transport", binary(0x10, V4)],
    ["another transport", binary(0x13, V4)],
    ["addresses that are cut", binary(0x11, V4.subarray(0, 11))],
    ["addresses of IPv6 that are cut", binary(0x21, V6.subarray(0, 35))],
    ["a group's address in bytes", binary(0x11, Buffer.concat([Buffer.of(224, 0, 0, 1), V4.subarray(4)]))],
    ["a TLV longer than the header", binary(0x11, Buffer.concat([V4, Buffer.of(1), u16(2), Buffer.of(0)]))],
    ["a TLV without its length", binary(0x11, Buffer.concat([V4, Buffer.of(1, 0)]))],
    ["more than may be", binary(0x11, V4, 0x21, 65_535)],
  ];
  test.each(BAD.map(([what, bytes]) => [what, bytes] as const))("%s", (_, bytes) =>
    expect(read(bytes).t).toBe("malformed"),
  );
});

describe("written", () => {
  const at = (address: string, port: number) => ({ address, port });
  test("as HAProxy writes them", () => {
    expect(String(writeProxyHeader(1, at("10.0.0.1", 1000), at("10.0.0.2", 80)))).toBe(
      "PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n",
    );
    expect(writeProxyHeader(2, at("10.0.0.1", 1000), at("10.0.0.2", 80))).toEqual(binary(0x11, V4));
    expect(writeProxyHeader(2, at("2001:db8::1", 1000), at("::1", 80))).toEqual(binary(0x21, V6));
  });
  test("IPv4 in IPv6 clothes is IPv4", () => {
    const mapped = writeProxyHeader(1, at("::ffff:10.0.0.1", 1000), at("10.0.0.2", 80));
    expect(String(mapped)).toBe("PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n");
  });
  test("nothing where nothing is known", () => {
    for (const source of ["", "::1"]) {
      expect(String(writeProxyHeader(1, at(source, 1), at("10.0.0.2", 80)))).toBe("PROXY UNKNOWN\r\n");
      expect(writeProxyHeader(2, at(source, 1), at("10.0.0.2", 80))).toEqual(binary(0, Buffer.alloc(0), 0x20));
    }
  });
});

describe("fuzz", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const runs = process.env["TULLE_LONG"] === "1" ? 10_000_000 : 30_000;

  test(`${runs} headers made and damaged: no throw, and more bytes never change the answer`, () => {
    console.log(`proxy-protocol fuzz: TULLE_SEED=${seed}`);
    const random = seededRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const port = (): number => below(65_536);
    const v4 = (): string => `${1 + below(222)}.${below(256)}.${below(256)}.${below(256)}`;
    const v6 = (): string => `2001:db8::${below(65_536).toString(16)}:${below(2)}:${below(65_536).toString(16)}`;
    let headers = 0;
    for (let run = 0; run < runs; run++) {
      const ip = below(2) === 0 ? v4 : v6;
      const [source, destination] = [
        { address: ip(), port: port() },
        { address: ip(), port: port() },
      ];
      const version = below(2) === 0 ? 1 : 2;
      const written = Buffer.from(writeProxyHeader(version, source, destination));
      const back = readProxyHeader(written);
      if (
        back.t !== "header" ||
        back.header.addresses?.source.port !== source.port ||
        back.header.size !== written.length
      )
        throw new Error(`${written.toString("hex")} is read as ${JSON.stringify(back)}`);
      for (let i = below(4); i > 0; i--) written[below(written.length)] = below(256);
      const whole = readProxyHeader(written);
      const part = readProxyHeader(written.subarray(0, below(written.length + 1)));
      if (part.t !== "incomplete" && part.t !== whole.t)
        throw new Error(`${written.toString("hex")} is ${whole.t}, and ${part.t} when it is cut`);
      if (whole.t === "header") headers++;
    }
    expect(headers).toBeGreaterThan(runs / 10);
  }, 3_600_000);
});
