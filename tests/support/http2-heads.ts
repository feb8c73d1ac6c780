/**
 * Streams on heads, as the proxy has them, for tests and benchmarks: what came is counted or kept, not turned to strings.
 */
import type { HeadError } from "../../src/wire/http1/head.ts";
import { RequestHead } from "../../src/wire/http1/request-head.ts";
import { ResponseHead } from "../../src/wire/http1/response-head.ts";
import { Session, type SessionHandler } from "../../src/wire/http2/session.ts";
import type { SessionOptions } from "../../src/wire/http2/options.ts";
import { Stream, type StreamHandler, type StreamReset } from "../../src/wire/http2/stream.ts";
import { Trailers } from "../../src/wire/http1/trailers.ts";

export class HeadStream implements StreamHandler {
  readonly stream = new Stream(this);
  readonly head: RequestHead | ResponseHead;
  readonly trailers = new Trailers();
  readonly events: string[] = [];
  bodyBytes = 0;
  onRequest: ((stream: HeadStream) => void) | undefined;
  onEnd: ((stream: HeadStream) => void) | undefined;
  onFree: ((stream: HeadStream) => void) | undefined;
  /** Keeps what happened as words. */
  logs = true;
  consumes = true;

  constructor(head: RequestHead | ResponseHead) {
    this.head = head;
  }

  get request(): RequestHead {
    return this.head as RequestHead;
  }

  get response(): ResponseHead {
    return this.head as ResponseHead;
  }

  onHead(endStream: boolean): void {
    if (this.logs) this.events.push(endStream ? "head and end" : "head");
    if (endStream) this.#ended();
  }

  onHeadTooLarge(error: HeadError): void {
    this.events.push(`too large: ${error.reason}`);
    this.stream.reset();
  }

  onData(_buf: Buffer, start: number, end: number, endStream: boolean): void {
    this.bodyBytes += end - start;
    if (this.consumes) this.stream.consume(end - start);
    if (this.logs) this.events.push(`${end - start} bytes${endStream ? " and end" : ""}`);
    if (endStream) this.#ended();
  }

  onTrailers(): void {
    if (this.logs) this.events.push("trailers");
    this.#ended();
  }

  onWritable(): void {
    if (this.logs) this.events.push("writable");
  }

  onReset(reset: StreamReset): void {
    this.events.push(`reset ${reset.code} by ${reset.by}`);
  }

  onClosed(): void {
    if (this.logs) this.events.push("closed");
    this.onFree?.(this);
  }

  #ended(): void {
    this.onRequest?.(this);
    this.onEnd?.(this);
  }
}

/** A server whose streams call `onRequest` when a request is complete; closed streams are used again. */
export function headServer(
  onRequest: (stream: HeadStream) => void,
  options?: SessionOptions,
): { readonly session: Session; readonly streams: HeadStream[]; readonly faults: string[] } {
  const free: HeadStream[] = [];
  const streams: HeadStream[] = [];
  const faults: string[] = [];
  const session = new Session(
    "server",
    {
      ...quiet(faults),
      acquireStream() {
        const stream = free.pop() ?? new HeadStream(new RequestHead());
        if (!streams.includes(stream)) streams.push(stream);
        stream.onRequest = onRequest;
        stream.onFree = (it) => free.push(it);
        return stream.stream;
      },
    },
    options,
  );
  return { session, streams, faults };
}

export function headClient(options?: SessionOptions): Session {
  return new Session(
    "client",
    { ...quiet([]), acquireStream: () => new HeadStream(new RequestHead()).stream },
    options,
  );
}

export const clientStream = (): HeadStream => new HeadStream(new ResponseHead());

function quiet(faults: string[]): Omit<SessionHandler, "acquireStream"> {
  return {
    onSettings() {},
    onPong() {},
    onGoaway() {},
    onStreamFault: (error) => faults.push(error.message),
    onFailed: (error) => faults.push(`connection: ${error.message}`),
  };
}

/** Carries what waits from one to the other; true when there was something. */
export function carry(from: Session, to: Session): boolean {
  const { output } = from;
  if (output.length === 0) return false;
  const bytes = Buffer.from(output);
  from.consumeOutput(bytes.length);
  to.receive(bytes, 0);
  return true;
}
