/**
 * Heads and bodies put together at random and damaged: no throw, no hang, the same result whole and cut, and the same
 * result as the twin's. `TULLE_LONG=1` runs ten million.
 */
import { expect, test } from "bun:test";
import { type TwinResult, twinChunked, twinRequest, twinResponse } from "../../../tests/suites/http1-twin.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import { BAD_BODY, BodyScanner } from "./body.ts";
import { Dechunker } from "./dechunk.ts";
import { BY_LENGTH, CHUNKED, type Head, NO_BODY } from "./head.ts";
import { latin1 } from "./text.ts";
import { RequestHead } from "./request-head.ts";
import { ResponseHead } from "./response-head.ts";

const SEED = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = process.env["TULLE_LONG"] === "1" ? 10_000_000 : 30_000;
const LIMIT_MS = 3_600_000;

const METHODS = ["GET", "GET", "POST", "OPTIONS", "CONNECT", "HEAD", "M-X", "get", ""];
const HOSTS = [
  "h",
  "a.b:80",
  "[::1]",
  "[::1]:8",
  "",
  "a:",
  "%c3%a9",
  "a,b",
  "u@h",
  "]",
  "[[1]",
  ":1",
  "a:65536",
  "a%41",
];
const TARGETS = [
  "/",
  "/a?b=c",
  "*",
  "http://a",
  "https://A:1/x?y",
  "HTTP://[::1]?q",
  "a:80",
  "//a",
  "/a#b",
  "ftp://a/",
  "",
];
const VERSIONS = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", ""];
const STATUSES = [
  "200 OK",
  "204 No Content",
  "304 x",
  "100 Continue",
  "404",
  "999 \xe9",
  "200 ",
  "99 x",
  "2000",
  "20x",
];
const NAMES = [
  "x",
  "Accept",
  "Connection",
  "connection",
  "Content-Length",
  "Transfer-Encoding",
  "Keep-Alive",
  "TE",
  "x-a",
].concat(["cookie", "X-Request-Id", "Host", "Upgrade", "x-b", "authorization", "x y", ""]);
const VALUES = [
  "1",
  "a b",
  "",
  "chunked",
  "Chunked",
  "5",
  "0",
  "05",
  "close",
  "keep-alive",
  "x-a, close",
  "x-a,x-b",
].concat([
  "gzip, chunked",
  "keep-alive,cookie",
  "host",
  "\xe9",
  "chunked, x",
  "12345678901234567",
  ",,",
  " \t1\t ",
  "close\t",
]);
const ENDS = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\r\n "];
const EXTENSIONS = ["", "", "", "", ";a", ";a=b", ' ;a="b;\\"" ', " ", ";", ";a=", ' ;"', ";a b", "\t;a"];
const SNIPPETS = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "0",
  "5",
  "\r\n\r\n",
  "\x7f",
  "\xff",
  "\\",
  '"',
  "/",
  "#",
  "%",
];

