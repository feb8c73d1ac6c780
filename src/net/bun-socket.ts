/**
 * A native socket as a {@link Socket}. One object a connection; the native handlers are shared by all.
 *
 * @module
 */
import type { Socket as NativeSocket } from "bun";
import { deafHandler, type PeerIdentity, type Socket, type SocketAddress, type SocketHandler } from "./socket.ts";

/** What hangs on a native socket. */
export interface SocketState {
  socket: BunSocket | undefined;
  /** TLS that has begun and is not settled. */
  handshake?: Handshake | undefined;
  /** The plain socket under a TLS one. */
  under?: NativeSocket<SocketState>;
}

/** Who waits for the outcome of a handshake. One of the two is called, once. */
export interface Handshake {
  done(secure: NativeSocket<SocketState>, error: Error | null, ok: boolean): void;
  /** @param why In words. */
  failed(why: string): void;
}

/** What TLS found out, and the socket that it runs on. */
export interface Secured {
  readonly under: BunSocket;
  readonly peer: PeerIdentity | undefined;
  readonly alpn: string | undefined;
  readonly sni: string | undefined;
}

export class BunSocket implements Socket {
  handler: SocketHandler = deafHandler;
  /** Of a socket that becomes TLS, the secure one from then on: the plain one under it cannot be closed any more. */
  raw: NativeSocket<SocketState>;
  remote: SocketAddress;
  local: SocketAddress;
  originalDestination: SocketAddress | undefined;
  readonly directRemote: SocketAddress;
  readonly peer: PeerIdentity | undefined;
  readonly alpn: string | undefined;
  readonly sni: string | undefined;
  readonly secure: boolean;
  #closed = false;
  /** The other side's end was told. */
  #endTold = false;
  #hasEnded = false;
  #isLeaving = false;

  constructor(raw: NativeSocket<SocketState>, tls?: Secured) {
    this.raw = raw;
    const under = tls?.under;
    this.directRemote = under?.directRemote ?? { address: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
    this.remote = under?.remote ?? this.directRemote;
    this.local = under?.local ?? { address: raw.localAddress ?? "", port: raw.localPort ?? 0 };
    this.originalDestination = under?.originalDestination;
    this.secure = tls !== undefined;
    this.peer = tls?.peer;
    this.alpn = tls?.alpn;
    this.sni = tls?.sni;
  }

  speakFor(remote: SocketAddress, local: SocketAddress): void {
    this.remote = remote;
    this.local = local;
  }

  write(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
    if (this.#closed) return 0;
    const taken = this.raw.write(bytes, offset, length);
    return taken > 0 ? taken : 0;
  }

  pause(): void {
    this.raw.pause();
  }

  resume(): void {
    this.raw.resume();
  }

  end(): void {
    this.#hasEnded = true;
    if (!this.#closed) this.raw.shutdown();
  }

  close(): void {
    this.#isLeaving = true;
    if (this.#closed) return;
    // Over TLS, `end` alone would wait for the other side's goodbye, and nothing could close the socket any more.
    if (this.secure) this.raw.shutdown();
    this.raw.end();
  }

  destroy(): void {
    const wasLeaving = this.#isLeaving;
    this.#isLeaving = true;
    if (this.#closed) return;
    // A TLS socket that is being closed waits for its reader, and takes no other word.
    if (wasLeaving) this.raw.data.under?.terminate();
    this.raw.terminate();
  }

  /** The other side half-closed. */
  ended(): void {
    this.#endTold = true;
    this.handler.onEnd();
  }

  /** Tells the handler once. Where both sides have ended Bun tells of the close alone: without an error it was the end. */
  closed(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error === undefined && this.#hasEnded && !this.#endTold && !this.#isLeaving) this.handler.onEnd();
    this.handler.onClose(error);
  }
}

/** Native handlers that only pass on to the socket's own. */
export const rawHandlers = {
  data(raw: NativeSocket<SocketState>, chunk: Uint8Array): void {
    raw.data.socket?.handler.onData(chunk);
  },
  drain(raw: NativeSocket<SocketState>): void {
    raw.data.socket?.handler.onDrain();
  },
  end(raw: NativeSocket<SocketState>): void {
    raw.data.socket?.ended();
  },
  close(raw: NativeSocket<SocketState>, error?: Error): void {
    raw.data?.socket?.closed(error);
  },
  /** Also what a handler throws comes here, and then Bun leaves the socket open. */
  error(raw: NativeSocket<SocketState>, error: Error): void {
    raw.data?.socket?.closed(error);
    raw.terminate();
  },
};
