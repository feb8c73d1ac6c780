/**
 * One HTTP/2 connection to an endpoint, with the requests that it carries.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Http2Settings } from "../../engine/http2-settings.ts";
import type { Socket, SocketHandler } from "../../net/socket.ts";
import { Session, type SessionHandler } from "../../wire/http2/session.ts";
import type { Stream } from "../../wire/http2/stream.ts";
import type { Turn } from "../turn.ts";
import type { UpstreamRequest } from "../upstream.ts";
import { type CarriedBy, ClientStream } from "./client-stream.ts";
import { SessionCarrier } from "./session-carrier.ts";
import { clientOptions } from "./session-options.ts";

/** What a connection tells its pool. */
export interface Http2ConnectionOwner {
  /** It may take another request now. */
  onRoom(connection: Http2ClientConnection): void;
  /** It takes no more. */
  onLost(connection: Http2ClientConnection): void;
  onClosed(connection: Http2ClientConnection): void;
}

/** Streams that are kept for later requests, until the connection has nothing to do. */
const MAX_SPARE = 256;
/** How long the endpoint may take to close behind the last byte. */
const LINGER_MS = 1000;

export class Http2ClientConnection implements SocketHandler, SessionHandler, CarriedBy {
  readonly socket: Socket;
  readonly #owner: Http2ConnectionOwner;
  readonly #clock: Clock;
  readonly #session: Session;
  readonly #carrier: SessionCarrier;
  readonly #spare: ClientStream[] = [];
  readonly #heads: ClientStream[] = [];
  readonly #maxStreams: number;
  readonly #unsettled: ((knowsConnect: boolean) => void)[] = [];
  #isSettled = false;
  #active = 0;
  /** When it began to take no more requests. An endpoint may never say that it has heard of it. */
  #drainedMs: number | undefined;
  #ending = false;
  #closed = false;
  #lost = false;
  requests = 0;
  /** When its last request ended. */
  #idleSinceMs: number;

  constructor(socket: Socket, owner: Http2ConnectionOwner, settings: Http2Settings, turn: Turn, clock: Clock) {
    this.socket = socket;
    this.#owner = owner;
    this.#clock = clock;
    this.#maxStreams = settings.maxConcurrentStreams;
    this.#idleSinceMs = clock.nowMs();
    this.#session = new Session("client", this, clientOptions(settings));
    this.#carrier = new SessionCarrier(socket, this.#session, turn, () => this.#end());
    socket.handler = this;
    this.touch();
  }

  /** It takes another request. */
  get hasRoom(): boolean {
    return !this.#lost && this.#active < this.#maxStreams && this.#session.canOpen;
  }

  /** A way for one request, which must be sent at once. Only while {@link hasRoom}. */
  take(): UpstreamRequest {
    return this.#spare.pop() ?? new ClientStream(this);
  }

  openStream({ stream }: ClientStream, isToHead: boolean): void {
    if (!this.#session.open(stream, isToHead)) throw new Error("a stream is opened on a connection without room");
    this.requests++;
    this.#active++;
    if (!this.#session.streams.hasLocalId) this.drain();
  }

  touch(): void {
    this.#carrier.touch();
  }

  headIsDue(carried: ClientStream): void {
    this.#heads.push(carried);
  }

  onData(chunk: Uint8Array): void {
    if (this.#ending) return;
    this.#session.receive(chunk, this.#clock.nowMs());
    for (const carried of this.#heads) carried.passHead(false);
    this.#heads.length = 0;
    this.touch();
  }

  onDrain(): void {
    this.#carrier.flush();
  }

  onEnd(): void {
    this.#lose();
    this.#session.disconnected("");
    this.#end();
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = this.#ending = true;
    this.#lose();
    this.#session.disconnected(error?.message ?? "");
    this.#owner.onClosed(this);
  }

  onCarried(carried: ClientStream, isFree: boolean): void {
    this.#active--;
    if (this.#active === 0) this.#idleSinceMs = this.#clock.nowMs();
    if (isFree && this.#spare.length < MAX_SPARE) this.#spare.push(carried);
    if (!this.#lost) this.#owner.onRoom(this);
  }

  /** Push is off: an endpoint opens no streams. */
  acquireStream(): Stream {
    throw new Error("an endpoint opened a stream");
  }

  onStreamFault(): void {}

  whenSettled(then: (knowsConnect: boolean) => void): void {
    if (this.#isSettled) then(this.#session.remoteSettings.enableConnect);
    else this.#unsettled.push(then);
  }

  onSettings(): void {
    this.#isSettled = true;
    for (const then of this.#unsettled.splice(0)) then(this.#session.remoteSettings.enableConnect);
    if (this.hasRoom) this.#owner.onRoom(this);
  }

  onPong(): void {}

  onGoaway(): void {
    this.#lose();
  }

  onFailed(): void {
    this.#lose();
    this.touch();
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#owner.onLost(this);
  }

  /** Takes no more requests, and closes as those that run end. */
  drain(): void {
    this.#lose();
    this.#drainedMs ??= this.#clock.nowMs();
    this.#session.drain();
    this.touch();
  }

  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#lose();
    this.#idleSinceMs = this.#clock.nowMs();
    this.#carrier.flush();
    this.socket.end();
  }

  destroy(): void {
    this.#lose();
    this.socket.destroy();
  }

  /** Called about once a second. */
  sweep(nowMs: number, idleTimeoutMs: number): void {
    const quietMs = this.#active === 0 || this.#ending ? nowMs - this.#idleSinceMs : 0;
    if (this.#ending || this.#session.isClosed) {
      if (quietMs <= LINGER_MS) return;
      // One that broke the protocol may not read what it is told of that.
      return this.#ending ? this.socket.close() : this.destroy();
    }
    if (!this.#session.sweep(nowMs)) return this.destroy();
    if (quietMs > 0) this.#spare.length = 0;
    if (quietMs > idleTimeoutMs) this.drain();
    if (this.#active === 0 && this.#drainedMs !== undefined && nowMs - this.#drainedMs > LINGER_MS) this.#end();
    this.touch();
  }
}
