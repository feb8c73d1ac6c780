/**
 * Bytes put together at random and damaged, for the codecs that have no larger fuzz test of their own: no throw but what
 * is promised, no hang, nothing larger than what came in, the same whole and cut. `TULLE_LONG=1` runs ten million of each.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type Dice, fuzz, holdPrefixes } from "../../tests/support/fuzz.ts";
import { readClientHello } from "./client-hello.ts";
import { decodeMessage, encodeMessage, frameMessage, GrpcError, MessageReader, parseTimeoutMs } from "./grpc.ts";
import { inspectHttp } from "./http-inspector.ts";
import { FIXED32, FIXED64, LENGTH, ProtobufError, VARINT } from "./protobuf.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { readProxyHeader, writeProxyHeader } from "./proxy-protocol.ts";

// ---- ClientHello ----

const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
const with8 = (body: Uint8Array): Buffer => Buffer.concat([Buffer.from([body.length]), body]);
const with16 = (body: Uint8Array): Buffer => Buffer.concat([u16(body.length), body]);
const extension = (type: number, body: Uint8Array): Buffer => Buffer.concat([u16(type), with16(body)]);

function clientHello(dice: Dice): Buffer {
  const name = Buffer.from(dice.of(["a.b", "reviews_x.default", "", "a b", "é"]), "latin1");
  const extensions = [
    extension(0, with16(Buffer.concat([Buffer.from([dice.one(20) ? 1 : 0]), with16(name)]))),
    extension(
      16,
      with16(Buffer.concat(dice.of([["h2"], ["h2", "http/1.1"], [""]]).map((it) => with8(Buffer.from(it))))),
    ),
    extension(43, with8(u16(0x0304))),
    extension(dice.below(60), dice.bytes(dice.below(20))),
  ].filter(() => !dice.one(3));
  const body = Buffer.concat([
    u16(0x0303),
    dice.bytes(32),
    with8(dice.bytes(dice.of([0, 32]))),
    with16(u16(0x1301)),
    with8(Buffer.from([0])),
  ]);
  const hello = dice.one(10) ? body : Buffer.concat([body, with16(Buffer.concat(extensions))]);
  const message = Buffer.concat([Buffer.from([1, 0, hello.length >> 8, hello.length & 255]), hello]);
  const size = dice.one(4) ? 1 + dice.below(message.length) : message.length;
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size)
    records.push(Buffer.from([22, 3, 1]), with16(message.subarray(at, at + size)));
  return dice.damaged(Buffer.concat(records));
}

fuzz("ClientHello", 10_000, (dice) => {
  const bytes = dice.one(20) ? Buffer.concat([Buffer.from([22, 3]), dice.bytes(dice.below(60))]) : clientHello(dice);
  const said = holdPrefixes(bytes, dice.cuts(bytes.length), (part) => {
    const result = readClientHello(part);
    return result.t === "hello" ? JSON.stringify(result.hello) : result.t;
  });
  return said.startsWith("{");
});

// ---- PROXY protocol ----

const ADDRESSES = ["10.0.0.1", "192.168.200.255", "::1", "2001:db8::1:2", "fe80::ffff"];

function proxyHeader(dice: Dice): Buffer {
  const end = () => ({ address: dice.of(ADDRESSES), port: dice.below(65_536) });
  const header = Buffer.from(writeProxyHeader(dice.of([1, 2] as const), end(), end()));
  return dice.damaged(Buffer.concat([header, dice.bytes(dice.below(6))]));
}

fuzz("PROXY protocol headers", 10_000, (dice) => {
  const bytes = proxyHeader(dice);
  const said = holdPrefixes(bytes, dice.cuts(bytes.length), (part) => {
    const result = readProxyHeader(part);
    if (result.t === "header" && result.header.size > part.length) throw new Error("it took more than there was");
    return result.t === "header" ? JSON.stringify(result.header) : result.t;
  });
  return said.startsWith("{");
});

// ---- which HTTP it is ----

const STARTS = [
  "GET / HTTP/1.1\r\n",
  "POST /a?b HTTP/1.0\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "M-X x HTTP/1.1\r\nA: b\r\n",
];

fuzz("first bytes of HTTP", 10_000, (dice) => {
  const bytes = dice.damaged(Buffer.from(dice.of(STARTS)));
  const said = holdPrefixes(bytes, dice.cuts(bytes.length), (part) => {
    const result = inspectHttp(part);
    return result.t === "http" ? result.protocol : result.t;
  });
  return said.startsWith("h");
});

// ---- gRPC ----

const MAX_MESSAGE_BYTES = 200;

/** The messages, or the code of the error; and that nothing was held that is larger than allowed. */
function messagesOf(bytes: Buffer, cuts: readonly number[]): string {
  const reader = new MessageReader(MAX_MESSAGE_BYTES);
  const found: string[] = [];
  let at = 0;
  try {
    for (const cut of [...cuts, bytes.length]) {
      reader.read(bytes.subarray(at, cut), (message) => {
        if (message.length > MAX_MESSAGE_BYTES) throw new Error("a message is larger than allowed");
        found.push(Buffer.from(message).toString("latin1"));
      });
      at = cut;
    }
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    found.push(error.message);
  }
  return JSON.stringify([found, reader.idle]);
}

