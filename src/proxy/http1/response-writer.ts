/**
 * Writes an answer to a client: the head that came from the endpoint, edited; or a reply of our own.
 *
 * Added as Envoy does: `x-envoy-upstream-service-time`, `server` (the endpoint's is replaced), `date` where
 * there is none, `x-envoy-attempt-count` and `x-request-id` where they are asked for.
 *
 * @module
 */
import type { HeaderOperation, Reply } from "../../engine/http.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import type { ResponseHead } from "../../wire/http1/response-head.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import type { ExchangeRecord } from "../exchange-record.ts";
import { HeaderOverlay } from "../header-overlay.ts";
import { reasonPhrase } from "./reason-phrases.ts";

/** How the body leaves: as it came, with chunk framing put on, or with it taken off. */
export type BodyForm = "asIs" | "addChunks" | "removeChunks";

/** An endpoint's body that ends with the connection is chunked for a client that can read it, and the reverse for one that cannot. */
export function bodyForm(head: ResponseHead, toVersion11: boolean): BodyForm {
  if (toVersion11) return head.framing === UNTIL_CLOSE ? "addChunks" : "asIs";
  return head.framing === CHUNKED ? "removeChunks" : "asIs";
}

export class ResponseWriter {
  readonly writer = new MessageWriter();
  readonly #overlay = new HeaderOverlay();
  readonly #wallMs: () => number;
  #head: ResponseHead | undefined;
  #dropsCoding = false;
  #dropsServer = true;
  #dateSecond = 0;
  #date = "";

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Puts the head into {@link writer}. */
  head(exchange: ExchangeRecord, head: ResponseHead, form: BodyForm, close: boolean): void {
    const { writer } = this;
    writer.reset();
    this.#head = head;
    this.#dropsCoding = !exchange.head.isVersion11;
    this.#overlay.apply(exchange.forward?.responseHeaders ?? NO_OPERATIONS, head, exchange);
    this.#dropsServer = exchange.context.http.settings.serverHeaderTransformation === "OVERWRITE";
    writer.text("HTTP/1.1 ");
    writer.bytes(head.buf, head.start + 9, head.linesStart);
    writer.lines(head, this.#drops);
    this.#head = undefined;
    if (!this.#overlay.touches("x-envoy-upstream-service-time"))
      writer.header("x-envoy-upstream-service-time", String(exchange.upstreamServiceMs));
    if (exchange.forward?.route.includeAttemptCount.response)
      writer.header("x-envoy-attempt-count", String(exchange.attempts));
    if (head.first[ID.date] === 0) writer.header("date", this.#now());
    this.#writeServer(exchange, head.first[ID.server] !== 0);
    if (form === "addChunks") writer.text("transfer-encoding: chunked\r\n");
    this.#finish(close, exchange);
  }

  readonly #drops = (line: number): boolean => {
    const head = this.#head as ResponseHead;
    const id = head.ids[line] as number;
    if (id === ID["x-envoy-upstream-service-time"] || head.isHopByHop(line)) return true;
    if (id === ID.server) return this.#dropsServer;
    if (id === ID["transfer-encoding"]) return this.#dropsCoding;
    return this.#overlay.drops(head, line);
  };

  /** Puts a whole reply of our own into {@link writer}. */
  reply(exchange: ExchangeRecord, reply: Reply, close: boolean, withBody: boolean): void {
    const { writer } = this;
    writer.reset();
    this.#overlay.apply(reply.responseHeaders, undefined, exchange);
    writer.text(`HTTP/1.1 ${reply.status} ${reasonPhrase(reply.status)}\r\n`);
    const body = Buffer.from(reply.body);
    let typed = this.#overlay.replaces("content-type");
    for (const [name, value] of reply.headers) {
      if (!this.#overlay.replaces(name)) writer.header(name, value);
      typed ||= name === "content-type";
    }
    if (mayHaveBody(reply.status)) writer.header("content-length", String(body.length));
    if (body.length > 0 && !typed) writer.text("content-type: text/plain\r\n");
    if (exchange.attempts > 0 && exchange.forward?.route.includeAttemptCount.response)
      writer.header("x-envoy-attempt-count", String(exchange.attempts));
    writer.header("date", this.#now());
    this.#writeServer(exchange, false);
    this.#finish(close, exchange);
    if (withBody && mayHaveBody(reply.status)) writer.bytes(body, 0, body.length);
  }

  /** As `server_header_transformation` says. */
  #writeServer(exchange: ExchangeRecord, cameWithOne: boolean): void {
    const { serverHeaderTransformation, serverName } = exchange.context.http.settings;
    if (serverHeaderTransformation === "PASS_THROUGH") return;
    if (serverHeaderTransformation === "APPEND_IF_ABSENT" && cameWithOne) return;
    if (!this.#overlay.touches("server")) this.writer.header("server", serverName);
  }

  #finish(close: boolean, exchange: ExchangeRecord): void {
    const { writer } = this;
    const { via } = exchange.context.http.settings;
    if (via !== "") writer.header("via", via);
    if (exchange.context.http.settings.alwaysSetRequestIdInResponse && exchange.requestId !== "")
      writer.header("x-request-id", exchange.requestId);
    if (close) writer.text("connection: close\r\n");
    else if (!exchange.head.isVersion11) writer.text("connection: keep-alive\r\n");
    this.#overlay.write(writer);
    this.#overlay.clear();
    writer.text("\r\n");
  }

  #now(): string {
    const second = Math.floor(this.#wallMs() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(second * 1000).toUTCString();
    }
    return this.#date;
  }
}

const NO_OPERATIONS: readonly HeaderOperation[] = [];

const mayHaveBody = (status: number): boolean => status >= 200 && status !== 204 && status !== 304;
