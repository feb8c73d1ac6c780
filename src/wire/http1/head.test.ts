/** What a head gives to those who read it: values, Connection, growth, and heads that trickle in. */
import { describe, expect, test } from "bun:test";
import { ID, knownId } from "./known.ts";
import { RequestHead } from "./request-head.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const message = (lines: readonly string[], minor = 1): Buffer =>
  bytes(`GET / HTTP/1.${minor}\r\nHost: h\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);

function read(lines: readonly string[], minor = 1): RequestHead {
  const head = new RequestHead();
  const buf = message(lines, minor);
  expect(head.parse(buf, 0, buf.length)).toBe(buf.length);
  return head;
}

function problem(lines: readonly string[]): string {
  const head = new RequestHead();
  const buf = message(lines);
  expect(head.parse(buf, 0, buf.length)).toBe(-1);
  return `${head.error.status} ${head.error.reason}`;
}

describe("lines", () => {
  test("names as they were written, values without white space around them", () => {
    const head = read(["X-One:  a b\t", "x-Two:", "X-Three:\xe9"]);
    expect([0, 1, 2, 3].map((i) => [head.name(i), head.value(i)])).toEqual([
      ["Host", "h"],
      ["X-One", "a b"],
      ["x-Two", ""],
      ["X-Three", "\xe9"],
    ]);
    expect(head.count).toBe(4);
  });

  test("the offsets of lines meet without a gap", () => {
    const head = read(["a: b", "c:  d  "]);
    const at = (line: number, field: number): number => head.offsets[line * 5 + field] as number;
    expect(at(0, 4)).toBe(at(1, 0));
    expect(at(1, 4)).toBe(at(2, 0));
    expect(at(2, 4) + 2).toBe(head.end);
  });

  test("a header is found by its name, its lines joined", () => {
    const head = read(["Accept: a", "x: 1", "accept: b", "X: 2", "x-forwarded-for: 1", "X-Forwarded-For: 2"]);
    expect(head.header("accept")).toBe("a,b");
    expect(head.header("x")).toBe("1,2");
    expect(head.header("x-forwarded-for")).toBe("1,2");
    expect(head.known(ID["x-forwarded-for"])).toBe("1");
    expect(head.header("traceparent")).toBeUndefined();
    expect(head.header("y")).toBeUndefined();
    expect(head.header("")).toBeUndefined();
  });

  test("names of JavaScript's own are headers like any other", () => {
    const head = read(["constructor: a", "__proto__: b"]);
    expect([head.header("constructor"), head.header("__proto__"), head.header("tostring")]).toEqual([
      "a",
      "b",
      undefined,
    ]);
  });

  test("every known name is recognised in any case, and no other is", () => {
    for (const [name, id] of Object.entries(ID)) {
      for (const spelling of [name, name.toUpperCase()]) expect(knownId(bytes(spelling), 0, name.length)).toBe(id);
      expect(knownId(bytes(`${name}x`), 0, name.length + 1)).toBe(0);
      const changed = `${name.slice(0, 1)}_${name.slice(2)}`;
      if (changed !== name && !(changed in ID)) expect(knownId(bytes(changed), 0, name.length)).toBe(0);
    }
  });

  test("a head may begin anywhere in its buffer and end before it", () => {
    const buf = bytes("junkGET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b");
    const head = new RequestHead();
    expect(head.parse(buf, 4, buf.length)).toBe(buf.length - 6);
    expect([head.start, head.path, head.value(0)]).toEqual([4, "/a", "h"]);
    expect(head.parse(buf, 4, buf.length - 7)).toBe(0);
  });
});

describe("number of lines", () => {
  const many = (count: number): string[] => Array.from({ length: count - 1 }, (_, i) => `x-${i}: ${i}`);

  test("a head of many lines is read whole, in a head that starts small", () => {
    const head = new RequestHead();
    const first = head.offsets.length;
    const buf = message(many(100));
    expect(head.parse(buf, 0, buf.length)).toBe(buf.length);
    expect(head.count).toBe(100);
    for (let i = 1; i < 100; i++) expect([head.name(i), head.value(i)]).toEqual([`x-${i - 1}`, `${i - 1}`]);
    expect([first, head.offsets.length, head.ids.length]).toEqual([80, 500, 100]);
  });

  test("one more than the maximum is answered with 431", () =>
    expect(problem(many(101))).toBe("431 more than 100 header lines"));

  test("the maximum is a parameter, below and above the first size", () => {
    for (const limit of [1, 5, 16, 17, 40, 250]) {
      const head = new RequestHead(limit);
      const most = message(many(limit));
      expect(head.parse(most, 0, most.length)).toBe(most.length);
      const more = message(many(limit + 1));
      expect(head.parse(more, 0, more.length)).toBe(-1);
      expect(head.error).toEqual({ status: 431, reason: `more than ${limit} header lines` });
    }
  });
});

describe("Connection", () => {
  const keeps = (value: string, minor = 1): boolean => read([`Connection: ${value}`], minor).keepAlive;

  test("HTTP/1.1 stays open unless told otherwise", () => {
    expect(read([]).keepAlive).toBe(true);
    for (const value of ["keep-alive", "upgrade", "", ",", "closed", "clos", "xclose", "close x", "\xa0close"])
      expect([value, keeps(value)]).toEqual([value, true]);
    for (const value of [
      "close",
      "Close",
      "close, x",
      "x,close",
      "x ,\tclose ,",
      "keep-alive, close",
      "close,keep-alive",
    ])
      expect([value, keeps(value)]).toEqual([value, false]);
  });

  test("HTTP/1.0 closes unless asked to stay", () => {
    expect(read([], 0).keepAlive).toBe(false);
    for (const value of ["keep-alive", "Keep-Alive", "x, keep-alive"]) expect(keeps(value, 0)).toBe(true);
    for (const value of ["", "x", "close", "keep-alive, close", "close, keep-alive", "close\t,keep-alive"])
      expect([value, keeps(value, 0)]).toEqual([value, false]);
  });

  test("several lines are one list", () => {
    expect(read(["Connection: x-a", "x-a: 1", "Connection: close"]).keepAlive).toBe(false);
    const head = read(["Connection: x-a", "connection: x-b", "x-a: 1", "X-B: 2", "x-c: 3"]);
    expect([3, 4, 5].map((i) => head.isHopByHop(i))).toEqual([true, true, false]);
  });

  test("headers of one connection go, with or without being named", () => {
    const lines = [
      "Connection: x",
      "Keep-Alive: 5",
      "Proxy-Connection: x",
      "TE: trailers",
      "Upgrade: h2c",
      "Accept: a",
    ];
    const head = read(lines);
    expect([1, 2, 3, 4, 5, 6].map((i) => head.isHopByHop(i))).toEqual([true, true, true, true, true, false]);
  });

  test("a named header goes, in whatever case, all its lines", () => {
    const head = read(["X-Mine: 1", "connection: Close,\tx-MINE ", "x-mine: 2", "x-mine2: 3"]);
    expect([1, 3, 4].map((i) => head.isHopByHop(i))).toEqual([true, true, false]);
  });

  test.each(["authorization", "cookie", "content-type", "x-forwarded-client-cert", "x-request-id", "traceparent"])(
    "%s cannot be named away",
    (name) => expect(read([`Connection: ${name}`, `${name}: 1`]).isHopByHop(2)).toBe(false),
  );

  test.each(["content-length", "transfer-encoding"])("framing cannot be named away: %s", (name) => {
    const value = name === "content-length" ? "5" : "chunked";
    expect(read([`Connection: ${name}`, `${name}: ${value}`]).isHopByHop(2)).toBe(false);
  });

  test.each(["host", "Host", "x-forwarded-for", "X-Forwarded-Host", "x-forwarded-proto"])(
    "naming %s is refused, as Envoy does",
    (name) => expect(problem([`Connection: close, ${name}`])).toBe(`400 Connection names ${name.toLowerCase()}`),
  );

  test("a flood of names or of empty options is refused", () => {
    const names = (count: number): string => Array.from({ length: count }, (_, i) => `x${i}`).join(",");
    expect(read([`Connection: close,${names(10)}`]).keepAlive).toBe(false);
    expect(problem([`Connection: ${names(11)}`])).toBe("400 Connection names more than 10 headers");
    expect(problem([`Connection: ${names(6)}`, `Connection: ${names(6)}`])).toContain("more than 10 headers");
    expect(keeps(",".repeat(31))).toBe(true);
    expect(problem([`Connection: ${",".repeat(32)}`])).toBe("400 Connection has more than 32 options");
  });
});

describe("a head that trickles in", () => {
  const LONG = message([`x: ${"a".repeat(9000)}`, "y: z"]);

  test("is complete as soon as its last byte is there", () => {
    const head = new RequestHead();
    for (let end = 0; end < LONG.length; end++) expect(head.parse(LONG, 0, end)).toBe(0);
    expect(head.parse(LONG, 0, LONG.length)).toBe(LONG.length);
    expect([head.count, head.value(2)]).toEqual([3, "z"]);
  });

  test("is complete when a request behind it is not", () => {
    const buf = Buffer.concat([LONG, bytes("GET /next")]);
    const head = new RequestHead();
    expect(head.parse(buf, 0, 8000)).toBe(0);
    expect(head.parse(buf, 0, buf.length)).toBe(LONG.length);
  });

  test("is complete wherever its end was cut, and however it moved in its buffer", () => {
    for (let cut = LONG.length - 6; cut < LONG.length; cut++) {
      const head = new RequestHead();
      expect([head.parse(LONG, 0, 8800), head.parse(LONG, 0, cut - 1), head.parse(LONG, 0, cut)]).toEqual([0, 0, 0]);
      const moved = Buffer.concat([bytes("junk"), LONG, bytes("GET")]);
      expect(head.parse(moved, 4, moved.length)).toBe(LONG.length + 4);
    }
  });

  test("is another one when it is shorter than what was there", () => {
    const head = new RequestHead();
    const other = message([`x: ${"b".repeat(3000)}`]);
    expect([head.parse(LONG, 0, 8000), head.parse(other, 0, other.length)]).toEqual([0, other.length]);
  });

  test("an empty line behind the bytes that count is not one", () => {
    const head = new RequestHead();
    const last = LONG.length - 1;
    expect([head.parse(LONG, 0, last - 1), head.parse(LONG, 0, last)]).toEqual([0, 0]);
  });

  test("is not read again for every byte", () => {
    const head = new RequestHead();
    let tries = 0;
    const parse = (end: number): void => {
      const before = head.buf;
      const view = LONG.subarray(0, end);
      head.parse(view, 0, end);
      if (head.buf !== before) tries++;
    };
    for (let end = 2000; end < 9000; end++) parse(end);
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(12);
  });

  test("is refused when it goes wrong, a quarter later at most", () => {
    const bad = Buffer.concat([LONG.subarray(0, 4000), Buffer.from("\n"), LONG.subarray(4000)]);
    const head = new RequestHead();
    let end = 3000;
    while (end < bad.length && head.parse(bad, 0, end) === 0) end++;
    expect(end).toBeLessThan(5100);
    expect(head.error.reason).toBe("a bare LF");
  });
});
