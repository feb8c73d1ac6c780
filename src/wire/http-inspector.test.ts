/** First bytes of many protocols. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { type HttpInspection, inspectHttp, MAX_INSPECTED_BYTES } from "./http-inspector.ts";

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** In short, after making sure that no prefix is answered in another way. */
function inspect(text: string): string {
  const bytes = latin1(text);
  const short = (result: HttpInspection): string => (result.t === "http" ? result.protocol : result.t);
  const whole = short(inspectHttp(bytes));
  for (let end = 0; end < bytes.length; end++) {
    const part = short(inspectHttp(bytes.subarray(0, end)));
    if (part !== "incomplete") expect([end, part]).toEqual([end, whole]);
  }
  return whole;
}

describe("HTTP", () => {
  test.each([
    ["GET / HTTP/1.1\r\n", "http/1.1"],
    ["GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", "http/1.1"],
    ["M-SEARCH * HTTP/1.1\n", "http/1.1"],
    ["GET / HTTP/1.0\r\n", "http/1.0"],
    ["CONNECT a:1 HTTP/1.1\r\n", "http/1.1"],
    ["OPTIONS http://a/ HTTP/1.1\r\n", "http/1.1"],
    [PREFACE, "h2c"],
    [`${PREFACE}\0\0\0\x04`, "h2c"],
  ])("%j", (text, expected) => expect(inspect(text)).toBe(expected));

  test.each([["G"], ["GET"], ["GET "], ["GET / HTTP/1.1"], ["GET / HTTP/1.1\r"], ["PRI * HTTP/2.0\r\n\r\nSM"], [""]])(
    "%j may become it",
    (text) => expect(inspect(text)).toBe("incomplete"),
  );
});

describe("others", () => {
  test.each([
    ["\x16\x03\x01\x02\0\x01"],
    ["SSH-2.0-OpenSSH\r\n"],
    ["*1\r\n$4\r\nPING\r\n"],
    ["\r\nGET / HTTP/1.1\r\n"],
    [" GET / HTTP/1.1\r\n"],
    ["GET\r\n"],
    ["EHLO example.org\r\n"],
    ["GET /\r\n"],
    ["GET / HTTP/1.1 \r\n"],
    ["GET  HTTP/1.1\r\n"],
    ["GET / http/1.1\r\n"],
    ["GET / HTTP/1.11\r\n"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"],
    ["\0\0\0\x01"],
  ])("%j", (text) => expect(inspect(text)).toBe(text.startsWith("PRI") ? "http/1.0" : "notHttp"));
});

test("a line without an end is not waited for", () => {
  const endless = `GET /${"x".repeat(MAX_INSPECTED_BYTES)}`;
  expect(inspectHttp(latin1(endless.slice(0, MAX_INSPECTED_BYTES - 1))).t).toBe("incomplete");
  expect(inspectHttp(latin1(endless)).t).toBe("notHttp");
});

describe("fuzz", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const runs = process.env["TULLE_LONG"] === "1" ? 10_000_000 : 30_000;

  test(`${runs} damaged beginnings: no throw, and more bytes never change the answer`, () => {
    console.log(`http-inspector fuzz: TULLE_SEED=${seed}`);
    const random = seededRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const samples = ["GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "POST /b?c HTTP/1.0\r\n\r\n", PREFACE].map(latin1);
    let http = 0;
    for (let run = 0; run < runs; run++) {
      const bytes = Buffer.from(samples[below(samples.length)] as Buffer);
      for (let i = below(3); i > 0; i--) bytes[below(bytes.length)] = below(256);
      const whole = inspectHttp(bytes);
      const part = inspectHttp(bytes.subarray(0, below(bytes.length + 1)));
      if (part.t !== "incomplete" && JSON.stringify(part) !== JSON.stringify(whole))
        throw new Error(`${bytes.toString("hex")} is ${whole.t}, and ${part.t} when it is cut`);
      if (whole.t === "http") http++;
    }
    expect(http).toBeGreaterThan(runs / 10);
  }, 3_600_000);
});
