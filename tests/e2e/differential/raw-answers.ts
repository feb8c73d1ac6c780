/**
 * Answers of an endpoint that are odd, or wrong, byte for byte.
 *
 * @module
 */

interface RawAnswer {
  readonly text: string;
  /** The endpoint closes behind it. */
  readonly closes: boolean;
}

const kept = (text: string): RawAnswer => ({ text, closes: false });
const closed = (text: string): RawAnswer => ({ text, closes: true });
const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

export const RAW_ANSWERS: Readonly<Record<string, RawAnswer>> = {
  "no-reason": kept("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"),
  "no-reason-no-space": kept("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
  "odd-reason": kept('HTTP/1.1 200 \xe9t\xe9 ("fine")\r\nContent-Length: 2\r\n\r\nok'),
  "http10-close": closed("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
  "http10-length": closed("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  "http10-kept": kept("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
  "http10-chunked": closed("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
  http12: closed("HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  http2: closed("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  "no-version": closed("200 OK\r\nContent-Length: 2\r\n\r\nok"),
  "status-99": closed("HTTP/1.1 099 No\r\nContent-Length: 2\r\n\r\nok"),
  "status-two-digits": closed("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
  "status-word": closed("HTTP/1.1 two OK\r\nContent-Length: 2\r\n\r\nok"),
  "status-999": kept("HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok"),
  "bare-lf": closed("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
  "bare-lf-line": closed(`${OK}X-A: b\nContent-Length: 2\r\n\r\nok`),
  folded: closed(`${OK}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok`),
  "space-colon": closed(`${OK}X-A : b\r\nContent-Length: 2\r\n\r\nok`),
  "no-colon": closed(`${OK}X-A\r\nContent-Length: 2\r\n\r\nok`),
  "nul-in-value": closed(`${OK}X-A: b\0c\r\nContent-Length: 2\r\n\r\nok`),
  "control-in-value": closed(`${OK}X-A: b\x01c\r\nContent-Length: 2\r\n\r\nok`),
  "high-bytes": kept(`${OK}X-A: \xe9\xff\r\nContent-Length: 2\r\n\r\nok`),
  "odd-name": kept(`${OK}!#$%&'*+-.^_\`|~9: b\r\nContent-Length: 2\r\n\r\nok`),
  underscore: kept(`${OK}x_a: b\r\nContent-Length: 2\r\n\r\nok`),
  "empty-value": kept(`${OK}X-A:\r\nContent-Length: 2\r\n\r\nok`),
  "equal-lengths": closed(`${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`),
  "lengths-differ": closed(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`),
  "length-list": closed(`${OK}Content-Length: 2, 2\r\n\r\nok`),
  "length-plus": closed(`${OK}Content-Length: +2\r\n\r\nok`),
  "length-negative": closed(`${OK}Content-Length: -2\r\n\r\nok`),
  "length-empty": closed(`${OK}Content-Length:\r\n\r\nok`),
  "length-huge": closed(`${OK}Content-Length: 99999999999999999999\r\n\r\nok`),
  "length-zeros": closed(`${OK}Content-Length: 002\r\n\r\nok`),
  "length-and-chunks": closed(`${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  "gzip-chunked": closed(`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  identity: closed(`${OK}Transfer-Encoding: identity\r\n\r\nok`),
  "chunked-upper": kept(`${OK}Transfer-Encoding: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  "chunk-extension": kept(`${CHUNKED}2;a=b\r\nok\r\n0;c\r\n\r\n`),
  "chunk-upper": kept(`${CHUNKED}0A\r\n0123456789\r\n0\r\n\r\n`),
  "chunk-bad-size": closed(`${CHUNKED}2\r\nok\r\nxyz\r\n\r\n`),
  "chunk-too-long": closed(`${CHUNKED}2\r\nokay\r\n0\r\n\r\n`),
  "chunk-cut": closed(`${CHUNKED}5\r\nok`),
  "chunk-no-end": closed(`${CHUNKED}2\r\nok\r\n`),
  trailers: kept(`${CHUNKED}2\r\nok\r\n0\r\nX-T: v\r\n\r\n`),
  "more-behind": closed(`${OK}Content-Length: 2\r\n\r\nok and more that nobody asked for`),
  "second-answer": closed(`${OK}Content-Length: 2\r\n\r\nok${OK}Content-Length: 2\r\n\r\nno`),
  rubbish: closed("rubbish\r\n\r\n"),
  nothing: closed(""),
  "half-a-head": closed("HTTP/1.1 200 OK\r\nContent-Le"),
  "long-header": kept(`${OK}X-A: ${"a".repeat(8000)}\r\nContent-Length: 2\r\n\r\nok`),
  "too-long-header": closed(`${OK}X-A: ${"a".repeat(70_000)}\r\nContent-Length: 2\r\n\r\nok`),
  large: kept(`${OK}Content-Length: 150000\r\n\r\n${"z".repeat(150_000)}`),
  "204-with-length": kept("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
  "204-with-body": closed("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
  "304-with-length": kept('HTTP/1.1 304 Not Modified\r\nContent-Length: 22\r\nETag: "x"\r\n\r\n'),
  "100-then-200": kept(`HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`),
  "101-unasked": closed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nraw"),
  "103-with-length": closed(`HTTP/1.1 103 Early\r\nContent-Length: 2\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`),
};
