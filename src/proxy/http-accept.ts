/**
 * Finds out which HTTP a client speaks on a connection that was accepted: by what TLS settled on, else by its first
 * bytes (RFC 9113 §3.3). As Envoy's `codec_type`.
 *
 * @module
 */
import type { Socket, SocketHandler } from "../net/socket.ts";
import { CLIENT_PREFACE } from "../wire/http2/constants.ts";
import type { DownstreamConnection } from "./downstream.ts";
import { ServerConnection } from "./http1/server-connection.ts";
import { Http2ServerConnection } from "./http2/server-connection.ts";
import type { HttpContext } from "./http-context.ts";

/** Told once. */
type Closed = (connection: DownstreamConnection) => void;

/**
 * Makes what serves a connection.
 * @param first Bytes that were read from it already, to be given to what is returned.
 */
export function serveHttp(
  socket: Socket,
  first: Uint8Array | undefined,
  contextNow: () => HttpContext,
  onClosed: Closed,
): DownstreamConnection {
  const { stats } = contextNow().stats;
  stats.cxTotal.add(1);
  stats.cxActive.add(1);
  if (socket.secure) stats.cxSslTotal.add(1);
  const closed: Closed = (connection) => {
    stats.cxActive.add(-1);
    stats.cxDestroy.add(1);
    onClosed(connection);
  };
  const version = versionOf(socket, first, contextNow().http.settings.codecType);
  return version === undefined
    ? new UndecidedConnection(socket, contextNow, closed)
    : connectionOf(version, socket, contextNow, closed);
}

function connectionOf(
  version: 1 | 2,
  socket: Socket,
  contextNow: () => HttpContext,
  onClosed: Closed,
): DownstreamConnection {
  return version === 2
    ? new Http2ServerConnection(socket, contextNow, onClosed)
    : new ServerConnection(socket, contextNow, onClosed);
}

/** Undefined while it cannot be told. */
function versionOf(
  { alpn }: Socket,
  first: Uint8Array | undefined,
  codecType: HttpContext["http"]["settings"]["codecType"],
): 1 | 2 | undefined {
  if (codecType === "HTTP1") return 1;
  if (codecType === "HTTP2") return 2;
  if (alpn !== undefined && alpn !== "") return alpn === "h2" ? 2 : 1;
  if (first === undefined || first.length === 0) return undefined;
  const length = Math.min(first.length, CLIENT_PREFACE.length);
  for (let i = 0; i < length; i++) if (first[i] !== CLIENT_PREFACE[i]) return 1;
  return length === CLIENT_PREFACE.length ? 2 : undefined;
}

const NO_BYTES = new Uint8Array(0);

/** A connection whose first bytes have not come. */
class UndecidedConnection implements DownstreamConnection, SocketHandler {
  readonly #socket: Socket;
  readonly #contextNow: () => HttpContext;
  readonly #onClosed: Closed;
  readonly #sinceMs: number;
  #seen: Uint8Array = NO_BYTES;
  #decided: DownstreamConnection | undefined;

  constructor(socket: Socket, contextNow: () => HttpContext, onClosed: Closed) {
    this.#socket = socket;
    this.#contextNow = contextNow;
    this.#onClosed = onClosed;
    this.#sinceMs = contextNow().clock.nowMs();
    socket.handler = this;
  }

  onData(chunk: Uint8Array): void {
    const seen = this.#seen.length === 0 ? chunk : Buffer.concat([this.#seen, chunk]);
    this.#seen = seen;
    const version = versionOf(this.#socket, seen, "AUTO");
    if (version === undefined) return;
    this.#seen = NO_BYTES;
    this.#decided = connectionOf(version, this.#socket, this.#contextNow, () => this.#onClosed(this));
    this.#decided.onData(seen);
  }

  onDrain(): void {}

  onEnd(): void {
    this.#decideHttp1().onEnd();
  }

  /** Without bytes it is as good as any. */
  #decideHttp1(): ServerConnection {
    const connection = new ServerConnection(this.#socket, this.#contextNow, () => this.#onClosed(this));
    this.#decided = connection;
    if (this.#seen.length > 0) connection.onData(this.#seen);
    return connection;
  }

  onClose(): void {
    this.#onClosed(this);
  }

  drain(): void {
    if (this.#decided === undefined) this.#decideHttp1();
    this.#decided?.drain();
  }

  abort(): void {
    this.#socket.destroy();
  }

  sweep(nowMs: number): void {
    if (this.#decided !== undefined) return this.#decided.sweep(nowMs);
    const { idleTimeoutMs } = this.#contextNow().http.settings;
    if (idleTimeoutMs > 0 && nowMs - this.#sinceMs > idleTimeoutMs) this.drain();
  }
}
