/**
 * The connection of a check, and who waits for its result.
 *
 * @module
 */
import type { CheckResult } from "../../engine/health/check-state.ts";
import { deafHandler, type Socket, type SocketHandler } from "../../net/socket.ts";
import { dialHost } from "../host-dialer.ts";
import { network, type ProbeWay } from "./probe.ts";

export class ProbeConnection {
  readonly #way: ProbeWay;
  readonly #handler: SocketHandler;
  /** Closes the socket, in order or at once. */
  readonly #part: (socket: Socket) => void;
  #socket: Socket | undefined;
  #giveUp: (() => boolean) | undefined;
  #done: ((result: CheckResult) => void) | undefined;

  constructor(way: ProbeWay, handler: SocketHandler, part: (socket: Socket) => void) {
    this.#way = way;
    this.#handler = handler;
    this.#part = part;
  }

  /** Begins a check. @param onReady Told at once where a connection is left from the last one. */
  begin(done: (result: CheckResult) => void, onReady: (socket: Socket, isNew: boolean) => void): void {
    this.#done = done;
    if (this.#socket !== undefined) return onReady(this.#socket, false);
    this.#giveUp = dialHost(
      this.#way.network,
      this.#way.address,
      (socket) => {
        this.#socket = socket;
        socket.handler = this.#handler;
        onReady(socket, true);
      },
      (error) => this.end(network(error.message)),
    );
  }

  /** Somebody waits for a result. */
  get isAsked(): boolean {
    return this.#done !== undefined;
  }

  /** Tells the result to who waits. */
  end(result: CheckResult): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(result);
  }

  /** The next check opens another. */
  drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.handler = deafHandler;
    this.#part(socket);
  }

  fail(why: string): void {
    this.drop();
    this.end(network(why));
  }

  close(): void {
    this.#done = undefined;
    this.#giveUp?.();
    this.drop();
  }
}
