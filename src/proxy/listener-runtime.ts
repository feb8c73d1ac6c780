/**
 * A listener at work: accepts, finds out what the client speaks, ends TLS, and hands the connection to the filter
 * chain that fits. A change of its resource swaps the chains; connections that are open stay.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { carriesPlainBytes } from "../engine/listener/dial-ahead.ts";
import type { CompiledChain, CompiledListener } from "../engine/listener/listener.ts";
import type { CompiledListenerFilter } from "../engine/listener/listener-filters.ts";
import {
  type AcceptedSocket,
  deafHandler,
  type Listener,
  type Network,
  type Socket,
  type SocketAddress,
} from "../net/socket.ts";
import type { ListenerFilterStats, ListenerStats } from "../telemetry/envoy-stats.ts";
import type { ClientHello } from "../wire/client-hello.ts";
import { withCommonAlpn } from "./common-alpn.ts";
import { Detection, type DetectionHost } from "./detection.ts";
import type { DialAhead } from "./dial-ahead.ts";
import { FirstBytes } from "./first-bytes.ts";
import { inspect, type InspectionEnd } from "./inspection.ts";
import type { LiveChain } from "./live-chain.ts";
import type { Overload } from "./overload.ts";

export interface ListenerServices {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  readonly filterStats: ListenerFilterStats;
  readonly overload: Overload;
  /** The listener that takes connections to an address, of those that another hands over. */
  readonly listenerAt: (to: SocketAddress) => ListenerRuntime | undefined;
}

/** The parts of a listener that a change of configuration replaces together. */
export interface ListenerChains {
  readonly compiled: CompiledListener;
  /** What serves a chain of `compiled`. */
  readonly liveOf: (chain: CompiledChain) => LiveChain;
}

