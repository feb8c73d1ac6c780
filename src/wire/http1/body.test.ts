/** RFC 9112 §6 and §7: where a body ends, whole and cut anywhere. */
import { describe, expect, test } from "bun:test";
import { BAD_BODY, BodyScanner } from "./body.ts";
import { Dechunker } from "./dechunk.ts";
import { BY_LENGTH, CHUNKED, type Framing, NO_BODY, UNTIL_CLOSE } from "./head.ts";
import { latin1 } from "./text.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

interface Result {
  /** Where the body ended; -1 when it was refused. */
  readonly end: number;
  readonly done: boolean;
  readonly dataBytes: number;
  readonly reason: string;
}

/** Scans `buf` in parts of which the first ends at `cut`, the others after `step` bytes. */
function scan(buf: Buffer, framing: Framing, length: number, cut: number, step: number): Result {
  const scanner = new BodyScanner();
  scanner.begin(framing, length);
  let end = 0;
  for (let to = Math.min(cut, buf.length); !scanner.done; to = Math.min(to + step, buf.length)) {
    const found = scanner.scan(buf, end, to);
    end = found;
    if (found === BAD_BODY || to === buf.length) break;
  }
  const { done, dataBytes, reason } = scanner;
  return end === BAD_BODY ? { end, done, dataBytes: 0, reason } : { end, done, dataBytes, reason };
}

/** The result of the whole, after making sure that no cut changes it. */
function read(text: string, framing: Framing = CHUNKED, length = 0): Result {
  const buf = bytes(text);
  const whole = scan(buf, framing, length, buf.length, 1);
  for (let cut = 0; cut <= buf.length && buf.length < 400; cut++)
    expect(scan(buf, framing, length, cut, buf.length)).toEqual(whole);
  for (const step of [1, 2, 3, 7]) expect(scan(buf, framing, length, step, step)).toEqual(whole);
  return whole;
}

function verdict(text: string): string {
  const { end, done, reason } = read(text);
  if (end === BAD_BODY) return reason;
  return done ? `ends at ${end} of ${text.length}` : "more";
}

const whole = (text: string): string => `ends at ${text.length} of ${text.length}`;

describe("by length", () => {
  test("ends after its bytes, whatever follows", () =>
    expect(read("helloGET /", BY_LENGTH, 5)).toEqual({ end: 5, done: true, dataBytes: 5, reason: "" }));
  test("is not done while bytes are missing", () =>
    expect(read("hell", BY_LENGTH, 5)).toEqual({ end: 4, done: false, dataBytes: 4, reason: "" }));
  test("of nothing is done at once", () => expect(read("GET", BY_LENGTH, 0).end).toBe(0));
});

test("no body is done at once", () =>
  expect(read("GET", NO_BODY)).toEqual({ end: 0, done: true, dataBytes: 0, reason: "" }));

test("until close takes everything and is never done", () =>
  expect(read("0\r\n\r\n", UNTIL_CLOSE)).toEqual({ end: 5, done: false, dataBytes: 5, reason: "" }));

