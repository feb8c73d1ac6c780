/**
 * Accepts for all workers and hands each connection to the one that has the fewest: `exact_balance` in Envoy's terms. The
 * main process owns the ports, so one that is taken is known before a worker hears of the listener, and a worker that dies
 * takes no connection with it that was not its own.
 *
 * @module
 */
import { closeSync } from "node:fs";
import { duplicate } from "../../net/descriptor-channel.ts";
import { listenKey } from "../../net/handed-network.ts";
import type { Listener, ListenOptions } from "../../net/socket.ts";

/** A worker that connections can be handed to. */
export interface Taker {
  /** Connections that it has. */
  readonly load: number;
  /** False: it does not take it. */
  take(fd: number, tag: number): boolean;
}

/** Connections to one listener that wait for a worker; more are closed. */
const MAX_HELD = 256;

interface Door {
  /** By worker: how it calls this listener. */
  readonly takers: Map<Taker, number>;
  /** Copies of descriptors. */
  readonly held: number[];
  /** The last worker has left it of its own will: nobody is waited for. */
  abandoned: boolean;
  /** Listeners that are open: two for a moment, when one moves. */
  open: number;
}

export type ListenToGive = (options: ListenOptions, give: (fd: number) => void) => Listener;

export interface AcceptorRules {
  /** No worker may get one more. */
  isFull(): boolean;
  /** A connection was closed because of that. */
  onFull(): void;
  /** One was closed because no worker takes it. */
  onRefused(): void;
}

export class Acceptor {
  readonly #listen: ListenToGive;
  readonly #rules: AcceptorRules;
  readonly #doors = new Map<string, Door>();
  #turn = 0;

  constructor(listen: ListenToGive, rules: AcceptorRules) {
    this.#listen = listen;
    this.#rules = rules;
  }

  /** @throws {Error} That names the address when it cannot be listened on. */
  listen(options: ListenOptions): Listener {
    const key = listenKey(options);
    const door = this.#door(key);
    const listener = this.#listen(options, (fd) => this.#give(door, fd));
    door.open++;
    let closed = false;
    const close = (): void => {
      listener.close();
      if (!closed) this.#close(key, door);
      closed = true;
    };
    return { port: listener.port, close };
  }

  #door(key: string): Door {
    let door = this.#doors.get(key);
    if (door === undefined) this.#doors.set(key, (door = { takers: new Map(), held: [], abandoned: false, open: 0 }));
    return door;
  }

  /** A worker serves the connections of a listener from now on. */
  join(key: string, taker: Taker, tag: number): void {
    const door = this.#door(key);
    door.takers.set(taker, tag);
    door.abandoned = false;
    for (const fd of door.held.splice(0)) {
      this.#give(door, fd);
      closeSync(fd);
    }
  }

  /** It does not serve the listener that it calls `tag` any more. */
  leave(taker: Taker, tag: number): void {
    for (const [key, door] of this.#doors) {
      if (door.takers.get(taker) !== tag) continue;
      door.abandoned = door.takers.size === 1;
      this.#without(key, taker);
    }
  }

  /** It has ended. */
  forget(taker: Taker): void {
    for (const key of this.#doors.keys()) this.#without(key, taker);
  }

  #without(key: string, taker: Taker): void {
    const door = this.#door(key);
    door.takers.delete(taker);
    this.#tidy(key, door);
  }

  #close(key: string, door: Door): void {
    door.open--;
    for (const fd of door.held.splice(0)) closeSync(fd);
    this.#tidy(key, door);
  }

  #tidy(key: string, door: Door): void {
    if (door.open === 0 && door.takers.size === 0) this.#doors.delete(key);
  }

  #give(door: Door, fd: number): void {
    if (this.#rules.isFull()) return this.#rules.onFull();
    const tried = new Set<Taker>();
    for (let taker = this.#least(door, tried); taker !== undefined; taker = this.#least(door, tried)) {
      if (taker.take(fd, door.takers.get(taker) as number)) return;
      tried.add(taker);
    }
    // While there is no worker it waits; where all are there and full it must not.
    const waits = door.takers.size === 0 && !door.abandoned && door.held.length < MAX_HELD;
    const copy = waits ? duplicate(fd) : -1;
    if (copy >= 0) door.held.push(copy);
    else this.#rules.onRefused();
  }

  /** Among those with equally few, each in turn. */
  #least(door: Door, except: ReadonlySet<Taker>): Taker | undefined {
    const takers = [...door.takers.keys()];
    const start = this.#turn++;
    let least: Taker | undefined;
    for (let i = 0; i < takers.length; i++) {
      const taker = takers[(start + i) % takers.length] as Taker;
      if (!except.has(taker) && (least === undefined || taker.load < least.load)) least = taker;
    }
    return least;
  }
}
