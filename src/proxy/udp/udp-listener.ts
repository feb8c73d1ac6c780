/**
 * A listener of datagrams at work: it has the socket, and the sessions of its configuration and of the ones before.
 *
 * A change leaves the socket where it is: clients that are heard of again get a session by the new configuration, and what the old ones are
 * still answered goes back. Differs: an Envoy drops these answers.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { CompiledUdpListener } from "../../engine/listener/udp-listener.ts";
import type { DatagramHandler, DatagramNetwork, DatagramSocket } from "../../net/datagrams.ts";
import type { SocketAddress } from "../../net/socket.ts";
import type { UdpListenerStats } from "../../telemetry/envoy-stats.ts";
import { type SessionsContext, UdpSessions } from "./udp-sessions.ts";

export interface UdpListenerConfig {
  readonly compiled: CompiledUdpListener;
  readonly context: SessionsContext;
  readonly stats: UdpListenerStats["stats"];
}

/** A session that nothing new comes to ends when no answer has come for so long, */
const QUIET_MS = 1000;
/** and after this time at last, as connections do. */
const DRAIN_MS = 45_000;

export class UdpListener implements DatagramHandler {
  readonly #clock: Clock;
  readonly #datagrams: DatagramNetwork;
  #config: UdpListenerConfig;
  #socket: DatagramSocket | undefined;
  #sessions: UdpSessions | undefined;
  /** Nothing new comes to them; each with what ends it at last. */
  readonly #former = new Map<UdpSessions, Timer>();
  #isLeaving = false;

  constructor(config: UdpListenerConfig, clock: Clock, datagrams: DatagramNetwork) {
    this.#config = config;
    this.#clock = clock;
    this.#datagrams = datagrams;
  }

  get compiled(): CompiledUdpListener {
    return this.#config.compiled;
  }

  /** Undefined before {@link start}. */
  get port(): number | undefined {
    return this.#socket?.local.port;
  }

  /** @throws {Error} That names the address when it cannot be listened on. */
  async start(): Promise<void> {
    const socket = await this.#datagrams.bind(this.#config.compiled.address, this);
    this.#socket = socket;
    if (this.#isLeaving) return socket.close();
    this.#sessions = this.#make(socket);
  }

  #make(socket: DatagramSocket): UdpSessions {
    const reply = (bytes: Uint8Array, { address, port }: SocketAddress): boolean => socket.send(bytes, port, address);
    return new UdpSessions(this.#config.context, socket.local, reply, () => this.#onEnded());
  }

  /** Serves by another configuration of the same address from now on. */
  become(config: UdpListenerConfig): void {
    this.#config = config;
    if (this.#socket === undefined || this.#sessions === undefined) return;
    this.#retire(this.#sessions);
    this.#sessions = this.#make(this.#socket);
  }

  #retire(sessions: UdpSessions): void {
    if (sessions.size > 0)
      this.#former.set(
        sessions,
        this.#clock.after(DRAIN_MS, () => sessions.end()),
      );
    sessions.leave(QUIET_MS);
  }

  /** A listener's socket hears of refusals only where it sent to: a client has gone. */
  onError(): void {
    this.#config.context.stats.sessRxErrors.add(1);
  }

  onDatagram(bytes: Uint8Array, address: string, port: number): void {
    const { compiled, stats } = this.#config;
    if (bytes.length > compiled.maxDatagramBytes) return stats.rxDatagramDropped.add(1);
    this.#sessions?.onDatagram(bytes, address, port);
  }

  get sessionCount(): number {
    const current = this.#sessions === undefined || this.#former.has(this.#sessions) ? 0 : this.#sessions.size;
    return [...this.#former.keys()].reduce((sum, it) => sum + it.size, current);
  }

  #onEnded(): void {
    for (const [it, timer] of this.#former) {
      if (it.size > 0) continue;
      timer.cancel();
      this.#former.delete(it);
    }
    if (this.#isLeaving && this.sessionCount === 0) this.#socket?.close();
  }

  /** Takes no new clients; the port is free when the last answers have gone back. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    if (this.#sessions !== undefined) this.#retire(this.#sessions);
    this.#onEnded();
  }

  /** At once. */
  close(): void {
    this.#isLeaving = true;
    for (const it of this.#former.keys()) it.end();
    this.#sessions?.end();
    this.#socket?.close();
  }
}