export class ListenerRuntime {
  readonly name: string;
  readonly stats: ListenerStats;
  readonly #services: ListenerServices;
  #chains: ListenerChains;
  #listener: Listener | undefined;
  #draining = false;
  #isStarted = false;
  readonly #detection: DetectionHost = {
    dialAhead: (...asked) => this.#dialAhead(...asked),
    onDetected: (...found) => this.#onDetected(...found),
  };

  constructor(name: string, chains: ListenerChains, stats: ListenerStats, services: ListenerServices) {
    this.name = name;
    this.stats = stats;
    this.#chains = chains;
    this.#services = services;
  }

  get compiled(): CompiledListener {
    return this.#chains.compiled;
  }

  /** The port that it listens on; undefined before {@link start}, and where it takes what others hand over. */
  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** @throws {Error} That names the address when it cannot be listened on. */
  async start(): Promise<void> {
    const { address, bindsToPort } = this.#chains.compiled;
    this.#isStarted = true;
    if (!bindsToPort) return;
    this.#listener = await this.#services.network.listen({ ...address, name: this.name }, (socket) =>
      this.#accept(socket),
    );
    if (this.#draining) this.#listener.close();
  }

  /** Serves new connections by other chains from now on. */
  swap(chains: ListenerChains): void {
    this.#chains = chains;
  }

  /** Stops accepting; connections finish what they are at. */
  close(): void {
    this.#draining = true;
    this.#listener?.close();
  }

  #accept(socket: AcceptedSocket): void {
    if (this.#refuses()) return socket.destroy();
    const { handsOver, listenerFilters } = this.#chains.compiled;
    if (listenerFilters.restoresDestination) socket.restoreDestination();
    const taker = handsOver && socket.originalDestination && this.#services.listenerAt(socket.originalDestination);
    if (taker && taker !== this) taker.#take(socket);
    else this.#look(socket);
  }

  /** Takes a connection over from another listener. One that lacks its routes yet must not be gone around. */
  #take(socket: AcceptedSocket): void {
    if (this.#isStarted && !this.#draining) this.#look(socket);
    else socket.destroy();
  }

  #look(socket: AcceptedSocket): void {
    const { filters } = this.#chains.compiled.listenerFilters;
    if (filters.length === 0) return this.#serve(socket, this.#firstBytes(filters, socket), undefined);
    this.#inspect(socket, filters);
  }

  #refuses(): boolean {
    const { overload } = this.#services;
    const { stats } = this.stats;
    if (overload.isFull) stats.globalCxOverflow.add(1);
    else if (overload.rejectsConnection()) stats.cxOverloadReject.add(1);
    else return false;
    return true;
  }

  #firstBytes(filters: readonly CompiledListenerFilter[], socket: Socket): FirstBytes {
    return new FirstBytes(filters, socket.local.port, this.#services.filterStats);
  }

  /** Lets the filters look; what they find chooses the chain. */
  #inspect(socket: AcceptedSocket, filters: readonly CompiledListenerFilter[]): void {
    const first = this.#firstBytes(filters, socket);
    if (first.step().t === "done") return this.#serve(socket, first, undefined);
    const { clock, overload } = this.#services;
    this.stats.stats.preCxActive.add(1);
    overload.connections++;
    const { inspectionWaitsMs } = this.#chains.compiled;
    inspect(socket, first, clock, inspectionWaitsMs, new Detection(this.#detection, socket, first));
  }

  #onDetected(socket: AcceptedSocket, first: FirstBytes, end: InspectionEnd, ahead: DialAhead | undefined): void {
    const { stats } = this.stats;
    stats.preCxActive.add(-1);
    this.#services.overload.connections--;
    if (end.t === "timeout") stats.preCxTimeout.add(1);
    else if (end.t === "left") stats.listenerFilterRemoteClose.add(1);
    else if (end.t === "refused") this.#debug("connection refused", socket, end.why);
    // A server may be the one to speak first: then its client is silent, and is what it seems so far.
    const goesOn = end.t === "done" || (end.t === "timeout" && this.#chains.compiled.listenerFilters.continueOnTimeout);
    if (goesOn) return this.#serve(socket, first, ahead);
    ahead?.release();
    drop(socket, first.rest.length > 0);
  }

  /** Calls the endpoint of the chain that the client gets if it stays silent. */
  #dialAhead(socket: AcceptedSocket, first: FirstBytes, onSpoken: () => void): DialAhead | undefined {
    // It may be for nothing: not while there is too much to do.
    if (this.#services.overload.rejectConnections > 0) return undefined;
    const chains = this.#chains;
    const chain = select(chains.compiled, socket, first);
    if (chain === undefined || !carriesPlainBytes(chain)) return undefined;
    return chains.liveOf(chain).dialAhead(socket, onSpoken);
  }

  #serve(socket: AcceptedSocket, first: FirstBytes, ahead: DialAhead | undefined): void {
    const chains = this.#chains;
    const chain = select(chains.compiled, socket, first);
    const { stats } = this.stats;
    if (chain === undefined || chain.tls !== undefined) ahead?.release();
    if (chain === undefined) {
      stats.noFilterChainMatch.add(1);
      return drop(socket, first.rest.length > 0);
    }
    stats.cxTotal.add(1);
    stats.cxActive.add(1);
    const { overload } = this.#services;
    overload.connections++;
    const closed = (): void => {
      overload.connections--;
      stats.cxActive.add(-1);
      stats.cxDestroy.add(1);
    };
    const live = chains.liveOf(chain);
    if (chain.tls !== undefined) return this.#awaitHello(live, chain, socket, first, closed);
    live.serve(socket, first.rest, first.detected.hello?.sni, closed, ahead);
  }

  /** TLS begins with a whole hello; no filter need have looked for it. */
  #awaitHello(
    live: LiveChain,
    chain: CompiledChain,
    socket: AcceptedSocket,
    first: FirstBytes,
    closed: () => void,
  ): void {
    const hello = new FirstBytes(TLS_ONLY, 0, undefined);
    const limitMs = chain.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    const untilMs = this.#services.clock.nowMs() + limitMs;
    if (first.detected.transport === "tls" || hello.push(first.rest).t === "done")
      return this.#startTls(live, socket, first.rest, first.detected.hello ?? hello.detected.hello, untilMs, closed);
    const onInspected = (end: InspectionEnd): void => {
      if (end.t === "done") return this.#startTls(live, socket, hello.rest, hello.detected.hello, untilMs, closed);
      if (end.t === "timeout") this.stats.stats.cxTransportSocketConnectTimeout.add(1);
      drop(socket, hello.rest.length > 0);
      closed();
    };
    inspect(socket, hello, this.#services.clock, [limitMs], { onInspected });
  }

  /** @param first All bytes of the client so far. @param untilMs When the handshake must be over. */
  #startTls(
    live: LiveChain,
    socket: AcceptedSocket,
    first: Uint8Array,
    hello: ClientHello | undefined,
    untilMs: number,
    closed: () => void,
  ): void {
    const { stats } = this.stats;
    const { clock } = this.#services;
    const fail = (why: string): void => {
      timer.cancel();
      stats.sslConnectionError.add(1);
      this.#debug("TLS refused", socket, why);
      closed();
    };
    const timer = clock.after(untilMs - clock.nowMs(), () => {
      stats.cxTransportSocketConnectTimeout.add(1);
      socket.destroy();
    });
    const tls = live.serverTls({ sni: hello?.sni, bytes: first });
    if (hello === undefined || tls === undefined) {
      drop(socket, true);
      return fail(hello === undefined ? "no TLS on a listener that requires it" : "no certificate yet");
    }
    const opened = (secure: Socket): void => {
      timer.cancel();
      stats.sslHandshake.add(1);
      live.serve(secure, NOTHING, secure.sni, closed, undefined);
    };
    socket.startTls(withCommonAlpn(tls, hello.alpn), first, opened, (error) => fail(error.message));
  }

  #debug(message: string, socket: Socket, why: string): void {
    this.#services.log.debug(message, { listener: this.name, remote: socket.remote.address, why });
  }
}

/** The chain that fits what is known of a connection so far. */
function select(
  { select: chainFor }: CompiledListener,
  socket: AcceptedSocket,
  { addresses, detected }: FirstBytes,
): CompiledChain | undefined {
  if (addresses !== undefined) socket.speakFor(addresses.source, addresses.destination);
  return chainFor({
    destinationPort: socket.local.port,
    destinationAddress: socket.local.address,
    sourceAddress: socket.remote.address,
    sourcePort: socket.remote.port,
    directSourceAddress: socket.directRemote.address,
    transport: detected.transport,
    sni: detected.hello?.sni ?? "",
    alpn: detected.alpn,
  });
}

/** Lets go of a connection that nobody serves. Who has said something must not think that it was heard. */
function drop(socket: Socket, hasSpoken: boolean): void {
  socket.handler = deafHandler;
  if (hasSpoken) socket.destroy();
  else socket.close();
}

const NOTHING = new Uint8Array(0);
const TLS_ONLY: readonly CompiledListenerFilter[] = [{ kind: { t: "tlsInspector" }, isDisabled: () => false }];
/** Where a chain sets no `transport_socket_connect_timeout`. Differs: without one, Envoy waits for ever. */
const HANDSHAKE_TIMEOUT_MS = 15_000;
