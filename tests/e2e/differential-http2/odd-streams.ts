/**
 * Requests of HTTP/2 by chance: pseudo fields, fields, framings, ends and windows that are odd, each with a name.
 *
 * @module
 */
import type { Random } from "../../../src/base/random.ts";
import { CLIENT_PREFACE, Flag, FrameType } from "../../../src/wire/http2/constants.ts";
import type { Fields } from "../../../src/wire/http2/fields.ts";
import { HpackEncoder } from "../../suites/hpack-twin/encoder.ts";
import { frame } from "../../support/http2-frames.ts";
import { settingsFrame } from "./raw-http2.ts";

export interface StreamsCase {
  readonly id: string;
  readonly traits: readonly string[];
  /** What is sent, in so many writes. */
  readonly writes: readonly Buffer[];
  /** Those that end with an answer, or with a refusal: the client has not reset them. */
  readonly streams: readonly number[];
  /** For a person: the fields of the streams. */
  readonly shown: string;
}

const { headers, data, continuation, rstStream, priority, windowUpdate, ping } = FrameType;
const HOST = "main.example";

/** Changes the fields of a good GET. `base` begins with the four pseudo fields. */
type FieldsOddity = readonly [trait: string, change: (base: readonly string[]) => readonly string[]];

const without =
  (name: string) =>
  (base: readonly string[]): string[] =>
    base.filter((_, i) => base[i - (i % 2)] !== name);
const set =
  (name: string, value: string) =>
  (base: readonly string[]): string[] =>
    base.map((it, i) => (i % 2 === 1 && base[i - 1] === name ? value : it));
const also =
  (...fields: string[]) =>
  (base: readonly string[]): string[] => [...base, ...fields];

/** Good requests, whatever they look like. */
const GOOD: readonly FieldsOddity[] = [
  ["method", set(":method", "HEAD")],
  ["method", set(":method", "DELETE")],
  ["method", set(":method", "OPTIONS")],
  ["method", set(":method", "PROPFIND")],
  ["path", set(":path", "//a//b?c=d&e?f")],
  ["path", set(":path", "/a%2Fb/%zz;p=1")],
  ["path", set(":path", "/a/../b/./c")],
  ["path", set(":path", `/${"p/".repeat(2000)}`)],
  ["scheme", set(":scheme", "https")],
  ["authority", set(":authority", "MAIN.example:8080")],
  ["authority", set(":authority", "[::1]:80")],
  ["fields", also("x-empty", "")],
  ["fields", also("x-high", "\xe9\xff")],
  ["fields", also("!#$%&'*+-.^_`|~9", "token")],
  ["fields", also("x-long", "v".repeat(5000))],
  ["fields", also("x-twice", "1", "x-twice", "2")],
  ["fields", also("x_under", "score")],
  ["fields", also("accept", "*/*", "user-agent", "me", "authorization", "Bearer x")],
  ["fields", also("x-request-id", "my own", "x-forwarded-for", "1.2.3.4")],
  ["cookies", also("cookie", "a=b", "cookie", "c=d")],
  ["te", also("te", "trailers")],
  ["many fields", also(...Array.from({ length: 70 }, (_, i) => [`x-${i}`, "v"]).flat())],
];

