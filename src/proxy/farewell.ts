/**
 * A connection to an endpoint that both sides are done with: what was written still goes out, then it is closed. Nobody
 * looks after it any more, so it is given up when the endpoint takes nothing for too long.
 *
 * @module
 */
import type { Socket, SocketHandler } from "../net/socket.ts";
import { Deadline, type Deadlines } from "./deadlines.ts";
import type { Output } from "./output.ts";

/** Without a byte taken. */
const PATIENCE_MS = 5000;

/** Takes the socket over. @param onClosed Called once. */
export function closeWhenSent(socket: Socket, output: Output, deadlines: Deadlines, onClosed: () => void): void {
  const farewell = new Farewell(socket, output, deadlines, onClosed);
  socket.handler = farewell;
  farewell.begin();
}

class Farewell implements SocketHandler {
  readonly #socket: Socket;
  readonly #output: Output;
  readonly #deadlines: Deadlines;
  readonly #onClosed: () => void;
  readonly #deadline = new Deadline(() => this.#socket.destroy());

  constructor(socket: Socket, output: Output, deadlines: Deadlines, onClosed: () => void) {
    this.#socket = socket;
    this.#output = output;
    this.#deadlines = deadlines;
    this.#onClosed = onClosed;
  }

  begin(): void {
    // It may have been held back, and must see its end.
    this.#socket.resume();
    this.#deadlines.set(this.#deadline, PATIENCE_MS);
    if (this.#output.waitingBytes === 0) this.#socket.close();
  }

  onDrain(): void {
    if (this.#output.flush()) this.#socket.close();
    else this.#deadlines.set(this.#deadline, PATIENCE_MS);
  }

  onData(): void {}

  onEnd(): void {}

  onClose(): void {
    this.#deadlines.clear(this.#deadline);
    this.#onClosed();
  }
}
