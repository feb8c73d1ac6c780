/**
 * A proxy with a client in front and a backend behind it that both do what a script says, step by step. What came of each
 * step is a text, to be compared with what came of it at another proxy.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { bootstrapText, LISTENERS } from "./bootstrap.ts";

/** `client` and `server` send bytes, half-close (`end`), or reset. */
export interface Step {
  readonly client?: string | undefined;
  readonly server?: string | undefined;
  readonly ends?: "client" | "server";
  readonly resets?: "client" | "server";
  /** Nothing is done for so long. */
  readonly waitMs?: number;
}

export interface Script {
  readonly what: string;
  readonly listener: string;
  readonly steps: readonly Step[];
}

/** A step is over when nothing more has happened for so long, or nothing at all for longer. */
const QUIET_MS = 60;
const NOTHING_MS = 250;

interface Run {
  /** The client's address: each script has its own, in 127.0.0.0/8. */
  readonly from: string;
  readonly seen: readonly string[];
}

/** One end of a connection. */
class End {
  readonly socket: Socket;
  text = "";
  ended = false;
  closed = false;

  constructor(socket: Socket, onEvent: () => void) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
      onEvent();
    });
    socket.on("end", () => {
      this.ended = true;
      onEvent();
    });
    socket.on("close", () => {
      this.closed = true;
      onEvent();
    });
    socket.on("error", () => {});
  }

  /** What happened since the last call. */
  take(): string {
    const { text } = this;
    this.text = "";
    return normal(text) + (this.closed || this.ended ? " GONE" : "");
  }
}

export class TunnelLab {
  readonly #process: ProxyProcess;
  readonly #server: Server;
  readonly #ports: readonly number[];
  readonly #logFile: string;
  #backends: End[] = [];
  #lastEventMs = 0;
  /** An answer has said so. */
  #closes = false;

  private constructor(process: ProxyProcess, server: Server, ports: readonly number[], logFile: string) {
    this.#process = process;
    this.#server = server;
    this.#ports = ports;
    this.#logFile = logFile;
    server.on("connection", (socket: Socket) => this.#backends.push(new End(socket, this.#onEvent)));
  }

  /** @param program In front of `-c <bootstrap>`. @throws {Error} With what it printed, when it does not get ready. */
  static async start(program: readonly string[], folder: string): Promise<TunnelLab> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const backend = typeof address === "object" && address !== null ? address.port : 0;
    let ports: readonly number[] = [];
    let logFile = "";
    const proxy = await ProxyProcess.start(program, folder, (own) => {
      const [admin = 0, ...listeners] = freePorts(1 + Object.keys(LISTENERS).length);
      ports = listeners;
      logFile = join(own, "access.log");
      writeFileSync(logFile, "");
      return [bootstrapText({ admin, listeners, backend }, logFile), admin];
    });
    return new TunnelLab(proxy, server, ports, logFile);
  }

  readonly #onEvent = (): void => {
    this.#lastEventMs = performance.now();
  };

  /** What came of each step of each script, then its lines of the access log. */
  async runAll(scripts: readonly Script[]): Promise<readonly (readonly string[])[]> {
    const runs: Run[] = [];
    for (const [i, script] of scripts.entries()) runs.push(await this.#run(script, `127.1.${i >> 8}.${i & 255}`));
    await this.#isLogged(runs);
    const log = this.#log();
    return runs.map(({ from, seen }) => {
      const own = `${from} `;
      const lines = log.filter((line) => line.startsWith(own)).map((line) => line.slice(own.length));
      return [...seen, `log ${lines.join(" + ")}`];
    });
  }

  async #run({ listener, steps }: Script, from: string): Promise<Run> {
    this.#backends = [];
    this.#closes = false;
    const port = this.#ports[Object.keys(LISTENERS).indexOf(listener)] ?? 0;
    const socket = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true });
    const client = new End(socket, this.#onEvent);
    await new Promise((resolve) => socket.once("connect", resolve));
    const seen: string[] = [];
    for (const step of steps) {
      this.#act(step, client);
      await Bun.sleep(step.waitMs ?? 0);
      await this.#quiet();
      seen.push(this.#told(client));
    }
    client.socket.destroy();
    await this.#quiet();
    for (const { socket } of this.#backends) socket.destroy();
    return { from, seen };
  }

  #act(step: Step, client: End): void {
    const endOf = (who: "client" | "server"): End | undefined => (who === "client" ? client : this.#backends.at(-1));
    this.#onEvent();
    if (step.client !== undefined) client.socket.write(step.client, "latin1");
    if (step.server !== undefined) this.#backends.at(-1)?.socket.write(step.server, "latin1");
    if (step.ends !== undefined) endOf(step.ends)?.socket.end();
    if (step.resets !== undefined) endOf(step.resets)?.socket.resetAndDestroy();
  }

  #told(client: End): string {
    const backends = this.#backends.map((end, i) => `backend ${i + 1}: ${end.take()}`);
    // How soon a connection ends behind an answer that says so is each proxy's own affair.
    this.#closes ||= client.text.includes("onnection: close\r\n");
    const told = client.take();
    return [`client: ${this.#closes ? told.replace(/ GONE$/, "") : told}`, ...backends].join("\n");
  }

  async #quiet(): Promise<void> {
    const startMs = this.#lastEventMs;
    const isOver = (): boolean =>
      performance.now() - this.#lastEventMs > (this.#lastEventMs === startMs ? NOTHING_MS : QUIET_MS);
    while (!isOver()) await Bun.sleep(10);
  }

  #log(): string[] {
    return readFileSync(this.#logFile, "latin1").split("\n").slice(0, -1);
  }

  /** The log is written about once a second; every script leaves a line at least. */
  async #isLogged(runs: readonly Run[]): Promise<void> {
    for (let i = 0; i < 60 && this.#log().length < runs.length; i++) await Bun.sleep(50);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.#server.close();
    for (const { socket } of this.#backends) socket.destroy();
  }
}

/** Heads as a reader who keeps to RFC 9110 takes them: names in lower case, in some order, without what varies. */
function normal(text: string): string {
  return text.replace(/^((?:HTTP\/1\.1 \d+|[A-Z]+ \S+ HTTP\/1)[^]*?)\r\n\r\n/gm, (_, head: string) => {
    const [first = "", ...lines] = head.split("\r\n");
    const kept = lines
      .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
      .filter((line) => !VARIES.test(line));
    return `${[first, ...kept.sort()].join(" | ")} || `;
  });
}

const VARIES = /^(date|x-request-id|x-envoy-upstream-service-time|traceparent|server|x-forwarded-proto):/;