/** Requests that somebody may refuse. */
const ODD: readonly FieldsOddity[] = [
  ["no method", without(":method")],
  ["no path", without(":path")],
  ["no scheme", without(":scheme")],
  ["no authority", without(":authority")],
  ["host alone", (base) => [...without(":authority")(base), "host", HOST]],
  ["host as well", also("host", HOST)],
  ["another host", also("host", "other.example")],
  ["two hosts", (base) => [...without(":authority")(base), "host", HOST, "host", "other.example"]],
  ["method twice", (base) => [":method", "GET", ...base]],
  ["path twice", (base) => [":path", "/x", ...base]],
  ["late pseudo field", (base) => [...without(":path")(base), ":path", "/late"]],
  ["unknown pseudo field", (base) => [":odd", "x", ...base]],
  ["status", (base) => [":status", "200", ...base]],
  ["protocol", (base) => [":protocol", "websocket", ...base]],
  ["odd method", set(":method", "FOO")],
  ["odd method", set(":method", "M-SEARCH")],
  ["lower case method", set(":method", "get")],
  ["bad method", set(":method", "GE T")],
  ["bad method", set(":method", "")],
  ["connect", (base) => [":method", "CONNECT", ":authority", "main.example:443", ...base.slice(8)]],
  ["connect with path", set(":method", "CONNECT")],
  ["empty path", set(":path", "")],
  ["asterisk", set(":path", "*")],
  ["asterisk of OPTIONS", (base) => set(":path", "*")(set(":method", "OPTIONS")(base))],
  ["relative path", set(":path", "x/y")],
  ["absolute path", set(":path", "http://main.example/x")],
  ["fragment", set(":path", "/a#b")],
  ["space in the path", set(":path", "/a b")],
  ["control in the path", set(":path", "/a\x01b")],
  ["high bytes in the path", set(":path", "/caf\xe9")],
  ["odd scheme", set(":scheme", "ftp")],
  ["empty scheme", set(":scheme", "")],
  ["bad authority", set(":authority", "main example")],
  ["bad authority", set(":authority", "main.example/x")],
  ["authority with user", set(":authority", "u@main.example")],
  ["authority with comma", set(":authority", "a.example,b.example")],
  ["bad port", set(":authority", "main.example:x")],
  ["empty authority", set(":authority", "")],
  ["upper case name", also("X-Upper", "v")],
  ["connection header", also("connection", "close")],
  ["connection header", also("keep-alive", "timeout=5")],
  ["connection header", also("proxy-connection", "keep-alive")],
  ["connection header", also("upgrade", "websocket")],
  ["transfer-encoding", also("transfer-encoding", "chunked")],
  ["other te", also("te", "gzip")],
  ["empty name", also("", "v")],
  ["bad name", also("x a", "v")],
  ["bad name", also("x:a", "v")],
  ["bad name", also("x-\xe9", "v")],
  ["NUL in a value", also("x-a", "b\0c")],
  ["line in a value", also("x-a", "b\r\nevil: yes")],
  ["line in a value", also("x-a", "b\nc")],
  ["control in a value", also("x-a", "b\x01c")],
  ["space around a value", also("x-a", " b ")],
  ["bad length", also("content-length", "x")],
  ["bad length", also("content-length", "-1")],
  ["bad length", also("content-length", "0005")],
  ["lengths that differ", also("content-length", "5", "content-length", "6")],
  ["equal lengths", also("content-length", "5", "content-length", "5")],
  ["length and no body", also("content-length", "7")],
  ["expect", also("expect", "100-continue")],
  ["other expectation", also("expect", "else")],
  ["too many fields", also(...Array.from({ length: 120 }, (_, i) => [`x-${i}`, "v"]).flat())],
  ["too large fields", also("x-large", "v".repeat(70_000))],
];

const BODIES: readonly (readonly [trait: string, lengths: readonly number[], extra: Fields])[] = [
  ["body", [5], []],
  ["body", [5], ["content-length", "5"]],
  ["body", [2, 0, 3], []],
  ["body", [0], []],
  ["body", [16_000, 16_000], []],
  ["body longer than its length", [7], ["content-length", "5"]],
  ["body shorter than its length", [3], ["content-length", "5"]],
];

const TRAILERS: readonly (readonly [trait: string, fields: Fields])[] = [
  ["trailers", ["x-trailer", "v"]],
  ["trailers", ["x-trailer", "", "grpc-status", "0"]],
  ["pseudo field in trailers", [":path", "/"]],
  ["upper case trailers", ["X-Trailer", "v"]],
  ["length in trailers", ["content-length", "5"]],
  ["connection header in trailers", ["connection", "close"]],
];

/** @param answers Names of what the endpoint can be asked to do. */
export function oddStreams(random: Random, id: string, answers: readonly string[]): StreamsCase {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const chance = (of: number): boolean => random() < of;
  const traits: string[] = [];
  const encoder = new HpackEncoder();
  const frames: Buffer[] = [];
  const shown: string[] = [];
  const count = chance(0.15) ? 3 : 1;
  const all = Array.from({ length: count }, (_, i) => 2 * i + 1);
  const resets = new Set<number>();
  const window = chance(0.1) ? pick([0, 1, 7, 100]) : undefined;
  if (window !== undefined) traits.push(`window of ${window}`);
  for (const streamId of all) {
    let fields: readonly string[] = [
      ":method",
      "GET",
      ":scheme",
      "http",
      ":authority",
      HOST,
      ":path",
      "/",
      "x-case",
      id,
    ];
    const [trait, change] = count === 1 && chance(0.5) ? pick(ODD) : pick(GOOD);
    traits.push(trait);
    fields = change(fields);
    if (answers.length > 0 && chance(0.5)) {
      const answer = pick(answers);
      traits.push(`answer ${answer}`);
      fields = [...fields, "x-do", answer];
    }
    const sent = streamFrames(streamId, fields, encoder, { chance, pick }, traits);
    shown.push(JSON.stringify(sent.fields).slice(0, 600));
    frames.push(...sent.frames);
    if (window !== undefined) for (const bytes of [50, 70_000]) frames.push(widen(streamId, bytes));
    if (chance(0.03)) {
      traits.push("reset");
      resets.add(streamId);
      frames.push(frame(rstStream, 0, streamId, "00000008"));
    }
  }
  if (chance(0.1)) frames.splice(Math.floor(random() * frames.length), 0, ...betweenFrames(pick, frames));
  const streams = all.filter((it) => !resets.has(it));
  const bytes = Buffer.concat([CLIENT_PREFACE, settingsFrame(window), ...frames]);
  const cut = chance(0.3) ? 1 + Math.floor(random() * (bytes.length - 1)) : bytes.length;
  if (cut < CLIENT_PREFACE.length) traits.push("cut within the preface");
  return {
    id,
    traits,
    streams,
    shown: shown.join(" "),
    writes: [bytes.subarray(0, cut), bytes.subarray(cut)].filter(({ length }) => length > 0),
  };
}

