/**
 * The end of the present event: what it caused leaves there, in one write a connection. Connections that carry many
 * exchanges at once would otherwise write for each.
 *
 * @module
 */

/** Something that writes what it has gathered. */
export interface Flushable {
  flush(): void;
}

export class Turn {
  #waiting: Flushable[] = [];
  #spare: Flushable[] = [];
  readonly #defer: (end: () => void) => void;

  /** @param defer Calls its argument at the end. */
  constructor(defer: (end: () => void) => void = queueMicrotask) {
    this.#defer = defer;
  }

  /** Flushes `connection` before anything else happens in the process. It must ask once only. */
  atEnd(connection: Flushable): void {
    if (this.#waiting.push(connection) === 1) this.#defer(this.#end);
  }

  readonly #end = (): void => {
    const all = this.#waiting;
    this.#waiting = this.#spare;
    for (let i = 0; i < all.length; i++) (all[i] as Flushable).flush();
    all.length = 0;
    this.#spare = all;
  };
}
