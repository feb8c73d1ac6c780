/**
 * The header fields of an answer as they go to a client: those of the endpoint, edited, or those of a reply of our own.
 * The same for every protocol.
 *
 * Added as Envoy does: `x-envoy-upstream-service-time`, `server` (the endpoint's is replaced), `date` where
 * there is none, `x-envoy-attempt-count` and `x-request-id` where they are asked for, `set-cookie` for clients that a cookie keeps with their endpoint.
 *
 * @module
 */
import type { HeaderOperation, Reply } from "../engine/http.ts";
import { ID } from "../wire/http1/known.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import { HeaderOverlay } from "./header-overlay.ts";
import type { HeaderSink } from "./header-sink.ts";

export class ResponseHeaders {
  readonly #sink: HeaderSink;
  readonly #wallMs: () => number;
  readonly #overlay = new HeaderOverlay();
  #head: ResponseHead | undefined;
  #dropsCoding = false;
  #dropsServer = true;
  #dateSecond = 0;
  #date = "";

  constructor(sink: HeaderSink, wallMs: () => number) {
    this.#sink = sink;
    this.#wallMs = wallMs;
  }

  /** @param dropsCoding The client cannot read the coding of the endpoint's body. */
  write(exchange: ExchangeRecord, head: ResponseHead, dropsCoding: boolean): void {
    const sink = this.#sink;
    this.#head = head;
    this.#dropsCoding = dropsCoding;
    this.#overlay.apply(exchange.forward?.responseHeaders ?? NO_OPERATIONS, head, exchange);
    this.#dropsServer = exchange.context.http.settings.serverHeaderTransformation === "OVERWRITE";
    sink.lines(head, this.#drops);
    this.#head = undefined;
    if (!this.#overlay.touches("x-envoy-upstream-service-time"))
      sink.header("x-envoy-upstream-service-time", String(exchange.upstreamServiceMs));
    if (exchange.forward?.route.includeAttemptCount.response)
      sink.header("x-envoy-attempt-count", String(exchange.attempts));
    if (exchange.setCookies.length > 0) this.#writeCookies(exchange.setCookies);
    if (exchange.forward?.session !== undefined) this.#writeSession(exchange);
    if (head.first[ID.date] === 0) sink.header("date", this.#now());
    this.#writeServer(exchange, head.first[ID.server] !== 0);
    this.#finish(exchange);
  }

  readonly #drops = (line: number): boolean => {
    const head = this.#head as ResponseHead;
    const id = head.ids[line] as number;
    if (id === ID["x-envoy-upstream-service-time"] || head.isHopByHop(line)) return true;
    if (id === ID.server) return this.#dropsServer;
    if (id === ID["transfer-encoding"]) return this.#dropsCoding;
    return this.#overlay.drops(head, line);
  };

  /** By it the client comes back to its endpoint. */
  #writeSession({ forward, endpoint }: ExchangeRecord): void {
    const header = endpoint && forward?.session?.headerFor(endpoint.key);
    if (header !== undefined) this.#sink.header(header[0], header[1]);
  }

  #writeCookies(lines: readonly string[]): void {
    if (this.#overlay.replaces("set-cookie")) return;
    for (const line of lines) this.#sink.header("set-cookie", line);
  }

  /** @param length Of the reply's body; undefined where there can be none. */
  writeReply(exchange: ExchangeRecord, reply: Reply, length: number | undefined): void {
    const sink = this.#sink;
    this.#overlay.apply(reply.responseHeaders, undefined, exchange);
    let typed = this.#overlay.firstOf("content-type", undefined) !== undefined;
    for (const [name, value] of reply.headers) {
      if (!this.#overlay.replaces(name)) sink.header(name, value);
      typed ||= name === "content-type";
    }
    if (length !== undefined) sink.header("content-length", String(length));
    if (reply.body === "") this.#overlay.forget("content-type");
    else if (!typed) sink.header("content-type", "text/plain");
    if (exchange.attempts > 0 && exchange.forward?.route.includeAttemptCount.response)
      sink.header("x-envoy-attempt-count", String(exchange.attempts));
    sink.header("date", this.#now());
    this.#writeServer(exchange, false);
    this.#finish(exchange);
  }

  /** As `server_header_transformation` says. */
  #writeServer(exchange: ExchangeRecord, cameWithOne: boolean): void {
    const { serverHeaderTransformation, serverName } = exchange.context.http.settings;
    if (serverHeaderTransformation === "PASS_THROUGH") return;
    if (serverHeaderTransformation === "APPEND_IF_ABSENT" && cameWithOne) return;
    if (!this.#overlay.touches("server")) this.#sink.header("server", serverName);
  }

  #finish(exchange: ExchangeRecord): void {
    const sink = this.#sink;
    const { alwaysSetRequestIdInResponse, via } = exchange.context.http.settings;
    if (via !== "") sink.header("via", via);
    if (alwaysSetRequestIdInResponse && exchange.requestId !== "") sink.header("x-request-id", exchange.requestId);
    this.#overlay.write(sink);
    this.#overlay.clear();
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

/** Whether a body may follow an answer of this status (RFC 9110 §6.4.1). */
export const mayHaveBody = (status: number): boolean => status >= 200 && status !== 204 && status !== 304;
