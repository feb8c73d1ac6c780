/**
 * An endpoint of HTTP/1.1 or of HTTP/2 with prior knowledge, that answers 200 and keeps what it got.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type Http2ServerRequest } from "node:http2";
import type { AddressInfo } from "node:net";

export interface Recorded {
  readonly line: string;
  /** Lines of the head in lower case, in order of their names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, unknown>>;
}

export class Recorder {
  readonly #server: Server | Http2Server;
  readonly #got: Recorded[] = [];
  /** What to answer with. */
  status = 200;

  private constructor(isHttp2: boolean) {
    const record = (
      request: IncomingMessage | Http2ServerRequest,
      response: { writeHead(n: number): unknown; end(t: string): unknown },
    ): void => {
      const chunks: Buffer[] = [];
      request.on("error", () => {});
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => {
        this.#got.push(recorded(request, Buffer.concat(chunks)));
        response.writeHead(this.status);
        response.end("answered");
      });
    };
    this.#server = isHttp2
      ? createHttp2Server((request, response) => record(request, response))
      : createServer((request: IncomingMessage, response: ServerResponse) => record(request, response));
  }

  static async start(isHttp2 = false): Promise<Recorder> {
    const recorder = new Recorder(isHttp2);
    await new Promise<void>((resolve) => void recorder.#server.listen(0, "127.0.0.1", resolve));
    return recorder;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What came for the probe of this name. */
  of(probe: string): readonly Recorded[] {
    return this.#got.filter(({ headers }) => headers["x-probe"] === probe);
  }

  stop(): void {
    this.#server.close();
    if ("closeAllConnections" in this.#server) this.#server.closeAllConnections();
  }
}

function recorded(request: IncomingMessage | Http2ServerRequest, body: Buffer): Recorded {
  const names = Object.keys(request.headers).toSorted();
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
  const line = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
  const text = body.length > 1000 ? `${body.length} bytes, ${Bun.hash(body)}` : body.toString("latin1");
  return { line, headers, body: text, trailers: { ...request.trailers } };
}