/** Draws for one seed. */
class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  /** An element; the first ones, which are the good ones, most of the time. */
  of(from: readonly string[]): string {
    return from[this.below(this.below(3) === 0 ? from.length : Math.ceil(from.length / 2))] as string;
  }

  lines(fixed: readonly string[]): string {
    const lines = Array.from(
      { length: this.below(4) },
      () => `${this.of(NAMES)}:${this.of(["", " "])}${this.of(VALUES)}`,
    );
    lines.splice(this.below(lines.length + 1), 0, ...fixed);
    return lines.map((line) => `${line}${this.below(25) === 0 ? this.of(ENDS) : "\r\n"}`).join("");
  }

  request(): string {
    const hosts = Array.from({ length: this.below(12) === 0 ? this.below(3) : 1 }, () => `Host: ${this.of(HOSTS)}`);
    const blank = this.below(10) === 0 ? "\r\n".repeat(this.below(4)) : "";
    const first = `${this.of(METHODS)} ${this.of(TARGETS)} ${this.of(VERSIONS)}`;
    return this.damaged(`${blank}${first}\r\n${this.lines(hosts)}\r\n${this.of(["", "GET /", "x"])}`);
  }

  response(): string {
    return this.damaged(
      `${this.of(VERSIONS)} ${this.of(STATUSES)}\r\n${this.lines([])}\r\n${this.of(["", "HTTP/1.1 2"])}`,
    );
  }

  body(): string {
    let text = "";
    for (let chunks = this.below(4); chunks > 0; chunks--) {
      const data = this.of(["hello", "0\r\n\r\n", "x", "a".repeat(17)]);
      text += `${data.length.toString(16)}${this.of(EXTENSIONS)}\r\n${data}\r\n`;
    }
    const trailers = this.below(3) === 0 ? this.lines([]) : "";
    return this.damaged(
      `${text}${this.of(["0", "000", "00000000000000"])}${this.of(EXTENSIONS)}\r\n${trailers}\r\nGET`,
    );
  }

  /** None to three changes, most often none or one. */
  damaged(text: string): string {
    let changed = text;
    for (let changes = this.below(4) * this.below(2); changes > 0; changes--) {
      const at = this.below(changed.length + 1);
      const to = at + this.below(2) * this.below(6);
      const put = [this.of(SNIPPETS), String.fromCharCode(this.below(256)), "", text.slice(at, to)][this.below(4)];
      changed = changed.slice(0, at) + (put as string) + changed.slice(to);
    }
    return changed;
  }
}

/** What a head says, in the twin's words. */
function wordsOf(head: Head, start: readonly string[], end: number): TwinResult {
  const indexes = Array.from({ length: head.count }, (_, i) => i);
  const names: Record<number, string> = {
    [NO_BODY]: "none",
    [BY_LENGTH]: `${head.contentLength}`,
    [CHUNKED]: "chunked",
  };
  return {
    end,
    start,
    lines: indexes.map((i) => [head.name(i), head.value(i)] as const),
    keepAlive: head.keepAlive,
    body: names[head.framing] ?? "close",
    hops: indexes.filter((i) => head.isHopByHop(i)),
  };
}

/** One way to read a head, whichever it is. */
interface Reader {
  readonly parse: (buf: Buffer, end: number) => number;
  readonly head: Head;
  readonly start: () => readonly string[];
}

function requestReader(): Reader {
  const head = new RequestHead();
  const start = (): string[] => [head.method, head.scheme, head.authority, head.path];
  return { head, parse: (buf, end) => head.parse(buf, 0, end), start };
}

function responseReader(isToHead: boolean): Reader {
  const head = new ResponseHead();
  return { head, parse: (buf, end) => head.parse(buf, 0, end, isToHead), start: () => [String(head.status)] };
}

/** Throws with the text when the reader, whole or cut, and the twin do not agree. */
function compareHead(text: string, twin: TwinResult, used: Reader, fresh: Reader, cuts: readonly number[]): void {
  const buf = Buffer.from(text, "latin1");
  const behind = used.parse(buf, buf.length);
  const found = behind > 0 ? wordsOf(used.head, used.start(), behind) : behind;
  if (typeof twin === "object" ? !Bun.deepEquals(found, twin) : behind > 0 || (twin === "refused" && behind === 0))
    expect<unknown>([text, found]).toEqual([text, twin]);
  const { error } = used.head;
  for (const cut of cuts) {
    const part = fresh.parse(buf, cut);
    const isRight =
      part === 0 ? behind <= 0 || cut < behind : part > 0 ? part === behind : Bun.deepEquals(fresh.head.error, error);
    if (!isRight) expect([text, cut, part, fresh.head.error]).toEqual([text, cut, behind, error]);
  }
}

function ascendingCuts(draw: Draw, length: number): number[] {
  return [draw.below(length + 1), draw.below(length + 1), draw.below(length + 1)].sort((a, b) => a - b);
}

