/**
 * One HTTP/2 connection of a client, with the streams that are served on it.
 *
 * @module
 */
import type { Socket, SocketHandler } from "../../net/socket.ts";
import { Session, type SessionHandler } from "../../wire/http2/session.ts";
import type { Stream } from "../../wire/http2/stream.ts";
import { Connection } from "../connection.ts";
import type { DownstreamConnection } from "../downstream.ts";
import type { HttpContext } from "../http-context.ts";
import { ServerStream, type ServedBy } from "./server-stream.ts";
import { SessionCarrier } from "./session-carrier.ts";
import { serverOptions } from "./session-options.ts";

/** Served streams that are kept for later ones, until the connection has nothing to do. */
const MAX_SPARE = 256;

export class Http2ServerConnection implements SocketHandler, SessionHandler, ServedBy, DownstreamConnection {
  readonly connection: Connection;
  readonly contextNow: () => HttpContext;
  readonly #socket: Socket;
  readonly #onClosed: (connection: DownstreamConnection) => void;
  readonly #session: Session;
  readonly #carrier: SessionCarrier;
  readonly #stats: HttpContext["stats"]["stats"];
  readonly #serving = new Set<ServerStream>();
  readonly #spare: ServerStream[] = [];
  readonly #openedMs: number;
  #idleSinceMs: number;
  /** When it began to take no more streams. A client may never say that it has heard of it. */
  #drainedMs: number | undefined;
  #requests = 0;
  #closed = false;
  #ending = false;

  constructor(socket: Socket, contextNow: () => HttpContext, onClosed: (connection: DownstreamConnection) => void) {
    const context = contextNow();
    this.connection = new Connection(socket);
    this.contextNow = contextNow;
    this.#socket = socket;
    this.#onClosed = onClosed;
    this.#openedMs = this.#idleSinceMs = context.clock.nowMs();
    const { http2, maxHeadersCount, maxRequestHeadersBytes } = context.http.settings;
    this.#session = new Session("server", this, serverOptions(http2, maxRequestHeadersBytes, maxHeadersCount));
    this.#carrier = new SessionCarrier(socket, this.#session, context.turn, () => this.#end());
    this.#stats = context.stats.stats;
    this.#stats.cxHttp2Total.add(1);
    socket.handler = this;
    this.touch();
  }

  touch(): void {
    this.#carrier.touch();
  }

  onData(chunk: Uint8Array): void {
    if (this.#ending) return;
    this.#session.receive(chunk, this.contextNow().clock.nowMs());
    this.touch();
  }

  onDrain(): void {
    this.#carrier.flush();
  }

  /** Without its half a client gets no windows: nothing more can be said. */
  onEnd(): void {
    this.#session.disconnected("the client ended the connection");
    this.#end();
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = this.#ending = true;
    this.#session.disconnected(error?.message ?? "the client closed the connection");
    this.#onClosed(this);
  }

  acquireStream(): Stream {
    const served = this.#spare.pop() ?? new ServerStream(this, this.contextNow());
    const most = this.contextNow().http.settings.maxRequestsPerConnection;
    if (++this.#requests === most || this.contextNow().isDraining()) this.drain();
    return served.stream;
  }

  /** Not before: a request whose head is malformed leaves its object to the next. */
  onServing(served: ServerStream): void {
    this.#serving.add(served);
  }

  onServed(served: ServerStream): void {
    if (!this.#serving.delete(served)) return;
    if (this.#serving.size === 0) this.#idleSinceMs = this.contextNow().clock.nowMs();
    if (this.#spare.length < MAX_SPARE) this.#spare.push(served);
  }

  onSettings(): void {}

  onPong(): void {}

  onStreamFault(): void {
    this.#stats.cxProtocolError.add(1);
  }

  onGoaway(): void {}

  onFailed(): void {
    this.#stats.cxProtocolError.add(1);
    this.#idleSinceMs = this.contextNow().clock.nowMs();
    this.touch();
  }

  /** Takes no more streams, and closes as those that run end. */
  drain(): void {
    this.#drainedMs ??= this.contextNow().clock.nowMs();
    this.#session.drain();
    this.touch();
  }

  /** Everything is written: waits for the client to close, so that nothing of it is lost to a reset. */
  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#idleSinceMs = this.contextNow().clock.nowMs();
    this.#carrier.flush();
    this.#socket.end();
  }

  abort(): void {
    this.#socket.destroy();
  }

  sweep(nowMs: number): void {
    if (this.#ending || this.#session.isClosed) return this.#sweepEnding(nowMs);
    if (!this.#session.sweep(nowMs)) return this.abort();
    for (const served of this.#serving) served.sweep(nowMs);
    if (this.#serving.size === 0 && nowMs > this.#idleSinceMs) this.#spare.length = 0;
    const { drainTimeoutMs, idleTimeoutMs, maxConnectionDurationMs } = this.contextNow().http.settings;
    if (maxConnectionDurationMs > 0 && nowMs - this.#openedMs > maxConnectionDurationMs) this.drain();
    this.touch();
    if (this.#serving.size === 0 && this.#drainedMs !== undefined && nowMs - this.#drainedMs > drainTimeoutMs)
      this.#end();
    if (this.#serving.size > 0 || idleTimeoutMs === 0 || nowMs - this.#idleSinceMs <= idleTimeoutMs) return;
    if (this.#drainedMs === undefined) this.#stats.cxIdleTimeout.add(1);
    this.drain();
  }

  /** Who broke the protocol may not read what it is told of that. */
  #sweepEnding(nowMs: number): void {
    if (nowMs - this.#idleSinceMs <= this.contextNow().http.settings.delayedCloseTimeoutMs) return;
    if (this.#ending) this.#socket.close();
    else this.abort();
  }
}
