/** Hellos made by hand, cut and damaged, and those of a real TLS client. */
import { describe, expect, test } from "bun:test";
import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { seededRandom } from "../base/random.ts";
import { type ClientHelloResult, looksLikeTls, MAX_CLIENT_HELLO_BYTES, readClientHello } from "./client-hello.ts";

const u8 = (n: number): Buffer => Buffer.from([n]);
const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
const u24 = (n: number): Buffer => Buffer.from([n >> 16, (n >> 8) & 255, n & 255]);
const with8 = (body: Uint8Array): Buffer => Buffer.concat([u8(body.length), body]);
const with16 = (body: Uint8Array): Buffer => Buffer.concat([u16(body.length), body]);
const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

const extension = (type: number, body: Uint8Array): Buffer => Buffer.concat([u16(type), with16(body)]);
const hostName = (name: string): Buffer => Buffer.concat([u8(0), with16(latin1(name))]);
const sni = (name: string): Buffer => extension(0, with16(hostName(name)));
const alpn = (...names: readonly string[]): Buffer =>
  extension(16, with16(Buffer.concat(names.map((name) => with8(latin1(name))))));

/** A hello's body with these extensions; none at all when there are none. */
function hello(...extensions: readonly Uint8Array[]): Buffer {
  const session = with8(Buffer.alloc(32, 7));
  const start = Buffer.concat([u16(0x0303), Buffer.alloc(32, 1), session, with16(u16(0x1301)), with8(u8(0))]);
  return extensions.length === 0 ? start : Buffer.concat([start, with16(Buffer.concat(extensions))]);
}

const handshake = (body: Uint8Array, type = 1): Buffer => Buffer.concat([u8(type), u24(body.length), body]);
const record = (body: Uint8Array, type = 22): Buffer => Buffer.concat([u8(type), u16(0x0301), with16(body)]);
const helloRecord = (...extensions: readonly Uint8Array[]): Buffer => record(handshake(hello(...extensions)));

/** `message` in records of `size` bytes. */
function records(message: Uint8Array, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) parts.push(record(message.subarray(at, at + size)));
  return Buffer.concat(parts);
}

/** The result, after making sure that every prefix is incomplete or already refused. */
function read(bytes: Buffer): ClientHelloResult {
  const whole = readClientHello(bytes);
  let refused = false;
  for (let end = 0; end < bytes.length; end++) {
    const part = readClientHello(bytes.subarray(0, end));
    if (part.t === "hello") expect<ClientHelloResult>(part).toEqual(whole);
    if (refused) expect(part.t).toBe("notTls");
    refused ||= part.t === "notTls";
  }
  if (refused) expect(whole.t).toBe("notTls");
  return whole;
}

const found = (name: string | undefined, protocols: readonly string[]): ClientHelloResult => ({
  t: "hello",
  hello: { sni: name, alpn: protocols },
});
const OTHER = extension(43, with8(u16(0x0304)));
const NAME = "outbound_.9080_._.reviews.default.svc.cluster.local";

describe("good hellos", () => {
  test("name and protocols, in lower case, among others", () =>
    expect(read(helloRecord(OTHER, sni("Reviews.Default"), alpn("h2", "istio-peer-exchange")))).toEqual(
      found("reviews.default", ["h2", "istio-peer-exchange"]),
    ));
  test("neither", () => expect(read(helloRecord(OTHER))).toEqual(found(undefined, [])));
  test("no extensions at all", () => expect(read(helloRecord())).toEqual(found(undefined, [])));
  test("an empty block of extensions", () => expect(read(helloRecord(Buffer.alloc(0)))).toEqual(found(undefined, [])));
  test("Istio's names", () => expect(read(helloRecord(sni(NAME)))).toEqual(found(NAME, [])));
  test("an address", () => expect(read(helloRecord(sni("127.0.0.1")))).toEqual(found("127.0.0.1", [])));
  test("a name of 255 letters", () =>
    expect(readClientHello(helloRecord(sni("a".repeat(255))))).toEqual(found("a".repeat(255), [])));

  test("cut into records of any size", () => {
    const message = handshake(hello(sni(NAME), alpn("h2")));
    for (let size = 1; size <= message.length; size++)
      expect(readClientHello(records(message, size))).toEqual(found(NAME, ["h2"]));
    expect(read(records(message, 1))).toEqual(found(NAME, ["h2"]));
  });

  test("what follows the message is left", () => {
    const message = handshake(hello(sni(NAME)));
    expect(readClientHello(Buffer.concat([record(message), latin1("more")]))).toEqual(found(NAME, []));
    expect(readClientHello(record(Buffer.concat([message, latin1("more")])))).toEqual(found(NAME, []));
  });

  test("as large as may be", () => {
    const size = MAX_CLIENT_HELLO_BYTES - 4 - hello(Buffer.alloc(0)).length - 4;
    const most = readClientHello(helloRecord(extension(41, Buffer.alloc(size))));
    expect(most).toEqual(found(undefined, []));
    expect(readClientHello(helloRecord(extension(41, Buffer.alloc(size + 1)))).t).toBe("notTls");
  });
});

