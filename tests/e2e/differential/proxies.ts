/**
 * A process with a proxy in it, with a bootstrap, a backend and an access log of its own.
 *
 * @module
 */
import { mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { envoyProgram } from "../../../src/app/up/envoy-program.ts";
import { freePorts } from "../../../src/net/free-ports.ts";
import { eventually } from "../support/eventually.ts";
import { TULLE } from "../support/running-process.ts";
import { bootstrapText, LISTENERS } from "./bootstrap.ts";
import { ScriptedBackend } from "./scripted-backend.ts";

export class ProxyUnderTest {
  readonly backend: ScriptedBackend;
  readonly #ports: readonly number[];
  readonly #process: Bun.Subprocess;
  readonly #logFile: string;

  private constructor(backend: ScriptedBackend, ports: readonly number[], process: Bun.Subprocess, logFile: string) {
    this.backend = backend;
    this.#ports = ports;
    this.#process = process;
    this.#logFile = logFile;
  }

  /** @param program In front of `-c <bootstrap>`. @throws {Error} With what it printed, when it does not get ready. */
  static async start(program: readonly string[], folder: string): Promise<ProxyUnderTest> {
    try {
      return await ProxyUnderTest.#startOnce(program, folder);
    } catch {
      // Another program may have taken a port that was free a moment ago.
      return ProxyUnderTest.#startOnce(program, `${folder}-again`);
    }
  }

  static async #startOnce(program: readonly string[], folder: string): Promise<ProxyUnderTest> {
    mkdirSync(folder);
    const backend = await ScriptedBackend.start();
    const [admin = 0, dead = 0, ...listeners] = freePorts(2 + Object.keys(LISTENERS).length);
    const [bootstrap, log, output] = ["bootstrap.json", "access.log", "output.log"].map((name) => join(folder, name));
    writeFileSync(log ?? "", "");
    writeFileSync(bootstrap ?? "", bootstrapText({ admin, dead, listeners, backend: backend.port }, log ?? ""));
    const out = openSync(output ?? "", "a");
    const process = Bun.spawn([...program, "-c", bootstrap ?? ""], { stdin: "ignore", stdout: out, stderr: out });
    closeSync(out);
    const proxy = new ProxyUnderTest(backend, listeners, process, log ?? "");
    try {
      await Promise.race([eventually("the proxy is ready", () => isReady(admin), 15_000), hasEnded(process)]);
    } catch (error) {
      await proxy.stop();
      throw new Error(`${String(error)}\n${readFileSync(output ?? "", "utf8")}`, { cause: error });
    }
    return proxy;
  }

  portOf(listener: string): number {
    return this.#ports[Object.keys(LISTENERS).indexOf(listener)] ?? 0;
  }

  /** Lines of the access log so far. */
  log(): readonly string[] {
    return readFileSync(this.#logFile, "latin1").split("\n").slice(0, -1);
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.backend.stop();
  }
}

async function hasEnded(process: Bun.Subprocess): Promise<never> {
  throw new Error(`it ended with code ${await process.exited}`);
}

async function isReady(admin: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${admin}/ready`)).status === 200;
}

export const tulleProxy: readonly string[] = [...TULLE, "proxy"];
export const envoyProxy = (binary: string): readonly string[] => envoyProgram(binary);
