/**
 * Which listener takes a connection that was dialed to an address, when another one hands it over (`use_original_dst`).
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

  constructor(runtimes: () => Iterable<ListenerRuntime>) {
    this.#runtimes = runtimes;
  }

  /** Listeners have come, gone or moved. */
  forget(): void {
    this.#byAddress = undefined;
  }

  of({ address, port }: SocketAddress): ListenerRuntime | undefined {
    this.#byAddress ??= new Map([...this.#runtimes()].map((it) => [keyOf(it.compiled.address), it]));
    const everywhere = address.includes(":") ? "::" : "0.0.0.0";
    return this.#byAddress.get(keyOf({ address, port })) ?? this.#byAddress.get(keyOf({ address: everywhere, port }));
  }
}

const keyOf = ({ address, port }: SocketAddress): string => `${address} ${port}`;
