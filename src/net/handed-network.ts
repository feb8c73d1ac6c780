/**
 * The network of a process that gets its connections from another: it listens by saying so, and dials by itself.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { adopt } from "./bun-handover.ts";
import { bunNetwork, ending } from "./bun-network.ts";
import type { DescriptorChannel } from "./descriptor-channel.ts";
import type { AcceptedSocket, Listener, ListenOptions, Network } from "./socket.ts";

/** What the accepting process is told. */
export interface HandedEvents {
  /** Connections of the address `key` are welcome from now on, with this tag. */
  onListening(key: string, tag: number): void;
  /** They are not any more. */
  onDeaf(tag: number): void;
  /** A connection has ended that was handed over, or could not be served. */
  onEnded(): void;
}

/** The same for two processes that mean one listener. */
export const listenKey = ({ name = "", address, port, path }: ListenOptions): string =>
  `${name} ${path ?? `${address}:${port}`}`;

export class HandedNetwork implements Network {
  readonly #channel: DescriptorChannel;
  readonly #clock: Clock;
  readonly #events: HandedEvents;
  readonly #listeners = new Map<number, (socket: AcceptedSocket) => void>();
  readonly dial: Network["dial"];
  #lastTag = 0;

  constructor(channel: DescriptorChannel, clock: Clock, events: HandedEvents) {
    this.#channel = channel;
    this.#clock = clock;
    this.#events = events;
    this.dial = bunNetwork(clock).dial;
  }

  async listen(options: ListenOptions, onConnection: (socket: AcceptedSocket) => void): Promise<Listener> {
    const tag = ++this.#lastTag;
    this.#listeners.set(tag, ending(this.#clock, options.tls, onConnection));
    this.#events.onListening(listenKey(options), tag);
    const close = (): void => {
      if (this.#listeners.delete(tag)) this.#events.onDeaf(tag);
    };
    return { port: options.port, close };
  }

  /** Serves the connections that have arrived. */
  take(): void {
    for (let next = this.#channel.receive(); next !== undefined; next = this.#channel.receive()) {
      const listener = this.#listeners.get(next.tag);
      // It was on its way when the listener closed.
      const onConnection = listener ?? ((socket: AcceptedSocket): void => socket.destroy());
      adopt(next.fd, onConnection, () => this.#events.onEnded());
    }
  }
}
