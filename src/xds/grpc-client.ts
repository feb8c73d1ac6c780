/**
 * A gRPC client on one connection that is made when it is needed and made anew when it is lost.
 *
 * It does not retry: a call that cannot be made ends with `unavailable`, and when to try again is the caller's decision.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { DialOptions, Network, Socket } from "../net/socket.ts";
import { GrpcCode, type GrpcStatus } from "../wire/grpc.ts";
import { ORPHAN } from "../wire/http2/fields-session.ts";
import { type CallHandler, ClientCall } from "./grpc-client-call.ts";
import { DEFAULT_KEEPALIVE, GrpcConnection, type Keepalive } from "./grpc-connection.ts";

export interface GrpcClientOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Where to connect. Asked for each connection, so that a renewed certificate is used. With TLS, ALPN must be `["h2"]`. */
  readonly target: () => DialOptions;
  /** `:authority` of calls. */
  readonly authority: string;
  /** Largest response message, bytes. @default 67_108_864 */
  readonly maxMessageBytes?: number;
  /** What a call may have waiting for a server that does not read, bytes. @default 16_777_216 */
  readonly maxQueuedBytes?: number;
  readonly keepalive?: Keepalive;
}

export interface CallOptions {
  /** Further request fields, names in lower case. */
  readonly metadata?: readonly string[];
  /** After this the call ends with `deadlineExceeded`, on both sides. */
  readonly timeoutMs?: number;
}

type State =
  | { readonly t: "idle" }
  /** Calls wait for the connection. */
  | { readonly t: "connecting"; readonly waiting: ClientCall[] }
  | { readonly t: "ready"; readonly connection: GrpcConnection }
  | { readonly t: "closed" };

const CLOSED: GrpcStatus = { code: GrpcCode.unavailable, message: "the client is closed" };

export class GrpcClient {
  readonly #options: Required<GrpcClientOptions>;
  /** Those that a GOAWAY retired live on until their calls have ended. */
  readonly #connections = new Set<GrpcConnection>();
  #state: State = { t: "idle" };

  constructor(options: GrpcClientOptions) {
    this.#options = { maxMessageBytes: 64 << 20, maxQueuedBytes: 16 << 20, keepalive: DEFAULT_KEEPALIVE, ...options };
  }

  get state(): State["t"] {
    return this.#state.t;
  }

  /** Begins a call; `handler.onEnd` comes exactly once. Messages may be sent at once. */
  call(path: string, handler: CallHandler, options: CallOptions = {}): ClientCall {
    const call = new ClientCall(path, handler, options, this.#options);
    const state = this.#state;
    switch (state.t) {
      case "idle":
        this.#connect([call]);
        break;
      case "connecting":
        state.waiting.push(call);
        break;
      case "ready":
        call.start(state.connection);
        break;
      case "closed":
        call.finish(CLOSED);
        break;
    }
    return call;
  }

  /** The next call makes a new connection, with the target and certificate of that time; calls that run keep theirs. */
  renew(): void {
    if (this.#state.t !== "ready") return;
    const { connection } = this.#state;
    this.#state = { t: "idle" };
    connection.drain();
  }

  /** Ends every call and closes. */
  close(): void {
    const state = this.#state;
    this.#state = { t: "closed" };
    if (state.t === "connecting") for (const call of state.waiting) call.finish(CLOSED);
    for (const connection of this.#connections) connection.destroy(CLOSED.message);
  }

  #connect(waiting: ClientCall[]): void {
    this.#state = { t: "connecting", waiting };
    this.#options.network.dial(
      this.#options.target(),
      (socket) => this.#opened(socket, waiting),
      (error) => this.#failed(waiting, error.message),
    );
  }

  #failed(waiting: readonly ClientCall[], message: string): void {
    if (this.#state.t !== "closed") this.#state = { t: "idle" };
    for (const call of waiting) call.finish({ code: GrpcCode.unavailable, message });
  }

  #opened(socket: Socket, waiting: readonly ClientCall[]): void {
    if (this.#state.t === "closed") return socket.destroy();
    if (socket.secure && socket.alpn !== "h2") {
      socket.destroy();
      return this.#failed(waiting, `the server must speak HTTP/2: ALPN settled on ${socket.alpn ?? "nothing"}`);
    }
    const { clock, keepalive } = this.#options;
    const connection: GrpcConnection = new GrpcConnection(
      socket,
      "client",
      {
        onStream: () => ORPHAN,
        onSettings() {},
        onGoaway: () => this.#retire(connection),
        onFailed: () => this.#retire(connection),
        onClosed: () => {
          this.#connections.delete(connection);
          this.#retire(connection);
        },
      },
      // Discovery responses are megabytes: windows of the default size would make them crawl.
      { clock, keepalive, session: { settings: { initialWindowBytes: 1 << 20 }, connectionWindowBytes: 4 << 20 } },
    );
    this.#connections.add(connection);
    this.#state = { t: "ready", connection };
    for (const call of waiting) call.start(connection);
  }

  /** The next call makes a new connection. */
  #retire(connection: GrpcConnection): void {
    if (this.#state.t === "ready" && this.#state.connection === connection) this.#state = { t: "idle" };
  }
}
