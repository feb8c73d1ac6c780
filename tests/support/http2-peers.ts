/**
 * Scripted clients and backends of the proxy that speak HTTP/2.
 *
 * @module
 */
import type { ClientTls, Listener, Socket, SocketHandler } from "../../src/net/socket.ts";
import { type Fields, fieldValue } from "../../src/wire/http2/fields.ts";
import { type FieldsHandler, FieldsSession, type FieldsStream } from "../../src/wire/http2/fields-session.ts";
import type { SessionOptions } from "../../src/wire/http2/options.ts";
import type { Role } from "../../src/wire/http2/session.ts";
import type { StreamReset } from "../../src/wire/http2/stream.ts";
import { LOOPBACK } from "./proxy-resources.ts";
import type { ProxyRig } from "./proxy-rig.ts";

/** One stream, as its script sees it. */
export class Http2Call implements FieldsHandler {
  readonly #owner: Http2Peer;
  stream: FieldsStream | undefined;
  readonly heads: Fields[] = [];
  readonly chunks: Buffer[] = [];
  bytes = 0;
  trailers: Fields | undefined;
  ended = false;
  reset: StreamReset | undefined;
  /** Gives back what came at once. */
  reads = true;
  #unread = 0;
  #unsent: Buffer[] = [];
  #endsWith: Fields | true | undefined;
  onHead: (call: Http2Call) => void = () => {};
  onEnd: (call: Http2Call) => void = () => {};

  constructor(owner: Http2Peer) {
    this.#owner = owner;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  /** Of the first or, of an answer, the final head. */
  field(name: string): string | undefined {
    return fieldValue(this.heads.at(-1) ?? [], name);
  }

  get status(): number {
    return Number(this.field(":status"));
  }

  /** Bytes that the other side does not take. */
  get unsentBytes(): number {
    return this.#unsent.reduce((sum, { length }) => sum + length, 0);
  }

  get isOver(): boolean {
    return this.ended || this.reset !== undefined;
  }

  /** A head, or an interim one. */
  answer(fields: Fields, end = false): this {
    this.stream?.sendHeaders(fields, end);
    this.#owner.flush();
    return this;
  }

  send(text: string): this {
    this.#unsent.push(Buffer.from(text, "latin1"));
    this.onWritable();
    return this;
  }

  end(trailers?: Fields): void {
    this.#endsWith = trailers ?? true;
    this.onWritable();
  }

  /** Gives back what was held. */
  read(): void {
    this.reads = true;
    this.stream?.consume(this.#unread);
    this.#unread = 0;
    this.#owner.flush();
  }

  cancel(code?: number): void {
    this.stream?.reset(code);
    this.#owner.flush();
  }

  onWritable(): void {
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      const taken = this.stream?.sendData(next, false) ?? 0;
      if (taken < next.length) {
        this.#unsent[0] = next.subarray(taken);
        return this.#owner.flush();
      }
      this.#unsent.shift();
    }
    const ending = this.#endsWith;
    this.#endsWith = undefined;
    if (ending === true) this.stream?.sendData(Buffer.alloc(0), true);
    else if (ending !== undefined) this.stream?.sendHeaders(ending, true);
    this.#owner.flush();
  }

  onHeaders(fields: Fields, endStream: boolean): void {
    this.heads.push(fields);
    if (this.heads.length === 1) this.onHead(this);
    if (endStream) this.#end();
  }

  onData(bytes: Uint8Array, endStream: boolean): void {
    this.bytes += bytes.length;
    this.chunks.push(Buffer.from(bytes));
    if (this.reads) this.stream?.consume(bytes.length);
    else this.#unread += bytes.length;
    if (endStream) this.#end();
  }

  onTrailers(fields: Fields): void {
    this.trailers = fields;
    this.#end();
  }

  onReset(reset: StreamReset): void {
    this.reset = reset;
  }

  #end(): void {
    this.ended = true;
    this.onEnd(this);
  }
}

/** One connection. */
export class Http2Peer implements SocketHandler {
  readonly socket: Socket;
  readonly session: FieldsSession;
  readonly calls: Http2Call[] = [];
  goaway: number | undefined;
  failed: string | undefined;
  closed = false;
  ended = false;

  constructor(socket: Socket, role: Role, onCall: (call: Http2Call) => void, options?: SessionOptions) {
    this.socket = socket;
    this.session = new FieldsSession(
      role,
      {
        onStream: (stream) => {
          const call = new Http2Call(this);
          call.stream = stream;
          this.calls.push(call);
          onCall(call);
          return call;
        },
        onSettings() {},
        onPong() {},
        onGoaway: (code) => void (this.goaway = code),
        onFailed: (error) => void (this.failed = error.message),
      },
      options,
    );
    socket.handler = this;
    this.flush();
  }

  /** A request; it is complete unless the call goes on with `send` and `end`. */
  call(fields: Fields, complete = true): Http2Call {
    const call = new Http2Call(this);
    call.stream = this.session.request(fields, complete, call);
    this.flush();
    return call;
  }

  flush(): void {
    while (this.session.output.length > 0) {
      const taken = this.socket.write(this.session.output);
      if (taken === 0) return;
      this.session.consumeOutput(taken);
    }
  }

  onData(chunk: Uint8Array): void {
    this.session.receive(chunk, 0);
    this.flush();
  }

  onDrain(): void {
    this.flush();
  }

  onEnd(): void {
    this.ended = true;
  }

  onClose(): void {
    this.closed = true;
    this.session.disconnected("closed");
  }
}

export async function http2Client(rig: ProxyRig, options?: SessionOptions, tls?: ClientTls): Promise<Http2Peer> {
  const { socket } = await rig.client("in", tls);
  return new Http2Peer(socket, "client", () => {}, options);
}

/** A backend of HTTP/2. `rig.finish` does not know it: {@link Http2Backend.stop} it first. */
export class Http2Backend {
  readonly connections: Http2Peer[] = [];
  readonly calls: Http2Call[] = [];
  listener: Listener | undefined;
  /** Called when a request is complete. */
  answer: (call: Http2Call) => void = () => {};
  /** Called when a request begins. */
  begin: (call: Http2Call) => void = () => {};

  static async start(rig: ProxyRig, options?: SessionOptions): Promise<Http2Backend> {
    const backend = new Http2Backend();
    const taken = (call: Http2Call): void => {
      backend.calls.push(call);
      call.onHead = () => backend.begin(call);
      call.onEnd = () => backend.answer(call);
    };
    backend.listener = await rig.net.network.listen({ address: LOOPBACK, port: 0 }, (socket) =>
      backend.connections.push(new Http2Peer(socket, "server", taken, options)),
    );
    return backend;
  }

  get port(): number {
    return this.listener?.port ?? 0;
  }

  stop(): void {
    this.listener?.close();
    for (const { socket } of this.connections) socket.destroy();
  }
}

export const get2 = (path: string, ...more: readonly string[]): Fields => [
  ":method",
  "GET",
  ":scheme",
  "http",
  ":authority",
  "app",
  ":path",
  path,
  ...more,
];

export const post2 = (path: string, ...more: readonly string[]): Fields => [
  ":method",
  "POST",
  ":scheme",
  "http",
  ":authority",
  "app",
  ":path",
  path,
  ...more,
];

export const grpc2 = (path: string, ...more: readonly string[]): Fields =>
  post2(path, "content-type", "application/grpc", "te", "trailers", ...more);

export const OK2: Fields = [":status", "200"];
