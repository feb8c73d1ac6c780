/**
 * One filter chain in use, with its connections. A change of its listener gives it another configuration: the next
 * request on an open connection is served by that.
 *
 * @module
 */
import type { CompiledHttp } from "../engine/http.ts";
import type { PeerView } from "../engine/request.ts";
import type { ClientWish } from "./certificate-choice.ts";
import type { ServerTls, Socket } from "../net/socket.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import { viewOf } from "./connection.ts";
import type { DialAhead } from "./dial-ahead.ts";
import type { DownstreamConnection } from "./downstream.ts";
import { serveHttp } from "./http-accept.ts";
import type { HttpContext } from "./http-context.ts";
import type { TcpChain } from "./tcp-chain.ts";
import type { TcpConnection } from "./tcp-connection.ts";

/** A chain's configuration, complete and valid. */
export interface ChainConfig {
  /** The same for a chain and the one that takes its place: whether it ends TLS, and its name or number. */
  readonly key: string;
  readonly terminal: HttpTerminal | { readonly t: "tcp"; readonly chain: TcpChain };
  /** The TLS to end connections with, by the certificates of now; undefined while there are none. */
  readonly serverTls: (client: ClientWish) => ServerTls | undefined;
  /** Network filters: why they refuse the connection; undefined when they let it in. */
  readonly refusal: (peer: PeerView) => string | undefined;
  /** Whether they would refuse it, asked ahead: it counts nowhere. */
  readonly wouldRefuse: (peer: PeerView) => boolean;
  /** Whether the certificates that it needs are there. */
  readonly hasSecrets: () => boolean;
}

export interface HttpTerminal {
  readonly t: "http";
  readonly compiled: CompiledHttp;
  /** What serves. Undefined: the routes that it asks for by name are not there yet. */
  readonly context: HttpContext | undefined;
  /** What serves by a compiled form. @throws {CompileError} */
  readonly contextOf: (compiled: CompiledHttp) => HttpContext;
}

/** It has the routes and the certificates that it needs. */
export const isReady = ({ terminal, hasSecrets }: ChainConfig): boolean =>
  (terminal.t === "tcp" || terminal.context !== undefined) && hasSecrets();

/** The route configuration that it asks for by name. */
export const routesNameOf = ({ terminal }: ChainConfig): string | undefined =>
  terminal.t === "http" ? terminal.compiled.settings.routeConfigName : undefined;

/** How long connections of a chain that is no more may take to end; Istio's `drainDuration`. */
const DRAIN_MS = 45_000;

export class LiveChain {
  #config: ChainConfig;
  #context: HttpContext | undefined;
  readonly #connections = new Set<DownstreamConnection>();
  readonly #tunnels = new Set<TcpConnection>();
  #draining = false;
  #drainedMs: number | undefined;

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
    if (config.terminal.t === "http" && config.terminal.context !== undefined) this.#context = config.terminal.context;
  }

  get routesName(): string | undefined {
    return routesNameOf(this.#config);
  }

  /**
   * Compiles routes for this chain. What is returned puts them in force.
   * @throws {CompileError} For what is wrong in them; the last ones then go on.
   */
  compileRoutes(routes: RouteConfiguration): () => void {
    const config = this.#config;
    const { terminal } = config;
    if (terminal.t !== "http") return () => {};
    const compiled = terminal.compiled.withRoutes(routes);
    const context = terminal.contextOf(compiled);
    return () => this.become({ ...config, terminal: { ...terminal, compiled, context } });
  }

  get isReady(): boolean {
    return isReady(this.#config);
  }

  serverTls(client: ClientWish): ServerTls | undefined {
    return this.#config.serverTls(client);
  }

  /**
   * Calls the endpoint of a client that has not spoken, before it is known what it will speak. Undefined where nobody is
   * called: for HTTP the client's request decides who that is.
   */
  dialAhead(client: Socket, onSpoken: () => void): DialAhead | undefined {
    const { terminal, wouldRefuse } = this.#config;
    if (terminal.t !== "tcp" || this.#draining || wouldRefuse(viewOf(client))) return undefined;
    return terminal.chain.dialAhead(client, onSpoken);
  }

  /**
   * Takes over an open connection.
   * @param first Bytes that were read from it already.
   * @param sni The server name that its client asked for.
   * @param ahead Used, or let go.
   */
  serve(
    socket: Socket,
    first: Uint8Array,
    sni: string | undefined,
    onClosed: () => void,
    ahead: DialAhead | undefined,
  ): void {
    const { refusal, terminal } = this.#config;
    const why = this.#draining ? "draining" : refusal(viewOf(socket));
    const usable =
      why === undefined && terminal.t === "tcp" && ahead !== undefined && terminal.chain.mayUse(ahead, sni);
    // Before anything is begun: it may have had the last place that the circuit breaker gives.
    if (!usable) ahead?.release();
    if (terminal.t === "tcp")
      return this.#serveTcp(terminal.chain, socket, first, sni, why, onClosed, usable ? ahead : undefined);
    if (why !== undefined) {
      socket.destroy();
      return onClosed();
    }
    this.#serveHttp(socket, first, onClosed);
  }

  #serveTcp(
    chain: TcpChain,
    socket: Socket,
    first: Uint8Array,
    sni: string | undefined,
    refusal: string | undefined,
    onClosed: () => void,
    ahead: DialAhead | undefined,
  ): void {
    const connection = chain.connection(socket, sni, () => {
      this.#tunnels.delete(connection);
      onClosed();
    });
    this.#tunnels.add(connection);
    if (refusal === undefined) connection.open(first, ahead);
    else connection.refuse(refusal);
  }

  #serveHttp(socket: Socket, first: Uint8Array, onClosed: () => void): void {
    const closed = (connection: DownstreamConnection): void => {
      this.#connections.delete(connection);
      onClosed();
    };
    const connection = serveHttp(socket, first, () => this.#context as HttpContext, closed);
    this.#connections.add(connection);
    if (first.length > 0) connection.onData(first);
  }

  /** Nothing new comes in; connections close as their requests end. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  get connectionCount(): number {
    return this.#connections.size + this.#tunnels.size;
  }

  /** Looks after the slow timeouts of its connections. Called about once a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.sweep(nowMs);
    for (const connection of this.#tunnels) connection.sweep(nowMs);
    if (this.#draining && nowMs - (this.#drainedMs ??= nowMs) > DRAIN_MS) this.#abort();
  }

  /** A tunnel, or a request that never ends, must not keep a chain for ever that is not to be served any more. */
  #abort(): void {
    for (const connection of this.#connections) connection.abort();
    for (const connection of this.#tunnels) connection.abort();
  }
}
