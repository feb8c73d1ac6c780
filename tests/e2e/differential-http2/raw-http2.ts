/**
 * One end of an HTTP/2 connection that sends what it is told to, right or wrong, and notes what comes: with a reader of
 * frames and an HPACK decoder that the proxy does not have.
 *
 * @module
 */
import type { Socket } from "node:net";
import { CLIENT_PREFACE, errorName, Flag, FrameType, SettingId } from "../../../src/wire/http2/constants.ts";
import type { Fields } from "../../../src/wire/http2/fields.ts";
import { HpackDecoder } from "../../suites/hpack-twin/decoder.ts";
import { frame } from "../../support/http2-frames.ts";

export interface SeenStream {
  /** In order: interim heads, the head, trailers. */
  readonly heads: Fields[];
  body: string;
  ended: boolean;
  /** Name of the code that it was reset with. */
  reset: string | undefined;
}

const MAX_LIST_BYTES = 1 << 20;

export class RawHttp2 {
  readonly streams = new Map<number, SeenStream>();
  /** Name of the code of a GOAWAY that is not `noError`. */
  goaway: string | undefined;
  closed = false;
  readonly #socket: Socket;
  readonly #onChange: (streamId: number) => void;
  readonly #decoder = new HpackDecoder(MAX_LIST_BYTES);
  #bytes: Buffer = Buffer.alloc(0);
  #block: Buffer[] = [];
  #prefaceLeft: number;
  /** What it answers by itself, while a frame of its own is half sent. */
  #held: Uint8Array[] | undefined;

  /** @param onChange Told of everything that comes; 0 for the connection. */
  constructor(socket: Socket, role: "client" | "server", onChange: (streamId: number) => void) {
    this.#socket = socket;
    this.#onChange = onChange;
    this.#prefaceLeft = role === "server" ? CLIENT_PREFACE.length : 0;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      onChange(0);
    });
  }

  /** @param isPart More of the same frames follows: until then nothing else may be sent. */
  send(bytes: Uint8Array, isPart = false): void {
    if (!this.closed) this.#socket.write(Buffer.concat([bytes, ...(isPart ? [] : (this.#held ?? []))]));
    this.#held = isPart ? [] : undefined;
  }

  /** What an endpoint answers by itself. */
  #reply(bytes: Uint8Array): void {
    if (this.#held !== undefined) this.#held.push(bytes);
    else this.send(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const skipped = Math.min(this.#prefaceLeft, chunk.length);
    this.#prefaceLeft -= skipped;
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(skipped)]);
    while (this.#bytes.length >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) return;
      const [head, payload] = [this.#bytes, this.#bytes.subarray(9, end)];
      this.#bytes = this.#bytes.subarray(end);
      const streamId = head.readUInt32BE(5) & 0x7fffffff;
      this.#frame(head[3] as number, head[4] as number, streamId, payload);
      this.#onChange(streamId);
    }
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FrameType.settings && (flags & Flag.ack) === 0) this.#reply(frame(FrameType.settings, Flag.ack, 0));
    else if (type === FrameType.ping && (flags & Flag.ack) === 0) this.#reply(frame(type, Flag.ack, 0, payload));
    else if (type === FrameType.goaway) {
      const code = payload.readUInt32BE(4);
      if (code !== 0) this.goaway = errorName(code);
    } else if (type === FrameType.rstStream) this.#stream(streamId).reset = errorName(payload.readUInt32BE(0));
    else if (type === FrameType.headers || type === FrameType.continuation) this.#head(type, flags, streamId, payload);
    else if (type === FrameType.data) this.#data(flags, streamId, payload);
  }

  #head(type: number, flags: number, streamId: number, payload: Buffer): void {
    const isPadded = type === FrameType.headers && (flags & Flag.padded) !== 0;
    const from = (isPadded ? 1 : 0) + (type === FrameType.headers && (flags & Flag.priority) !== 0 ? 5 : 0);
    this.#block.push(payload.subarray(from, payload.length - (isPadded ? (payload[0] as number) : 0)));
    const stream = this.#stream(streamId);
    if (type === FrameType.headers && flags & Flag.endStream) stream.ended = true;
    if ((flags & Flag.endHeaders) === 0) return;
    const fields = this.#decoder.decode(Buffer.concat(this.#block));
    this.#block = [];
    stream.heads.push(fields ?? []);
  }

  #data(flags: number, streamId: number, payload: Buffer): void {
    const stream = this.#stream(streamId);
    const padding = flags & Flag.padded ? 1 + (payload[0] as number) : 0;
    stream.body += payload.toString("latin1", padding > 0 ? 1 : 0, payload.length - Math.max(0, padding - 1));
    if (flags & Flag.endStream) stream.ended = true;
    if (payload.length === 0) return;
    this.#reply(widen(0, payload.length));
    if (!stream.ended) this.#reply(widen(streamId, payload.length));
  }

  #stream(streamId: number): SeenStream {
    const known = this.streams.get(streamId);
    if (known !== undefined) return known;
    const stream: SeenStream = { heads: [], body: "", ended: false, reset: undefined };
    this.streams.set(streamId, stream);
    return stream;
  }
}

function widen(streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FrameType.windowUpdate, 0, streamId, payload);
}

/** A SETTINGS frame with a window for each stream; Envoy's and our default is left where it is undefined. */
export function settingsFrame(initialWindowBytes?: number): Buffer {
  if (initialWindowBytes === undefined) return frame(FrameType.settings, 0, 0);
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(SettingId.initialWindowSize, 0);
  payload.writeUInt32BE(initialWindowBytes, 2);
  return frame(FrameType.settings, 0, 0, payload);
}
