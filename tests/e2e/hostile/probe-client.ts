/**
 * Sends hostile bytes and says what came of them, as the client does that the cases were judged with: all bytes at once,
 * an answer is there with its empty line, what follows within a moment belongs to it, then a look whether it is still open.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { readChunks } from "../differential/scripted-backend.ts";
import type { Message } from "./cases.ts";

export type ConnectionState = "Open" | "ClosedByServer" | "TimedOut" | "Error";

/** How long an answer may take; upstream allows 5 s, and nothing here is far away. */
const ANSWER_MS = 2000;
const DRAIN_MS = 100;
const LINGER_MS = 50;
const BODY_CHARS = 4096;

/** What came of one message. */
export class ProbeStep {
  readonly executed: boolean;
  readonly state: ConnectionState;
  /** What was read, Latin-1. */
  readonly text: string;

  constructor(executed: boolean, state: ConnectionState, text: string) {
    this.executed = executed;
    this.state = state;
    this.text = text;
  }

  /** Undefined without an answer. */
  get status(): number | undefined {
    const found = /^HTTP\/\d\.\d (\d{3})/.exec(this.text);
    return found === null ? undefined : Number(found[1]);
  }

  get #headEnd(): number {
    const end = this.text.indexOf("\r\n\r\n");
    return end < 0 ? this.text.length : end;
  }

  header(name: string): string | undefined {
    const lines = this.text.slice(0, this.#headEnd).split("\r\n").slice(1);
    const line = lines.find((it) => it.slice(0, it.indexOf(":")).toLowerCase() === name.toLowerCase());
    return line?.slice(line.indexOf(":") + 1).trim();
  }

  get body(): string {
    const from = this.#headEnd + 4;
    const isChunked = /chunked/i.test(this.header("transfer-encoding") ?? "");
    const body = isChunked ? readChunks(this.text, from)?.body : undefined;
    return (body ?? this.text.slice(from)).slice(0, BODY_CHARS).replace(/(\r?\n)+$/, "");
  }
}

/** @param from The client's address, in 127.0.0.0/8. */
export async function probe(port: number, from: string, messages: readonly Message[]): Promise<ProbeStep[]> {
  const client = new ProbeClient(port, from);
  const steps: ProbeStep[] = [];
  await client.connected;
  for (const message of messages) {
    const isOpen = steps.length === 0 || steps.at(-1)?.state === "Open";
    steps.push(isOpen ? await client.exchange(message(steps)) : new ProbeStep(false, "Error", ""));
  }
  client.destroy();
  return steps;
}

class ProbeClient {
  readonly connected: Promise<void>;
  readonly #socket: Socket;
  #text = "";
  #ended = false;
  #failed = false;
  #changed: () => void = () => {};

  constructor(port: number, from: string) {
    this.#socket = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true });
    this.connected = new Promise((resolve) => {
      this.#socket.once("connect", () => resolve());
      this.#socket.once("error", () => resolve());
    });
    this.#socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#changed();
    });
    this.#socket.on("end", () => this.#end());
    this.#socket.on("close", () => this.#end());
    this.#socket.on("error", () => {
      this.#failed = this.#socket.connecting;
      this.#end();
    });
  }

  #end(): void {
    this.#ended = true;
    this.#changed();
  }

  async exchange(message: Buffer): Promise<ProbeStep> {
    this.#text = "";
    if (this.#failed) return new ProbeStep(true, "Error", "");
    if (message.length > 0) this.#socket.write(message);
    await this.#until(() => this.#text.includes("\r\n\r\n") || this.#ended, ANSWER_MS);
    const hasHead = this.#text.includes("\r\n\r\n");
    if (!hasHead && !this.#ended) return new ProbeStep(true, "TimedOut", this.#text);
    await this.#until(() => this.#ended, DRAIN_MS + LINGER_MS);
    return new ProbeStep(true, this.#ended ? "ClosedByServer" : "Open", this.#text);
  }

  #until(done: () => boolean, limitMs: number): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#changed = () => {
        if (!done()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
