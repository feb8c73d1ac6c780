/**
 * Field blocks and frames put together at random and damaged: no throw, no hang, nothing that grows without end, and
 * the same result whole and cut. `TULLE_LONG=1` runs ten million.
 */
import { expect, test } from "bun:test";
import { encode, frame } from "../../../tests/support/http2-frames.ts";
import { carry, clientStream, type HeadStream, headClient, headServer } from "../../../tests/support/http2-heads.ts";
import { HpackDecoder, joinedCookies } from "../../../tests/suites/hpack-twin/decoder.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import { ID } from "../http1/known.ts";
import { RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { CLIENT_PREFACE, Flag, FrameType } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { regularFields } from "./fields.ts";
import { HeadDecoder } from "./head-decoder.ts";
import type { Session } from "./session.ts";

const SEED = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = process.env["TULLE_LONG"] === "1" ? 10_000_000 / 3 : 10_000;
const LIMIT_MS = 3_600_000;
/** No session may hold more than this for a peer, whatever the peer sends. */
const MAX_OUTPUT_BYTES = 600_000;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)] as T;

/** Changes, drops or doubles some bytes. */
function damaged(random: Random, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const at = below(random, bytes.length);
  const copy = Buffer.from(bytes);
  switch (below(random, 4)) {
    case 0:
      copy[at] = below(random, 256);
      return copy;
    case 1:
      copy[at] = (copy[at] as number) ^ (1 << below(random, 8));
      return copy;
    case 2:
      return copy.subarray(0, at);
    default:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.max(0, at - below(random, 8)))]);
  }
}

// ---- field blocks ----

const GET = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"];
const PIECES: readonly Buffer[] = [
  encode(GET).subarray(1),
  Buffer.from("828684", "hex"),
  Buffer.from("41016182", "hex"),
  Buffer.from("8286410861616161616161610f2b0178", "hex"),
  Buffer.from("88", "hex"),
  Buffer.from("be", "hex"),
  Buffer.from("bf", "hex"),
  Buffer.from("c0", "hex"),
  Buffer.from("400178017a", "hex"),
  Buffer.from("4083f2b4a783a47e3f", "hex"),
  Buffer.from("7c01797f", "hex"),
  Buffer.from("5c0135", "hex"),
  Buffer.from("60036162630f20", "hex"),
  Buffer.from("20", "hex"),
  Buffer.from("3f31", "hex"),
  Buffer.from("3fe11f", "hex"),
  Buffer.from("1f0f0178", "hex"),
  Buffer.from("408cf2b4b5a8d35a4f7f9d29aeffaf8d", "hex"),
  encode(["te", "trailers", "x", "y".repeat(200)]).subarray(1),
];

function randomBlock(random: Random): Buffer {
  const parts = Array.from({ length: 1 + below(random, 6) }, () => pick(random, PIECES));
  if (random() < 0.7) parts.unshift(PIECES[0] as Buffer);
  if (random() < 0.1) parts.push(Buffer.from(Array.from({ length: below(random, 20) }, () => below(random, 256))));
  const block = Buffer.concat(parts);
  return random() < 0.4 ? damaged(random, block) : block;
}

const outcome = <T>(run: () => T): T | "error" => {
  try {
    return run();
  } catch (error) {
    if (error instanceof Http2Error) return "error";
    throw error;
  }
};

