/** RFC 9112 §4 and §6.3: status lines, and which answers have a body. */
import { describe, expect, test } from "bun:test";
import { ResponseHead } from "./response-head.ts";

const NO_BODY = 0;
const BY_LENGTH = 1;
const CHUNKED = 2;
const UNTIL_CLOSE = 3;

const answer = (status: string, ...lines: readonly string[]): Buffer =>
  Buffer.from(`${[`HTTP/1.1 ${status}`, ...lines].join("\r\n")}\r\n\r\n`, "latin1");

function read(buf: Buffer, isToHead = false): ResponseHead {
  const head = new ResponseHead();
  expect(head.parse(buf, 0, buf.length, isToHead)).toBe(buf.length);
  for (let end = 0; end < buf.length; end++) expect(new ResponseHead().parse(buf, 0, end, isToHead)).toBe(0);
  return head;
}

function problem(buf: Buffer, isToHead = false): string {
  const head = new ResponseHead();
  expect(head.parse(buf, 0, buf.length, isToHead)).toBe(-1);
  for (let end = 0; end < buf.length; end++) expect(new ResponseHead().parse(buf, 0, end, isToHead)).toBeLessThan(1);
  return head.error.reason;
}

describe("status line", () => {
  const raw = (line: string): Buffer => Buffer.from(`${line}\r\nContent-Length: 0\r\n\r\n`, "latin1");

  test.each(["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.1 200 caf\xe9 \t x", "HTTP/1.0 999 x"])(
    "good: %p",
    (line) => {
      const head = read(raw(line));
      expect([head.status, head.isVersion11]).toEqual([Number(line.slice(9, 12)), line[7] === "1"]);
      expect(head.buf.subarray(head.start, head.linesStart).toString()).toBe(
        Buffer.from(`${line}\r\n`, "latin1").toString(),
      );
    },
  );

  const NOT_HTTP = "the answer is not HTTP/1.1";
  const NOT_STATUS = "the status is not a number of three digits";
  const NOT_CRLF = "the status line does not end with CRLF";
  test.each([
    ["HTTP/1.2 200 OK", NOT_HTTP],
    ["HTTP/1.x 200 OK", NOT_HTTP],
    ["HTTP/1.1", NOT_HTTP],
    ["HTTP/1.1 20", NOT_STATUS],
    ["HTTP/2.0 200 OK", NOT_HTTP],
    ["http/1.1 200 OK", NOT_HTTP],
    ["ICY 200 OK and more", NOT_HTTP],
    ["\r\nHTTP/1.1 200 OK", NOT_HTTP],
    ["HTTP/1.1\t200 OK", NOT_HTTP],
    ["HTTP/1.1  200 OK", NOT_STATUS],
    ["HTTP/1.1 20 OK", NOT_STATUS],
    ["HTTP/1.1 2000 OK", NOT_STATUS],
    ["HTTP/1.1 099 OK", NOT_STATUS],
    ["HTTP/1.1 2x0 OK", NOT_STATUS],
    ["HTTP/1.1 +20 OK", NOT_STATUS],
    ["HTTP/1.1 200\tOK", NOT_STATUS],
    ["HTTP/1.1 200 O\0K", NOT_CRLF],
    ["HTTP/1.1 200 OK\n", NOT_CRLF],
    ["HTTP/1.1 200 O\rK", NOT_CRLF],
  ])("bad: %p", (line, reason) => expect(problem(raw(line))).toBe(reason));

  test("a head that is too short for a status is not waited for", () =>
    expect(problem(Buffer.from("HTTP/1.1\r\n\r\n"))).toBe(NOT_HTTP));

  test("what is not HTTP is refused at its first byte", () =>
    expect(new ResponseHead().parse(Buffer.from("SSH"), 0, 1, false)).toBe(-1));
});

describe("body", () => {
  const framing = (buf: Buffer, isToHead = false): readonly unknown[] => {
    const head = read(buf, isToHead);
    return [head.framing, head.keepAlive];
  };

  test("by length, chunked, until close", () => {
    expect(framing(answer("200 OK", "Content-Length: 5"))).toEqual([BY_LENGTH, true]);
    expect(framing(answer("200 OK", "Transfer-Encoding: chunked"))).toEqual([CHUNKED, true]);
    expect(framing(answer("200 OK"))).toEqual([UNTIL_CLOSE, false]);
    expect(framing(answer("200 OK", "Connection: keep-alive"))).toEqual([UNTIL_CLOSE, false]);
    expect(framing(answer("200 OK", "Content-Length: 0", "Connection: close"))).toEqual([BY_LENGTH, false]);
  });

  test.each(["Content-Length: 5", "Transfer-Encoding: chunked", "X: y"])(
    "none to HEAD or in a 304, with %s",
    (line) => {
      expect(framing(answer("200 OK", line), true)).toEqual([NO_BODY, true]);
      expect(framing(answer("304 Not Modified", line))).toEqual([NO_BODY, true]);
    },
  );

  test.each(["100 Continue", "103 Early Hints", "199 x", "204 No Content"])("none in a %s", (status) => {
    expect(framing(answer(status))).toEqual([NO_BODY, true]);
    const reason = `a status ${status.slice(0, 3)} with a body`;
    for (const isToHead of [false, true]) {
      expect(problem(answer(status, "Content-Length: 5"), isToHead)).toBe(reason);
      expect(problem(answer(status, "Transfer-Encoding: chunked"), isToHead)).toBe(reason);
    }
  });

  test("a length of 0 in a 204 is taken out, in a 304 or 200 it stays", () => {
    const drops = (status: string): boolean => read(answer(status, "Content-Length: 0")).isHopByHop(0);
    expect([drops("204 No Content"), drops("102 x"), drops("304 x"), drops("200 OK")]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("HTTP/1.0 closes unless it says otherwise", () => {
    const old = (...lines: readonly string[]): Buffer =>
      Buffer.from(`${["HTTP/1.0 200 OK", "Content-Length: 0", ...lines].join("\r\n")}\r\n\r\n`);
    expect([read(old()).keepAlive, read(old("Connection: keep-alive")).keepAlive]).toEqual([false, true]);
    expect(problem(Buffer.from("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))).toBe(
      "Transfer-Encoding in HTTP/1.0",
    );
  });

  test.each([
    [["Content-Length: 5", "Content-Length: 5"], "content-length is repeated"],
    [["Content-Length: 5, 5"], "Content-Length is not a number"],
    [["Content-Length: 5", "Transfer-Encoding: chunked"], "both Content-Length and Transfer-Encoding"],
    [["Transfer-Encoding: gzip"], "a transfer coding other than chunked"],
    [["x: y", " z"], "a folded header line"],
  ] as const)("refused, to HEAD as well: %p", (lines, reason) => {
    expect(problem(answer("200 OK", ...lines))).toBe(reason);
    expect(problem(answer("200 OK", ...lines), true)).toBe(reason);
  });

  test("an answer to HEAD leaves no trace on the next", () => {
    const head = new ResponseHead();
    const first = answer("204 No Content", "Connection: close");
    head.parse(first, 0, first.length, true);
    const second = answer("200 OK", "Content-Length: 7");
    expect(head.parse(second, 0, second.length, false)).toBe(second.length);
    expect([head.framing, head.contentLength, head.keepAlive, head.isHopByHop(0)]).toEqual([BY_LENGTH, 7, true, false]);
  });
});
