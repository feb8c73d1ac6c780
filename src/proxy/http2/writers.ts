/**
 * Writes heads of HTTP/2 messages: those that came, edited, or those of replies of our own.
 *
 * @module
 */
import type { Reply } from "../../engine/http.ts";
import { CONNECT } from "../../engine/http/upgrades.ts";
import type { Head } from "../../wire/http1/head.ts";
import type { ResponseHead } from "../../wire/http1/response-head.ts";
import type { FieldWriter } from "../../wire/http2/field-writer.ts";
import type { Stream } from "../../wire/http2/stream.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import type { HeaderSink } from "../header-sink.ts";
import { RequestHeaders } from "../request-headers.ts";
import { mayHaveBody, ResponseHeaders } from "../response-headers.ts";
import type { UpstreamRequest } from "../upstream.ts";

/** Each connection has a writer of its own, since it knows what the peer's table holds. */
class FieldSink implements HeaderSink {
  fields: FieldWriter | undefined;

  header(name: string, value: string): void {
    (this.fields as FieldWriter).header(name, value);
  }

  lines(head: Head, drop: (line: number) => boolean): void {
    (this.fields as FieldWriter).lines(head, drop);
  }
}

export class Http2Writers {
  readonly #sink = new FieldSink();
  readonly #request = new RequestHeaders(this.#sink);
  readonly #response: ResponseHeaders;

  constructor(wallMs: () => number) {
    this.#response = new ResponseHeaders(this.#sink, wallMs);
  }

  /** False: the head is larger than the peer takes, and nothing was sent; so below. */
  request(stream: Stream, exchange: ExchangeRecord, upstream: UpstreamRequest, endStream: boolean): boolean {
    const { authority, head, method, path, scheme } = exchange;
    const fields = this.#begin(stream);
    if (head.upgrade === "") fields.request(method, scheme, authority, path);
    else if (head.upgrade === CONNECT) fields.request("CONNECT", "", authority, "");
    else fields.request("CONNECT", scheme, authority, path, head.upgrade);
    this.#request.write(exchange, upstream);
    return stream.endHead(endStream);
  }

  response(stream: Stream, exchange: ExchangeRecord, head: ResponseHead, endStream: boolean): boolean {
    // What HTTP/1.1 calls switching protocols is success here (RFC 8441 §5.1).
    this.#begin(stream).status(exchange.isSwitched ? 200 : head.status);
    this.#response.write(exchange, head, true);
    return stream.endHead(endStream);
  }

  interim(stream: Stream, head: ResponseHead): boolean {
    const fields = this.#begin(stream);
    fields.status(head.status);
    fields.lines(head, (line) => head.isHopByHop(line));
    return stream.endHead(false);
  }

  /** `100 Continue`. */
  goOn(stream: Stream): void {
    this.#begin(stream).status(100);
    stream.endHead(false);
  }

  /** With its body. */
  reply(stream: Stream, exchange: ExchangeRecord, reply: Reply): boolean {
    const hasBody = mayHaveBody(reply.status);
    const body = Buffer.from(reply.body);
    const sendsBody = hasBody && body.length > 0 && exchange.method !== "HEAD";
    this.#begin(stream).status(reply.status);
    this.#response.writeReply(exchange, reply, hasBody ? body.length : undefined);
    if (!stream.endHead(!sendsBody)) return false;
    if (sendsBody) stream.write(body, 0, body.length, true);
    return true;
  }

  #begin(stream: Stream): FieldWriter {
    return (this.#sink.fields = stream.beginHead());
  }
}
