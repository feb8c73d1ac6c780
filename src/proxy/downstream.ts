/**
 * The client's side of an exchange.
 *
 * @module
 */
import type { Reply } from "../engine/http.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { Trailers } from "../wire/http1/trailers.ts";
import type { ExchangeRecord } from "./exchange-record.ts";

/** A connection of a client, whatever it speaks. */
export interface DownstreamConnection {
  /** Takes bytes of the client. */
  onData(chunk: Uint8Array): void;
  /** Closes as soon as no request is under way. */
  drain(): void;
  /** Looks after the slow timeouts. Called about once a second. */
  sweep(nowMs: number): void;
  abort(): void;
}

/** Where an exchange sends its answer. */
export interface Downstream {
  /**
   * Where the exchange `isSwitched`, bytes go both ways from here on.
   * @param more The first bytes of the body follow at once.
   */
  sendHead(exchange: ExchangeRecord, head: ResponseHead, more: boolean): void;
  sendInterim(head: ResponseHead): void;
  /** True: nothing of it is held. False: it must stay as it is, stop until `onDownstreamDrain` of the exchange. */
  sendBody(buf: Uint8Array, start: number, end: number): boolean;
  /** What follows the body; {@link onExchangeEnd} comes next. */
  sendTrailers(trailers: Trailers): void;
  sendReply(exchange: ExchangeRecord, reply: Reply): void;
  /** The answer is complete; another request may begin. */
  onExchangeEnd(): void;
  /** Of a connection that has switched: the endpoint is done, the client may not be. */
  endResponse(): void;
  /** The exchange has ended without a complete answer: the client must be told by closing. */
  abort(): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** Body bytes of the present request so far. */
  readonly receivedBodyBytes: number;
}
