/**
 * An HTTP/2 endpoint that answers with the frames that a request's `x-do` header names, and remembers what reached it.
 *
 * @module
 */
import { createServer, type Server } from "node:net";
import { Flag, FrameType } from "../../../src/wire/http2/constants.ts";
import { type Fields, fieldValue } from "../../../src/wire/http2/fields.ts";
import { encode, frame } from "../../support/http2-frames.ts";
import { RawHttp2, settingsFrame } from "./raw-http2.ts";

export interface SeenHttp2Request {
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields | undefined;
}

const { headers, data, rstStream, goaway } = FrameType;
const END = Flag.endStream;
const OPEN = Flag.endHeaders;
const head = (id: number, fields: Fields, end = 0): Buffer => frame(headers, OPEN | end, id, encode(fields));
const body = (id: number, text: string, end: number = END): Buffer => frame(data, end, id, Buffer.from(text));
const reset = (id: number, code: number): Buffer => frame(rstStream, 0, id, Buffer.from([0, 0, 0, code]));
const OK = [":status", "200", "x-backend", "yes"];

/** What a script sends on stream `id`. */
export const FRAME_ANSWERS: Readonly<Record<string, (id: number) => readonly Buffer[]>> = {
  plain: (id) => [head(id, [...OK, "content-length", "5"]), body(id, "hello")],
  "no length": (id) => [head(id, OK), body(id, "hello")],
  "in pieces": (id) => [head(id, OK), body(id, "he", 0), body(id, "", 0), body(id, "llo", 0), body(id, "")],
  padded: (id) => [
    head(id, OK),
    frame(data, END | Flag.padded, id, Buffer.concat([Buffer.from([3]), Buffer.from("hello"), Buffer.alloc(3)])),
  ],
  empty: (id) => [head(id, OK, END)],
  "204": (id) => [head(id, [":status", "204"], END)],
  "304": (id) => [head(id, [":status", "304", "etag", '"x"', "content-length", "5"], END)],
  "404": (id) => [head(id, [":status", "404", "x-backend", "yes"]), body(id, "no")],
  trailers: (id) => [head(id, OK), body(id, "hello", 0), head(id, ["x-trailer", "last"], END)],
  "trailers alone": (id) => [head(id, [...OK, "grpc-status", "5"], END)],
  "early hints": (id) => [head(id, [":status", "103", "link", "</x>"]), head(id, OK), body(id, "hello")],
  "100 and 102": (id) => [head(id, [":status", "100"]), head(id, [":status", "102"]), head(id, OK), body(id, "hello")],
  large: (id) => [head(id, OK), ...Array.from({ length: 3 }, () => body(id, "z".repeat(16_000), 0)), body(id, "end")],
  "many fields": (id) => [
    head(id, [...OK, ...Array.from({ length: 60 }, (_, i) => [`x-${i}`, "v"]).flat()]),
    body(id, "hello"),
  ],
  "two cookies": (id) => [head(id, [...OK, "set-cookie", "a=b", "set-cookie", "c=d"]), body(id, "hello")],
  "upper case name": (id) => [head(id, [...OK, "X-Upper", "v"]), body(id, "hello")],
  "connection header": (id) => [head(id, [...OK, "connection", "close"]), body(id, "hello")],
  "transfer-encoding": (id) => [head(id, [...OK, "transfer-encoding", "chunked"]), body(id, "hello")],
  "no status": (id) => [head(id, ["x-backend", "yes"]), body(id, "hello")],
  "bad status": (id) => [head(id, [":status", "20x"]), body(id, "hello")],
  "status twice": (id) => [head(id, [":status", "200", ":status", "201"]), body(id, "hello")],
  "status 101": (id) => [head(id, [":status", "101"], END)],
  "late pseudo field": (id) => [head(id, ["x-backend", "yes", ":status", "200"]), body(id, "hello")],
  "unknown pseudo field": (id) => [head(id, [":status", "200", ":odd", "x"]), body(id, "hello")],
  "request's pseudo field": (id) => [head(id, [":status", "200", ":path", "/"]), body(id, "hello")],
  "NUL in a value": (id) => [head(id, [...OK, "x-a", "b\0c"]), body(id, "hello")],
  "line feed in a value": (id) => [head(id, [...OK, "x-a", "b\r\nc: d"]), body(id, "hello")],
  "space in a name": (id) => [head(id, [...OK, "x a", "b"]), body(id, "hello")],
  "length too long": (id) => [head(id, [...OK, "content-length", "9"]), body(id, "hello")],
  "length too short": (id) => [head(id, [...OK, "content-length", "3"]), body(id, "hello")],
  "length that is no number": (id) => [head(id, [...OK, "content-length", "x"]), body(id, "hello")],
  "pseudo field in trailers": (id) => [head(id, OK), body(id, "hello", 0), head(id, [":status", "200"], END)],
  "trailers that do not end": (id) => [head(id, OK), body(id, "hello", 0), head(id, ["x-trailer", "v"]), body(id, "")],
  "DATA first": (id) => [body(id, "hello")],
  refused: (id) => [reset(id, 7)],
  cancelled: (id) => [reset(id, 8)],
  "internal error": (id) => [reset(id, 2)],
  "reset behind the head": (id) => [head(id, OK), reset(id, 2)],
  "reset within the body": (id) => [head(id, [...OK, "content-length", "10"]), body(id, "hello", 0), reset(id, 8)],
  "reset without error behind the answer": (id) => [head(id, OK), body(id, "hello"), reset(id, 0)],
  goaway: (id) => [frame(goaway, 0, 0, Buffer.from([0, 0, 0, id, 0, 0, 0, 0])), head(id, OK), body(id, "hello")],
  "goaway before it": () => [frame(goaway, 0, 0, Buffer.alloc(8))],
  "goaway with an error": (id) => [frame(goaway, 0, 0, Buffer.from([0, 0, 0, id, 0, 0, 0, 2]))],
};

/** To HEAD there is one answer, since a body to it is another mistake. */
const headAnswer = (id: number): readonly Buffer[] => [head(id, [...OK, "content-length", "5"], END)];

export class FramesBackend {
  readonly #server: Server;
  readonly #seen = new Map<string, SeenHttp2Request[]>();

  private constructor() {
    this.#server = createServer((socket) => {
      const answered = new Set<number>();
      const http2: RawHttp2 = new RawHttp2(socket, "server", (streamId) => {
        const stream = http2.streams.get(streamId);
        const [fields, trailers] = stream?.heads ?? [];
        if (stream === undefined || fields === undefined || answered.has(streamId) || !stream.ended) return;
        answered.add(streamId);
        const id = fieldValue(fields, "x-case") ?? "";
        this.#seen.set(id, [...this.seen(id), { fields, body: stream.body, trailers }]);
        const isHead = fieldValue(fields, ":method") === "HEAD";
        const answer = isHead
          ? headAnswer
          : (FRAME_ANSWERS[fieldValue(fields, "x-do") ?? ""] ?? FRAME_ANSWERS["plain"]);
        // Bodies are long for windows that a client has made small: they go to the proxy, whose windows are large.
        if (answer !== undefined) http2.send(Buffer.concat(answer(streamId)));
      });
      http2.send(settingsFrame());
    });
  }

  static async start(): Promise<FramesBackend> {
    const backend = new FramesBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, "127.0.0.1", resolve));
    return backend;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** What came with `x-case: id`, in order. */
  seen(id: string): readonly SeenHttp2Request[] {
    return this.#seen.get(id) ?? [];
  }

  stop(): void {
    this.#server.close();
  }
}
