/**
 * A request whose bytes go to the endpoint as they are, over a connection of its own: CONNECT that ends here, or a POST that
 * stands for it (`connect_config`). The answer is ours as soon as there is a connection, as in Envoy.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { type DialError, deafHandler, type Socket, type SocketHandler } from "../net/socket.ts";
import { Dechunker } from "../wire/http1/dechunk.ts";
import { CHUNKED } from "../wire/http1/head.ts";
import { ResponseHead } from "../wire/http1/response-head.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { ClientAddresses } from "./client-pools.ts";
import type { Failure } from "./failure.ts";
import { closeWhenSent } from "./farewell.ts";
import { failureOf } from "./host-dialer.ts";
import { Output } from "./output.ts";
import type { RequestBuffer } from "./request-buffer.ts";
import type { Caller, UpstreamRequest, UpstreamSource, Waiter } from "./upstream.ts";

class TcpRequest implements UpstreamRequest, SocketHandler {
  readonly socket: Socket;
  readonly isReused = false;
  readonly mayRefuse = false;
  bodyBytes = 0;
  readonly #output: Output;
  readonly #onClosed: () => void;
  #caller: Caller | undefined;
  #dechunker: Dechunker | undefined;
  #requestDone = false;
  #responseDone = false;

  constructor(socket: Socket, onClosed: () => void) {
    this.socket = socket;
    this.#output = new Output(socket);
    this.#onClosed = onClosed;
    socket.handler = this;
  }

  send(caller: Caller, body: RequestBuffer, done: boolean): boolean {
    this.#caller = caller;
    if (caller.head.framing === CHUNKED) this.#dechunker = new Dechunker();
    let taken = true;
    for (const chunk of body.chunks) taken = this.write(chunk, 0, chunk.length);
    if (done) this.endRequest();
    caller.onResponseHead(CONNECTED, false);
    return taken;
  }

  write(buf: Uint8Array, start: number, end: number): boolean {
    const dechunker = this.#dechunker;
    if (dechunker === undefined) return this.#output.write(buf, start, end, true);
    for (let pos = dechunker.next(buf, start, end); pos >= 0; pos = dechunker.next(buf, pos, end))
      this.#output.write(buf, dechunker.start, pos, true);
    return this.#output.waitingBytes === 0;
  }

  endRequest(): void {
    this.#requestDone = true;
    if (this.#responseDone) this.#leave();
    else if (this.#output.waitingBytes === 0) this.socket.end();
  }

  /** Both directions are done, or the only one that counts. */
  #leave(): void {
    const caller = this.#caller;
    this.#caller = undefined;
    if (caller !== undefined) closeWhenSent(this.socket, this.#output, caller.context.deadlines, this.#onClosed);
  }

  abandon(): void {
    this.#caller = undefined;
    this.socket.destroy();
  }

  resume(): void {
    this.socket.resume();
  }

  onData(chunk: Uint8Array): void {
    this.bodyBytes += chunk.length;
    if (this.#caller?.onResponseBody(chunk, 0, chunk.length) === false) this.socket.pause();
  }

  onDrain(): void {
    if (!this.#output.flush()) return;
    if (this.#requestDone) this.socket.end();
    else this.#caller?.onUpstreamDrain();
  }

  onEnd(): void {
    const caller = this.#caller;
    if (caller === undefined || this.#responseDone) return;
    this.#responseDone = true;
    // An answer to POST ends the exchange, whatever of the request is still to come.
    if (this.#requestDone || !caller.isSwitched) this.#leave();
    caller.onResponseEnd();
  }

  onClose(error: Error | undefined): void {
    const caller = this.#caller;
    this.#caller = undefined;
    this.#onClosed();
    caller?.onUpstreamFailure({
      kind: "upstreamReset",
      details: error?.message ?? "",
      requestSent: true,
      answered: true,
    });
  }
}

/** Dials for one attempt. */
export class TcpSource implements UpstreamSource {
  readonly hasRoom = false;
  readonly #cluster: ClusterRuntime;
  readonly #endpoint: Endpoint;
  readonly #client: ClientAddresses;
  readonly #authority: string;
  #waiter: Waiter | undefined;

  constructor(cluster: ClusterRuntime, endpoint: Endpoint, client: ClientAddresses, authority: string) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#client = client;
    this.#authority = authority;
  }

  acquire(waiter: Waiter): void {
    if (!this.#cluster.admission.mayConnect()) return waiter.onNoConnection(OVERFLOW);
    this.#waiter = waiter;
    this.#cluster.dial(this.#endpoint, this.#client, this.#authority, this.#opened, this.#failed);
  }

  cancel(): void {
    this.#waiter = undefined;
  }

  readonly #opened = (socket: Socket, closed: () => void): void => {
    const waiter = this.#waiter;
    if (waiter !== undefined) return waiter.onUpstream(new TcpRequest(socket, closed));
    socket.handler = { ...deafHandler, onClose: closed };
    socket.destroy();
  };

  readonly #failed = (error: DialError): void => {
    this.#waiter?.onNoConnection(failureOf(error));
  };
}

const OVERFLOW: Failure = { kind: "upstreamOverflow", details: "", requestSent: false, answered: false };
/** What the client is told. */
const CONNECTED = new ResponseHead();
const CONNECTED_TEXT = Buffer.from("HTTP/1.1 200 OK\r\n\r\n");
CONNECTED.parse(CONNECTED_TEXT, 0, CONNECTED_TEXT.length, false);
