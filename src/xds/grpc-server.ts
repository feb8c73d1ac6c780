/**
 * A gRPC server on sockets that somebody else accepts.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { PeerIdentity, Socket, SocketAddress } from "../net/socket.ts";
import type { GrpcStatus } from "../wire/grpc.ts";
import type { Fields } from "../wire/http2/fields.ts";
import { DEFAULT_KEEPALIVE, GrpcConnection, type Keepalive } from "./grpc-connection.ts";
import { serveStream } from "./grpc-server-call.ts";

/** A call, as its method sees it. */
export interface ServerCall {
  /** Request fields, names in lower case, pseudo fields among them. */
  readonly fields: Fields;
  /** The verified certificate of the caller; undefined on plaintext. */
  readonly peer: PeerIdentity | undefined;
  readonly remote: SocketAddress;
  /** Bytes that the caller has not made room for yet. */
  readonly queuedBytes: number;
  /** Tells the caller that the call is taken on, where a first message may be long in coming. */
  accept(): void;
  send(message: Uint8Array): void;
  /** Ends the call after what was sent. Later sends are dropped. */
  end(status: GrpcStatus): void;
}

/** Takes what the caller sends. An error thrown here ends the call: `GrpcError` with its status, any other as `internal`. */
export interface CallHandler {
  onMessage(message: Uint8Array): void;
  /** The caller sends no more. */
  onHalfClose(): void;
  /** The last call, and it always comes, also after `end`. */
  onClosed(): void;
}

/** Begins a call. Keys of methods are `/package.Service/Method`. */
export type Method = (call: ServerCall) => CallHandler;

export interface GrpcServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly methods: Readonly<Record<string, Method>>;
  /** Largest request message, bytes. @default 4_194_304 */
  readonly maxMessageBytes?: number;
  /** What a call may have waiting for a caller that does not read, bytes. @default 67_108_864 */
  readonly maxQueuedBytes?: number;
  readonly keepalive?: Keepalive;
}

export class GrpcServer {
  readonly #options: Required<GrpcServerOptions>;
  readonly #connections = new Set<GrpcConnection>();

  constructor(options: GrpcServerOptions) {
    this.#options = { maxMessageBytes: 4 << 20, maxQueuedBytes: 64 << 20, keepalive: DEFAULT_KEEPALIVE, ...options };
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Serves a connection until it ends. */
  accept(socket: Socket): void {
    const options = this.#options;
    let expiry: Timer | undefined;
    const connection: GrpcConnection = new GrpcConnection(
      socket,
      "server",
      {
        onStream: (stream) => {
          // The handshake has ended by now, and the certificate is known.
          expiry ??= drainAtExpiry(connection, options.clock);
          return serveStream(stream, connection, options);
        },
        onSettings() {},
        onGoaway() {},
        onFailed: (error) =>
          options.log.warn("connection ended: the peer broke HTTP/2", {
            remote: `${socket.remote.address}:${socket.remote.port}`,
            error: error.message,
          }),
        onClosed: () => {
          expiry?.cancel();
          this.#connections.delete(connection);
        },
      },
      { clock: options.clock, keepalive: options.keepalive, session: { settings: { maxConcurrentStreams: 100 } } },
    );
    this.#connections.add(connection);
  }

  /** Lets calls that run finish; each connection then closes. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  /** Closes every connection at once. */
  close(): void {
    for (const connection of this.#connections) connection.destroy("the server stops");
  }
}

/**
 * Sends a caller whose certificate has ended to another connection, where it must show its new one: a client such as Envoy
 * would open its next stream on this one, and be refused for ever.
 */
function drainAtExpiry(connection: GrpcConnection, clock: Clock): Timer | undefined {
  const { peer } = connection.socket;
  if (peer === undefined) return undefined;
  let timer: Timer;
  const wait = (): void => {
    // Clocks cut very long waits short, hence the second look.
    timer = clock.after(peer.notAfterMs - clock.wallMs(), () =>
      clock.wallMs() < peer.notAfterMs ? wait() : connection.drain(),
    );
  };
  wait();
  return { cancel: () => timer.cancel() };
}
