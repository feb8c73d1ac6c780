/**
 * The endpoint's side of an exchange, whatever protocol it speaks.
 *
 * Bodies travel as their heads say: with `CHUNKED` the bytes hold the chunk framing as it came, else they are the
 * body alone. A body that is framed neither by length nor by chunks ends when its sender says so. Trailers travel apart:
 * where there are some, the bytes of a chunked body end behind the line of its last chunk, and without the empty line.
 *
 * @module
 */
import type { Socket } from "../net/socket.ts";
import type { ResponseHead } from "../wire/http1/response-head.ts";
import type { Trailers } from "../wire/http1/trailers.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import type { Failure } from "./failure.ts";
import type { RequestBuffer } from "./request-buffer.ts";

/** Who sent a request to an endpoint, and gets what comes back. */
export interface Caller extends ExchangeRecord {
  /**
   * The head of the final answer; `head` is good until {@link onResponseEnd}. Where it does what the request's `upgrade`
   * asked for (101, or 2xx to CONNECT), `isSwitched` is true from here on: bytes go both ways as they are, and each
   * direction ends by itself, with {@link onResponseEnd} and `UpstreamRequest.endRequest`.
   * @param more {@link onResponseBody} follows at once: head and body can leave in one write.
   */
  onResponseHead(head: ResponseHead, more: boolean): void;
  /** An interim answer: 100 where the client waits for it, 102, 103; never 101. */
  onInterimHead(head: ResponseHead): void;
  /**
   * Bytes of the body. True: nothing of them is held, their reader may free them. False: stop reading until the caller
   * resumes, which says the same.
   */
  onResponseBody(buf: Uint8Array, start: number, end: number): boolean;
  /** What follows the body; {@link onResponseEnd} comes next. */
  onResponseTrailers(trailers: Trailers): void;
  /** The answer is complete. What carried the request may already carry another when this returns. */
  onResponseEnd(): void;
  onUpstreamDrain(): void;
  /** The request ended without a complete answer. */
  onUpstreamFailure(failure: Failure): void;
}

/** A request under way to an endpoint: a whole HTTP/1.1 connection, or a stream of an HTTP/2 one. */
export interface UpstreamRequest {
  readonly socket: Socket;
  /** Other requests went this way before: the endpoint may have closed it meanwhile. */
  readonly isReused: boolean;
  /** The endpoint has a way to say that it did nothing of it. */
  readonly mayRefuse: boolean;
  /** Body bytes of the answer so far, without framing. */
  readonly bodyBytes: number;
  /**
   * Takes on a request: sends its head and what there is of its body.
   * @param done That is all of it. False: full, wait for `onUpstreamDrain`.
   */
  send(caller: Caller, body: RequestBuffer, done: boolean): boolean;
  /** More of the body. True: nothing of it is held. False: it must stay as it is, stop until `onUpstreamDrain`. */
  write(buf: Uint8Array, start: number, end: number): boolean;
  /** The request is complete, with its trailers where it has some. */
  endRequest(trailers: Trailers | undefined): void;
  /** Lets the caller go before the answer is complete. */
  abandon(): void;
  /** The caller takes more of the answer. */
  resume(): void;
}

/**
 * Which kept connections serve a request. An endpoint may close one at the very moment in which the request leaves.
 * `any`: the request can be sent again then. `sure`: it cannot. `new`: it has been, so that other kept ones are to be
 * suspected too.
 */
export type KeptNeeded = "any" | "sure" | "new";

/** Who waits for a way to an endpoint. */
export interface Waiter {
  readonly keptNeeded: KeptNeeded;
  /** Must send a request on it at once. */
  onUpstream(request: UpstreamRequest): void;
  onNoConnection(failure: Failure): void;
}

/** Where ways to one endpoint come from. */
export interface UpstreamSource {
  /** Gives `waiter` a way now or later. */
  acquire(waiter: Waiter): void;
  /** Takes back a wait that has not been answered. */
  cancel(waiter: Waiter): void;
  /** A request need not wait for a connection. */
  readonly hasRoom: boolean;
}

/** Connections to one endpoint that speak one protocol. */
export interface Pool extends UpstreamSource {
  /** Nothing new begins; connections end with what runs on them. */
  retire(): void;
  /** Closes what has been idle for too long. Called about once a second. */
  sweep(nowMs: number): void;
}
