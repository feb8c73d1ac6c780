/**
 * Two HTTP/2 sessions that talk in memory, and handlers that write down what they saw.
 */
import type { Http2Error } from "../../src/wire/http2/error.ts";
import type { Fields } from "../../src/wire/http2/fields.ts";
import {
  type FieldsHandler,
  FieldsSession,
  type FieldsSessionHandler,
  type FieldsStream,
} from "../../src/wire/http2/fields-session.ts";
import type { SessionOptions } from "../../src/wire/http2/options.ts";
import type { StreamReset } from "../../src/wire/http2/stream.ts";

/** What came on one stream. */
export class StreamLog implements FieldsHandler {
  stream: FieldsStream | undefined;
  readonly heads: Fields[] = [];
  readonly body: number[] = [];
  trailers: Fields | undefined;
  ended = false;
  resetBy: StreamReset | undefined;
  writable = 0;
  /** Gives back what came at once. */
  consume = true;
  onEnd: (log: StreamLog) => void = () => {};
  onMore: () => void = () => {};

  get text(): string {
    return Buffer.from(this.body).toString("latin1");
  }

  onHeaders(fields: Fields, endStream: boolean): void {
    this.heads.push(fields);
    if (endStream) this.#end();
  }

  onData(bytes: Uint8Array, endStream: boolean): void {
    for (const byte of bytes) this.body.push(byte);
    if (this.consume) this.stream?.consume(bytes.length);
    if (endStream) this.#end();
  }

  onTrailers(fields: Fields): void {
    this.trailers = fields;
    this.#end();
  }

  onWritable(): void {
    this.writable++;
    this.onMore();
  }

  onReset(reset: StreamReset): void {
    this.resetBy = reset;
  }

  #end(): void {
    this.ended = true;
    this.onEnd(this);
  }
}

export class SessionLog implements FieldsSessionHandler {
  readonly streams: StreamLog[] = [];
  readonly pongs: number[] = [];
  goaway: { readonly code: number; readonly debug: string } | undefined;
  failed: Http2Error | undefined;
  settings = 0;
  /** What each new stream's log does when the request has ended. */
  onRequest: (log: StreamLog) => void = () => {};

  onStream(stream: FieldsStream): FieldsHandler {
    const log = new StreamLog();
    log.stream = stream;
    log.onEnd = (it) => this.onRequest(it);
    this.streams.push(log);
    return log;
  }

  onSettings(): void {
    this.settings++;
  }

  onPong(opaque: number): void {
    this.pongs.push(opaque);
  }

  onGoaway(code: number, debug: string): void {
    this.goaway = { code, debug };
  }

  onFailed(error: Http2Error): void {
    this.failed = error;
  }
}

export interface Pair {
  readonly client: FieldsSession;
  readonly server: FieldsSession;
  readonly clientLog: SessionLog;
  readonly serverLog: SessionLog;
  /** Carries bytes both ways until nothing moves. `cut` says how many bytes a step may carry. */
  settle(cut?: (length: number) => number): void;
}

export function makePair(options: { client?: SessionOptions; server?: SessionOptions } = {}): Pair {
  const clientLog = new SessionLog();
  const serverLog = new SessionLog();
  const client = new FieldsSession("client", clientLog, options.client);
  const server = new FieldsSession("server", serverLog, options.server);
  const settle = (cut: (length: number) => number = (length) => length): void => {
    while (carry(client, server, cut) || carry(server, client, cut));
  };
  return { client, server, clientLog, serverLog, settle };
}

function carry(from: FieldsSession, to: FieldsSession, cut: (length: number) => number): boolean {
  if (from.output.length === 0) return false;
  const bytes = from.output.slice(0, cut(from.output.length));
  from.consumeOutput(bytes.length);
  to.receive(bytes, 0);
  // A receiver must copy what it keeps.
  bytes.fill(0xaa);
  return true;
}

export const GET: Fields = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "reviews"];

/** Sends a request on a new stream of `session`. */
export function send(session: FieldsSession, fields: Fields, endStream = true): StreamLog {
  const log = new StreamLog();
  log.stream = session.request(fields, endStream, log);
  return log;
}
