/**
 * What a session tells its owner, and asks of it.
 *
 * @module
 */
import type { Http2Error } from "./error.ts";
import type { Settings } from "./settings.ts";
import type { Stream } from "./stream.ts";

export type Role = "client" | "server";

export interface SessionHandler {
  /** A stream object for the next request of the peer (server role only); what comes goes to its handler. */
  acquireStream(): Stream;
  onSettings(settings: Settings): void;
  /** A `Session.ping` came back. */
  onPong(opaque: number): void;
  /** The peer takes no more streams. Those it will not answer have been reset as `refused`. */
  onGoaway(code: number, debug: string): void;
  /** A fault of the peer ended one stream, or a request before its stream was given to anybody. For logs and counters. */
  onStreamFault(error: Http2Error): void;
  /** The peer broke the protocol. Its GOAWAY is in the output: write it, then close. */
  onFailed(error: Http2Error): void;
}

/** Returns how many bytes were taken; 0 when it is full. */
export interface OutputSink {
  write(bytes: Uint8Array, offset: number, length: number): number;
}