fuzz("gRPC bodies", 10_000, (dice) => {
  const messages = Array.from({ length: 1 + dice.below(4) }, () =>
    frameMessage(dice.bytes(dice.below(dice.one(20) ? 250 : 30))),
  );
  const bytes = dice.damaged(Buffer.concat(messages));
  const whole = messagesOf(bytes, []);
  const cuts = dice.cuts(bytes.length);
  const parts = messagesOf(bytes, cuts);
  if (parts !== whole) throw new Error(`cut at ${cuts}: ${parts}, whole: ${whole}: ${bytes.toString("hex")}`);
  return whole.endsWith("true]");
});

fuzz("gRPC messages of a status, and timeouts", 10_000, (dice) => {
  const text = dice.bytes(dice.below(12)).toString("latin1");
  if (decodeMessage(encodeMessage(text)) !== text) throw new Error(`it does not come back: ${JSON.stringify(text)}`);
  decodeMessage(text);
  const timeout = parseTimeoutMs(
    `${dice.one(2) ? dice.below(10 ** dice.below(10)) : text}${dice.of(["H", "M", "S", "m", "u", "n", ""])}`,
  );
  if (timeout !== undefined && !(timeout >= 0 && timeout <= 1e8 * 3_600_000))
    throw new Error(`a timeout of ${timeout}`);
  return timeout !== undefined;
});

// ---- protobuf ----

function randomMessage(dice: Dice, depth: number): Uint8Array {
  const writer = new ProtobufWriter(64);
  for (let fields = dice.below(5); fields > 0; fields--) {
    const number = dice.one(8) ? 1 + dice.below(2 ** 29 - 1) : 1 + dice.below(20);
    const kind = dice.below(depth > 3 ? 5 : 7);
    writer.tag(number, kind === 0 ? VARINT : kind === 1 ? FIXED64 : kind === 2 ? FIXED32 : LENGTH);
    if (kind === 0) writer.uint64(dice.below(2 ** dice.below(53)));
    else if (kind === 1) writer.double(dice.random());
    else if (kind === 2) writer.fixed32(dice.below(2 ** 32));
    else if (kind === 3) writer.string(dice.of(["", "text", "ünï"]));
    else if (kind === 4) writer.bytes(dice.bytes(dice.below(10)));
    else writer.bytes(randomMessage(dice, depth + 1));
  }
  return writer.finish();
}

/** Every field with its value, or the word for bytes that are refused. */
function walkOurs(bytes: Uint8Array): readonly string[] | undefined {
  const reader = new ProtobufReader(bytes);
  const found: string[] = [];
  try {
    while (!reader.done) {
      const number = reader.tag();
      const { wireType } = reader;
      if (wireType === VARINT) found.push(`${number} ${reader.uint64()}`);
      else if (wireType === FIXED32) found.push(`${number} ${reader.fixed32()}`);
      else if (wireType === FIXED64) found.push(`${number} ${reader.double()}`);
      else found.push(`${number} ${Buffer.from(reader.bytes()).toString("hex")}`);
    }
  } catch (error) {
    if (error instanceof ProtobufError) return undefined;
    throw error;
  }
  return found;
}

/** The same with another implementation's reader. Undefined: a tag in more bytes than it needs, which that one refuses. */
function walkTheirs(bytes: Uint8Array): readonly string[] | undefined {
  try {
    return walkAll(bytes);
  } catch (error) {
    if (String(error).includes("illegal tag: varint overflows uint32")) return undefined;
    throw error;
  }
}

function walkAll(bytes: Uint8Array): readonly string[] {
  const reader = new BinaryReader(bytes);
  const found: string[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.Varint) found.push(`${number} ${String(reader.uint64())}`);
    else if (wireType === WireType.Bit32) found.push(`${number} ${reader.fixed32()}`);
    else if (wireType === WireType.Bit64) found.push(`${number} ${reader.double()}`);
    else found.push(`${number} ${Buffer.from(reader.bytes()).toString("hex")}`);
  }
  return found;
}

fuzz("protobuf messages", 10_000, (dice) => {
  const bytes = dice.damaged(Buffer.from(randomMessage(dice, 0)));
  const ours = walkOurs(bytes);
  if (ours === undefined) return false;
  const theirs = walkTheirs(bytes);
  if (theirs !== undefined && ours.join("\n") !== theirs.join("\n"))
    throw new Error(`${ours.join()} is ${theirs?.join()}: ${bytes.toString("hex")}`);
  descend(new ProtobufReader(bytes), dice);
  return true;
});

/** Reads on into whatever has a length, as if it were a message: it may be refused, and must come to an end. */
function descend(reader: ProtobufReader, dice: Dice): void {
  try {
    while (!reader.done) {
      reader.tag();
      if (reader.wireType !== LENGTH || dice.one(4)) {
        reader.skip();
        continue;
      }
      const outer = reader.enter();
      descend(reader, dice);
      reader.leave(outer);
    }
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
  }
}
