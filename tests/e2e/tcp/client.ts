/**
 * A client of bytes that does what a script says, and tells what it saw.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { ADDRESS } from "./bootstrap.ts";

export type Step =
  /** Latin-1. */
  | { readonly send: string }
  | { readonly waitMs: number }
  /** Until so many bytes have come, or the connection has ended. */
  | { readonly bytes: number }
  | { readonly tls: { readonly servername: string; readonly alpn: readonly string[] } }
  | "end"
  | "reset";

export interface Heard {
  /** Latin-1. */
  readonly text: string;
  /** How the proxy left the connection. */
  readonly left: "ended" | "reset" | "open";
  readonly tls: string;
}

const LIMIT_MS = 4000;
/** How long nothing may happen before the connection counts as open. */
const QUIET_MS = 500;

/** @param from The client's address, in 127.0.0.0/8. */
export async function converse(
  port: number,
  from: string,
  steps: readonly Step[],
  host: string = ADDRESS,
): Promise<Heard> {
  const socket = connect({ port, host, localAddress: from, allowHalfOpen: true });
  const script = new Script(socket);
  await script.connected();
  for (const step of steps) await script.take(step);
  const heard = await script.quiet(steps.at(-1) === "end");
  socket.destroy();
  return heard;
}

class Script {
  readonly #socket: Socket;
  #stream: Duplex;
  #text = "";
  #left: Heard["left"] = "open";
  #tls = "";
  #lastMs = performance.now();
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#stream = socket;
    this.#listen(socket);
    socket.on("error", () => this.#ended("reset"));
  }

  #listen(stream: Duplex): void {
    stream.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#touch();
    });
    stream.on("end", () => this.#ended("ended"));
  }

  #ended(how: "ended" | "reset"): void {
    this.#left = how === "reset" ? how : this.#left === "open" ? how : this.#left;
    this.#touch();
  }

  #touch(): void {
    this.#lastMs = performance.now();
    this.#wake();
  }

  async connected(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("connect", resolve);
      this.#socket.once("error", reject);
    });
  }

  async take(step: Step): Promise<void> {
    if (step === "end") return void this.#stream.end();
    if (step === "reset") return void this.#socket.resetAndDestroy();
    if ("waitMs" in step) return Bun.sleep(step.waitMs);
    if ("bytes" in step) return this.#until(() => this.#text.length >= step.bytes || this.#left !== "open");
    if ("tls" in step) return this.#startTls(step.tls);
    this.#stream.write(Buffer.from(step.send, "latin1"));
  }

  async #startTls({ alpn, servername }: { servername: string; alpn: readonly string[] }): Promise<void> {
    this.#socket.removeAllListeners("data");
    const secure = connectTls({
      socket: this.#socket,
      servername,
      rejectUnauthorized: false,
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    });
    this.#stream = secure;
    secure.on("error", () => this.#ended("reset"));
    this.#listen(secure);
    secure.once("secureConnect", () => {
      this.#tls = `TLS, ${secure.alpnProtocol || "no protocol"}`;
      this.#touch();
    });
    await this.#until(() => this.#tls !== "" || this.#left !== "open");
  }

  async #until(done: () => boolean): Promise<void> {
    const limitMs = performance.now() + LIMIT_MS;
    while (!done() && performance.now() < limitMs)
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), Bun.sleep(50)]);
  }

  /** Waits until nothing happens any more. @param ends Its last word was the end, so that the proxy's will come. */
  async quiet(ends: boolean): Promise<Heard> {
    this.#lastMs = performance.now();
    await this.#until(() => this.#left !== "open" || (!ends && performance.now() - this.#lastMs > QUIET_MS));
    return { text: this.#text, left: this.#left, tls: this.#tls };
  }
}