describe("chunks", () => {
  const GOOD = [
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n",
    "000000000005\r\nhello\r\n0\r\n\r\n",
    "5\r\n\r\n0\r\n\r\n0\r\n\r\n",
  ];
  test.each(GOOD)("good: %p", (text) => expect(verdict(text)).toBe(whole(text)));

  test("data is counted without framing", () => expect(read(GOOD[2] as string).dataBytes).toBe(20));

  test("what follows is left", () => expect(verdict("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1")).toBe("ends at 11 of 25"));

  test("nothing before the end is the end", () => {
    const text = "5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n";
    for (let end = 0; end < text.length; end++) expect(verdict(text.slice(0, end))).toBe("more");
  });

  const NO_SIZE = "a chunk without a size";
  const NOT_HEX = "a chunk size that is not hexadecimal";
  const TOO_LONG = "a chunk is longer than its size";
  test.each([
    ["\r\n", NO_SIZE],
    [" 5\r\nhello", NO_SIZE],
    ["-5\r\nhello", NO_SIZE],
    ["+5\r\nhello", NO_SIZE],
    [";a\r\n", NO_SIZE],
    ["g\r\n", NO_SIZE],
    ["0x5\r\nhello", NOT_HEX],
    ["5g\r\nhello", NOT_HEX],
    ["5_0\r\nhello", NOT_HEX],
    ["5,\r\nhello", NOT_HEX],
    ["5\0\r\nhello", NOT_HEX],
    ["5\nhello\r\n0\r\n\r\n", NOT_HEX],
    ["5\rhello\r\n0\r\n\r\n", "a bare CR behind a chunk size"],
    ["5\r\nhello0\r\n\r\n", TOO_LONG],
    ["5\r\nhello\n0\r\n\r\n", TOO_LONG],
    ["5\r\nhello!\r\n", TOO_LONG],
    ["5\r\nhello\r0\r\n\r\n", "a bare CR behind a chunk"],
    ["5\r\nhello\r\n\r\n", NO_SIZE],
    ["0\r\n\n", "a trailer line without a name"],
    ["0\r\n\rx", "a bare CR behind the last chunk"],
    ["0000000000001\r\n", "a chunk size of more than 12 digits"],
    ["FFFFFFFFFFFFFFFFF\r\n", "a chunk size of more than 12 digits"],
  ])("bad: %p", (text, reason) => expect(verdict(text)).toBe(reason));

  test("the largest size is exact", () => {
    const scanner = new BodyScanner();
    scanner.begin(CHUNKED, 0);
    const buf = bytes("ffffffffffff\r\nx");
    expect([scanner.scan(buf, 0, buf.length), scanner.dataBytes]).toEqual([buf.length, 1]);
  });

  test("a scanner that refused a body reads the next one", () => {
    const scanner = new BodyScanner();
    const bad = bytes("5;a\0");
    const good = bytes("5\r\nhello\r\n0\r\n\r\n");
    scanner.begin(CHUNKED, 0);
    expect(scanner.scan(bad, 0, bad.length)).toBe(BAD_BODY);
    scanner.begin(CHUNKED, 0);
    expect([scanner.scan(good, 0, good.length), scanner.done, scanner.dataBytes]).toEqual([good.length, true, 5]);
  });
});

describe("chunk extensions", () => {
  const chunk = (line: string): string => `5${line}\r\nhello\r\n0${line}\r\n\r\n`;
  test.each([
    " ",
    "\t ",
    ";a",
    ";a;b",
    ";a=b",
    " ; a = b ; c",
    ";a ",
    ";a= b\t",
    ';a="b;c"',
    ';a="\\"\\\\ \xe9";b=""',
    ';a="b" ;c',
    `;${"a".repeat(1023)}`,
  ])("good: %p", (line) => expect(verdict(chunk(line))).toBe(whole(chunk(line))));

  const FORBIDDEN = "a forbidden character in a chunk extension";
  const CUT_OFF = "a chunk extension that is cut off";
  test.each([
    [" x", FORBIDDEN],
    [" 5", FORBIDDEN],
    [";a b", FORBIDDEN],
    [";a=b c", FORBIDDEN],
    [";=b", FORBIDDEN],
    [";;", FORBIDDEN],
    [";bad[=x", FORBIDDEN],
    [";a=[", FORBIDDEN],
    [';a="b"c', FORBIDDEN],
    [';a"b"', FORBIDDEN],
    [";a\nb", FORBIDDEN],
    [";\n", FORBIDDEN],
    [";\0ext", FORBIDDEN],
    [';a="\0"', FORBIDDEN],
    [';a="\\\0"', FORBIDDEN],
    [';a="\n"', FORBIDDEN],
    [";a=b\xe9", FORBIDDEN],
    [";", CUT_OFF],
    ["; ", CUT_OFF],
    [";a=", CUT_OFF],
    [";a= ", CUT_OFF],
    [';a="', CUT_OFF],
    [';a="\\', CUT_OFF],
    [";a\rX", "a bare CR behind a chunk size"],
    [`;${"a".repeat(1024)}`, "a chunk extension of more than 1024 bytes"],
    [" ".repeat(1025), "a chunk extension of more than 1024 bytes"],
  ])("bad: %p", (line, reason) => expect(verdict(chunk(line))).toBe(reason));
});

