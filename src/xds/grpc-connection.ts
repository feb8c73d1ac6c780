/**
 * Carries an HTTP/2 session over a socket: moves bytes both ways, holds the pressure, notices dead peers.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Socket, SocketHandler } from "../net/socket.ts";
import type { SessionOptions } from "../wire/http2/options.ts";
import { FieldsSession, type FieldsSessionHandler } from "../wire/http2/fields-session.ts";
import type { Role } from "../wire/http2/session.ts";

export interface Keepalive {
  /** Silence of the peer after which it is asked whether it is there, milliseconds. @default 30_000 */
  readonly intervalMs: number;
  /** How long it may take to answer; an Envoy that takes in a large change says nothing for seconds. @default 20_000, as gRPC's */
  readonly timeoutMs: number;
}

export const DEFAULT_KEEPALIVE: Keepalive = { intervalMs: 30_000, timeoutMs: 20_000 };

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly keepalive: Keepalive;
  readonly session: SessionOptions;
}

/** What the owner of a connection hears beside the events of the session. */
export interface ConnectionOwner extends Omit<FieldsSessionHandler, "onPong"> {
  /** The last call: every stream has ended. */
  onClosed(why: string): void;
}

/** How long the peer may take to close after our last byte. */
const LINGER_MS = 1000;

export class GrpcConnection implements SocketHandler {
  readonly session: FieldsSession;
  readonly socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #keepalive: Keepalive;
  #timer: Timer | undefined;
  #heardMs: number;
  #busy = false;
  #paused = false;
  #ending = false;
  #why = "closed by the peer";

  /** Takes over the socket's handler. */
  constructor(socket: Socket, role: Role, owner: ConnectionOwner, options: ConnectionOptions) {
    this.socket = socket;
    this.#owner = owner;
    this.#clock = options.clock;
    this.#keepalive = options.keepalive;
    this.#heardMs = options.clock.nowMs();
    this.session = new FieldsSession(role, this.#handler(), options.session);
    socket.handler = this;
    this.#watch(this.#keepalive.intervalMs);
    this.flush();
  }

  /** Writes what the session has to say. Call it after using the session or a stream; within a handler it waits for the handler's end. */
  flush(): void {
    if (this.#busy) return;
    this.#busy = true;
    const { session, socket } = this;
    session.writeOutput(socket);
    this.#busy = false;
    if (this.#paused && !session.congested) socket.resume();
    else if (!this.#paused && session.congested) socket.pause();
    this.#paused = session.congested;
    if (session.finished && session.outputBytes === 0) this.#end();
  }

  /** Lets the calls that run finish, takes no more, then closes. */
  drain(): void {
    this.session.drain();
    this.flush();
  }

  /** Closes at once. */
  destroy(why: string): void {
    this.#why = why;
    this.socket.destroy();
  }

  // ---- SocketHandler ----

  onData(chunk: Uint8Array): void {
    this.#heardMs = this.#clock.nowMs();
    this.#busy = true;
    try {
      this.session.receive(chunk, this.#heardMs);
    } finally {
      this.#busy = false;
    }
    this.flush();
  }

  onDrain(): void {
    this.flush();
  }

  onEnd(): void {
    this.session.disconnected(this.#why);
    this.#end();
  }

  onClose(error: Error | undefined): void {
    this.#timer?.cancel();
    this.#ending = true;
    const why = error === undefined ? this.#why : error.message;
    this.session.disconnected(why);
    this.#owner.onClosed(why);
  }

  #handler(): FieldsSessionHandler {
    const owner = this.#owner;
    return {
      onStream: (stream) => owner.onStream(stream),
      onSettings: (settings) => owner.onSettings(settings),
      // Any byte of the peer shows that it is there, so the answer itself says no more.
      onPong: () => {},
      onGoaway: (code, debug) => owner.onGoaway(code, debug),
      onFailed: (error) => {
        this.#why = error.message;
        owner.onFailed(error);
      },
    };
  }

  #watch(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      const silentMs = this.#clock.nowMs() - this.#heardMs;
      if (silentMs < this.#keepalive.intervalMs) return this.#watch(this.#keepalive.intervalMs - silentMs);
      this.session.ping(1);
      this.flush();
      const { timeoutMs, intervalMs } = this.#keepalive;
      const heardMs = this.#heardMs;
      // What has come while this process was busy is read before it is judged.
      const judge = (): void => {
        if (this.#ending) return;
        if (this.#heardMs === heardMs) this.destroy(`the peer has not answered a ping for ${timeoutMs} ms`);
        else this.#watch(intervalMs);
      };
      this.#timer = this.#clock.after(timeoutMs, () => this.#clock.afterRound(judge));
    });
  }

  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#timer?.cancel();
    this.socket.end();
    this.#timer = this.#clock.after(LINGER_MS, () => this.socket.destroy());
  }
}