interface Chance {
  readonly chance: (of: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
}

function streamFrames(
  streamId: number,
  base: Fields,
  encoder: HpackEncoder,
  { chance, pick }: Chance,
  traits: string[],
): { readonly frames: readonly Buffer[]; readonly fields: Fields } {
  if (!chance(0.35))
    return {
      fields: base,
      frames: headFrames(streamId, encoder.encode(base), Flag.endStream, { chance, pick }, traits),
    };
  const [bodyTrait, lengths, extra] = pick(chance(0.2) ? BODIES : BODIES.slice(0, 5));
  traits.push(bodyTrait);
  const fields = [...base.map((it) => (it === "GET" ? "POST" : it)), ...extra];
  const frames = headFrames(streamId, encoder.encode(fields), 0, { chance, pick }, traits);
  const trailers = chance(0.25) ? pick(TRAILERS) : undefined;
  for (const [i, length] of lengths.entries()) {
    const ends = trailers === undefined && i === lengths.length - 1 ? Flag.endStream : 0;
    const bytes = Buffer.alloc(length, "b");
    const isPadded = chance(0.1);
    frames.push(
      frame(
        data,
        ends | (isPadded ? Flag.padded : 0),
        streamId,
        isPadded ? Buffer.concat([Buffer.from([4]), bytes, Buffer.alloc(4)]) : bytes,
      ),
    );
  }
  if (trailers !== undefined) {
    traits.push(trailers[0]);
    frames.push(...headFrames(streamId, encoder.encode(trailers[1]), Flag.endStream, { chance, pick }, []));
  }
  return { fields, frames };
}

/** A field block in one frame or in several, with padding or priority now and then. */
function headFrames(
  streamId: number,
  encoded: Uint8Array,
  flags: number,
  { chance, pick }: Chance,
  traits: string[],
): Buffer[] {
  const block = Buffer.from(encoded);
  if (block.length > 16_000 || chance(0.1)) {
    const size = Math.min(16_000, Math.max(1, Math.ceil(block.length / pick([2, 3, 5]))));
    const parts: Buffer[] = [];
    for (let at = 0; at < block.length; at += size) parts.push(block.subarray(at, at + size));
    return parts.map((part, i) =>
      frame(
        i === 0 ? headers : continuation,
        (i === 0 ? flags : 0) | (i === parts.length - 1 ? Flag.endHeaders : 0),
        streamId,
        part,
      ),
    );
  }
  if (chance(0.05)) {
    traits.push("priority");
    return [
      frame(
        headers,
        flags | Flag.endHeaders | Flag.priority,
        streamId,
        Buffer.concat([Buffer.from([0, 0, 0, 0, 15]), block]),
      ),
    ];
  }
  return [frame(headers, flags | Flag.endHeaders, streamId, block)];
}

/** Frames that mean nothing to the requests: never within a field block. */
function betweenFrames(pick: Chance["pick"], frames: readonly Buffer[]): Buffer[] {
  if (frames.some((it) => it[3] === continuation)) return [];
  return pick([
    [frame(ping, 0, 0, Buffer.alloc(8, 1))],
    [frame(priority, 0, 99, "0000000010")],
    [frame(0xbe, 0, 1, "cafe")],
    [frame(windowUpdate, 0, 0, "00001000")],
    [settingsFrame()],
  ]);
}

function widen(streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(windowUpdate, 0, streamId, payload);
}
