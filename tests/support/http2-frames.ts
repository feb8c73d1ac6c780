/**
 * Raw HTTP/2 frames against a session, and what the session answers.
 */
import { CLIENT_PREFACE, errorName, Flag, FrameType } from "../../src/wire/http2/constants.ts";
import type { Fields } from "../../src/wire/http2/fields.ts";
import type { SessionOptions } from "../../src/wire/http2/options.ts";
import { FieldsSession } from "../../src/wire/http2/fields-session.ts";
import { HpackEncoder } from "../suites/hpack-twin/encoder.ts";
import { GET, send, SessionLog } from "./http2-pair.ts";

const { headers, rstStream, settings, goaway } = FrameType;

export function frame(type: number, flags: number, streamId: number, payload: string | Uint8Array = ""): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload.replaceAll(" ", ""), "hex") : Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

export const encode = (fields: Fields): Buffer => Buffer.from(new HpackEncoder().encode(fields));
export const request = (streamId: number, flags: number = Flag.endHeaders | Flag.endStream, fields = GET): Buffer =>
  frame(headers, flags, streamId, encode(fields));
export const OPEN = Flag.endHeaders;
export const HELLO = Buffer.concat([CLIENT_PREFACE, frame(settings, 0, 0), frame(settings, Flag.ack, 0)]);

interface Seen {
  /** Name of the connection error, and of each stream's reset. */
  readonly connection: string | undefined;
  readonly resets: readonly string[];
  readonly log: SessionLog;
  readonly session: FieldsSession;
}

export function server(frames: readonly Uint8Array[], options: SessionOptions = {}, nowMs = 0): Seen {
  const log = new SessionLog();
  const session = new FieldsSession("server", log, options);
  session.receive(Buffer.concat([HELLO, ...frames]), nowMs);
  return { ...written(session), log, session };
}

/** A client that has sent one request (stream 1) meets these frames. */
export function client(frames: readonly Uint8Array[]): Seen & { readonly heads: readonly Fields[] } {
  const log = new SessionLog();
  const session = new FieldsSession("client", log);
  const stream = send(session, GET);
  session.consumeOutput(session.output.length);
  session.receive(Buffer.concat([frame(settings, 0, 0), ...frames]), 0);
  return { ...written(session), log, session, heads: stream.heads };
}

/** Reads RST_STREAM and GOAWAY out of what a session wrote. */
function written(session: FieldsSession): Pick<Seen, "connection" | "resets"> {
  const out = Buffer.from(session.output);
  const resets: string[] = [];
  let connection: string | undefined;
  for (let at = 0; at < out.length; at += 9 + out.readUIntBE(at, 3)) {
    if (out[at + 3] === rstStream) resets.push(`${out.readUInt32BE(at + 5)} ${errorName(out.readUInt32BE(at + 9))}`);
    if (out[at + 3] === goaway) connection = errorName(out.readUInt32BE(at + 13));
  }
  return { connection, resets };
}
