/**
 * A proxy with a bootstrap, a backend and an access log of its own.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { bootstrapText, LISTENERS } from "./bootstrap.ts";
import { ScriptedBackend } from "./scripted-backend.ts";

export class ProxyUnderTest {
  readonly backend: ScriptedBackend;
  readonly #ports: readonly number[];
  readonly #process: ProxyProcess;
  readonly #logFile: string;

  private constructor(backend: ScriptedBackend, ports: readonly number[], process: ProxyProcess, logFile: string) {
    this.backend = backend;
    this.#ports = ports;
    this.#process = process;
    this.#logFile = logFile;
  }

  /** @param program In front of `-c <bootstrap>`. @throws {Error} With what it printed, when it does not get ready. */
  static async start(program: readonly string[], folder: string): Promise<ProxyUnderTest> {
    const backend = await ScriptedBackend.start();
    let ports: readonly number[] = [];
    let log = "";
    const proxy = await ProxyProcess.start(program, folder, (own) => {
      const [admin = 0, dead = 0, ...listeners] = freePorts(2 + Object.keys(LISTENERS).length);
      ports = listeners;
      log = join(own, "access.log");
      writeFileSync(log, "");
      return [bootstrapText({ admin, dead, listeners, backend: backend.port }, log), admin];
    });
    return new ProxyUnderTest(backend, ports, proxy, log);
  }

  portOf(listener: string): number {
    return this.#ports[Object.keys(LISTENERS).indexOf(listener)] ?? 0;
  }

  /** Lines of the access log so far. */
  log(): readonly string[] {
    return readFileSync(this.#logFile, "latin1").split("\n").slice(0, -1);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.backend.stop();
  }
}