test(
  "field blocks: the same fields as the twin, block after block",
  () => {
    console.log(`http2 fuzz, field blocks: TULLE_SEED=${SEED}`);
    const random = seededRandom(SEED);
    const head = new RequestHead();
    for (let run = 0; run < RUNS; ) {
      const decoder = new HeadDecoder({ maxListBytes: 1e9, maxHeaders: 1000, allowConnect: false });
      const twin = new HpackDecoder(1e9);
      for (let block = 0; block < 8 && run < RUNS; block++, run++) {
        const bytes = randomBlock(random);
        const place = (): string => `seed ${SEED} run ${run}: ${bytes.toString("hex")}`;
        const said = outcome(() => decoder.decode(bytes, 0, bytes.length, head, false, false) ?? "fine");
        const twins = outcome(() => twin.decode(bytes) ?? []);
        if ((said === "error") !== (twins === "error")) throw new Error(`one alone refuses: ${place()}`);
        if (said === "error" || twins === "error") break;
        if (said !== "fine") continue;
        const ours = [head.method, head.scheme, head.path, head.authority, ...regularFields(head, ID.host)];
        const theirs = [":method", ":scheme", ":path", ":authority"].map((name) => valueOf(twins, name));
        if (theirs[3] === "") theirs[3] = valueOf(twins, "host");
        const trimmed = twins.map((it) => (/^[ \t]|[ \t]$/.test(it) ? it.replace(/^[ \t]+|[ \t]+$/g, "") : it));
        const rest = joinedCookies(trimmed.filter((_, i) => !/^:|^host$/.test(trimmed[i & ~1] as string)));
        if (ours.join("\n") !== [...theirs, ...rest].join("\n")) throw new Error(`different fields: ${place()}`);
      }
    }
  },
  LIMIT_MS,
);

const valueOf = (fields: readonly string[], name: string): string => {
  const at = fields.findIndex((it, i) => i % 2 === 0 && it === name);
  return at < 0 ? "" : (fields[at + 1] as string);
};

// ---- frames ----

const { data, headers, priority, rstStream, settings, ping, goaway, windowUpdate, continuation } = FrameType;
const REQUEST = encode(GET);
const LONG_REQUEST = encode([...GET, "content-length", "5", "x", "y"]);
const ANSWER = encode([":status", "200"]);
const SHORT_ANSWER = encode([":status", "200", "content-length", "3"]);
const TRAILERS = encode(["grpc-status", "0"]);
const BLOCKS = [REQUEST, LONG_REQUEST, ANSWER, SHORT_ANSWER, TRAILERS, encode([":status", "103"])];
const SETTINGS = ["", "000400000010", "00047fffffff", "000100000000", "000100000100", "000500004001", "000600000010"];

/** @param base Streams from here on are those of this round. */
function randomFrame(random: Random, blocks: readonly Buffer[], base: number): Buffer {
  const place = pick(random, [1, 1, 1, 3, 3, 5, 7, 2, 0, -1]);
  const id = place === 0 ? 0 : Math.max(base + place, 1);
  const end = random() < 0.4 ? Flag.endStream : 0;
  const block = random() < 0.1 ? randomBlock(random) : pick(random, blocks);
  switch (below(random, 14)) {
    case 0:
    case 1:
    case 2:
      return frame(headers, Flag.endHeaders | end, id, block);
    case 3: {
      const cut = below(random, block.length + 1);
      const first = frame(headers, end, id, block.subarray(0, cut));
      return Buffer.concat([first, frame(continuation, Flag.endHeaders, id, block.subarray(cut))]);
    }
    case 4: {
      const padded = Buffer.concat([Buffer.from([3]), block, Buffer.alloc(3)]);
      return frame(headers, Flag.endHeaders | Flag.padded | end, id, padded);
    }
    case 5:
    case 6:
      return frame(data, end, id, DATA.subarray(0, pick(random, [0, 1, 3, 5, 100, 100, 3000])));
    case 7:
      return frame(data, end | Flag.padded, id, Buffer.from([pick(random, [0, 2, 5, 9]), 1, 2, 3, 0, 0, 0]));
    case 8:
      return frame(settings, random() < 0.3 ? Flag.ack : 0, 0, random() < 0.3 ? "" : pick(random, SETTINGS));
    case 9:
      return frame(ping, random() < 0.3 ? Flag.ack : 0, 0, "00000000fffffffe");
    case 10:
      return frame(rstStream, 0, id, "00000008");
    case 11:
      return frame(windowUpdate, 0, id, pick(random, ["00000001", "00000000", "7fffffff", "00010000"]));
    case 12:
      return random() < 0.8 ? frame(priority, 0, id, "0000000010") : frame(goaway, 0, 0, "0000000100000000");
    default:
      return frame(below(random, 12), below(random, 256), id, Buffer.alloc(below(random, 10)));
  }
}

