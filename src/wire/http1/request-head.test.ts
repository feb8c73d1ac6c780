/** RFC 9112 §3 and §5, line by line: what a request's head may be and what it may not. */
import { describe, expect, test } from "bun:test";
import { RequestHead, isHost } from "./request-head.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** Reads `text`; also each of its prefixes, which must be incomplete, or wrong for the reason for which the whole is. */
function read(text: string): RequestHead {
  const buf = bytes(text);
  const head = new RequestHead();
  const behind = head.parse(buf, 0, buf.length);
  for (let end = 0; end < buf.length; end++) {
    const prefix = new RequestHead();
    const found = prefix.parse(buf, 0, end);
    if (behind > 0 && end >= behind) expect(found).toBe(behind);
    else if (found !== 0) expect([end, found, prefix.error]).toEqual([end, behind, head.error]);
  }
  expect(behind === 0 ? -2 : behind).toBe(behind === -1 ? -1 : head.end);
  return head;
}

/** `status reason`, or `ok`. */
function verdict(text: string): string {
  const buf = bytes(text);
  const head = read(text);
  const behind = new RequestHead().parse(buf, 0, buf.length);
  if (behind > 0) return "ok";
  return `${head.error.status} ${head.error.reason}`;
}

const withLine = (line: string): string => `GET / HTTP/1.1\r\nHost: h\r\n${line}\r\n\r\n`;
const target = (value: string, method = "GET"): string => `${method} ${value} HTTP/1.1\r\nHost: h\r\n\r\n`;
const host = (value: string): string => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;

const BAD_TARGET = "400 the request target is empty or has a forbidden character";
const BAD_METHOD = "400 the request line does not start with a method in upper case";
const BAD_END = "400 the request line does not end with HTTP/1.1 and CRLF";
const NO_URL = "400 the request target is neither a path nor an http URL";
const BAD_HOST = "400 the Host header is not a host";
const BAD_NAME = "400 a header line without a colon, or a name with a forbidden character";
const BAD_LENGTH = "400 Content-Length is not a number";
const BAD_CODING = "501 a transfer coding other than chunked";
const CONTROL = "400 a control character in a header's value";

function table(name: string, cases: readonly (readonly [label: string, message: string, verdict: string])[]): void {
  describe(name, () => {
    for (const [label, message, wanted] of cases) test(label, () => expect(verdict(message)).toBe(wanted));
  });
}

