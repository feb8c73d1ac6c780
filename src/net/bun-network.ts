/**
 * Sockets of the operating system, through Bun's native ones: half of the CPU of `node:net`.
 *
 * What must be known of Bun 1.4.5 (`bun-network.test.ts` holds each): a server's `handshake` says ok for an untrusted
 * client, so `authorized` decides; `checkServerIdentity` is ignored, so the name check is ours; a listener's
 * certificate cannot be replaced, so every connection starts TLS by itself with what is current; the raw
 * socket under a TLS one goes on reporting ciphertext, which must be ignored.
 *
 * @module
 */
import { overAbandoned } from "./abandoned-socket.ts";
import { unixPath } from "./unix-path.ts";
import type { Socket as NativeSocket, TCPSocketListener, UnixSocketListener } from "bun";
import { BunSocket, rawHandlers, type SocketState } from "./bun-socket.ts";
import { startClientTls, startServerTls } from "./bun-tls.ts";
import { originalDestination } from "./original-destination.ts";
import {
  type AcceptedSocket,
  deafHandler,
  DialError,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type Network,
  type ServerTls,
  type Socket,
} from "./socket.ts";
import type { Clock } from "../base/clock.ts";

type Raw = NativeSocket<SocketState>;

/** A native socket that was accepted. */
export class Accepted extends BunSocket implements AcceptedSocket {
  restoreDestination(): void {
    const { fd } = this.raw as unknown as { readonly fd: number };
    const found = originalDestination(fd, this.local);
    if (found === undefined) return;
    this.originalDestination = found;
    this.local = found;
  }

  startTls(tls: ServerTls, first: Uint8Array, onOpen: (secure: Socket) => void, onFail: (error: Error) => void): void {
    startServerTls(this, tls, first, onOpen, onFail);
  }
}

/** The network of the machine. */
export function bunNetwork(clock: Clock): Network {
  return {
    listen: (options, onConnection) => listen(clock, options, onConnection),
    dial: (options, onOpen, onFail) => dial(clock, options, onOpen, onFail),
  };
}

/** A client that has not finished TLS by then is let go. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

async function listen(
  clock: Clock,
  options: ListenOptions,
  onConnection: (socket: AcceptedSocket) => void,
): Promise<Listener> {
  const onAccepted = ending(clock, options.tls, onConnection);
  const accept = (raw: Raw): void => {
    const socket = new Accepted(raw);
    raw.data = { socket };
    onAccepted(socket);
  };
  const socket = { ...rawHandlers, open: accept };
  try {
    if (options.path !== undefined) {
      const unix = unixPath(options.path);
      const listenThere = () => Bun.listen<SocketState>({ unix, socket, allowHalfOpen: true });
      return wrap(await overAbandoned(unix, listenThere));
    }
    return wrap(
      Bun.listen<SocketState>({ hostname: options.address, port: options.port, socket, allowHalfOpen: true }),
    );
  } catch (cause) {
    throw listenError(options, cause);
  }
}

/** Ends TLS on each accepted socket, where that is asked for. */
export function ending(
  clock: Clock,
  tls: (() => ServerTls) | undefined,
  onConnection: (socket: AcceptedSocket) => void,
): (socket: AcceptedSocket) => void {
  if (tls === undefined) return onConnection;
  return (socket) => {
    const timer = clock.after(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
    const stop = (): void => timer.cancel();
    socket.handler = {
      ...deafHandler,
      onClose: stop,
      onData: (first) =>
        socket.startTls(
          tls(),
          first,
          (secure) => {
            stop();
            onConnection(secure as AcceptedSocket);
          },
          stop,
        ),
    };
  };
}

/** Names the address, and what can be done. */
export function listenError(options: ListenOptions, cause: unknown): Error {
  const where = options.path ?? `${options.address}:${options.port}`;
  const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const hint = why === "EADDRINUSE" ? ": another program listens there; stop it or choose another port" : "";
  return new Error(`cannot listen on ${where}: ${why}${hint}`, { cause });
}

function wrap(listener: TCPSocketListener<SocketState> | UnixSocketListener<SocketState>): Listener {
  return { port: "port" in listener ? listener.port : 0, close: () => listener.stop(false) };
}

function dial(
  clock: Clock,
  options: DialOptions,
  onOpen: (socket: Socket) => void,
  onFail: (error: DialError) => void,
): void {
  const attempt = new Attempt(clock, options, onOpen, onFail);
  const socket = {
    ...rawHandlers,
    open: (raw: Raw): void => attempt.connected(raw),
    connectError: (_: Raw, cause: Error): void => attempt.fail(dialErrorOf(cause, options)),
  };
  const opening =
    options.path === undefined
      ? Bun.connect<SocketState>({ ...placeOf(options), socket, allowHalfOpen: true })
      : Bun.connect<SocketState>({ unix: unixPath(options.path), socket, allowHalfOpen: true });
  opening.catch((cause: unknown) => attempt.fail(dialErrorOf(cause, options)));
}

/** Bun takes `localAddress`, and its types of 1.4.5 do not say so. */
function placeOf({ address: hostname, localAddress, port }: DialOptions): { hostname: string; port: number } {
  const place = { hostname, port };
  return localAddress === undefined ? place : Object.assign(place, { localAddress });
}

/** One dial: settles once, whatever comes first. */
class Attempt {
  #settled = false;
  #socket: BunSocket | undefined;
  readonly #timer;
  readonly #options: DialOptions;
  readonly #onOpen: (socket: Socket) => void;
  readonly #onFail: (error: DialError) => void;

  constructor(clock: Clock, options: DialOptions, onOpen: (s: Socket) => void, onFail: (error: DialError) => void) {
    this.#options = options;
    this.#onOpen = onOpen;
    this.#onFail = onFail;
    const limit = options.connectTimeoutMs;
    this.#timer = clock.after(limit, () =>
      this.fail(new DialError("timeout", `${where(options)}: no connection within ${limit} ms`)),
    );
  }

  connected(raw: Raw): void {
    const socket = new BunSocket(raw);
    this.#socket = socket;
    raw.data = { socket };
    if (this.#settled) return socket.destroy();
    const { keepAliveMs, preface, tls } = this.#options;
    if (keepAliveMs !== undefined) raw.setKeepAlive(true, keepAliveMs);
    // A kernel that does not take the first hundred bytes of a connection takes none.
    if (preface !== undefined && socket.write(preface) < preface.length)
      return this.fail(
        new DialError("other", `${where(this.#options)}: the first ${preface.length} bytes were not taken`),
      );
    if (tls === undefined) return this.#succeed(socket);
    socket.handler = {
      ...deafHandler,
      onClose: () => this.fail(new DialError("other", `${where(this.#options)}: closed`)),
    };
    startClientTls(
      socket,
      tls,
      (secure) => this.#succeed(secure),
      (message) => this.fail(new DialError("tls", `${where(this.#options)}: ${message}`)),
    );
  }

  #succeed(socket: Socket): void {
    if (this.#settled) return socket.destroy();
    this.#settled = true;
    this.#timer.cancel();
    this.#onOpen(socket);
  }

  fail(error: DialError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer.cancel();
    this.#socket?.destroy();
    this.#onFail(error);
  }
}

const where = (o: DialOptions): string => o.path ?? `${o.address}:${o.port}`;

function dialErrorOf(cause: unknown, options: DialOptions): DialError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const kind = code === "ECONNREFUSED" || code === "ENOENT" ? "refused" : "other";
  return new DialError(kind, `${where(options)}: ${code}`);
}
