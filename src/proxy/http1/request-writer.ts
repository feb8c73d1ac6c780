/**
 * Writes a request to an endpoint: the head that came in, edited, and what is there of the body, in one write.
 *
 * Added as Envoy does: `x-request-id` (made where there is none), `x-forwarded-proto` (where there is none),
 * `x-envoy-expected-rq-timeout-ms`, `x-envoy-attempt-count` (where the virtual host asks for it). Ours: a
 * `traceparent` where there is none, so that every request can be followed.
 *
 * @module
 */
import { ID } from "../../wire/http1/known.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import type { Exchange } from "../exchange.ts";
import { HeaderOverlay } from "../header-overlay.ts";
import type { RequestBuffer } from "../request-buffer.ts";
import type { ClientConnection } from "./client-connection.ts";

/** A body up to this joins its head in one write. */
const JOIN_BYTES = 16 * 1024;

const DROP_ALWAYS = new Uint8Array(64);
for (const name of [
  "host",
  "expect",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-attempt-count",
  "x-tulle-peer",
] as const)
  DROP_ALWAYS[ID[name]] = 1;

export class RequestWriter {
  readonly #writer = new MessageWriter();
  readonly #overlay = new HeaderOverlay();
  #exchange: Exchange | undefined;

  /** Sends head and kept body. False: the connection is full, the caller waits for `onUpstreamDrain`. */
  send(exchange: Exchange, connection: ClientConnection, body: RequestBuffer): boolean {
    const writer = this.#writer;
    writer.reset();
    this.#exchange = exchange;
    this.#writeHead(exchange, connection.requests === 1);
    this.#exchange = undefined;
    if (body.bytes > 0 && body.bytes <= JOIN_BYTES) {
      for (const chunk of body.chunks) writer.bytes(chunk, 0, chunk.length);
      return connection.write(writer.buf, 0, writer.length, false);
    }
    let taken = connection.write(writer.buf, 0, writer.length, false);
    for (const chunk of body.chunks) taken = connection.write(chunk, 0, chunk.length, true);
    return taken;
  }

  #writeHead(exchange: Exchange, isFirstOnConnection: boolean): void {
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
    this.#writeAdded(exchange, isFirstOnConnection);
    this.#overlay.write(writer);
    writer.text("\r\n");
  }

  readonly #drops = (line: number): boolean => {
    const { head, forwardedClientCert } = this.#exchange as Exchange;
    const id = head.ids[line] as number;
    if (DROP_ALWAYS[id] === 1 || head.isHopByHop(line)) return true;
    if (id === ID["x-forwarded-client-cert"] && forwardedClientCert !== undefined) return true;
    return this.#overlay.drops(head, line);
  };

  #writeAdded(exchange: Exchange, isFirstOnConnection: boolean): void {
    const writer = this.#writer;
    const { head, forward } = exchange;
    const { first } = head;
    if (first[ID["x-request-id"]] === 0 && exchange.requestId !== "") this.#add("x-request-id", exchange.requestId);
    if (first[ID["x-forwarded-proto"]] === 0) this.#add("x-forwarded-proto", exchange.peer.tls ? "https" : "http");
    if (first[ID.traceparent] === 0 && exchange.traceparent !== "") this.#add("traceparent", exchange.traceparent);
    if (exchange.path !== exchange.receivedPath && first[ID["x-envoy-original-path"]] === 0)
      this.#add("x-envoy-original-path", exchange.receivedPath);
    if (exchange.timeoutMs > 0) writer.header("x-envoy-expected-rq-timeout-ms", String(exchange.timeoutMs));
    if (forward?.route.includeAttemptCount.request) writer.header("x-envoy-attempt-count", String(exchange.attempts));
    const { forwardedClientCert } = exchange;
    if (forwardedClientCert) this.#add("x-forwarded-client-cert", forwardedClientCert);
    const { peerHeader } = exchange.context;
    if (peerHeader !== undefined && isFirstOnConnection && exchange.cluster?.compiled.usesTls)
      writer.header("x-tulle-peer", peerHeader);
  }

  /** A route's own operation on the header wins over ours. */
  #add(name: string, value: string): void {
    if (!this.#overlay.touches(name)) this.#writer.header(name, value);
  }
}