table("request line", [
  ["plain", target("/"), "ok"],
  ["one blank line before it", `\r\n${target("/")}`, "ok"],
  ["two blank lines", `\r\n\r\n${target("/")}`, "ok"],
  ["three blank lines", `\r\n\r\n\r\n${target("/")}`, BAD_METHOD],
  ["a bare LF before it", `\n${target("/")}`, BAD_METHOD],
  ["a bare CR before it", `\r${target("/")}`, BAD_METHOD],
  ["space before it", ` ${target("/")}`, BAD_METHOD],
  ["a method that nobody registered", target("/", "M-SEARCH*"), "ok"],
  ["a method in lower case", target("/", "get"), BAD_METHOD],
  ["a method with a control character", target("/", "G\x01T"), BAD_METHOD],
  ["a method of 64 bytes", target("/", "A".repeat(64)), "ok"],
  ["a method of 65 bytes", target("/", "A".repeat(65)), "400 a method of more than 64 bytes"],
  ["two spaces behind the method", target(" /"), BAD_TARGET],
  ["a tab behind the method", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", BAD_METHOD],
  ["two spaces before the version", target("/ "), BAD_END],
  ["space behind the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", BAD_END],
  ["a bare LF at its end", "GET / HTTP/1.1\nHost: h\r\n\r\n", BAD_END],
  ["a bare CR at its end", "GET / HTTP/1.1\rHost: h\r\n\r\n", BAD_END],
  ["HTTP/0.9", "GET /\r\n\r\n", BAD_TARGET],
  ["no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", BAD_TARGET],
]);

const version = (text: string): string => `GET / ${text}\r\nHost: h\r\n\r\n`;
table("version", [
  ["1.0", version("HTTP/1.0"), "ok"],
  ["1.2", version("HTTP/1.2"), "505 version HTTP/1.2: this is HTTP/1.1"],
  ["2.0", version("HTTP/2.0"), "505 version HTTP/2.0: this is HTTP/1.1"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 version HTTP/2.0: this is HTTP/1.1"],
  ["leading zeros", version("HTTP/01.1"), BAD_END],
  ["two digits", version("HTTP/1.10"), BAD_END],
  ["lower case", version("http/1.1"), BAD_END],
  ["space inside", version("HTTP/ 1.1"), BAD_END],
  ["no minor", version("HTTP/1"), BAD_END],
  ["a comma", version("HTTP/1,1"), BAD_END],
]);

table("target", [
  ["space inside", target("/a b"), BAD_END],
  ["a fragment", target("/a#b"), BAD_TARGET],
  ["NUL", target("/a\0b"), BAD_TARGET],
  ["DEL", target("/a\x7fb"), BAD_TARGET],
  ["a byte above ASCII", target("/\xc0\xaf"), BAD_TARGET],
  ["a backslash, left to normalization", target("/a\\b"), "ok"],
  ["a word", target("foo"), NO_URL],
  ["a query without a path", target("?a"), NO_URL],
  ["* with GET", target("*"), "400 the target * with a method other than OPTIONS"],
  ["* with OPTIONS", target("*", "OPTIONS"), "ok"],
  ["** with OPTIONS", target("**", "OPTIONS"), NO_URL],
  ["another scheme", target("ftp://a/"), NO_URL],
  ["a scheme that only begins so", target("httpx://a/"), NO_URL],
  ["no authority", target("http:///x"), NO_URL],
  ["nothing behind the scheme", target("http://"), NO_URL],
  ["nothing behind https", target("https://"), NO_URL],
  ["http:", target("http:"), NO_URL],
  ["one slash", target("http:/a/b"), NO_URL],
  ["a userinfo", target("http://u@a/"), NO_URL],
  ["a port that is no number", target("http://a:b/"), NO_URL],
  ["a port above 65535", target("http://a:99999/"), NO_URL],
  ["an escape in the authority", target("http://a%00b/"), NO_URL],
  ["a backslash in the authority", target("http://a\\b/"), NO_URL],
  ["an empty host with a port", target("http://:80/"), NO_URL],
  ["CONNECT with host and port", target("a:80", "CONNECT"), "ok"],
  ["CONNECT with a literal", target("[::1]:80", "CONNECT"), "ok"],
  ["CONNECT without a port", target("a", "CONNECT"), "400 the target of CONNECT is not host:port"],
  ["CONNECT with an empty port", target("a:", "CONNECT"), "400 the target of CONNECT is not host:port"],
  ["CONNECT with a path", target("/a", "CONNECT"), "400 the target of CONNECT is not host:port"],
  ["CONNECT with a URL", target("http://a:80/", "CONNECT"), "400 the target of CONNECT is not host:port"],
  ["authority form with GET", target("a:80"), NO_URL],
]);

describe("target forms", () => {
  const parts = (text: string): readonly unknown[] => {
    const { scheme, authority, path, isAbsolute } = read(text);
    return [scheme, authority, path, isAbsolute];
  };

  test("origin", () => expect(parts(target("/a/b?c=d"))).toEqual(["http", "h", "/a/b?c=d", false]));
  test("absolute; its authority wins over Host", () =>
    expect(parts(target("http://a.b:81/c?d"))).toEqual(["http", "a.b:81", "/c?d", true]));
  test("absolute, scheme in another case", () =>
    expect(parts(target("HTTPS://A/c"))).toEqual(["https", "A", "/c", true]));
  test("absolute without a path", () => expect(parts(target("http://a"))).toEqual(["http", "a", "/", true]));
  test("absolute with a query and no path", () =>
    expect(parts(target("http://a?b/c"))).toEqual(["http", "a", "/?b/c", true]));
  test("OPTIONS in absolute form without a path", () =>
    expect(parts(target("http://a", "OPTIONS"))).toEqual(["http", "a", "/", true]));
  test("asterisk", () => expect(parts(target("*", "OPTIONS"))).toEqual(["http", "h", "*", false]));
  test("authority", () => expect(parts(target("a:80", "CONNECT"))).toEqual(["http", "a:80", "", false]));

  test("nothing of one request is left in the next", () => {
    const head = new RequestHead();
    const first = bytes("CONNECT a:80 HTTP/1.0\r\nHost: x\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\n\r\n");
    head.parse(first, 0, first.length);
    const second = bytes("GET /p HTTP/1.1\r\nHost: y\r\nX-A: 1\r\n\r\n");
    head.parse(second, 0, second.length);
    expect([head.method, head.path, head.authority, head.keepAlive]).toEqual(["GET", "/p", "y", true]);
    expect([head.isHopByHop(1), head.known(4)]).toEqual([false, undefined]);
  });

  test("a host that was good is not taken for one that is longer, shorter or in another case", () => {
    const head = new RequestHead();
    for (const name of ["abc", "abc", "abcd", "ab", "ABC", "a"]) {
      const message = bytes(host(name));
      expect(head.parse(message, 0, message.length)).toBe(message.length);
      expect(head.authority).toBe(name);
    }
    const bad = bytes(host("a c"));
    expect(head.parse(bad, 0, bad.length)).toBe(-1);
    expect(head.parse(bad, 0, bad.length)).toBe(-1);
  });
});

table("Host", [
  ["none", "GET / HTTP/1.1\r\n\r\n", "400 no Host header"],
  ["none, with an absolute target", "GET http://a/ HTTP/1.1\r\n\r\n", "400 no Host header"],
  ["none in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "ok"],
  ["empty", host(""), "400 an empty Host header"],
  ["empty, white space", host(" \t "), "400 an empty Host header"],
  ["empty in HTTP/1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", "ok"],
  ["empty, with a target that has no path", "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "ok"],
  ["empty, with an absolute target", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", "ok"],
  ["two", withLine("Host: h"), "400 host is repeated"],
  ["two in another case", withLine("hOSt: z"), "400 host is repeated"],
  ["a list", host("a, b"), BAD_HOST],
  ["a comma", host("a,b"), BAD_HOST],
  ["a userinfo", host("u@h"), BAD_HOST],
  ["a path", host("h/p"), BAD_HOST],
  ["space inside", host("a b"), BAD_HOST],
  ["bad, with an absolute target", "GET http://a/ HTTP/1.1\r\nHost: a@b\r\n\r\n", BAD_HOST],
  ["white space around it", "GET / HTTP/1.1\r\nHost: \t h \t\r\n\r\n", "ok"],
]);

describe("isHost", () => {
  const good = ["", "a", "A.b-c_d~e", "1.2.3.4", "h:80", "h:", "h:65535", "h:00080", "[::1]", "[::1]:80", "[::1]:"];
  for (const name of [...good, "%c3%a9.example", "a!$&'()*+;=b", "[::ffff:1.2.3.4]:1"])
    test(`good: ${name}`, () => expect(isHost(name)).toBe(true));
  const bad = [":80", "h:x", "h:8 0", "h:-1", "h:65536", "h:999999", "h:80:90", "::1", "a:b:c"];
  const brackets = ["]", "]:80", "[]", "[]:80", "[", "[::1", "::1]", "[[::1]", "[::1]]", "[::1]a", "[::1]80", "a[::1]"];
  const escapes = ["%", "%4", "%zz", "a%00b", "a%2fb", "a%61", "%7f", "a%2Eb", "[fe80::1%25eth0]"];
  const others = ["[zz]", "[v1.x]", "é@", "a\u0161", "\u0161", "a\\b", "a#b", "a?b", "a<b", 'a"b', "a|b", "a^b", "a`b"];
  for (const name of [...bad, ...brackets, ...escapes, ...others, "a{b", "\xe9", "a,b", "a\0"])
    test(`bad: ${JSON.stringify(name)}`, () => expect(isHost(name)).toBe(false));
});

table("header lines", [
  ["a name of every token character", withLine("!#$%&'*+-.^_`|~09azAZ: y"), "ok"],
  ["an empty value", withLine("x:"), "ok"],
  ["a value of white space", withLine("x: \t "), "ok"],
  ["bytes above ASCII in a value", withLine("x: \x80\xff"), "ok"],
  ["folded", withLine("x: y\r\n z"), "400 a folded header line"],
  ["folded with a tab", withLine("x: y\r\n\tz"), "400 a folded header line"],
  ["folded in the first place", "GET / HTTP/1.1\r\n x: y\r\nHost: h\r\n\r\n", "400 a folded header line"],
  ["a line of one space", withLine(" "), "400 a folded header line"],
  ["space before the colon", withLine("x : y"), "400 white space between a header's name and its colon"],
  ["a tab before the colon", withLine("x\t: y"), "400 white space between a header's name and its colon"],
  ["no colon", withLine("xy"), BAD_NAME],
  ["no name", withLine(": y"), "400 a header line without a name"],
  ["a bracket in the name", withLine("x[: y"), BAD_NAME],
  ["a byte above ASCII in the name", withLine("x\xe9: y"), BAD_NAME],
  ["NUL in the name", withLine("x\0: y"), BAD_NAME],
  ["NUL in the value", withLine("x: a\0b"), CONTROL],
  ["a control character in the value", withLine("x: a\x0bb"), CONTROL],
  ["DEL in the value", withLine("x: a\x7fb"), CONTROL],
  ["a bare LF behind a value", withLine("x: y\nz: w"), "400 a bare LF"],
  ["a bare CR inside a value", withLine("x: y\rz: w"), "400 a bare CR"],
  ["CR CR LF", withLine("x: y\r\r\nz: w"), "400 a bare CR"],
  ["a bare LF for an empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", "400 a bare LF"],
  ["a bare CR for an empty line", "GET / HTTP/1.1\r\nHost: h\r\n\rx", "400 a carriage return without a line feed"],
  ["only LF", "GET / HTTP/1.1\nHost: h\n\n", BAD_END],
]);

const post = (lines: string, minor = 1): string => `POST / HTTP/1.${minor}\r\nHost: h\r\n${lines}\r\n\r\n`;
const length = (value: string): string => post(`Content-Length: ${value}`);
const coding = (value: string): string => post(`Transfer-Encoding: ${value}`);
table("length and coding", [
  ...["+5", "-5", "5,5", "5 5", "0x5", "5a", '"5"', "", "1_0", "5.0", "05", "00", "9999999999999999"].map(
    (value) => [`length ${value}`, length(value), BAD_LENGTH] as const,
  ),
  ["length 0", length("0"), "ok"],
  ["white space around a length", length(" \t5 \t"), "ok"],
  ["two lengths", post("Content-Length: 5\r\nContent-Length: 6"), "400 content-length is repeated"],
  ["two equal lengths", post("Content-Length: 5\r\ncontent-length: 5"), "400 content-length is repeated"],
  ...["identity", "gzip, chunked", "gzip", "chunked,", ", chunked", "xchunked", "", "chunked;q=1", '"chunked"'].map(
    (value) => [`coding ${value}`, coding(value), BAD_CODING] as const,
  ),
  ["chunked and not last", coding("chunked, gzip"), "400 chunked is not the last coding"],
  ["chunked twice in a line", coding("chunked, chunked"), "400 chunked is not the last coding"],
  ["a no-break space", coding("\xa0chunked"), BAD_CODING],
  [
    "two codings",
    post("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked"),
    "400 transfer-encoding is repeated",
  ],
  [
    "length and coding",
    post("Content-Length: 5\r\nTransfer-Encoding: chunked"),
    "400 both Content-Length and Transfer-Encoding",
  ],
  [
    "coding and length",
    post("Transfer-Encoding: x\r\nContent-Length: 5"),
    "400 both Content-Length and Transfer-Encoding",
  ],
  ["coding in HTTP/1.0", post("Transfer-Encoding: chunked", 0), "400 Transfer-Encoding in HTTP/1.0"],
]);

describe("framing", () => {
  test("no body", () => {
    const head = read(target("/"));
    expect([head.framing, head.contentLength, head.hasBody]).toEqual([0, 0, false]);
  });
  test("by length", () => {
    const head = read(length("123456789012345"));
    expect([head.framing, head.contentLength, head.hasBody]).toEqual([1, 123_456_789_012_345, true]);
  });
  test("of length 0", () => expect([read(length("0")).framing, read(length("0")).hasBody]).toEqual([1, false]));
  test("chunked, in whatever case", () =>
    expect([read(coding("cHuNkEd\t")).framing, read(coding("chunked")).hasBody]).toEqual([2, true]));
});
