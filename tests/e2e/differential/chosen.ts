/**
 * Requests that a person thought of: what can be read in two ways, what is refused, what takes its time.
 *
 * @module
 */
import type { WireCase } from "./wire-client.ts";

type Raw = readonly [what: string, ...parts: string[]];

/** `@` stands for the headers that every request has. */
const AT = /@/g;

const RAW: readonly Raw[] = [
  ["plain", "GET / HTTP/1.1\r\n@\r\n"],
  ["leading empty line", "\r\nGET / HTTP/1.1\r\n@\r\n"],
  ["bare line feeds", "GET / HTTP/1.1\nHost: main.example\nX-Case: #\n\n"],
  ["no host", "GET / HTTP/1.1\r\nX-Case: #\r\n\r\n"],
  ["empty host", "GET / HTTP/1.1\r\nHost:\r\nX-Case: #\r\n\r\n"],
  ["two hosts", "GET / HTTP/1.1\r\nHost: main.example\r\nHost: exact.example\r\nX-Case: #\r\n\r\n"],
  ["two equal hosts", "GET / HTTP/1.1\r\nHost: main.example\r\nHost: main.example\r\nX-Case: #\r\n\r\n"],
  ["host with user", "GET / HTTP/1.1\r\nHost: a@main.example\r\nX-Case: #\r\n\r\n"],
  ["host with path", "GET / HTTP/1.1\r\nHost: main.example/x\r\nX-Case: #\r\n\r\n"],
  ["absolute form", "GET http://exact.example/x?y HTTP/1.1\r\n@\r\n"],
  ["absolute form without path", "GET http://exact.example HTTP/1.1\r\n@\r\n"],
  ["absolute form with query alone", "GET http://exact.example?x HTTP/1.1\r\n@\r\n"],
  ["absolute form, https", "GET https://exact.example/x HTTP/1.1\r\n@\r\n"],
  ["absolute form, other scheme", "GET ftp://exact.example/x HTTP/1.1\r\n@\r\n"],
  ["absolute form, upper case", "GET HTTP://EXACT.example/x HTTP/1.1\r\n@\r\n"],
  ["absolute form, with user", "GET http://u:p@exact.example/x HTTP/1.1\r\nHost: main.example\r\nX-Case: #\r\n\r\n"],
  ["absolute form, empty host", "GET http:///x HTTP/1.1\r\n@\r\n"],
  ["relative target", "GET x HTTP/1.1\r\n@\r\n"],
  ["asterisk", "OPTIONS * HTTP/1.1\r\n@\r\n"],
  ["asterisk for GET", "GET * HTTP/1.1\r\n@\r\n"],
  ["connect", "CONNECT main.example:443 HTTP/1.1\r\n@\r\n"],
  ["connect with path", "CONNECT /x HTTP/1.1\r\n@\r\n"],
  ["odd method", "FOO / HTTP/1.1\r\n@\r\n"],
  ["method of tokens", "M-SEARCH / HTTP/1.1\r\n@\r\n"],
  ["lower case method", "get / HTTP/1.1\r\n@\r\n"],
  ["method with a colon", "GE:T / HTTP/1.1\r\n@\r\n"],
  ["fragment", "GET /x#frag HTTP/1.1\r\n@\r\n"],
  ["fragment and query", "GET /match/some?a=1#?b HTTP/1.1\r\n@\r\n"],
  ["two spaces", "GET  / HTTP/1.1\r\n@\r\n"],
  ["space in the target", "GET /a b HTTP/1.1\r\n@\r\n"],
  ["trailing space", "GET / HTTP/1.1 \r\n@\r\n"],
  ["tab in the request line", "GET\t/ HTTP/1.1\r\n@\r\n"],
  ["HTTP/1.2", "GET / HTTP/1.2\r\n@\r\n"],
  ["HTTP/2.0", "GET / HTTP/2.0\r\n@\r\n"],
  ["HTTP/0.9", "GET /\r\n\r\n"],
  ["lower case version", "GET / http/1.1\r\n@\r\n"],
  ["HTTP/1.0", "GET / HTTP/1.0\r\n@\r\n"],
  ["HTTP/1.0 without host", "GET / HTTP/1.0\r\nX-Case: #\r\n\r\n"],
  ["HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n@\r\n"],
  ["HTTP/1.0 chunked", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n@\r\n1\r\na\r\n0\r\n\r\n"],
  ["HTTP/1.0, chunked answer", "GET / HTTP/1.0\r\nx-do: as=chunked\r\n@\r\n"],
  ["HTTP/1.0 kept alive, chunked answer", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nx-do: as=chunked\r\n@\r\n"],
  ["space before the colon", "GET / HTTP/1.1\r\n@X-A : b\r\n\r\n"],
  ["folded header", "GET / HTTP/1.1\r\n@X-A: b\r\n c\r\n\r\n"],
  ["folded first header", "GET / HTTP/1.1\r\n X-A: b\r\n@\r\n"],
  ["empty header name", "GET / HTTP/1.1\r\n@: b\r\n\r\n"],
  ["header without colon", "GET / HTTP/1.1\r\n@X-A\r\n\r\n"],
  ["zero byte in a value", "GET / HTTP/1.1\r\n@X-A: b\0c\r\n\r\n"],
  ["control in a value", "GET / HTTP/1.1\r\n@X-A: b\x01c\r\n\r\n"],
  ["lone CR in a value", "GET / HTTP/1.1\r\n@X-A: b\rc\r\n\r\n"],
  ["bad byte in a name", "GET / HTTP/1.1\r\n@X(A): b\r\n\r\n"],
  ["bytes above ASCII in a name", "GET / HTTP/1.1\r\n@X-\xe9: b\r\n\r\n"],
  ["control in the target", "GET /a\x01b HTTP/1.1\r\n@\r\n"],
  ["delete in the target", "GET /a\x7fb HTTP/1.1\r\n@\r\n"],
  ["quote in the target", 'GET /a"b<c> HTTP/1.1\r\n@\r\n'],
  ["underscore", "GET / HTTP/1.1\r\n@x_a: b\r\n\r\n"],
  ["underscore twin", "GET /edits HTTP/1.1\r\n@x_kind: one\r\nx-kind: two\r\n\r\n"],
  ["equal lengths twice", "POST / HTTP/1.1\r\n@Content-Length: 1\r\nContent-Length: 1\r\n\r\na"],
  ["equal lengths in a list", "POST / HTTP/1.1\r\n@Content-Length: 1, 1\r\n\r\na"],
  ["lengths that differ", "POST / HTTP/1.1\r\n@Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
  ["length with a plus", "POST / HTTP/1.1\r\n@Content-Length: +1\r\n\r\na"],
  ["negative length", "POST / HTTP/1.1\r\n@Content-Length: -1\r\n\r\n"],
  ["length in hex", "POST / HTTP/1.1\r\n@Content-Length: 0x1\r\n\r\na"],
  ["empty length", "POST / HTTP/1.1\r\n@Content-Length:\r\n\r\n"],
  ["huge length", "POST / HTTP/1.1\r\n@Content-Length: 99999999999999999999\r\n\r\n"],
  [
    "length and chunks",
    "POST / HTTP/1.1\r\n@Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
  ],
  ["identity", "POST / HTTP/1.1\r\n@Transfer-Encoding: identity\r\n\r\n"],
  ["gzip, chunked", "POST / HTTP/1.1\r\n@Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"],
  ["chunked twice", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["chunked, upper case", "POST / HTTP/1.1\r\n@Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n"],
  ["chunked, with a tab", "POST / HTTP/1.1\r\n@Transfer-Encoding:\tchunked\r\n\r\n1\r\na\r\n0\r\n\r\n"],
  ["chunked for GET", "GET / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"],
  ["empty chunked body", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["trailers", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: v\r\n\r\n"],
  ["chunk size in the wrong digits", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\ng\r\na\r\n0\r\n\r\n"],
  ["chunk longer than its size", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"],
  ["huge chunk size", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n"],
  ["line feeds in chunks", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n"],
  ["chunk extension", "POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0;c\r\n\r\n"],
  ["body for HEAD", "HEAD / HTTP/1.1\r\n@Content-Length: 3\r\n\r\nabc"],
  ["HEAD with answer in chunks", "HEAD / HTTP/1.1\r\n@x-do: as=chunked\r\n\r\n"],
  ["body in two parts", "POST / HTTP/1.1\r\n@Content-Length: 6\r\n\r\nabc", "def"],
  ["head in two parts", "POST / HTTP/1.1\r\n@Content-", "Length: 6\r\n\r\nabcdef"],
  ["expect, body later", "POST / HTTP/1.1\r\n@Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", "abc"],
  ["expect, body at once", "POST / HTTP/1.1\r\n@Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"],
  ["expect in upper case", "POST / HTTP/1.1\r\n@Content-Length: 3\r\nExpect: 100-CONTINUE\r\n\r\n", "abc"],
  ["expect without body", "GET / HTTP/1.1\r\n@Expect: 100-continue\r\n\r\n"],
  ["expect of a refused request", "POST /denied HTTP/1.1\r\n@Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", "abc"],
  ["refused with body", "POST /denied HTTP/1.1\r\n@Content-Length: 3\r\n\r\nabc"],
  ["refused with body to come", "POST /denied HTTP/1.1\r\n@Content-Length: 6\r\n\r\nabc", "def"],
  [
    "refused with chunks to come",
    "POST /denied HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    "0\r\n\r\n",
  ],
  ["direct answer to a body", "POST /direct/body HTTP/1.1\r\n@Content-Length: 3\r\n\r\nabc"],
  ["redirect of a body", "POST /redirect/host HTTP/1.1\r\n@Content-Length: 3\r\n\r\nabc"],
  ["websocket", "GET / HTTP/1.1\r\n@Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"],
  [
    "websocket that is taken",
    "GET / HTTP/1.1\r\n@x-do: raw=101-unasked\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    "bytes of no protocol",
  ],
  [
    "websocket that is not taken",
    "GET / HTTP/1.1\r\n@x-do: status=404\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
  ],
  ["another upgrade", "GET / HTTP/1.1\r\n@Connection: Upgrade\r\nUpgrade: other\r\n\r\n"],
  [
    "upgrade to h2c",
    "GET / HTTP/1.1\r\n@Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
  ],
  ["upgrade without connection", "GET / HTTP/1.1\r\n@Upgrade: websocket\r\n\r\n"],
  ["connection names a header", "GET / HTTP/1.1\r\n@Connection: x-a, close\r\nX-A: b\r\n\r\n"],
  ["connection names host", "GET / HTTP/1.1\r\n@Connection: host\r\n\r\n"],
  ["many headers", `GET / HTTP/1.1\r\n@${Array.from({ length: 60 }, (_, i) => `X-${i}: v\r\n`).join("")}\r\n`],
  [
    "more headers than are taken",
    `GET / HTTP/1.1\r\n@${Array.from({ length: 130 }, (_, i) => `X-${i}: v\r\n`).join("")}\r\n`,
  ],
  ["a long header", `GET / HTTP/1.1\r\n@X-A: ${"a".repeat(9000)}\r\n\r\n`],
  ["a header that is too long", `GET / HTTP/1.1\r\n@X-A: ${"a".repeat(70_000)}\r\n\r\n`],
  ["a long path", `GET /${"a".repeat(5000)} HTTP/1.1\r\n@\r\n`],
  ["a large body", `POST / HTTP/1.1\r\n@Content-Length: 200000\r\n\r\n${"b".repeat(200_000)}`],
  ["a timeout", "GET /slow HTTP/1.1\r\n@x-do: delay=600\r\n\r\n"],
  [
    "a timeout that a header shortens",
    "GET /slow/endless HTTP/1.1\r\n@x-do: delay=600\r\nx-envoy-upstream-rq-timeout-ms: 120\r\n\r\n",
  ],
  ["slow, without timeout", "GET /slow/endless HTTP/1.1\r\n@x-do: delay=400\r\n\r\n"],
  ["retries after timeouts", "GET /retry/slow HTTP/1.1\r\n@x-do: delay=500;fail=1\r\n\r\n"],
  ["retries of timeouts run out", "GET /retry/slow HTTP/1.1\r\n@x-do: delay=500\r\n\r\n"],
  ["retry with a body", "POST /retry/5xx HTTP/1.1\r\n@x-do: status=503;fail=2\r\nContent-Length: 3\r\n\r\nabc"],
  ["retries run out", "POST /retry/5xx HTTP/1.1\r\n@x-do: status=503\r\nContent-Length: 3\r\n\r\nabc"],
  ["retry after a reset", "GET /retry/5xx HTTP/1.1\r\n@x-do: reset;fail=2\r\n\r\n"],
  ["retries of resets run out", "GET /retry/5xx HTTP/1.1\r\n@x-do: reset\r\n\r\n"],
  ["retry of a broken answer", "GET /retry/5xx HTTP/1.1\r\n@x-do: as=broken\r\n\r\n"],
  ["early hints", "GET / HTTP/1.1\r\n@x-do: status=103\r\n\r\n"],
  ["answer is cut", "GET / HTTP/1.1\r\n@x-do: as=partial\r\n\r\n"],
  ["answer until close", "GET / HTTP/1.1\r\n@x-do: as=close\r\n\r\n"],
  ["pipeline of three", "GET /a HTTP/1.1\r\n@\r\nHEAD /b HTTP/1.1\r\n@\r\nGET /denied HTTP/1.1\r\n@\r\n"],
  ["pipeline that closes in the middle", "GET /a HTTP/1.1\r\n@Connection: close\r\n\r\nGET /b HTTP/1.1\r\n@\r\n"],
  ["pipeline with rubbish behind", "GET /a HTTP/1.1\r\n@\r\nrubbish\r\n\r\n"],
  ["rubbish", "rubbish\r\n\r\n"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["response as request", "HTTP/1.1 200 OK\r\n@\r\n"],
];

/** Each on the listener. */
export function chosenCases(listener: string): WireCase[] {
  return RAW.map(([what, ...parts], i) => {
    const id = `${listener}-${i}`;
    const head = `Host: main.example\r\nX-Case: ${id}\r\n`;
    const filled = parts.map((part) => fill(part, head, id));
    return { id, what: `${what} (${listener})`, listener, parts: filled, methods: methodsOf(filled.join("")) };
  });
}

/** An `@` within a line, as in a host with a user, is one. */
const fill = (part: string, head: string, id: string): string =>
  part.replace(AT, (at, index: number) => (part[index - 1] === "\n" ? head : at)).replace("X-Case: #", `X-Case: ${id}`);

/** One for each request line; at least one. */
function methodsOf(text: string): string[] {
  const found = [...text.matchAll(/(?:^|\r\n\r\n)([A-Z]+) \S+ HTTP\/1\.[01]\r\n/g)].map(([, method = ""]) => method);
  return found.length === 0 ? ["GET"] : found;
}