function randomFrames(random: Random, blocks: readonly Buffer[], base: number): Buffer {
  const frames = base === 0 ? [frame(settings, 0, 0)] : [];
  for (let i = 1 + below(random, 12); i > 0; i--) frames.push(randomFrame(random, blocks, base));
  const bytes = Buffer.concat(frames);
  return random() < 0.3 ? damaged(random, bytes) : bytes;
}

/** What a session did, in words that do not depend on how its bytes came. */
interface Conduct {
  readonly session: Session;
  readonly streams: readonly HeadStream[];
  /** Opens the streams of the next round; returns the number below them. */
  nextRound(round: number): number;
}

const ROUNDS = 20;
const DATA = Buffer.alloc(3000, 7);

function described({ session, streams }: Conduct): string {
  const { output } = session;
  const written: string[] = [];
  for (let at = output[0] === CLIENT_PREFACE[0] ? CLIENT_PREFACE.length : 0; at < output.length; ) {
    const length = ((output[at] as number) << 16) | ((output[at + 1] as number) << 8) | (output[at + 2] as number);
    // When windows open again depends on the pieces in which bytes come.
    if (output[at + 3] !== windowUpdate)
      written.push(Buffer.from(output.subarray(at, at + 9 + length)).toString("hex"));
    at += 9 + length;
  }
  const seen = streams.map((it) => {
    const { events, bodyBytes, stream } = it;
    it.bodyBytes = 0;
    if (events.length === 0) return "";
    const broken = events.some((it) => it.startsWith("reset"));
    const told = events.filter((it) => !/^\d+ bytes/.test(it)).join();
    events.length = 0;
    return `${stream.state} ${told} ${broken ? "" : bodyBytes}`;
  });
  const conduct = `${written.join(" ")}\n${seen.join("\n")}\n${session.isClosed} ${session.streams.size}`;
  session.consumeOutput(output.length);
  return conduct;
}

/** A server that answers at once and echoes nothing. */
function aServer(): Conduct {
  const { session, streams } = headServer(
    ({ stream }) => {
      if (!stream.canSend) return;
      stream.beginHead().status(200);
      stream.endHead(false);
      // Less than any window here: when a blocked stream goes on depends on the pieces, too.
      stream.write(Buffer.alloc(10), 0, 10, true);
    },
    { settings: { maxConcurrentStreams: 2, initialWindowBytes: 4000, maxHeaderListBytes: 300 } },
  );
  session.receive(CLIENT_PREFACE, 0);
  return { session, streams, nextRound: (round) => 8 * round };
}

/** A client that waits for two answers. */
function aClient(): Conduct {
  const session = headClient({ settings: { initialWindowBytes: 4000 } });
  const streams: HeadStream[] = [];
  const nextRound = (round: number): number => {
    for (let i = 0; i < 2; i++) {
      const it = streams.find(({ stream }) => stream.isClosed) ?? clientStream();
      if (!session.open(it.stream, false)) continue;
      if (!streams.includes(it)) streams.push(it);
      it.bodyBytes = 0;
      it.stream.beginHead().request("POST", "http", "a", "/");
      it.stream.endHead(false);
      it.stream.write(Buffer.alloc(10), 0, 10, true);
    }
    return 4 * round;
  };
  return { session, streams, nextRound };
}

/** Feeds `bytes` in pieces; with `cut` 0 in one. */
function fed(conduct: Conduct, bytes: Buffer, cut: () => number, place: () => string): string {
  for (let at = 0, to = 0; at < bytes.length; at = to) {
    to = Math.min(bytes.length, at + cut());
    conduct.session.receive(bytes.subarray(at, to), 0);
    if (conduct.session.outputBytes > MAX_OUTPUT_BYTES) throw new Error(`output without end: ${place()}`);
  }
  return described(conduct);
}

