/**
 * A gRPC service on HTTP/2 in plain text: what speaks to it is its own proxy.
 *
 *     /greeter.Greeter/Hello    one text in, one out
 *     /greeter.Greeter/Count    "3" in, a stream of "1", "2", "3" out
 *     /greeter.Greeter/Fail     status 5, NOT_FOUND
 *
 * @module
 */
import { createServer, type ServerHttp2Stream } from "node:http2";
import { decodeTexts, encodeText } from "./grpc.ts";

const MAX_REQUEST_BYTES = 1024;
const OK = 0;
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

interface Reply {
  readonly status: number;
  readonly message?: string;
  readonly texts?: readonly string[];
}

const METHODS: Readonly<Record<string, (text: string) => Reply>> = {
  "/greeter.Greeter/Hello": (text) => ({ status: OK, texts: [`hello ${text}`] }),
  "/greeter.Greeter/Count": (text) => {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > 1000)
      return { status: INVALID_ARGUMENT, message: "count from 1 to 1000" };
    return { status: OK, texts: Array.from({ length: count }, (_, i) => String(i + 1)) };
  },
  "/greeter.Greeter/Fail": () => ({ status: NOT_FOUND, message: "nobody of that name" }),
};

function answer(stream: ServerHttp2Stream, { status, message = "", texts = [] }: Reply): void {
  const trailers = { "grpc-status": String(status), ...(message === "" ? {} : { "grpc-message": message }) };
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (texts.length === 0) return void stream.respond({ ...head, ...trailers }, { endStream: true });
  stream.respond(head, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  for (const text of texts) stream.write(encodeText(text));
  stream.end();
}

const server = createServer();
server.on("stream", (stream: ServerHttp2Stream, headers) => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("error", () => stream.close());
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_REQUEST_BYTES) return stream.close();
    chunks.push(chunk);
  });
  stream.on("end", () => {
    if (stream.closed) return;
    const method = METHODS[String(headers[":path"])];
    const [text = ""] = decodeTexts(Buffer.concat(chunks));
    answer(stream, method?.(text) ?? { status: UNIMPLEMENTED, message: "there is no such method" });
  });
});
server.listen(Number(process.env["PORT"] ?? 9000), "127.0.0.1", () => console.log("greeter listens"));
