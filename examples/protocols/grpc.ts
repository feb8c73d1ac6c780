/**
 * As much of gRPC as the example needs: messages of one text field, framed, over HTTP/2.
 *
 * @module
 */
import { connect, constants } from "node:http2";

/** Bytes of a frame before its message: a flag and a length. */
const PREFIX_BYTES = 5;
/** Field 1, bytes with a length. */
const TEXT_FIELD = 0x0a;
const MAX_TEXT_BYTES = 127;

/** A message `{ string text = 1 }` in its frame. */
export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > MAX_TEXT_BYTES) throw new Error(`a text may have ${MAX_TEXT_BYTES} bytes, found ${bytes.length}`);
  const frame = Buffer.alloc(PREFIX_BYTES + 2 + bytes.length);
  frame.writeUInt32BE(2 + bytes.length, 1);
  frame[PREFIX_BYTES] = TEXT_FIELD;
  frame[PREFIX_BYTES + 1] = bytes.length;
  bytes.copy(frame, PREFIX_BYTES + 2);
  return frame;
}

/** The texts of whole frames. */
export function decodeTexts(data: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at + PREFIX_BYTES <= data.length; ) {
    const end = at + PREFIX_BYTES + data.readUInt32BE(at + 1);
    texts.push(data.toString("utf8", at + PREFIX_BYTES + 2, end));
    at = end;
  }
  return texts;
}

export interface GrpcAnswer {
  /** 0: fine. -1: none came. */
  readonly status: number;
  readonly message: string;
  readonly texts: readonly string[];
}

/** Calls a method such as `/greeter.Greeter/Hello` at `http://host:port`, in plain text. Never rejects. */
export function callGrpc(origin: string, method: string, text: string, timeoutMs = 5000): Promise<GrpcAnswer> {
  return new Promise((resolve) => {
    const session = connect(origin);
    const chunks: Buffer[] = [];
    let status = -1;
    let message = "";
    const finish = (why?: string): void => {
      clearTimeout(limit);
      session.destroy();
      resolve({ status, message: why ?? message, texts: decodeTexts(Buffer.concat(chunks)) });
    };
    const limit = setTimeout(() => finish(`no answer within ${timeoutMs} ms`), timeoutMs);
    session.on("error", (error: Error) => finish(error.message));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: method,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": `${timeoutMs}m`,
    });
    // An answer without messages has its status in its only headers.
    const read = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers["grpc-status"] !== undefined) status = Number(headers["grpc-status"]);
      if (headers["grpc-message"] !== undefined) message = String(headers["grpc-message"]);
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => finish());
    stream.on("error", (error: Error) => finish(error.message));
    stream.end(encodeText(text));
  });
}
