/**
 * Writes a request to an endpoint: the head that came in, edited, and what is there of the body, in one write.
 *
 * Added as Envoy does: `x-request-id` (made where there is none), `x-forwarded-proto` (where there is none), what an edge
 * says of its client, `via`, `x-envoy-original-path` and `-host` of what was rewritten, `x-envoy-expected-rq-timeout-ms`,
 * `x-envoy-attempt-count` (where the virtual host asks for it). The coding is spelled anew. Ours: a
 * `traceparent` where there is none that can be read, so that every request can be followed.
 *
 * @module
 */
import { CHUNKED } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import { joined, NO_REPLACEMENTS } from "../client-headers.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import { HeaderOverlay } from "../header-overlay.ts";
import type { RequestBuffer } from "../request-buffer.ts";
import type { ClientConnection } from "./client-connection.ts";

/** A body up to this joins its head in one write. */
const JOIN_BYTES = 16 * 1024;

const DROP_ALWAYS = new Uint8Array(64);
for (const name of ["host", "expect", "transfer-encoding", "x-envoy-expected-rq-timeout-ms", "x-tulle-peer"] as const)
  DROP_ALWAYS[ID[name]] = 1;

export class RequestWriter {
  readonly #writer = new MessageWriter();
  readonly #overlay = new HeaderOverlay();
  #exchange: ExchangeRecord | undefined;

  /** Sends head and kept body. False: the connection is full, the caller waits for `onUpstreamDrain`. */
  send(exchange: ExchangeRecord, connection: ClientConnection, body: RequestBuffer): boolean {
    const writer = this.#writer;
    writer.reset();
    this.#exchange = exchange;
    this.#writeHead(exchange, connection);
    this.#exchange = undefined;
    if (body.bytes > 0 && body.bytes <= JOIN_BYTES) {
      for (const chunk of body.chunks) writer.bytes(chunk, 0, chunk.length);
      return connection.write(writer.buf, 0, writer.length, false);
    }
    let taken = connection.write(writer.buf, 0, writer.length, false);
    for (const chunk of body.chunks) taken = connection.write(chunk, 0, chunk.length, true);
    return taken;
  }

  #writeHead(exchange: ExchangeRecord, connection: ClientConnection): void {
    const writer = this.#writer;
    const { head, forward } = exchange;
    if (forward === undefined) throw new Error("a request is written before it was decided");
    this.#overlay.apply(forward.requestHeaders, head, exchange);
    writer.text(exchange.method);
    writer.text(" ");
    writer.text(exchange.path);
    writer.text(" HTTP/1.1\r\n");
    writer.header("host", exchange.authority);
    writer.lines(head, this.#drops);
    this.#writeAdded(exchange, connection);
    this.#overlay.write(writer);
    writer.text("\r\n");
  }

  readonly #drops = (line: number): boolean => {
    const exchange = this.#exchange as ExchangeRecord;
    const { context, head, forwardedClientCert, replacements, traceparent } = exchange;
    const id = head.ids[line] as number;
    if (DROP_ALWAYS[id] === 1 || head.isHopByHop(line)) return true;
    if (replacements !== NO_REPLACEMENTS && replacements.some((it) => it.id === id)) return true;
    if (id === ID["x-envoy-attempt-count"] && exchange.forward?.route.includeAttemptCount.request) return true;
    if (id === ID["x-envoy-original-path"] && exchange.path !== exchange.receivedPath) return true;
    if (id === ID["x-envoy-original-host"] && exchange.authority !== head.authority) return true;
    if (id === ID.via && context.http.settings.via !== "") return true;
    if (id === ID["x-forwarded-client-cert"] && forwardedClientCert !== undefined) return true;
    // A trace that could not be read is begun anew, and what vendors said of the old one does not hold for it.
    if ((id === ID.traceparent || id === ID.tracestate) && traceparent !== "") return true;
    return this.#overlay.drops(head, line);
  };

  #writeAdded(exchange: ExchangeRecord, connection: ClientConnection): void {
    const writer = this.#writer;
    const { head, forward } = exchange;
    const { first } = head;
    if (first[ID["x-request-id"]] === 0 && exchange.requestId !== "") this.#add("x-request-id", exchange.requestId);
    for (const { name, value } of exchange.replacements) this.#add(name, value);
    const saysProto = first[ID["x-forwarded-proto"]] !== 0 || exchange.context.http.settings.useRemoteAddress;
    if (!saysProto) this.#add("x-forwarded-proto", exchange.peer.tls ? "https" : "http");
    if (exchange.traceparent !== "") this.#add("traceparent", exchange.traceparent);
    if (exchange.path !== exchange.receivedPath) this.#add("x-envoy-original-path", exchange.receivedPath);
    const { expectedMs } = exchange;
    if (expectedMs > 0) writer.header("x-envoy-expected-rq-timeout-ms", String(expectedMs));
    if (exchange.authority !== head.authority) {
      this.#add("x-envoy-original-host", head.authority);
      if (forward?.route.appendXForwardedHost) this.#add("x-forwarded-host", head.authority);
    }
    const { via } = exchange.context.http.settings;
    if (via !== "") this.#add("via", joined(head.header("via"), via, ", "));
    if (head.framing === CHUNKED) writer.text("transfer-encoding: chunked\r\n");
    if (first[ID.te] !== 0 && /(^|,)\s*trailers\s*(,|$)/i.test(head.header("te") ?? ""))
      writer.text("te: trailers\r\n");
    if (forward?.route.includeAttemptCount.request) writer.header("x-envoy-attempt-count", String(exchange.attempts));
    const { forwardedClientCert } = exchange;
    if (forwardedClientCert) this.#add("x-forwarded-client-cert", forwardedClientCert);
    const { peerHeader } = exchange.context;
    // For peers of the mesh alone: those that have shown an identity.
    if (peerHeader !== undefined && connection.requests === 1 && connection.socket.peer?.spiffeId !== undefined)
      writer.header("x-tulle-peer", peerHeader);
  }

  /** A route's own operation on the header wins over ours. */
  #add(name: string, value: string): void {
    if (!this.#overlay.touches(name)) this.#writer.header(name, value);
  }
}
