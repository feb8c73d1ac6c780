/**
 * The network in memory, with dials to a port held back.
 *
 * @module
 */
import type { ManualClock } from "../../src/base/manual-clock.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import type { Listener } from "../../src/net/socket.ts";

export class HeldNetwork extends MemoryNetwork {
  heldPort = 0;
  readonly #readsOn: boolean;
  readonly #held: (() => void)[] = [];

  /** @param readsOn Accepted sockets go on reading when they are paused, as TLS does with what it has decrypted. */
  constructor(clock: ManualClock, readsOn = false) {
    super(clock);
    this.#readsOn = readsOn;
  }

  /** Dials that are held back. */
  get heldCount(): number {
    return this.#held.length;
  }

  override listen(...[options, accept]: Parameters<MemoryNetwork["listen"]>): Promise<Listener> {
    return super.listen(options, (socket) => {
      if (this.#readsOn) socket.pause = () => {};
      accept(socket);
    });
  }

  override dial(...dial: Parameters<MemoryNetwork["dial"]>): void {
    if (dial[0].port === this.heldPort) this.#held.push(() => super.dial(...dial));
    else super.dial(...dial);
  }

  release(): void {
    for (const dial of this.#held.splice(0)) dial();
  }
}
