/**
 * Which listener takes a connection that was dialed to an address, when another one hands it over (`use_original_dst`); and which ports they have.
 *
 * Source: Envoy: the listener of that very address, else the one of its port on all addresses.
 *
 * @module
 */
import type { SocketAddress } from "../net/socket.ts";
import type { ListenerRuntime } from "./listener-runtime.ts";

export class ListenerAddresses {
  readonly #runtimes: () => Iterable<ListenerRuntime>;
  #byAddress: ReadonlyMap<string, ListenerRuntime> | undefined;
  #ports: ReadonlySet<number | undefined> | undefined;

  constructor(runtimes: () => Iterable<ListenerRuntime>) {
    this.#runtimes = runtimes;
  }

  /** Listeners have come, gone or moved, or begun to listen. */
  forget(): void {
    this.#byAddress = undefined;
    this.#ports = undefined;
  }

  /** Whether one of them listens there, at whatever address. Asked for each call: there may be thousands. */
  hasPort(port: number): boolean {
    this.#ports ??= new Set([...this.#runtimes()].map((it) => it.port));
    return this.#ports.has(port);
  }

  of({ address, port }: SocketAddress): ListenerRuntime | undefined {
    this.#byAddress ??= new Map([...this.#runtimes()].map((it) => [keyOf(it.compiled.address), it]));
    const everywhere = address.includes(":") ? "::" : "0.0.0.0";
    return this.#byAddress.get(keyOf({ address, port })) ?? this.#byAddress.get(keyOf({ address: everywhere, port }));
  }
}

const keyOf = ({ address, port }: SocketAddress): string => `${address} ${port}`;