function run(name: string, salt: number, one: (draw: Draw) => boolean): void {
  test(
    `${Math.round(RUNS)} ${name} (TULLE_SEED=${SEED})`,
    () => {
      console.log(`http1 fuzz, ${name}: TULLE_SEED=${SEED}`);
      const draw = new Draw(seededRandom(SEED + salt));
      let good = 0;
      for (let i = 0; i < RUNS; i++) if (one(draw)) good++;
      // Both kinds must be there, or nothing was tried.
      expect(good).toBeGreaterThan(RUNS * 0.1);
      expect(good).toBeLessThan(RUNS * 0.9);
    },
    LIMIT_MS,
  );
}

/** It reads all heads of the run: nothing of one may be left in the next. */
const usedRequest = requestReader();
run("requests", 1, (draw) => {
  const text = draw.request();
  const twin = twinRequest(text);
  compareHead(text, twin, usedRequest, requestReader(), ascendingCuts(draw, text.length));
  return typeof twin === "object";
});

const usedResponses = [responseReader(false), responseReader(true)] as const;
run("responses", 2, (draw) => {
  const text = draw.response();
  const isToHead = draw.below(4) === 0;
  const twin = twinResponse(text, isToHead);
  const cuts = ascendingCuts(draw, text.length);
  compareHead(text, twin, usedResponses[isToHead ? 1 : 0], responseReader(isToHead), cuts);
  return typeof twin === "object";
});

/** Where a chunked body ends, read in parts: -1 refused, -2 not yet. */
function scanParts(buf: Buffer, cuts: readonly number[], scanner: BodyScanner): number {
  scanner.begin(CHUNKED, 0);
  let at = 0;
  for (const cut of [...cuts, buf.length]) {
    if (scanner.done || cut < at) continue;
    at = scanner.scan(buf, at, cut);
    if (at === BAD_BODY) return -1;
  }
  return scanner.done ? at : -2;
}

/** The lines as they came; empty where there are none. */
function trailersOf({ trailers }: BodyScanner): string {
  return trailers === undefined ? "" : latin1(trailers.buf, trailers.start, trailers.end);
}

const scanner = new BodyScanner();
run("chunked bodies", 3, (draw) => {
  const text = draw.body();
  const buf = Buffer.from(text, "latin1");
  const twin = twinChunked(text);
  const whole = scanParts(buf, [], scanner);
  const wholeData = scanner.dataBytes;
  const wholeTrailers = trailersOf(scanner);
  const { reason } = scanner;
  if (twin === undefined ? whole >= 0 : whole !== twin.end || wholeData !== twin.data.length)
    expect<unknown>([text, whole, wholeData]).toEqual([text, twin?.end, twin?.data.length]);
  const cuts = ascendingCuts(draw, buf.length);
  const parts = scanParts(buf, cuts, scanner);
  if (parts !== whole || scanner.dataBytes !== wholeData || (whole === -1 && scanner.reason !== reason))
    expect([text, cuts, parts, scanner.dataBytes]).toEqual([text, cuts, whole, wholeData]);
  if (twin !== undefined && trailersOf(scanner) !== wholeTrailers)
    expect([text, cuts, trailersOf(scanner)]).toEqual([text, cuts, wholeTrailers]);
  if (twin !== undefined) expectData(buf, twin.end, cuts[1] as number, twin.data);
  return twin !== undefined;
});

function expectData(buf: Buffer, end: number, cut: number, data: string): void {
  const dechunker = new Dechunker();
  const middle = Math.min(cut, end);
  let found = "";
  for (const [from, to] of [
    [0, middle],
    [middle, end],
  ] as const)
    for (let pos = dechunker.next(buf, from, to); pos >= 0; pos = dechunker.next(buf, pos, to))
      found += latin1(buf, dechunker.start, pos);
  if (found !== data) expect([buf.toString("latin1"), found]).toEqual(["", data]);
}
