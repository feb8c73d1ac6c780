/**
 * A plain HTTP/2 endpoint with prior knowledge: nghttpd, where it is installed.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { eventually } from "./eventually.ts";

export class Nghttpd {
  readonly port: number;
  readonly #folder: string;
  readonly #process: Bun.Subprocess;

  private constructor(port: number, folder: string, process: Bun.Subprocess) {
    this.port = port;
    this.#folder = folder;
    this.#process = process;
  }

  /** Serves `/` and `/large`, a megabyte. */
  static async start(): Promise<Nghttpd> {
    const folder = mkdtempSync(join(tmpdir(), "tulle-nghttpd-"));
    writeFileSync(join(folder, "index.html"), "hello\n");
    writeFileSync(join(folder, "large"), "y".repeat(1_000_000));
    const [port = 0] = freePorts(1);
    const child = Bun.spawn(["nghttpd", "--no-tls", "-d", folder, "--echo-upload", String(port)], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    const server = new Nghttpd(port, folder, child);
    await eventually("nghttpd listens", () => isOpen(port));
    return server;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true });
  }
}

async function isOpen(port: number): Promise<boolean> {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
  socket.end();
  return true;
}
