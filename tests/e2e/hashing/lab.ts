/**
 * A proxy in front of backends that say which of them they are.
 *
 * @module
 */
import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { freePorts } from "../../../src/net/free-ports.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { hashBootstrapText } from "./bootstrap.ts";

const BACKENDS = 5;
const AT_ONCE = 8;

/** The same for both proxies: what is hashed is their address. */
export class HashBackends {
  readonly #servers = Array.from({ length: BACKENDS }, (_, i) =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(String(i)) }),
  );

  get ports(): readonly number[] {
    return this.#servers.map((server) => server.port ?? 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop(true)));
  }
}

export interface Probe {
  /** `/cluster/…` or `/policy/…`; undefined: over the TCP proxy. */
  readonly path: string | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The client's address. */
  readonly from?: string;
  /** The client speaks HTTP/2, where a cookie may come in pieces. */
  readonly http2?: boolean;
}

export interface Answer {
  /** The number of the backend, or the status of an answer that is none. */
  readonly by: string;
  readonly setCookie: readonly string[];
}

export class HashLab {
  readonly #process: ProxyProcess;
  readonly #ports: { readonly admin: number; readonly http: number; readonly tcp: number };
  #session: ClientHttp2Session | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

  private constructor(
    process: ProxyProcess,
    ports: { readonly admin: number; readonly http: number; readonly tcp: number },
  ) {
    this.#process = process;
    this.#ports = ports;
  }

  static async start(program: readonly string[], folder: string, backends: readonly number[]): Promise<HashLab> {
    let ports = { admin: 0, http: 0, tcp: 0 };
    const process = await ProxyProcess.start(program, folder, () => {
      const [admin = 0, http = 0, tcp = 0] = freePorts(3);
      ports = { admin, http, tcp };
      return [hashBootstrapText({ admin, http, tcp, backends }), admin];
    });
    return new HashLab(process, ports);
  }

  /** Gauges of hash tables, by their names. */
  async tables(): Promise<readonly string[]> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.admin}/stats?filter=(ring_hash_lb|maglev_lb)`);
    return (await answer.text())
      .split("\n")
      .filter((line) => /_lb\.(size|m)/.test(line))
      .sort();
  }

  /** Asks all, some at a time. */
  async askAll(probes: readonly Probe[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (let i = 0; i < probes.length; i += AT_ONCE)
      answers.push(...(await Promise.all(probes.slice(i, i + AT_ONCE).map((probe) => this.ask(probe)))));
    return answers;
  }

  ask(probe: Probe): Promise<Answer> {
    return probe.http2 === true ? this.#askHttp2(probe) : this.#askHttp1(probe);
  }

  #askHttp1({ path, headers = {}, from }: Probe): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: path === undefined ? this.#ports.tcp : this.#ports.http,
          path: path ?? "/",
          headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()])),
          ...(from === undefined ? { agent: this.#agent } : { agent: false, localAddress: from }),
        },
        (answer) => {
          let text = "";
          answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
          answer.on("end", () =>
            resolve({
              by: answer.statusCode === 200 ? text : `status ${answer.statusCode}`,
              setCookie: answer.headers["set-cookie"] ?? [],
            }),
          );
        },
      );
      sent.on("error", reject);
      sent.end();
    });
  }

  #askHttp2({ path = "/", headers = {} }: Probe): Promise<Answer> {
    const session = (this.#session ??= connect(`http://127.0.0.1:${this.#ports.http}`));
    return new Promise((resolve, reject) => {
      const lines = Object.entries(headers).map(([name, value]) => [name, [value].flat()] as const);
      const stream = session.request({ ":path": path, ...Object.fromEntries(lines) });
      let [status, text, setCookie] = [0, "", [] as readonly string[]];
      stream.on("response", (head) => {
        status = Number(head[":status"]);
        setCookie = head["set-cookie"] ?? [];
      });
      stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
      stream.on("end", () => resolve({ by: status === 200 ? text : `status ${status}`, setCookie }));
      stream.on("error", reject);
    });
  }

  async stop(): Promise<void> {
    this.#session?.destroy();
    this.#agent.destroy();
    await this.#process.stop();
  }
}
