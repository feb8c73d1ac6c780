/**
 * A TCP client of a service that speaks in lines.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { eventually } from "./eventually.ts";

export class LineClient {
  readonly #socket: Socket;
  #text = "";
  #taken = 0;
  #closed = false;

  /** @param address `127.0.0.1:38411`. */
  constructor(address: string) {
    const [host = "", port = ""] = address.split(":");
    this.#socket = connect(Number(port), host);
    this.#socket.on("data", (chunk: Buffer) => (this.#text += chunk.toString()));
    this.#socket.on("error", () => (this.#closed = true));
    this.#socket.on("close", () => (this.#closed = true));
  }

  get closed(): boolean {
    return this.#closed;
  }

  say(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  /** The next line; undefined when the other side has closed instead. */
  hear(): Promise<string | undefined> {
    return eventually("a line comes, or the end", () => {
      const line = this.#text.split("\n").slice(0, -1)[this.#taken];
      if (line !== undefined) this.#taken++;
      return line === undefined ? this.#closed && { line } : { line };
    }).then(({ line }) => line);
  }

  close(): void {
    this.#socket.destroy();
  }
}
