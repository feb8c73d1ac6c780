/**
 * Writes a request to an HTTP/1.1 endpoint: its head, and what is there of the body, in one write. The coding of the
 * body is spelled anew.
 *
 * @module
 */
import { CONNECT } from "../../engine/http/upgrades.ts";
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import { RequestHeaders, type Way } from "../request-headers.ts";

/**
 * Methods whose requests usually have no body. Of others a server may want to hear that there is none (RFC 9110 §8.6), and
 * answer 411; Envoy tells it.
 */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "TRACE", "CONNECT"]);

export class RequestWriter {
  readonly writer = new MessageWriter();
  readonly #headers = new RequestHeaders(this.writer);

  /** Puts the head into {@link writer}; a body may follow there. */
  head(exchange: ExchangeRecord, upstream: Way): void {
    const { writer } = this;
    writer.reset();
    writer.text(exchange.method);
    writer.text(" ");
    writer.text(exchange.head.upgrade === CONNECT ? exchange.authority : exchange.path);
    writer.text(" HTTP/1.1\r\n");
    writer.header("host", exchange.authority);
    this.#headers.write(exchange, upstream);
    const { framing } = exchange.head;
    if (exchange.head.upgrade !== "") return this.#endUpgrade(exchange);
    // A body whose length nobody told came over HTTP/2.
    if (framing === CHUNKED || framing === UNTIL_CLOSE) writer.text("transfer-encoding: chunked\r\n");
    else if (framing === NO_BODY && !BODILESS.has(exchange.method)) writer.text("content-length: 0\r\n");
    writer.text("\r\n");
  }

  #endUpgrade({ head }: ExchangeRecord): void {
    const { writer } = this;
    if (head.upgrade !== CONNECT) {
      writer.text("connection: Upgrade\r\n");
      writer.header("upgrade", head.known(ID.upgrade) ?? head.upgrade);
    }
    writer.text("\r\n");
  }
}
