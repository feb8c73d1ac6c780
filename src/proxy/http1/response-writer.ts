/**
 * Writes an answer to an HTTP/1.1 client: the head that came from the endpoint, edited; or a reply of our own.
 *
 * @module
 */
import type { Reply } from "../../engine/http.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import type { ResponseHead } from "../../wire/http1/response-head.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import { mayHaveBody, ResponseHeaders } from "../response-headers.ts";
import { reasonPhrase } from "../../wire/http1/reason-phrases.ts";

/** How the body leaves: as it came, with chunk framing put on, or with it taken off. */
export type BodyForm = "asIs" | "addChunks" | "removeChunks";

/** An endpoint's body without a length is chunked for a client that can read it, and the reverse for one that cannot. */
export function bodyForm(head: ResponseHead, toVersion11: boolean): BodyForm {
  if (toVersion11) return head.framing === UNTIL_CLOSE ? "addChunks" : "asIs";
  return head.framing === CHUNKED ? "removeChunks" : "asIs";
}

export class ResponseWriter {
  readonly writer = new MessageWriter();
  readonly #headers: ResponseHeaders;

  constructor(wallMs: () => number) {
    this.#headers = new ResponseHeaders(this.writer, wallMs);
  }

  /** Puts the head into {@link writer}. */
  head(exchange: ExchangeRecord, head: ResponseHead, form: BodyForm, close: boolean): void {
    const { writer } = this;
    writer.reset();
    writer.text("HTTP/1.1 ");
    // One that came over HTTP/2 spells another status.
    if (head.status === 101) writer.text("101 Switching Protocols\r\n");
    else writer.bytes(head.buf, head.start + 9, head.linesStart);
    this.#headers.write(exchange, head, !exchange.head.isVersion11);
    if (form === "addChunks") writer.text("transfer-encoding: chunked\r\n");
    if (head.status === 101) {
      writer.text("connection: Upgrade\r\n");
      writer.header("upgrade", head.known(ID.upgrade) ?? exchange.head.upgrade);
    }
    this.#finish(close, exchange);
  }

  /** Puts a whole reply of our own into {@link writer}. */
  reply(exchange: ExchangeRecord, reply: Reply, close: boolean, withBody: boolean): void {
    const { writer } = this;
    writer.reset();
    writer.text(`HTTP/1.1 ${reply.status} ${reasonPhrase(reply.status)}\r\n`);
    const body = Buffer.from(reply.body);
    const hasBody = mayHaveBody(reply.status);
    this.#headers.writeReply(exchange, reply, hasBody ? body.length : undefined);
    this.#finish(close, exchange);
    if (withBody && hasBody) writer.bytes(body, 0, body.length);
  }

  #finish(close: boolean, exchange: ExchangeRecord): void {
    const { writer } = this;
    if (close) writer.text("connection: close\r\n");
    else if (!exchange.head.isVersion11) writer.text("connection: keep-alive\r\n");
    writer.text("\r\n");
  }
}
