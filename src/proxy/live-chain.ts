/**
 * One filter chain in use, with its connections. A change of its listener gives it another configuration: the next
 * request on an open connection is served by that.
 *
 * @module
 */
import type { CompiledHttp } from "../engine/http.ts";
import type { PeerView } from "../engine/request.ts";
import type { ServerTls, Socket } from "../net/socket.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import type { HttpContext } from "./http-context.ts";
import { ServerConnection } from "./http1/server-connection.ts";
import type { TcpChain } from "./tcp-chain.ts";

/** A chain's configuration, complete and valid. */
export interface ChainConfig {
  /** The same for a chain and the one that takes its place: whether it ends TLS, and its name or number. */
  readonly key: string;
  readonly terminal: HttpTerminal | { readonly t: "tcp"; readonly chain: TcpChain };
  /** The TLS to end connections with, by the certificates of now; undefined while there are none. */
  readonly serverTls: () => ServerTls | undefined;
  /** Network filters: false refuses the connection. */
  readonly admits: (peer: PeerView) => boolean;
  /** Whether the certificates that it needs are there. */
  readonly hasSecrets: () => boolean;
}

export interface HttpTerminal {
  readonly t: "http";
  readonly compiled: CompiledHttp;
  /** Undefined: the routes that it asks for by name are not there yet. */
  readonly routes: RouteConfiguration | undefined;
  /** What serves by a compiled form. @throws {CompileError} */
  readonly contextOf: (compiled: CompiledHttp) => HttpContext;
}

export class LiveChain {
  #config: ChainConfig;
  #context: HttpContext | undefined;
  readonly #connections = new Set<ServerConnection>();
  #tcpConnections = 0;
  #draining = false;

  constructor(config: ChainConfig) {
    this.#config = config;
    this.become(config);
  }

  get key(): string {
    return this.#config.key;
  }

  /** Serves by another configuration from now on. */
  become(config: ChainConfig): void {
    this.#config = config;
    const { terminal } = config;
    if (terminal.t === "http" && !this.#lacksRoutes(terminal)) this.#context = terminal.contextOf(terminal.compiled);
  }

  #lacksRoutes({ compiled, routes }: HttpTerminal): boolean {
    return compiled.settings.routeConfigName !== undefined && routes === undefined;
  }

  /** The route configuration that it asks for by name. */
  get routesName(): string | undefined {
    const { terminal } = this.#config;
    return terminal.t === "http" ? terminal.compiled.settings.routeConfigName : undefined;
  }

  /** @throws {CompileError} For what is wrong in them; the last ones then go on. */
  setRoutes(routes: RouteConfiguration): void {
    const { terminal } = this.#config;
    if (terminal.t !== "http") return;
    const compiled = terminal.compiled.withRoutes(routes);
    this.#context = terminal.contextOf(compiled);
    this.#config = { ...this.#config, terminal: { ...terminal, compiled, routes } };
  }

  /** It has the routes and the certificates that it needs. */
  get isReady(): boolean {
    return (this.#config.terminal.t === "tcp" || this.#context !== undefined) && this.#config.hasSecrets();
  }

  serverTls(): ServerTls | undefined {
    return this.#config.serverTls();
  }

  /**
   * Takes over an open connection.
   * @param first Bytes that were read from it already.
   */
  serve(socket: Socket, first: Uint8Array | undefined, onClosed: () => void): void {
    const { terminal, admits } = this.#config;
    if (this.#draining || !admits(viewOf(socket))) {
      socket.destroy();
      return onClosed();
    }
    if (terminal.t === "http") return this.#serveHttp(socket, first, onClosed);
    this.#tcpConnections++;
    terminal.chain.serve(socket, first, () => {
      this.#tcpConnections--;
      onClosed();
    });
  }

  #serveHttp(socket: Socket, first: Uint8Array | undefined, onClosed: () => void): void {
    const connection = new ServerConnection(
      socket,
      () => this.#context as HttpContext,
      (closed) => {
        this.#connections.delete(closed);
        onClosed();
      },
    );
    this.#connections.add(connection);
    if (first !== undefined && first.length > 0) connection.onData(first);
  }

  /** Nothing new comes in; connections close as their requests end. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  get connectionCount(): number {
    return this.#connections.size + this.#tcpConnections;
  }

  /** Looks after the slow timeouts of its connections. Called about once a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.sweep(nowMs);
  }
}

const viewOf = (socket: Socket): PeerView => ({
  tls: socket.secure,
  spiffeId: socket.peer?.spiffeId,
  sni: socket.sni,
  remote: socket.remote,
  local: socket.local,
});
