/**
 * An endpoint that is called while its client is silent and nobody knows yet what the client will speak. What it says is
 * held until that is decided; then a connection of the TCP proxy takes it over, or it is let go.
 *
 * Bounds: one for each client; from the endpoint's first bytes on it is not read, until it is taken over.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { deafHandler, type DialError, type Socket, type SocketHandler } from "../net/socket.ts";
import { beginsWithSettings } from "../wire/http2/server-preface.ts";
import type { ClientAddresses } from "./client-pools.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { failureOf } from "./host-dialer.ts";
import type { Greeting } from "./tcp-tunnel.ts";

/** Who takes over: exactly one of the two is called, at once when the connection is open. */
export interface AheadTaker {
  onOpen(socket: Socket, closed: () => void, greeting: Greeting): void;
  onFail(error: DialError): void;
}

type State =
  | { readonly t: "dialing" }
  | {
      readonly t: "open";
      readonly socket: Socket;
      readonly closed: () => void;
      /** What the endpoint has said: more than one read where TLS had decrypted it already. */
      readonly heard: Uint8Array[];
      hasEnded: boolean;
    }
  /** Before it was open. */
  | { readonly t: "taken"; readonly taker: AheadTaker }
  | { readonly t: "over" };

const OVER: State = { t: "over" };

export class DialAhead implements SocketHandler {
  /** Who called. */
  readonly caller: object;
  readonly cluster: ClusterRuntime;
  readonly endpoint: Endpoint;
  readonly #onSpoken: () => void;
  readonly #giveUp: () => void;
  #state: State = { t: "dialing" };

  /** @param onSpoken The endpoint has said something: whoever is called may take over, or leave it held. */
  constructor(
    caller: object,
    cluster: ClusterRuntime,
    endpoint: Endpoint,
    client: ClientAddresses,
    onSpoken: () => void,
  ) {
    this.caller = caller;
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.#onSpoken = onSpoken;
    this.#giveUp = cluster.dial(
      endpoint,
      client,
      undefined,
      (socket, closed) => this.#opened(socket, closed),
      (error) => this.#failed(error),
    );
  }

  /** It has not failed, nor been closed, taken or let go. */
  get isThere(): boolean {
    return this.#state.t === "dialing" || this.#state.t === "open";
  }

  /** Hands it over. It must be there. */
  take(taker: AheadTaker): void {
    const state = this.#state;
    if (state.t !== "open") {
      this.#state = { t: "taken", taker };
      return;
    }
    this.#state = OVER;
    taker.onOpen(state.socket, state.closed, state);
  }

  /** Lets go of it, unless it was taken. It no longer counts from here on. */
  release(): void {
    const state = this.#state;
    if (state.t === "dialing") this.#giveUp();
    if (state.t === "open") letGo(state.socket, state.closed);
    if (state.t !== "taken") this.#state = OVER;
  }

  #opened(socket: Socket, closed: () => void): void {
    const state = this.#state;
    if (state.t === "taken") return state.taker.onOpen(socket, closed, SILENT);
    this.#state = { t: "open", socket, closed, heard: [], hasEnded: false };
    socket.handler = this;
  }

  #failed(error: DialError): void {
    const state = this.#state;
    this.#state = OVER;
    if (state.t === "taken") return state.taker.onFail(error);
    this.cluster.onFailure(this.endpoint, failureOf(error));
  }

  onData(chunk: Uint8Array): void {
    const state = this.#state;
    if (state.t !== "open") return;
    // A server of HTTP/2 waits for its client, whatever it says before.
    if (state.heard.length === 0 && beginsWithSettings(chunk)) return this.release();
    state.heard.push(chunk);
    this.#onSpoken();
    if (this.#state === state) state.socket.pause();
  }

  onDrain(): void {}

  /** Not a word of its own: an endpoint may hang up on any client that is silent. */
  onEnd(): void {
    if (this.#state.t === "open") this.#state.hasEnded = true;
  }

  onClose(): void {
    const state = this.#state;
    this.#state = OVER;
    if (state.t === "open") state.closed();
  }
}

const SILENT: Greeting = { heard: [], hasEnded: false };

/** Who must not wait for the socket is told at once that it is closed. */
function letGo(socket: Socket, closed: () => void): void {
  socket.handler = deafHandler;
  socket.destroy();
  closed();
}
