/**
 * A process with a proxy in it, ours or an Envoy, started from a bootstrap.
 *
 * @module
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { envoyProgram } from "../../../src/app/up/envoy-program.ts";
import { eventually } from "./eventually.ts";
import { TULLE } from "./running-process.ts";

export class ProxyProcess {
  readonly #process: Bun.Subprocess;
  readonly #outputFile: string;

  private constructor(process: Bun.Subprocess, outputFile: string) {
    this.#process = process;
    this.#outputFile = outputFile;
  }

  /**
   * Starts `program -c <bootstrap>` and waits until its admin says that it is ready.
   *
   * @param bootstrapOf The bootstrap's text; called again with the folder of a second try, since another program may take
   * a port that was free a moment ago. Its second value is the admin's port.
   * @throws {Error} With what it printed, when it does not get ready.
   */
  static async start(
    program: readonly string[],
    folder: string,
    bootstrapOf: (folder: string) => readonly [text: string, adminPort: number],
  ): Promise<ProxyProcess> {
    try {
      return await ProxyProcess.#startOnce(program, folder, bootstrapOf);
    } catch {
      return ProxyProcess.#startOnce(program, `${folder}-again`, bootstrapOf);
    }
  }

  static async #startOnce(
    program: readonly string[],
    folder: string,
    bootstrapOf: (folder: string) => readonly [text: string, adminPort: number],
  ): Promise<ProxyProcess> {
    mkdirSync(folder);
    const [text, admin] = bootstrapOf(folder);
    const bootstrap = join(folder, "bootstrap.json");
    writeFileSync(bootstrap, text);
    const outputFile = join(folder, "output.log");
    const out = openSync(outputFile, "a");
    const child = Bun.spawn([...program, "-c", bootstrap], { stdin: "ignore", stdout: out, stderr: out });
    closeSync(out);
    const proxy = new ProxyProcess(child, outputFile);
    try {
      await Promise.race([eventually("the proxy is ready", () => isReady(admin), 15_000), hasEnded(child)]);
    } catch (error) {
      await proxy.stop();
      throw new Error(`${String(error)}\n${proxy.output}`, { cause: error });
    }
    return proxy;
  }

  /** What it has printed so far. */
  get output(): string {
    return readFileSync(this.#outputFile, "utf8");
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

async function hasEnded(child: Bun.Subprocess): Promise<never> {
  throw new Error(`it ended with code ${await child.exited}`);
}

async function isReady(admin: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${admin}/ready`)).status === 200;
}

export const tulleProxy: readonly string[] = [...TULLE, "proxy"];
export const envoyProxy = (binary: string): readonly string[] => envoyProgram(binary);
