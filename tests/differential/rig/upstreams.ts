/**
 * The applications behind all three proxies: each remembers what reached it and does what the request's headers say.
 *
 * `x-answers: 503,200` the status of the first attempt, the second, and of all later ones the last; `reset` in place of a
 * status closes the connection. `x-wait: 500` the milliseconds before the answer.
 *
 * @module
 */
import type { Socket, TCPSocketListener } from "bun";
import { type Headers, type Message, readMessage, valueOf, writeHead } from "./messages.ts";

export interface Application {
  /** As it stands in outcomes: `v1`. */
  readonly name: string;
  readonly address: string;
}

/** A request that reached an application. */
export interface Hit {
  readonly application: string;
  /** Index of the port in {@link Upstreams.ports}. */
  readonly port: number;
  readonly line: string;
  readonly headers: Headers;
  readonly body: string;
}

interface Connection {
  text: string;
  busy: boolean;
}

const PORTS = 2;
const TRIES = 20;

export class Upstreams {
  readonly #listeners: TCPSocketListener<Connection>[] = [];
  readonly #hits = new Map<string, Hit[]>();
  /** The same at each application. */
  readonly ports: readonly number[];

  private constructor(ports: readonly number[]) {
    this.ports = ports;
  }

  static start(applications: readonly Application[]): Upstreams {
    for (let tries = 0; ; tries++) {
      const first = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const ports = Array.from({ length: PORTS }, (_, i) => (first.port % 20_000) + 12_000 + i);
      first.stop(true);
      const upstreams = new Upstreams(ports);
      try {
        for (const application of applications) for (const port of ports.keys()) upstreams.#listen(application, port);
        return upstreams;
      } catch (error) {
        upstreams.stop();
        if (tries === TRIES) throw error;
      }
    }
  }

  /** Takes what came with `x-case: id`, in order. */
  take(id: string): readonly Hit[] {
    const found = this.#hits.get(id) ?? [];
    this.#hits.delete(id);
    return found;
  }

  count(id: string): number {
    return this.#hits.get(id)?.length ?? 0;
  }

  stop(): void {
    for (const listener of this.#listeners.splice(0)) listener.stop(true);
  }

  #listen({ name, address }: Application, port: number): void {
    const listener = Bun.listen<Connection>({
      hostname: address,
      port: this.ports[port] ?? 0,
      socket: {
        open: (socket) => void (socket.data = { text: "", busy: false }),
        data: (socket, chunk) => {
          socket.data.text += chunk.toString("latin1");
          this.#next(socket, name, port);
        },
      },
    });
    this.#listeners.push(listener);
  }

  #next(socket: Socket<Connection>, application: string, port: number): void {
    const connection = socket.data;
    if (connection.busy) return;
    const request = readMessage(connection.text, () => false);
    if (request === undefined) return;
    connection.text = connection.text.slice(request.size);
    connection.busy = true;
    const attempt = this.#remember(request, application, port);
    const answer = (): void => {
      connection.busy = false;
      const text = answerTo(request, application, attempt);
      if (text === undefined) return void socket.terminate();
      socket.write(text);
      this.#next(socket, application, port);
    };
    const waitMs = Number(valueOf(request.headers, "x-wait") ?? 0);
    if (waitMs > 0) setTimeout(answer, waitMs);
    else answer();
  }

  /** @returns The number of the attempt, from 0; mirrors are counted apart. */
  #remember({ line, headers, body }: Message, application: string, port: number): number {
    const id = valueOf(headers, "x-case") ?? "";
    const hits = this.#hits.get(id) ?? [];
    this.#hits.set(id, hits);
    const attempt = hits.filter((hit) => isMirror(hit.headers) === isMirror(headers)).length;
    hits.push({ application, port, line, headers, body });
    return attempt;
  }
}

/** Envoy says so of copies. */
export const isMirror = (headers: Headers): boolean => valueOf(headers, "x-envoy-internal") !== undefined;

/** Undefined: none, the connection is reset. */
function answerTo({ line, headers }: Message, application: string, attempt: number): string | undefined {
  const answers = (valueOf(headers, "x-answers") ?? "200").split(",");
  const status = answers[attempt] ?? answers.at(-1) ?? "200";
  if (status === "reset") return undefined;
  const body = `from ${application}\n`;
  const isGrpc = valueOf(headers, "content-type")?.startsWith("application/grpc") === true;
  const more: Headers = isGrpc ? [["grpc-status", valueOf(headers, "x-grpc-status") ?? "0"]] : [];
  const head = writeHead(`HTTP/1.1 ${status} Some`, [
    ["content-type", isGrpc ? "application/grpc" : "text/plain"],
    ["x-application", application],
    ["x-internal", "one"],
    ["x-internal", "two"],
    ["set-cookie", "a=b; path=/"],
    ...more,
    ...(status === "204" || status === "304" ? [] : [["content-length", String(body.length)] as const]),
  ]);
  return line.startsWith("HEAD ") || status === "204" || status === "304" ? head : head + body;
}
