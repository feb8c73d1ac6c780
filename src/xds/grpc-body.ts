/**
 * The two directions of a gRPC call on its stream: messages that wait for flow control, and messages that arrive in pieces.
 *
 * @module
 */
import { frameMessage, GrpcCode, GrpcError, MessageReader } from "../wire/grpc.ts";
import type { Fields } from "../wire/http2/fields.ts";
import type { FieldsStream } from "../wire/http2/fields-session.ts";

/** How our direction ends: with trailers, or without (a client's half-close). */
type End = { readonly trailers: Fields | undefined };

export class GrpcBody {
  readonly #stream: FieldsStream;
  readonly #reader: MessageReader;
  readonly #maxQueuedBytes: number;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #sentOfFirst = 0;
  #end: End | undefined;

  constructor(stream: FieldsStream, maxMessageBytes: number, maxQueuedBytes: number) {
    this.#stream = stream;
    this.#reader = new MessageReader(maxMessageBytes);
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  /** Bytes that the peer has not made room for yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Sends a message, or keeps it until the peer makes room.
   *
   * @throws {GrpcError} resourceExhausted when too much waits already.
   */
  send(message: Uint8Array): void {
    if (this.#end !== undefined) return;
    if (this.#queuedBytes > this.#maxQueuedBytes) {
      throw new GrpcError(GrpcCode.resourceExhausted, `${this.#queuedBytes} bytes wait for the peer to read`);
    }
    this.#queue.push(frameMessage(message));
    this.#queuedBytes += message.length + 5;
    this.push();
  }

  /** Ends our direction after what is queued. */
  end(trailers: Fields | undefined): void {
    this.#end ??= { trailers };
    this.push();
  }

  /** Sends as much as may be sent now. */
  push(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const rest = first.subarray(this.#sentOfFirst);
      const taken = this.#stream.sendData(rest, false);
      this.#queuedBytes -= taken;
      this.#sentOfFirst = taken < rest.length ? this.#sentOfFirst + taken : 0;
      if (taken < rest.length) return;
      this.#queue.shift();
    }
    if (this.#end === undefined || !this.#stream.canSend) return;
    if (this.#end.trailers === undefined) this.#stream.sendData(new Uint8Array(0), true);
    else this.#stream.sendHeaders(this.#end.trailers, true);
  }

  /**
   * Takes a piece of the peer's direction. Its window opens again at once: messages are dealt with as they come.
   *
   * @throws {GrpcError} For a message that is too large, compressed, or cut off by the end.
   */
  receive(bytes: Uint8Array, ends: boolean, sink: (message: Uint8Array) => void): void {
    this.#stream.consume(bytes.length);
    this.#reader.read(bytes, sink);
    if (ends && !this.#reader.idle) throw new GrpcError(GrpcCode.internal, "the stream ended within a message");
  }
}