for (const [role, make, blocks] of [
  ["server", aServer, [REQUEST, REQUEST, LONG_REQUEST, ...BLOCKS]],
  ["client", aClient, [ANSWER, ANSWER, SHORT_ANSWER, ...BLOCKS]],
] as const)
  test(
    `frames to a ${role}: the same whole and cut`,
    () => {
      console.log(`http2 fuzz, frames to a ${role}: TULLE_SEED=${SEED}`);
      const random = seededRandom(SEED);
      for (let run = 0, round = 0, [one, other] = [make(), make()]; run < RUNS; run++, round++) {
        if (round === ROUNDS || one.session.isClosed) [round, one, other] = [0, make(), make()];
        const bytes = randomFrames(random, blocks, one.nextRound(round));
        other.nextRound(round);
        const place = (): string => `seed ${SEED} run ${run}: ${bytes.toString("hex")}`;
        const whole = fed(one, bytes, () => bytes.length, place);
        const most = bytes.length > 1000 ? 500 : pick(random, [1, 5, 10, 20, 50]);
        const cut = fed(other, bytes, () => 1 + below(random, most), place);
        if (whole !== cut) expect(cut, place()).toBe(whole);
      }
    },
    LIMIT_MS,
  );

// ---- two sessions ----

test(
  "two sessions, whatever their limits: every body arrives whole, every stream object is used again",
  () => {
    console.log(`http2 fuzz, two sessions: TULLE_SEED=${SEED}`);
    const random = seededRandom(SEED);
    for (let run = 0; run < RUNS / 100; run++) {
      const limits = () => ({
        settings: {
          initialWindowBytes: pick(random, [100, 5000, 70_000]),
          headerTableBytes: pick(random, [0, 100, 4096]),
          maxFrameBytes: pick(random, [16_384, 20_000]),
        },
        maxOutputBytes: pick(random, [100, 5000, 131_072]),
      });
      const size = (): number => pick(random, [0, 1, 500, 20_000]);
      const answers = size();
      const { session: server, streams } = headServer(({ stream }) => {
        stream.beginHead().status(200);
        stream.endHead(false);
        stream.write(Buffer.alloc(answers), 0, answers, true);
      }, limits());
      const client = headClient(limits());
      const settle = (): void => {
        for (let i = 0; carry(client, server) || carry(server, client); i++)
          if (i > 200_000) throw new Error(`they never come to rest: seed ${SEED} run ${run}`);
      };
      settle();
      const waves = [1, 3, 2].map(() => {
        const sent = Array.from({ length: 1 + below(random, 4) }, () => ({ it: clientStream(), bytes: size() }));
        for (const { it, bytes } of sent) {
          expect(client.open(it.stream, false)).toBe(true);
          const fields = it.stream.beginHead();
          fields.request("POST", "http", "a", "/");
          fields.header("x", "y".repeat(below(random, 300)));
          it.stream.endHead(false);
          it.stream.write(Buffer.alloc(bytes), 0, bytes, true);
        }
        settle();
        return sent;
      });
      const place = `seed ${SEED} run ${run}`;
      for (const { it } of waves.flat()) expect([it.bodyBytes, it.stream.state], place).toEqual([answers, "closed"]);
      const total = waves.flat().reduce((sum, { bytes }) => sum + bytes, 0);
      expect(
        streams.reduce((sum, it) => sum + it.bodyBytes, 0),
        place,
      ).toBe(total);
      expect(streams.length, place).toBeLessThanOrEqual(4);
    }
  },
  LIMIT_MS,
);

test("an answer's head is that of HTTP/1.1 too", () => {
  const head = new ResponseHead();
  const decoder = new HeadDecoder({ maxListBytes: 1e9, maxHeaders: 1000, allowConnect: false });
  const block = encode([":status", "204", "a", "b", "date", "x"]);
  expect(decoder.decode(block, 0, block.length, head, true, false)).toBeUndefined();
  const again = new ResponseHead();
  expect(again.parse(head.buf, head.start, head.end, false)).toBe(head.end);
  expect([again.status, ...regularFields(again, 0)]).toEqual([204, "a", "b", "date", "x"]);
});
