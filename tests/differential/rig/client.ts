/**
 * A client of one proxy: keeps its connections, and sends each request as it is told.
 *
 * @module
 */
import type { Socket } from "bun";
import { type Headers, type Message, readMessage, writeHead } from "./messages.ts";

export interface Request {
  readonly method: string;
  /** The whole URL: proxies are asked in absolute form. */
  readonly url: string;
  /** With `host`. */
  readonly headers: Headers;
  readonly body: string;
}

/** Status 0: the connection was closed, or there was nothing for {@link LIMIT_MS}. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Where a proxy takes requests. */
export interface Place {
  readonly hostname: string;
  readonly port: number;
}

interface Exchange {
  readonly place: string;
  text: string;
  method: string;
  resolve: ((answer: Answer) => void) | undefined;
}

const LIMIT_MS = 15_000;
const NOTHING: Answer = { status: 0, headers: [], body: "" };

export class Client {
  readonly #idle = new Set<Socket<Exchange>>();

  async ask(place: Place, request: Request): Promise<Answer> {
    const socket = this.#idleAt(keyOf(place)) ?? (await this.#connect(place));
    return new Promise((resolve) => {
      const limit = setTimeout(() => {
        socket.data.resolve = undefined;
        socket.terminate();
        resolve(NOTHING);
      }, LIMIT_MS);
      socket.data.method = request.method;
      socket.data.resolve = (answer) => {
        clearTimeout(limit);
        resolve(answer);
      };
      const length: Headers = request.body === "" ? [] : [["content-length", String(request.body.length)]];
      const head = writeHead(`${request.method} ${request.url} HTTP/1.1`, [...request.headers, ...length]);
      socket.write(head + request.body);
    });
  }

  stop(): void {
    for (const socket of this.#idle) socket.terminate();
    this.#idle.clear();
  }

  #idleAt(place: string): Socket<Exchange> | undefined {
    for (const socket of this.#idle) {
      if (socket.data.place !== place) continue;
      this.#idle.delete(socket);
      return socket;
    }
    return undefined;
  }

  #connect({ hostname, port }: Place): Promise<Socket<Exchange>> {
    return Bun.connect<Exchange>({
      hostname,
      port,
      data: { place: keyOf({ hostname, port }), text: "", method: "", resolve: undefined },
      socket: {
        data: (socket, chunk) => {
          socket.data.text += chunk.toString("latin1");
          this.#look(socket);
        },
        close: (socket) => this.#closed(socket),
        error: (socket) => this.#closed(socket),
      },
    });
  }

  #look(socket: Socket<Exchange>): void {
    const exchange = socket.data;
    const answer = readMessage(
      exchange.text,
      (line) => exchange.method === "HEAD" || / (1\d\d|204|304)( |$)/.test(line),
    );
    if (answer === undefined) return;
    exchange.text = "";
    const closes = answer.headers.some(([name, value]) => name === "connection" && value === "close");
    if (!closes) this.#idle.add(socket);
    this.#done(exchange, answerOf(answer));
    if (closes) socket.end();
  }

  #closed(socket: Socket<Exchange>): void {
    this.#idle.delete(socket);
    this.#done(socket.data, NOTHING);
  }

  #done(exchange: Exchange, answer: Answer): void {
    const { resolve } = exchange;
    exchange.resolve = undefined;
    resolve?.(answer);
  }
}

const keyOf = ({ hostname, port }: Place): string => `${hostname} ${port}`;

const answerOf = ({ line, headers, body }: Message): Answer => ({
  status: Number(line.split(" ")[1]),
  headers,
  body,
});
