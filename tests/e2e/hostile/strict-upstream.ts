/**
 * The endpoint behind a proxy that meets hostile requests: it echoes, and reads what it gets with the strict reader that
 * the codec's own tests are held against. What that reader cannot take as one request with one framing is a violation.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import { type TwinHead, twinChunked, twinRequest } from "../../suites/http1-twin.ts";

interface Received {
  readonly head: TwinHead;
  readonly body: string;
  readonly size: number;
}

export class StrictUpstream {
  readonly #server: Server;
  /** Requests by the address of the client that the proxy names. */
  readonly #requests = new Map<string, string[]>();
  /** What no strict reader takes, and requests that no client is named for, each with the bytes around it. */
  readonly violations: string[] = [];

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static async start(): Promise<StrictUpstream> {
    const upstream = new StrictUpstream();
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Request lines that came for a client. */
  requestsOf(client: string): readonly string[] {
    return this.#requests.get(client) ?? [];
  }

  stop(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    let text = "";
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (;;) {
        const read = readRequest(text);
        if (read === "more") return;
        if (read === "refused") return this.#violated(socket, text);
        const line = text.slice(0, text.indexOf("\r\n"));
        text = text.slice(read.size);
        this.#received(read, line);
        socket.write(answerTo(read), "latin1");
      }
    });
  }

  #violated(socket: Socket, text: string): void {
    this.violations.push(JSON.stringify(text.slice(0, 400)));
    socket.destroy();
  }

  #received(request: Received, line: string): void {
    const client = headerOf(request.head, "x-forwarded-for")?.split(",").at(-1)?.trim();
    if (client === undefined) this.violations.push(`a request that no client sent: ${line}`);
    else this.#requests.set(client, [...this.requestsOf(client), line]);
  }
}

const headerOf = ({ lines }: TwinHead, name: string): string | undefined =>
  lines.find(([key]) => key.toLowerCase() === name)?.[1];

function readRequest(text: string): Received | "refused" | "more" {
  const head = twinRequest(text);
  if (typeof head === "string") return head;
  if (head.body === "chunked") {
    const rest = text.slice(head.end);
    const body = twinChunked(rest);
    if (body !== undefined) return { head, body: body.data, size: head.end + body.end };
    // The strict reader does not tell what is broken from what is not all here: an end that is here and not taken is.
    return /(^|\r\n)0[^\r\n]*\r\n([^\r\n]+\r\n)*\r\n$/.test(rest) ? "refused" : "more";
  }
  const size = head.end + (head.body === "none" ? 0 : Number(head.body));
  return text.length < size ? "more" : { head, body: text.slice(head.end, size), size };
}

function answerTo({ head, body }: Received): string {
  const [method, , , path = ""] = head.start;
  const echo = echoOf(method ?? "", path, head, body);
  const start = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${echo.length}\r\n\r\n`;
  return method === "HEAD" ? start : start + echo;
}

function echoOf(method: string, path: string, head: TwinHead, body: string): string {
  if (path.startsWith("/echo")) return head.lines.map(([name, value]) => `${name}: ${value}\n`).join("");
  if (path.startsWith("/cookie")) return (headerOf(head, "cookie") ?? "").split(/; */).join("\n");
  return method === "POST" ? body : "OK";
}
