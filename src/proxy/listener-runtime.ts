/**
 * A listener at work: accepts, finds out what the client speaks, ends TLS, and hands the connection to the filter
 * chain that fits. A change of its resource swaps the chains; connections that are open stay.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { CompiledChain, CompiledListener } from "../engine/listener/listener.ts";
import { type AcceptedSocket, deafHandler, type Listener, type Network, type Socket } from "../net/socket.ts";
import type { ListenerStats } from "../telemetry/envoy-stats.ts";
import { type ClientHello, looksLikeTls, readClientHello } from "../wire/client-hello.ts";
import { withCommonAlpn } from "./common-alpn.ts";
import type { LiveChain } from "./live-chain.ts";

export interface ListenerServices {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
}

/** The parts of a listener that a change of configuration replaces together. */
export interface ListenerChains {
  readonly compiled: CompiledListener;
  /** What serves a chain of `compiled`. */
  readonly liveOf: (chain: CompiledChain) => LiveChain;
}

/** What is known of a connection when its chain is chosen. */
interface Detected {
  readonly transport: "tls" | "raw_buffer";
  readonly hello: ClientHello | undefined;
}

const PLAIN: Detected = { transport: "raw_buffer", hello: undefined };

export class ListenerRuntime {
  readonly name: string;
  readonly stats: ListenerStats;
  readonly #services: ListenerServices;
  #chains: ListenerChains;
  #listener: Listener | undefined;
  #draining = false;

  constructor(name: string, chains: ListenerChains, stats: ListenerStats, services: ListenerServices) {
    this.name = name;
    this.stats = stats;
    this.#chains = chains;
    this.#services = services;
  }

  get compiled(): CompiledListener {
    return this.#chains.compiled;
  }

  /** The port that it listens on; undefined before {@link start}. */
  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** @throws {Error} That names the address when it cannot be listened on. */
  async start(): Promise<void> {
    const { address } = this.#chains.compiled;
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
    const { stats } = this.stats;
    stats.cxTotal.add(1);
    if (!this.#mustLook()) return this.#serve(socket, PLAIN, undefined);
    this.#look(socket);
  }

  /** The first bytes matter when a chain asks for TLS: either to choose it, or to end it. */
  #mustLook(): boolean {
    const { chains, defaultChain, listenerFilters } = this.#chains.compiled;
    return listenerFilters.tlsInspector || chains.some((c) => c.tls !== undefined) || defaultChain?.tls !== undefined;
  }

  #look(socket: AcceptedSocket): void {
    let seen: Uint8Array | undefined;
    const { timeoutMs, continueOnTimeout } = this.#chains.compiled.listenerFilters;
    // A server may be the one to speak first: then the client is silent, and its connection is not TLS.
    const timer = this.#services.clock.after(timeoutMs > 0 ? timeoutMs : DETECT_TIMEOUT_MS, () =>
      continueOnTimeout ? this.#serve(socket, PLAIN, seen) : socket.destroy(),
    );
    socket.handler = {
      ...deafHandler,
      onClose: () => timer.cancel(),
      onEnd: () => socket.destroy(),
      onData: (chunk) => {
        seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
        const detected = detect(seen);
        if (detected === undefined) return;
        this.#serve(socket, detected, seen, timer);
      },
    };
  }

  #serve(socket: AcceptedSocket, detected: Detected, first: Uint8Array | undefined, timer?: Timer): void {
    const chains = this.#chains;
    const chain = chains.compiled.select({
      destinationPort: socket.local.port,
      destinationAddress: socket.local.address,
      sourceAddress: socket.remote.address,
      sourcePort: socket.remote.port,
      transport: detected.transport,
      sni: detected.hello?.sni ?? "",
      alpn: detected.hello?.alpn ?? [],
    });
    if (chain === undefined) {
      timer?.cancel();
      this.stats.stats.noFilterChainMatch.add(1);
      return socket.destroy();
    }
    const live = chains.liveOf(chain);
    if (chain.tls === undefined) {
      timer?.cancel();
      return this.#open(live, socket, first);
    }
    this.#startTls(live, socket, detected.hello, first ?? new Uint8Array(0), timer);
  }

  #startTls(
    live: LiveChain,
    socket: AcceptedSocket,
    hello: ClientHello | undefined,
    first: Uint8Array,
    timer: Timer | undefined,
  ): void {
    const { stats } = this.stats;
    const fail = (why: string): void => {
      timer?.cancel();
      stats.sslConnectionError.add(1);
      this.#services.log.debug("TLS refused", { listener: this.name, remote: socket.remote.address, why });
    };
    if (!looksLikeTls(first)) {
      fail("plaintext on a listener that requires TLS");
      return socket.destroy();
    }
    const tls = live.serverTls();
    if (tls === undefined) {
      fail("no certificate yet");
      return socket.destroy();
    }
    socket.startTls(
      withCommonAlpn(tls, hello?.alpn ?? []),
      first,
      (secure) => {
        timer?.cancel();
        stats.sslHandshake.add(1);
        this.#open(live, secure, undefined);
      },
      (error) => fail(error.message),
    );
  }

  #open(live: LiveChain, socket: Socket, first: Uint8Array | undefined): void {
    const { stats } = this.stats;
    stats.cxActive.add(1);
    live.serve(socket, first, () => {
      stats.cxActive.add(-1);
      stats.cxDestroy.add(1);
    });
  }
}

/** Undefined while the bytes do not tell yet. */
function detect(seen: Uint8Array): Detected | undefined {
  if (!looksLikeTls(seen)) return PLAIN;
  const result = readClientHello(seen);
  switch (result.t) {
    case "incomplete":
      return undefined;
    case "notTls":
      return PLAIN;
    case "hello":
      return { transport: "tls", hello: result.hello };
  }
}

/** Envoy's `listener_filters_timeout`; a listener with TLS and no inspector waits as long. */
const DETECT_TIMEOUT_MS = 15_000;
