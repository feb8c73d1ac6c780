/**
 * A connection of which its listener finds out what it speaks, while an endpoint may have been called already.
 *
 * @module
 */
import type { AcceptedSocket } from "../net/socket.ts";
import type { DialAhead } from "./dial-ahead.ts";
import type { FirstBytes } from "./first-bytes.ts";
import type { InspectionEnd, Inspector } from "./inspection.ts";

/** What a listener does for all of its connections. */
export interface DetectionHost {
  /** Undefined where nobody is to be called. */
  dialAhead(socket: AcceptedSocket, first: FirstBytes, onSpoken: () => void): DialAhead | undefined;
  /** Called once. Whoever is called uses `ahead`, or lets go of it. */
  onDetected(socket: AcceptedSocket, first: FirstBytes, end: InspectionEnd, ahead: DialAhead | undefined): void;
}

export class Detection implements Inspector {
  readonly #host: DetectionHost;
  readonly #socket: AcceptedSocket;
  readonly #first: FirstBytes;
  #ahead: DialAhead | undefined;

  constructor(host: DetectionHost, socket: AcceptedSocket, first: FirstBytes) {
    this.#host = host;
    this.#socket = socket;
    this.#first = first;
  }

  onLastWait(decide: () => void): void {
    const first = this.#first;
    if (!first.isSilent) return;
    // Who has begun to speak first is heard out, whatever the endpoint says meanwhile.
    this.#ahead = this.#host.dialAhead(this.#socket, first, () => {
      if (first.isSilent) decide();
    });
  }

  onInspected(end: InspectionEnd): void {
    this.#host.onDetected(this.#socket, this.#first, end, this.#ahead);
  }
}
