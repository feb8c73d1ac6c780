/** Field sections as heads: what is in them, what is refused, and that both twins and the HTTP/1.1 parser say the same. */
import { describe, expect, test } from "bun:test";
import { HpackDecoder, joinedCookies } from "../../../tests/suites/hpack-twin/decoder.ts";
import { HpackEncoder } from "../../../tests/suites/hpack-twin/encoder.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import { BY_LENGTH, type Head, NO_BODY, UNTIL_CLOSE } from "../http1/head.ts";
import { ID } from "../http1/known.ts";
import { RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { Trailers } from "../http1/trailers.ts";
import { FieldWriter } from "./field-writer.ts";
import { type Fields, regularFields, requestFields, writeFields } from "./fields.ts";
import { HeadDecoder } from "./head-decoder.ts";
import { OutputBuffer } from "./output.ts";

const LIMITS = { maxListBytes: 60_000, maxHeaders: 100, allowConnect: true };
const GET: Fields = [":method", "GET", ":scheme", "https", ":path", "/a?b", ":authority", "reviews:9080"];

function decoded<H extends Head>(
  head: H,
  fields: Fields,
  endStream = false,
  isToHead = false,
  limits: Partial<typeof LIMITS> = {},
): H {
  const block = Buffer.from(new HpackEncoder().encode(fields));
  const decoder = new HeadDecoder({ ...LIMITS, ...limits });
  const error = decoder.decode(block, 0, block.length, head, endStream, isToHead);
  if (error !== undefined) throw new Error(`${error.status} ${error.reason}`);
  return head;
}

const request = (fields: Fields, endStream = false): RequestHead => decoded(new RequestHead(), fields, endStream);
const response = (fields: Fields, endStream = false, isToHead = false): ResponseHead =>
  decoded(new ResponseHead(), fields, endStream, isToHead);
const text = (head: Head): string => Buffer.from(head.buf).toString("latin1", head.start, head.end);

describe("a head from HTTP/2", () => {
  test("of a request: lines of HTTP/1.1, the pseudo fields as strings", () => {
    const head = request([...GET, "accept", "*/*", "x-request-id", "1"]);
    expect([head.method, head.scheme, head.authority, head.path]).toEqual(["GET", "https", "reviews:9080", "/a?b"]);
    expect([head.isHttp2, head.isVersion11, head.keepAlive, head.isAbsolute, head.protocol]).toEqual([
      true,
      true,
      true,
      false,
      "",
    ]);
    expect(text(head)).toBe("host: reviews:9080\r\naccept: */*\r\nx-request-id: 1\r\n\r\n");
    expect([head.known(ID.host), head.known(ID["x-request-id"]), head.header("accept")]).toEqual([
      "reviews:9080",
      "1",
      "*/*",
    ]);
  });

  test("of a response: a status line, whose reason is made up", () => {
    const head = response([":status", "404", "server", "x"]);
    expect(text(head)).toBe("HTTP/1.1 404 Not Found\r\nserver: x\r\n\r\n");
    expect([head.status, head.start, head.reasonStart, head.linesStart]).toEqual([404, 0, 12, 24]);
  });

  test("of trailers: what belongs in a head is left out", () => {
    const head = decoded(new Trailers(), [
      "grpc-status",
      "0",
      "content-length",
      "5",
      "x-envoy-a",
      "b",
      "trailing",
      "c",
    ]);
    expect(regularFields(head, 0)).toEqual(["grpc-status", "0", "trailing", "c"]);
    expect(text(head)).toBe("grpc-status: 0\r\ntrailing: c\r\n\r\n");
  });

  test("serves another head afterwards, and a smaller one", () => {
    const head = new RequestHead();
    decoded(head, [...GET, "content-length", "5", "cookie", "a"]);
    decoded(head, [...GET, "b", "c"], true);
    expect(text(head)).toBe("host: reviews:9080\r\nb: c\r\n\r\n");
    expect([head.framing, head.contentLength, head.first[ID["content-length"]]]).toEqual([NO_BODY, 0, 0]);
  });

  test("white space around a value is taken off, in the table it stays", () => {
    const decoder = new HeadDecoder(LIMITS);
    const head = new RequestHead();
    for (const field of ["4001780509 20 61 20 09", "be", "be"]) {
      const block = Buffer.from(`828684010161${field}`.replaceAll(" ", ""), "hex");
      expect(decoder.decode(block, 0, block.length, head, true, false)).toBeUndefined();
      expect(text(head)).toBe("host: a\r\nx: a\r\n\r\n");
    }
    expect(regularFields(request([...GET, "te", "trailers", "content-length", " 5", "x", "  "]), ID.host)).toEqual([
      "te",
      "trailers",
      "content-length",
      "5",
      "x",
      "",
    ]);
  });

  test("any scheme, in lower case: it is the connection that counts", () => {
    expect(request(having(":scheme", "HTTPS")).scheme).toBe("https");
    expect(request(having(":scheme", "ftp")).scheme).toBe("ftp");
  });

  test("several cookies become one line, wherever they stand", () => {
    const head = request([...GET, "cookie", "a=b", "x", "y", "cookie", "c", "cookie", "d", "z", "", "cookie", ""]);
    expect(regularFields(head, ID.host)).toEqual(["cookie", "a=b; c; d", "x", "y", "z", ""]);
    expect(decoded(new Trailers(), ["x", "y"]).count).toBe(1);
    const longest = request(
      [...GET, ...Array.from({ length: 300 }, (_, i) => ["cookie", `${i}`.padEnd(9)]).flat()].map((it) => it.trim()),
    );
    expect(longest.header("cookie")?.split("; ").length).toBe(300);
  });

  test("host beside :authority is dropped, without it is the authority", () => {
    expect(regularFields(request([...GET, "host", "evil", "a", "b"]), 0)).toEqual(["host", "reviews:9080", "a", "b"]);
    const head = request([":method", "GET", ":scheme", "http", ":path", "/", "host", "h"]);
    expect([head.authority, head.known(ID.host)]).toEqual(["h", "h"]);
  });

  test("a field that may never be indexed is told by the missing space", () => {
    const block = Buffer.concat([new HpackEncoder().encode(GET), Buffer.from("1001780179", "hex")]);
    const head = new RequestHead();
    new HeadDecoder(LIMITS).decode(block, 0, block.length, head, true, false);
    expect(text(head)).toBe("host: reviews:9080\r\nx:y\r\n\r\n");
    expect([head.name(1), head.value(1)]).toEqual(["x", "y"]);
    const out = new OutputBuffer();
    const writer = new FieldWriter(out);
    for (let i = 0; i < 3; i++) {
      const from = out.to;
      writer.begin();
      writer.lines(head, (line) => line === 0);
      expect(out.bytes.toString("hex", from, out.to)).toBe("1001780179");
    }
  });

  test.each<[string, Fields, boolean, number, number]>([
    ["a head alone", GET, true, NO_BODY, 0],
    ["a body of unknown length", GET, false, UNTIL_CLOSE, 0],
    ["a body of known length", [...GET, "content-length", "5"], false, BY_LENGTH, 5],
    ["length 0", [...GET, "content-length", "0"], true, NO_BODY, 0],
  ])("framing of a request: %s", (_, fields, endStream, framing, length) => {
    const head = request(fields, endStream);
    expect([head.framing, head.contentLength]).toEqual([framing, length] as never);
  });

  test.each<[string, boolean, boolean, number]>([
    ["200", true, false, NO_BODY],
    ["200", false, false, UNTIL_CLOSE],
    ["204", false, false, NO_BODY],
    ["304", false, false, NO_BODY],
    ["200", false, true, NO_BODY],
    ["103", false, false, NO_BODY],
  ])("framing of a response: %s, ends %p, to HEAD %p", (status, endStream, isToHead, framing) => {
    expect(response([":status", status], endStream, isToHead).framing).toBe(framing as never);
  });

  test("an answer to HEAD may announce what does not come, and so may a 304", () => {
    expect(response([":status", "200", "content-length", "5"], true, true).contentLength).toBe(5);
    expect(response([":status", "304", "content-length", "5"], true).contentLength).toBe(5);
  });

  test("extended CONNECT (RFC 8441)", () => {
    const fields = [":method", "CONNECT", ":protocol", "websocket", ...GET.slice(2), "origin", "x"];
    const head = request(fields);
    expect([head.method, head.protocol, head.path]).toEqual(["CONNECT", "websocket", "/a?b"]);
    expect(requestFields(head).length).toBe(fields.length);
    expect(() => decoded(new RequestHead(), fields, false, false, { allowConnect: false })).toThrow(/^400 :protocol/);
  });
});

const without = (name: string): Fields =>
  GET.flatMap((it, i) => (i % 2 === 0 && it !== name ? [it, GET[i + 1] as string] : []));
const having = (name: string, value: string): Fields => GET.map((it, i) => (GET[i - 1] === name ? value : it));

describe("what is refused", () => {
  test.each<[string, Fields]>([
    ["an upper-case name", [...GET, "Accept", "x"]],
    ["a name that is no token", [...GET, "a b", "x"]],
    ["an empty name", [...GET, "", "x"]],
    ["a name with a colon", [...GET, "a:b", "x"]],
    ["a line end in a value", [...GET, "a", "x\r\nb: c"]],
    ["a bare LF in a value", [...GET, "a", "x\ny"]],
    ["a NUL in a value", [...GET, "a", "x\0"]],
    ["another control byte in a value", [...GET, "a", "x\x7f"]],
    ["te with a space", [...GET, "te", " gzip"]],
    ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map(
      (name): [string, Fields] => [name, [...GET, name, "x"]],
    ),
    ["te other than trailers", [...GET, "te", "gzip"]],
    ["te in capitals", [...GET, "te", "Trailers"]],
    ["a pseudo field behind a regular one", [...GET.slice(2), "a", "b", ":method", "GET"]],
    ...[":method", ":scheme", ":path", ":authority"].map((name, i): [string, Fields] => [
      `${name} twice`,
      [...GET, name, GET[i * 2 + 1] as string],
    ]),
    ...[":method", ":scheme", ":path"].map((name): [string, Fields] => [`no ${name}`, without(name)]),
    ["a pseudo field of responses", [...GET, ":status", "200"]],
    ["an unknown pseudo field", [...GET, ":x", "y"]],
    ["an empty pseudo name", [...GET, ":", "y"]],
    ["a method in lower case", having(":method", "get")],
    ["a method that is no token", having(":method", "G T")],
    ["an empty method", having(":method", "")],
    ["a path without a slash", having(":path", "a")],
    ["an empty path", having(":path", "")],
    ["a path of a URL", having(":path", "http://a/")],
    ["* without OPTIONS", having(":path", "*")],
    ["a fragment", having(":path", "/a#b")],
    ["a space in the path", having(":path", "/a b")],
    ["a byte above ASCII in the path", having(":path", "/\xe9")],
    ["a scheme that is none", having(":scheme", "http:")],
    ["an empty scheme", having(":scheme", "")],
    ["a space before the path", having(":path", " /")],
    ["a space behind the method", having(":method", "GET ")],
    ["neither :authority nor host", without(":authority")],
    ["an empty :authority", having(":authority", "")],
    ["an empty :authority and a host", [...having(":authority", ""), "host", "a"]],
    ["an empty host", [...without(":authority"), "host", ""]],
    ["an authority with a userinfo", having(":authority", "user@reviews")],
    ["an authority with a path", having(":authority", "reviews/a")],
    ["an authority with two ports", having(":authority", "reviews:1:2")],
    ["an authority with a comma", having(":authority", "a,b")],
    ["two hosts", [...without(":authority"), "host", "a", "host", "b"]],
    ["a host with a space", [...without(":authority"), "host", "a b"]],
    ["a length that is no number", [...GET, "content-length", "5x"]],
    ["a length with a sign", [...GET, "content-length", "+5"]],
    ["a length with a leading zero", [...GET, "content-length", "05"]],
    ["an empty length", [...GET, "content-length", ""]],
    ["a length of 16 digits", [...GET, "content-length", "1234567890123456"]],
    ["two lengths", [...GET, "content-length", "5", "content-length", "5"]],
    ["a list of lengths", [...GET, "content-length", "5, 5"]],
    ["CONNECT with a path", [":method", "CONNECT", ":authority", "a:1", ":path", "/"]],
    ["CONNECT without a port", [":method", "CONNECT", ":authority", "a"]],
    ["CONNECT without an authority", [":method", "CONNECT"]],
    [":protocol without CONNECT", [...GET, ":protocol", "websocket"]],
    ["an empty :protocol", [":method", "CONNECT", ":protocol", "", ...GET.slice(2)]],
    ["nothing", []],
  ])("of requests: %s", (_, fields) => {
    expect(() => request(fields)).toThrow(/^400 /);
  });

  test.each<[string, Fields, boolean]>([
    ["no status", ["a", "b"], false],
    ["two statuses", [":status", "200", ":status", "200"], false],
    ["a status of two digits", [":status", "20"], false],
    ["a status below 100", [":status", "099"], false],
    ["a status with a reason", [":status", "200 OK"], false],
    ["101", [":status", "101"], false],
    ["a pseudo field of requests", [":status", "200", ":path", "/"], false],
    ["the end of the stream with 100", [":status", "100"], true],
    ["a length with 204", [":status", "204", "content-length", "1"], false],
    ["a length and no body", [":status", "200", "content-length", "1"], true],
  ])("of responses: %s", (_, fields, endStream) => {
    expect(() => response(fields, endStream)).toThrow(/^400 /);
  });

  test("of trailers: pseudo fields", () => {
    expect(() => decoded(new Trailers(), [":status", "200"])).toThrow(/^400 /);
  });

  test("a length and no body", () => {
    expect(() => request([...GET, "content-length", "1"], true)).toThrow(/^400 /);
  });

  test("more than the limits allow, with 431, and nothing is left in the head", () => {
    const many = [...GET, ...Array.from({ length: 100 }, (_, i) => [`x-${i}`, ""]).flat()];
    expect(request(many.slice(0, -2)).count).toBe(100);
    expect(() => request(many)).toThrow("431 more than 100 header lines");
    const head = new RequestHead();
    expect(() => decoded(head, [...GET, "a", "b".repeat(60_000)])).toThrow("431 a head with too many bytes");
    expect([head.count, head.first.some((it) => it !== 0)]).toEqual([0, false]);
    expect(() => request([...having(":path", `/${"a".repeat(60_000)}`)])).toThrow("431 a head with too many bytes");
  });

  test("a malformed field that was indexed is malformed each time, and the table stays right", () => {
    const decoder = new HeadDecoder(LIMITS);
    const head = new RequestHead();
    const get = "828684010161";
    const decode = (hex: string): string | undefined => {
      const block = Buffer.from(hex, "hex");
      return decoder.decode(block, 0, block.length, head, true, false)?.reason;
    };
    expect(decode(`${get}4001410178`)).toMatch(/lower case/);
    expect(decode(`${get}be`)).toMatch(/lower case/);
    expect(decode(`${get}4001610178`)).toBeUndefined();
    expect(decode(`${get}bf`)).toMatch(/lower case/);
    expect(decode(`${get}be`)).toBeUndefined();
    expect(head.header("a")).toBe("x");
  });
});

const NAMES = [
  "accept",
  "x-a",
  "cookie",
  "x-request-id",
  "te",
  "content-type",
  "grpc-status",
  "authorization",
  "x-b-c",
];
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

function randomFields(random: Random): Fields {
  const fields: string[] = [
    ":method",
    pick(random, ["GET", "POST", "PUT"]),
    ":scheme",
    pick(random, ["http", "https"]),
    ":path",
    pick(random, ["/", "/a", `/${random()}`, "/index.html"]),
    ":authority",
    pick(random, ["a", "b.c:80", "[::1]:9"]),
  ];
  for (let i = Math.floor(random() * 12); i > 0; i--) {
    const name = pick(random, NAMES);
    const bytes = Array.from({ length: Math.floor(random() * 20) }, () => 33 + Math.floor(random() * 94));
    const value = pick(random, ["x", "gzip, deflate", String.fromCharCode(...bytes), "\xe9", "v".repeat(130)]);
    fields.push(name, name === "te" ? "trailers" : value);
  }
  return fields;
}

describe("the same thing said twice", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

  test(`what is encoded comes back, and means to HTTP/1.1 what it means here (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const out = new OutputBuffer();
    const writer = new FieldWriter(out);
    const decoder = new HeadDecoder(LIMITS);
    const twin = new HpackDecoder(100_000);
    const head = new RequestHead();
    for (let run = 0; run < 3000; run++) {
      const fields = randomFields(random);
      if (random() < 0.02) writer.limitTable(Math.floor(random() * 4096));
      out.clear();
      writer.begin();
      writeFields(writer, fields);
      if (random() < 0.05) {
        writer.takeBack();
        continue;
      }
      const block = Buffer.from(out.view);
      const error = decoder.decode(block, 0, block.length, head, false, false);
      expect(error, `seed ${seed} run ${run}`).toBeUndefined();
      const said = twin.decode(block) ?? [];
      expect(sorted(joinedCookies(said)), `seed ${seed} run ${run}`).toEqual(sorted(joinedCookies(fields)));
      expect(sorted(requestFields(head)), `seed ${seed} run ${run}`).toEqual(sorted(joinedCookies(said)));
      expect(ofHttp1(head), `seed ${seed} run ${run}`).toEqual(linesOf(head));
    }
  });
});

/** Name and value pairs in an order of their own. */
const sorted = (fields: Fields): string[] =>
  fields.flatMap((it, i) => (i % 2 === 0 ? [`${it}: ${fields[i + 1]}`] : [])).sort();

/** Each line with its known id, and where the known ones are found. */
const linesOf = (head: Head): unknown => [
  Array.from({ length: head.count }, (_, i) => [head.name(i), head.value(i), head.ids[i]]),
  Array.from(head.first),
];

/** What the parser of HTTP/1.1 makes of the lines. */
function ofHttp1(head: RequestHead): unknown {
  const lines = Array.from({ length: head.count }, (_, i) => `${head.name(i)}: ${head.value(i)}\r\n`).join("");
  const bytes = Buffer.from(`${head.method} ${head.path} HTTP/1.1\r\n${lines}\r\n`, "latin1");
  const parsed = new RequestHead();
  if (parsed.parse(bytes, 0, bytes.length) !== bytes.length) throw new Error(parsed.error.reason);
  return linesOf(parsed);
}
