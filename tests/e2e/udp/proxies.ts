/**
 * A proxy with a bootstrap, an access log, echoes and clients of its own.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { eventually } from "../support/eventually.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { IDLE_MS, LISTENERS, type ListenerName, udpBootstrapText } from "./bootstrap.ts";

const ECHOES = ["a", "b", "c"];
/** Nothing is known of a datagram that nobody answers. */
const LATE_MS = 150;
/** Idle sessions have ended by then, and their lines are written. */
const ENDED_MS = IDLE_MS + 1100;

interface Script {
  readonly to: ListenerName;
  /** Where the client is; the port is the next of its own. @default 127.0.0.1 */
  readonly from?: string;
  /** One after the other, each when the one before was answered. `wait`: as long as it takes an idle session to end. */
  readonly says: readonly (string | "wait")[];
  /** Of these no answer is waited for. */
  readonly inVain?: boolean;
}

/** What is compared. */
export interface Seen {
  /** By the script's number: what its client heard, the echo's name first. */
  readonly heard: readonly string[];
  readonly log: readonly string[];
  readonly stats: ReadonlyMap<string, number>;
}

const X = "x".repeat(1499);
const many = (count: number, script: (i: number) => Script): readonly Script[] =>
  Array.from({ length: count }, (_, i) => script(i));

export const SCRIPTS: readonly Script[] = [
  { to: "plain", says: ["one", "two", X] },
  { to: "plain", says: ["another"] },
  { to: "plain", says: [`${X}yz`], inVain: true },
  { to: "large", says: ["y".repeat(20_000)] },
  { to: "idle", says: ["before", "wait", "after"] },
  { to: "spread", says: ["1", "2", "3", "4", "5", "6"] },
  ...many(24, () => ({ to: "shares", says: ["?"] })),
  { to: "addresses", says: ["near"] },
  { to: "addresses", from: "127.1.2.3", says: ["far"] },
  { to: "addresses", from: "127.1.0.9", says: ["nobody"], inVain: true },
  ...many(12, (i) => ({ to: "hashed", from: `127.2.0.${i + 1}`, says: ["h", "h"] })),
  { to: "limited", says: ["one"] },
  { to: "limited", says: ["two"] },
  { to: "limited", says: ["three"], inVain: true },
  { to: "limited", says: ["wait", "four"] },
  { to: "dead", says: ["1", "2"], inVain: true },
  { to: "sick", says: ["1", "2"], inVain: true },
  { to: "missing", says: ["1", "2"], inVain: true },
];

export interface Echo {
  readonly port: number;
  close(): void;
}

/** For several proxies, one after the other: endpoints are hashed by their ports. */
export const startEchoes = (): Promise<readonly Echo[]> => Promise.all(ECHOES.map(startEcho));

/** Answers with its name in front, and nothing else: no longer than what it got. */
async function startEcho(name: string): Promise<Echo> {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(own, bytes, port, address) {
        const answer = Buffer.from(bytes);
        answer[0] = name.charCodeAt(0);
        own.send(answer, port, address);
      },
    },
  });
  return socket;
}

export class UdpProxyUnderTest {
  readonly #process: ProxyProcess;
  readonly #echoes: readonly Echo[];
  readonly #ports: readonly number[];
  readonly #accessLog: string;

  private constructor(process: ProxyProcess, echoes: readonly Echo[], ports: readonly number[], accessLog: string) {
    this.#process = process;
    this.#echoes = echoes;
    this.#ports = ports;
    this.#accessLog = accessLog;
  }

  static async start(program: readonly string[], folder: string, echoes: readonly Echo[]): Promise<UdpProxyUnderTest> {
    let ports: readonly number[] = [];
    let accessLog = "";
    const process = await ProxyProcess.start(program, folder, (own) => {
      ports = freePorts(2 + LISTENERS.length);
      const [admin = 0, dead = 0] = ports;
      accessLog = join(own, "access.log");
      writeFileSync(accessLog, "");
      const portOf = (name: ListenerName): number => ports[2 + LISTENERS.indexOf(name)] ?? 0;
      return [udpBootstrapText({ admin, dead, accessLog, portOf, echoes: echoes.map(({ port }) => port) }), admin];
    });
    return new UdpProxyUnderTest(process, echoes, ports, accessLog);
  }

  /** @param clientPorts The same for every proxy: ports choose clusters. */
  async run(clientPorts: readonly number[]): Promise<Seen> {
    const heard: string[] = [];
    for (const [i, script] of SCRIPTS.entries()) heard.push(await this.#converse(script, clientPorts[i] ?? 0));
    await Bun.sleep(ENDED_MS);
    return { heard, log: await this.#log(), stats: await this.stats() };
  }

  async #converse({ to, from = "127.0.0.1", says, inVain = false }: Script, port: number): Promise<string> {
    const heard: string[] = [];
    const socket = await Bun.udpSocket({
      hostname: from,
      port,
      socket: { data: (_, bytes) => void heard.push(`${bytes.toString("latin1", 0, 1)} ${bytes.length}`) },
    });
    let answers = 0;
    for (const text of says) {
      if (text === "wait") await Bun.sleep(ENDED_MS);
      else {
        socket.send(text, this.#ports[2 + LISTENERS.indexOf(to)] ?? 0, "127.0.0.1");
        await (inVain ? Bun.sleep(50) : this.#answered(() => heard.length > answers));
        answers = heard.length;
      }
    }
    socket.close();
    return heard.join(", ");
  }

  /** Of shares that lead nowhere nothing comes. */
  async #answered(done: () => boolean): Promise<void> {
    const untilMs = Date.now() + LATE_MS;
    while (!done() && Date.now() < untilMs) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Of sessions that have ended, in order, with names in place of ports. */
  async #log(): Promise<readonly string[]> {
    const lines = await eventually("the log is written", () => {
      const found = readFileSync(this.#accessLog, "utf8").trimEnd().split("\n");
      // Two of the listener idle; of limited four, one of them refused.
      return found.length >= 6 && found;
    });
    const named = new Map([
      ...this.#echoes.map(({ port }, i) => [String(port), ECHOES[i] ?? ""] as const),
      ...LISTENERS.map((name, i) => [String(this.#ports[2 + i]), name] as const),
    ]);
    return lines.map((line) => line.replace(/:(\d+)/g, (whole, port: string) => `:${named.get(port) ?? whole}`)).sort();
  }

  async stats(): Promise<ReadonlyMap<string, number>> {
    const [admin = 0] = this.#ports;
    const text = await (await fetch(`http://127.0.0.1:${admin}/stats`)).text();
    return new Map(
      text.split("\n").flatMap((line) => {
        const [, name = "", value] = /^([^:]+): (\d+)$/.exec(line.replace(String(this.#ports[2]), "plain")) ?? [];
        return value === undefined ? [] : [[name, Number(value)] as const];
      }),
    );
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
