/**
 * An application in a namespace, and what it is told to call.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { join } from "node:path";
import type { Call } from "./application.ts";

export class Application {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  /** @param within In front of its command. */
  constructor(within: readonly string[], name: string, httpPorts: readonly number[], tcpPorts: readonly number[]) {
    const program = [process.execPath, join(import.meta.dir, "application.ts")];
    this.#child = Bun.spawn([...within, ...program, name, httpPorts.join(), tcpPorts.join()], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = createInterface(Readable.fromWeb(this.#child.stdout as never));
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** One at a time. */
  async call(call: Call): Promise<string> {
    this.#child.stdin.write(`${JSON.stringify(call)}\n`);
    await this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    return JSON.parse(String(value)) as string;
  }

  readonly get = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> =>
    this.call({ get: url, headers });

  readonly tcp = (host: string, port: number): Promise<string> => this.call({ tcp: host, port });

  /** What the server says of itself. */
  readonly greeting = (host: string, port: number): Promise<string> => this.call({ tcp: host, port, isSilent: true });

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}