describe("no hellos", () => {
  const CASES: readonly (readonly [string, Buffer])[] = [
    ["plaintext", latin1("GET / HTTP/1.1\r\n\r\n")],
    ["an SSLv2 hello", Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ["another record", record(handshake(hello()), 23)],
    ["another major version", Buffer.from([22, 2, 0, 0, 4])],
    ["another handshake message", record(handshake(hello(), 2))],
    ["an empty record", Buffer.concat([record(Buffer.alloc(0)), helloRecord()])],
    ["an empty record between", Buffer.concat([record(u8(1)), record(Buffer.alloc(0))])],
    ["a record that is too long", Buffer.from([22, 3, 1, 0x40, 1])],
    ["an alert between", Buffer.concat([record(u8(1)), record(u16(0), 21)])],
    ["a message of 16 MB", record(Buffer.concat([u8(1), u24(0xffffff)]))],
    ["an empty message", record(handshake(Buffer.alloc(0)))],
    ["bytes behind the extensions", record(handshake(Buffer.concat([hello(OTHER), u8(0)])))],
    ["a byte for extensions", record(handshake(Buffer.concat([hello(), u8(0)])))],
    ["an extension that is cut off", helloRecord(OTHER.subarray(0, OTHER.length - 1))],
    ["an extension's type that is cut off", helloRecord(OTHER, u8(0))],
    ["two names in two extensions", helloRecord(sni("a"), sni("b"))],
    ["two names in a list", helloRecord(extension(0, with16(Buffer.concat([hostName("a"), hostName("b")]))))],
    ["bytes behind the list of names", helloRecord(extension(0, Buffer.concat([with16(hostName("a")), u8(0)])))],
    ["a name of another type", helloRecord(extension(0, with16(Buffer.concat([u8(1), with16(latin1("a"))]))))],
    ["an empty list of names", helloRecord(extension(0, with16(Buffer.alloc(0))))],
    ["an empty extension for the name", helloRecord(extension(0, Buffer.alloc(0)))],
    ["an empty name", helloRecord(sni(""))],
    ["a name of 256 letters", helloRecord(sni("a".repeat(256)))],
    ["NUL in the name", helloRecord(sni("a\0.b"))],
    ["a line end in the name", helloRecord(sni("a\n"))],
    ["a space in the name", helloRecord(sni("a b"))],
    ["a byte above ASCII in the name", helloRecord(sni("\xe9"))],
    ["protocols twice", helloRecord(alpn("h2"), alpn("h2"))],
    ["any extension twice", helloRecord(OTHER, OTHER)],
    ["an empty list of protocols", helloRecord(alpn())],
    ["an empty protocol", helloRecord(alpn("h2", ""))],
    [
      "bytes behind the list of protocols",
      helloRecord(extension(16, Buffer.concat([with16(with8(latin1("a"))), u8(0)]))),
    ],
    ["a protocol that is cut off", helloRecord(extension(16, with16(latin1("\x05h2"))))],
  ];
  test.each(CASES.map(([name, bytes]) => [name, bytes] as const))("%s", (_, bytes) =>
    expect(read(bytes)).toEqual({ t: "notTls" }),
  );

  test("one whose lengths reach past its end, at any field", () => {
    const body = hello(sni("a"), alpn("h2"));
    for (let length = 0; length < body.length; length++) {
      const found = readClientHello(record(handshake(body.subarray(0, length))));
      if (length !== hello().length) expect([length, found.t]).toEqual([length, "notTls"]);
    }
  });

  test("one that never ends", () => {
    const endless = record(Buffer.concat([u8(1), u24(16_000), Buffer.alloc(10)]));
    expect(readClientHello(endless).t).toBe("incomplete");
    const slow = records(Buffer.concat([u8(1), u24(16_000), Buffer.alloc(4000)]), 1);
    expect(slow.length).toBeGreaterThan(MAX_CLIENT_HELLO_BYTES);
    expect(readClientHello(slow.subarray(0, MAX_CLIENT_HELLO_BYTES - 1)).t).toBe("incomplete");
    expect(readClientHello(slow).t).toBe("notTls");
  });

  test("nothing yet", () => {
    expect(readClientHello(Buffer.alloc(0)).t).toBe("incomplete");
    expect([looksLikeTls(u8(22)), looksLikeTls(u16(0x1603)), looksLikeTls(u16(0x1602)), looksLikeTls(u8(71))]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

/** The first flight of a real client. */
function realHello(servername: string, protocols: string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const client = connect({ socket: wire, servername, ALPNProtocols: protocols, rejectUnauthorized: false });
    client.on("error", () => {});
  });
}

test("the hello of a real client", async () => {
  const bytes = await realHello("Reviews.default.svc", ["h2", "http/1.1"]);
  const result = read(bytes);
  expect(result.t === "hello" && result.hello.sni?.toLowerCase()).toBe("reviews.default.svc");
  expect(result.t === "hello" && result.hello.alpn).toEqual(["h2", "http/1.1"]);
});

describe("fuzz", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const runs = process.env["TULLE_LONG"] === "1" ? 10_000_000 : 20_000;

  test(`${runs} damaged hellos: no throw, and more bytes never change the answer`, () => {
    console.log(`client-hello fuzz: TULLE_SEED=${seed}`);
    const random = seededRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const samples = [
      helloRecord(sni(NAME), OTHER, alpn("h2", "a")),
      records(handshake(hello(sni("a.b"))), 9),
      helloRecord(),
    ];
    let hellos = 0;
    for (let run = 0; run < runs; run++) {
      const bytes = Buffer.from(samples[below(samples.length)] as Buffer);
      for (let change = below(4); change > 0; change--)
        bytes[below(bytes.length)] = random() < 0.5 ? below(256) : below(4);
      const whole = readClientHello(bytes);
      if (whole.t === "hello") hellos++;
      const part = readClientHello(bytes.subarray(0, below(bytes.length)));
      if (part.t !== "incomplete" && !Bun.deepEquals(part, whole))
        expect<unknown>([bytes.toString("hex"), part]).toEqual(["", whole]);
    }
    expect(hellos).toBeGreaterThan(runs / 10);
    expect(hellos).toBeLessThan(runs * 0.95);
  }, 600_000);
});
