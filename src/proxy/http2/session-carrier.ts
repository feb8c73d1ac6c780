/**
 * Carries an HTTP/2 session over a socket: bytes in, one write a turn out, and the pressure both ways.
 *
 * @module
 */
import type { Socket } from "../../net/socket.ts";
import type { Session } from "../../wire/http2/session.ts";
import type { Flushable, Turn } from "../turn.ts";

export class SessionCarrier implements Flushable {
  readonly socket: Socket;
  readonly session: Session;
  readonly #turn: Turn;
  /** Told when everything is written and nothing more will happen. */
  readonly #onFinished: () => void;
  #isDue = false;
  #paused = false;

  constructor(socket: Socket, session: Session, turn: Turn, onFinished: () => void) {
    this.socket = socket;
    this.session = session;
    this.#turn = turn;
    this.#onFinished = onFinished;
  }

  /** The session has something to say. */
  touch(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#turn.atEnd(this);
  }

  flush(): void {
    this.#isDue = false;
    const { session, socket } = this;
    session.writeOutput(socket);
    if (this.#paused !== session.congested) this.#press(session.congested);
    if (session.finished && session.outputBytes === 0) this.#onFinished();
  }

  /** A peer that does not read what it asked for may not ask for more. */
  #press(congested: boolean): void {
    this.#paused = congested;
    if (congested) this.socket.pause();
    else this.socket.resume();
  }
}
