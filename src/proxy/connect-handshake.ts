/**
 * Asks a proxy in front of an endpoint for a way through: CONNECT over HTTP/1.1, and after its answer the bytes are the tunnel's.
 *
 * Source: RFC 9110 §9.3.6; `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig`.
 *
 * @module
 */
import { DialError, type Socket, type SocketHandler } from "../net/socket.ts";
import { ResponseHead } from "../wire/http1/response-head.ts";
import type { Greeting } from "./tcp-tunnel.ts";

const MAX_HEAD_BYTES = 16_384;
const INCOMPLETE = 0;

export interface ConnectCaller {
  /** The way is open; nobody listens to the socket any more. */
  onOpen(greeting: Greeting): void;
  /** There is none, and the socket is gone. */
  onRefused(error: DialError): void;
  /** The socket is closed, after one that was refused or given up. */
  onClosed(): void;
}

export class ConnectHandshake implements SocketHandler {
  readonly #socket: Socket;
  readonly #authority: string;
  readonly #caller: ConnectCaller;
  /** By the clock of the connection's sweeps. */
  readonly #endMs: number;
  #read: Uint8Array = new Uint8Array(0);
  #isOver = false;

  /**
   * @param authority `db.example.com:5432`, where the tunnel is to end.
   * @param endMs When it has taken too long.
   */
  constructor(socket: Socket, authority: string, endMs: number, caller: ConnectCaller) {
    this.#socket = socket;
    this.#authority = authority;
    this.#endMs = endMs;
    this.#caller = caller;
  }

  begin(): void {
    this.#socket.handler = this;
    const head = Buffer.from(`CONNECT ${this.#authority} HTTP/1.1\r\nhost: ${this.#authority}\r\n\r\n`, "latin1");
    // A new connection takes that much at once; one that does not is no use.
    if (this.#socket.write(head, 0, head.length) < head.length)
      this.#refuse("the proxy before the endpoint takes no bytes");
  }

  /** Called about once a second. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#endMs) this.#refuse("no answer to CONNECT in time", "timeout");
  }

  onData(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#read = this.#read.length === 0 ? chunk.slice() : Buffer.concat([this.#read, chunk]);
    // Ahead of the answer may come as many others as a peer likes.
    while (this.#readHead());
  }

  /** True: it was no last word, and another may follow. */
  #readHead(): boolean {
    const head = new ResponseHead();
    // As to HEAD: what follows is no body.
    const end = head.parse(this.#read, 0, this.#read.length, true);
    if (end === INCOMPLETE && this.#read.length <= MAX_HEAD_BYTES) return false;
    if (end <= INCOMPLETE) return this.#refuse("the answer to CONNECT is no head of HTTP/1.1");
    const rest = this.#read.subarray(end);
    if (head.status < 200) {
      this.#read = rest;
      return rest.length > 0;
    }
    if (head.status > 299) return this.#refuse(`tunnel_response:${head.status}`);
    this.#isOver = true;
    this.#caller.onOpen({ heard: rest.length === 0 ? [] : [rest], hasEnded: false });
    return false;
  }

  /** Gives up. */
  cancel(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  onDrain(): void {}

  onEnd(): void {
    this.#refuse("the proxy before the endpoint ended the connection");
  }

  onClose(error: Error | undefined): void {
    this.#caller.onClosed();
    this.#refuse(error?.message ?? "the proxy before the endpoint closed the connection");
  }

  #refuse(why: string, kind: DialError["kind"] = "other"): false {
    if (this.#isOver) return false;
    this.cancel();
    this.#caller.onRefused(new DialError(kind, why));
    return false;
  }
}
