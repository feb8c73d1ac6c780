/**
 * A proxy with a bootstrap, an access log and backends of its own.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import type { TestCa } from "../../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { ByteBackends, type SeenConnection } from "./backends.ts";
import { LISTENERS, type ListenerName, tcpBootstrapText } from "./bootstrap.ts";
import { converse, type Heard } from "./client.ts";
import type { TcpCase } from "./cases.ts";

const NAMES = Object.keys(LISTENERS) as ListenerName[];
/** How long a log must say nothing new to be complete. */
const QUIET_MS = 1200;

/** How long backends may take to see that a client has gone. */
const CLOSE_MS = 1000;

/** What a client heard and the backends saw. */
export interface Observed {
  readonly heard: Heard;
  readonly seen: readonly SeenConnection[];
}

export class TcpProxyUnderTest {
  readonly #process: ProxyProcess;
  readonly #backends: ByteBackends;
  readonly #ports: readonly number[];
  readonly #logFile: string;

  private constructor(process: ProxyProcess, backends: ByteBackends, ports: readonly number[], logFile: string) {
    this.#process = process;
    this.#backends = backends;
    this.#ports = ports;
    this.#logFile = logFile;
  }

  /** @param program In front of `-c <bootstrap>`. @throws {Error} With what it printed, when it does not get ready. */
  static async start(program: readonly string[], folder: string, ca: TestCa): Promise<TcpProxyUnderTest> {
    const backends = await ByteBackends.start(ca);
    let ports: readonly number[] = [];
    let accessLog = "";
    const process = await ProxyProcess.start(program, folder, (own) => {
      ports = freePorts(2 + NAMES.length);
      const [admin = 0, dead = 0] = ports;
      const file = (name: string, text: string): string => {
        writeFileSync(join(own, name), text);
        return join(own, name);
      };
      accessLog = file("access.log", "");
      const text = tcpBootstrapText({
        admin,
        dead,
        accessLog,
        portOf: (name) => ports[2 + NAMES.indexOf(name)] ?? 0,
        backendOf: (manner) => backends.portOf(manner),
        tlsBackend: backends.tlsPort,
        chainFile: file("chain.pem", backends.certificate.certChainPem),
        keyFile: file("key.pem", backends.certificate.privateKeyPem),
        caFile: file("ca.pem", ca.bundlePem),
      });
      return [text, admin];
    });
    return new TcpProxyUnderTest(process, backends, ports, accessLog);
  }

  portOf(listener: ListenerName): number {
    return this.#ports[2 + NAMES.indexOf(listener)] ?? 0;
  }

  backendOf(manner: Parameters<ByteBackends["portOf"]>[0]): number {
    return this.#backends.portOf(manner);
  }

  /** Runs a case, which must be alone. @param from The client's address. */
  async observe({ listener, steps }: TcpCase, from: string): Promise<Observed> {
    this.#backends.take();
    const heard = await converse(this.portOf(listener), from, steps);
    const untilMs = performance.now() + CLOSE_MS;
    do await Bun.sleep(30);
    while (!this.#backends.isQuiet && performance.now() < untilMs);
    return { heard, seen: this.#backends.take() };
  }

  /** Every line of the access log, once it is quiet. */
  async log(): Promise<readonly string[]> {
    let count = -1;
    return eventually("the log is quiet", async () => {
      const before = count;
      count = this.#lines().length;
      if (before !== count) await Bun.sleep(QUIET_MS);
      return before === count && this.#lines();
    });
  }

  #lines(): readonly string[] {
    return readFileSync(this.#logFile, "latin1").split("\n").slice(0, -1);
  }

  /** The statistics, by Envoy's names. */
  async stats(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#ports[0]}/stats`)).text();
    const pairs = text.split("\n").map((line) => line.split(": "));
    return new Map(pairs.map(([name = "", value = ""]) => [name, Number(value)]));
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.#backends.stop();
  }
}
