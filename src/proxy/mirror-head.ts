/**
 * The head of a mirrored request: the one that goes to the endpoint, edited by its route, in bytes of its own. The copy may
 * leave when the request has long been answered and its connection reads another.
 *
 * Source: Envoy 1.40's shadow requests, tried on a real one. They get what the endpoint gets, and in addition
 * `x-envoy-internal: true` and the proxy's own address in `x-forwarded-for`; the time that they are told is that of the whole
 * request; `-shadow` is put behind the host, before a port.
 *
 * @module
 */
import { portStart } from "../engine/http/authority.ts";
import { UNTIL_CLOSE } from "../wire/http1/head.ts";
import { ID } from "../wire/http1/known.ts";
import { RequestHead } from "../wire/http1/request-head.ts";
import { joined } from "./client-headers.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import type { HeaderSink } from "./header-sink.ts";
import type { UpstreamRequest } from "./upstream.ts";

const SUFFIX = "-shadow";
/** What each copy says for itself. */
const OF_THE_COPY = new Uint8Array(64);
for (const name of [
  "host",
  "transfer-encoding",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-internal",
  "x-forwarded-for",
  "x-tulle-peer",
] as const)
  OF_THE_COPY[ID[name]] = 1;

/** `app:8080` as `app-shadow:8080`. */
export function shadowAuthority(authority: string): string {
  const colon = portStart(authority);
  return colon < 0 ? authority + SUFFIX : authority.slice(0, colon) + SUFFIX + authority.slice(colon);
}

/**
 * What goes to the endpoint of a request that has its route and no attempt yet. Undefined where that cannot be read back:
 * a request of HTTP/1.0 without a host.
 */
export function mirrorHead(exchange: ExchangeRecord): RequestHead | undefined {
  const { requestWriter } = exchange.context;
  exchange.attempts = 1;
  requestWriter.head(exchange, { isReused: true, socket: exchange.connection.socket });
  exchange.attempts = 0;
  const { writer } = requestWriter;
  const bytes = Buffer.from(writer.buf.subarray(0, writer.length));
  const head = new RequestHead(Number.MAX_SAFE_INTEGER);
  if (head.parse(bytes, 0, bytes.length) <= 0) return undefined;
  head.scheme = exchange.scheme;
  head.isHttp2 = exchange.head.isHttp2;
  // Without a length over HTTP/2: its bytes have no framing of chunks.
  if (exchange.head.framing === UNTIL_CLOSE) head.framing = UNTIL_CLOSE;
  return head;
}

/** The lines of a copy, whose record has the head that {@link mirrorHead} made and no route. */
export function writeMirrorLines(
  sink: HeaderSink,
  exchange: ExchangeRecord,
  upstream: Pick<UpstreamRequest, "isReused" | "socket">,
): void {
  const { context, expectedMs, head } = exchange;
  sink.lines(head, (line) => OF_THE_COPY[head.ids[line] as number] === 1 || head.isHopByHop(line));
  if (expectedMs > 0) sink.header("x-envoy-expected-rq-timeout-ms", String(expectedMs));
  sink.header("x-envoy-internal", "true");
  sink.header("x-forwarded-for", joined(head.header("x-forwarded-for"), context.localAddress, ","));
  if (head.first[ID.te] !== 0) sink.header("te", "trailers");
  if (context.peerHeader !== undefined && !upstream.isReused && upstream.socket.peer?.spiffeId !== undefined)
    sink.header("x-tulle-peer", context.peerHeader);
}