describe("trailers", () => {
  const trailers = (lines: string): string => `1\r\nx\r\n0\r\n${lines}\r\n`;
  test.each([
    "",
    "x: y\r\n",
    "x:\r\n",
    "x: y\r\nz: \xe9\t\r\n",
    "Grpc-Status: 0\r\nserver-timing: a\r\n",
    "hosts: a\r\n",
  ])("good: %p", (lines) => expect(verdict(trailers(lines))).toBe(whole(trailers(lines))));

  const NAME = "a trailer's name has a forbidden character";
  test.each([
    [" x: y\r\n", "a trailer line without a name"],
    ["x: y\r\n z\r\n", "a trailer line without a name"],
    [": y\r\n", "a trailer line without a name"],
    ["x y\r\n", NAME],
    ["x : y\r\n", NAME],
    ["x\r\n", NAME],
    ["x\n", NAME],
    ["x\xe9: y\r\n", NAME],
    ["x: y\n\r\n", "a control character in a trailer"],
    ["x: \0\r\n", "a control character in a trailer"],
    ["x: y\rz\r\n", "a bare CR in a trailer"],
    [`x: ${"y".repeat(8192)}\r\n`, "trailers of more than 8192 bytes"],
    ["x: y\r\n".repeat(1400), "trailers of more than 8192 bytes"],
  ])("bad: %p", (lines, reason) => expect(verdict(trailers(lines))).toBe(reason));

  test.each(
    ["Host", "content-length", "Transfer-Encoding", "authorization", "Cookie", "X-Forwarded-Client-Cert"].concat(
      "x-envoy-retry-on",
      "x-tulle-peer",
      "Connection",
      "trailer",
      "content-type",
    ),
  )("what belongs in a head is refused: %s", (name) =>
    expect(verdict(trailers(`a: b\r\n${name}: 1\r\n`))).toBe(`the trailer ${name.toLowerCase()} belongs in a head`),
  );
});

describe("Dechunker", () => {
  test.each([
    ["0\r\n\r\n", ""],
    ["5\r\nhello\r\n0\r\n\r\n", "hello"],
    ['5 ;a="1"\r\nhello\r\n00A\r\n, world\r\n!\r\n0;x\r\nx: 5\r\n\r\n', "hello, world\r\n!"],
    ["b\t\r\n0\r\n\r\n5\r\nabc\r\n1\r\nz\r\n0\r\n\r\n", "0\r\n\r\n5\r\nabcz"],
  ])("takes the framing off %p", (text, data) => {
    const buf = bytes(text);
    expect(verdict(text)).toBe(whole(text));
    for (let cut = 0; cut <= buf.length; cut++) {
      const dechunker = new Dechunker();
      expect(dataIn(dechunker, buf, 0, cut) + dataIn(dechunker, buf, cut, buf.length)).toBe(data);
    }
    const slow = new Dechunker();
    expect([...buf].map((_, i) => dataIn(slow, buf, i, i + 1)).join("")).toBe(data);
  });
});

/** What a dechunker finds in `buf[from, end)`. */
function dataIn(dechunker: Dechunker, buf: Buffer, from: number, end: number): string {
  let data = "";
  for (let pos = dechunker.next(buf, from, end); pos >= 0; pos = dechunker.next(buf, pos, end))
    data += latin1(buf, dechunker.start, pos);
  return data;
}

describe("trailers", () => {
  const body = "2\r\nab\r\n0;x\r\n";
  const trailers = "X-One: 1\r\nx-two:\t2 \r\n\r\n";
  const rest = "GET / HTTP/1.1\r\n";

  /** What may be passed on, the trailers read, and what is behind them, with the bytes cut as told. */
  function read(scanner: BodyScanner, cuts: readonly number[]): readonly unknown[] {
    const buf = bytes(body + trailers + rest);
    scanner.begin(CHUNKED, 0);
    let passed = "";
    let at = 0;
    for (const cut of [...cuts, buf.length]) {
      if (scanner.done) break;
      const from = at;
      at = scanner.scan(buf, from, cut);
      passed += latin1(buf, from, scanner.hasTrailers ? scanner.trailersStart : at);
    }
    const lines = scanner.trailers;
    const read =
      lines === undefined ? [] : Array.from({ length: lines.count }, (_, i) => lines.name(i) + lines.value(i));
    return [passed, read, latin1(buf, at, buf.length)];
  }

  test("are kept apart from the body, wherever the bytes are cut", () => {
    const scanner = new BodyScanner();
    const wanted = [body, ["X-One1", "x-two2"], rest];
    const length = body.length + trailers.length + rest.length;
    for (let one = 0; one <= length; one++)
      for (let two = one; two <= length; two += 3) expect(read(scanner, [one, two])).toEqual(wanted);
    expect(
      read(
        scanner,
        Array.from({ length }, (_, i) => i),
      ),
    ).toEqual(wanted);
    scanner.begin(CHUNKED, 0);
    expect([scanner.hasTrailers, scanner.trailers]).toEqual([false, undefined]);
  });

  test("are as few as the lines of a head", () => {
    const lines = (count: number): string => `0\r\n${"a:\r\n".repeat(count)}\r\n`;
    expect(verdict(lines(100))).toBe(whole(lines(100)));
    expect(verdict(lines(101))).toBe("more than 100 header lines");
  });
});
