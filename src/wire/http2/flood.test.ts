/** Known attacks on HTTP/2, by the names under which they were published, against the limits that hold by default. */
import { describe, expect, test } from "bun:test";
import { encode, frame, HELLO, OPEN, request, server } from "../../../tests/support/http2-frames.ts";
import { headServer } from "../../../tests/support/http2-heads.ts";
import { ErrorCode, FrameType } from "./constants.ts";
import { DEFAULT_FLOOD_LIMITS } from "./flood.ts";

const { data, headers, priority, rstStream, settings, ping, windowUpdate, continuation } = FrameType;

const CANCEL = "00000008";
const odd = (i: number): number => 2 * i + 1;

/** Sends `make(0)`, `make(1)`, … until the connection ends; returns how many were taken, at most `most`. */
function takes(most: number, make: (i: number) => Buffer, first: readonly Buffer[] = []): number {
  const { session, log } = server(first);
  for (let i = 0; i < most; i++) {
    session.receive(make(i), 0);
    // The peer reads nothing but what it must, which is nothing.
    expect(session.output.length).toBeLessThan(600_000);
    if (log.failed === undefined) continue;
    expect(log.failed.code).toBe(ErrorCode.enhanceYourCalm);
    return i;
  }
  return most;
}

describe("requests that are thrown away", () => {
  test("CVE-2023-44487, rapid reset: half of 500 streams", () => {
    const rapid = (i: number): Buffer => Buffer.concat([request(odd(i), OPEN), frame(rstStream, 0, odd(i), CANCEL)]);
    expect(takes(1000, rapid)).toBe(DEFAULT_FLOOD_LIMITS.prematureResetStreams / 2);
  });

  test("and at 1000 a second, where other streams hide them", () => {
    const { session, log } = server([]);
    let resets = 0;
    for (let i = 0; i < 30_000 && log.failed === undefined; i++) {
      session.consumeOutput(session.output.length);
      session.receive(request(odd(i), OPEN), 0);
      if (i % 3 > 0) log.streams.at(-1)!.stream!.sendHeaders([":status", "200"], true);
      session.receive(i % 3 === 0 ? frame(rstStream, 0, odd(i), CANCEL) : frame(data, 1, odd(i)), 0);
      if (i % 3 === 0) resets++;
    }
    expect(resets).toBe(DEFAULT_FLOOD_LIMITS.resets.burst + 1);
    expect(log.failed?.code).toBe(ErrorCode.enhanceYourCalm);
  });

  test("a client that gives up on streams that took long is no attacker", () => {
    const { session, log } = server([]);
    for (let i = 0; i < 5000; i++) {
      session.consumeOutput(session.output.length);
      session.receive(request(odd(i), OPEN), i * 1000);
      session.receive(frame(rstStream, 0, odd(i), CANCEL), (i + 1) * 1000);
    }
    expect(log.failed).toBeUndefined();
  });

  const { burst } = DEFAULT_FLOOD_LIMITS.faults;
  test.each<[string, (id: number) => Buffer]>([
    ["WINDOW_UPDATE of nothing", (id) => frame(windowUpdate, 0, id, "00000000")],
    ["WINDOW_UPDATE past 2^31-1", (id) => frame(windowUpdate, 0, id, "7fffffff")],
    ["DATA behind the end", (id) => Buffer.concat([frame(data, 1, id), frame(data, 0, id, "00")])],
    ["HEADERS behind the end", (id) => Buffer.concat([frame(data, 1, id), request(id)])],
    ["PRIORITY of 4 bytes", (id) => frame(priority, 0, id, "00000000")],
    ["trailers that do not end the stream", (id) => frame(headers, OPEN, id, encode(["a", "b"]))],
    ["a malformed trailer", (id) => frame(headers, OPEN | 1, id, encode([":path", "/"]))],
  ])("CVE-2025-8671, MadeYouReset: %s", (_, fault) => {
    const { session, log } = server([]);
    for (let i = 0; i < 2000 && log.failed === undefined; i++) {
      session.consumeOutput(session.output.length);
      session.receive(Buffer.concat([request(odd(i), OPEN), fault(odd(i))]), 0);
    }
    expect(log.failed?.code).toBe(ErrorCode.enhanceYourCalm);
    expect(log.streams.length).toBe(burst + 1);
  });

  test("CVE-2019-9514, reset flood: requests that are no requests", () => {
    const { session, log } = server([]);
    for (let i = 0; i < 2000 && log.failed === undefined; i++) {
      session.consumeOutput(session.output.length);
      session.receive(request(odd(i), 5, ["x", "y"]), 0);
    }
    expect(log.failed?.code).toBe(ErrorCode.enhanceYourCalm);
  });
});

describe("frames that say nothing, to a server whose answers nobody reads", () => {
  const { maxOutboundControlFrames, maxPriorityFramesPerStream, overhead } = DEFAULT_FLOOD_LIMITS;
  test.each<[string, number, (i: number) => Buffer, Buffer[]]>([
    ["CVE-2019-9512, ping flood", maxOutboundControlFrames, () => frame(ping, 0, 0, new Uint8Array(8)), []],
    ["CVE-2019-9515, settings flood", DEFAULT_FLOOD_LIMITS.settings.burst, () => frame(settings, 0, 0), []],
    [
      "CVE-2019-9513, priorities shuffled",
      2 * maxPriorityFramesPerStream,
      () => frame(priority, 0, 1, "0000000010"),
      [request(1, OPEN)],
    ],
    ["CVE-2019-9518, empty DATA", 1, () => frame(data, 0, 1), [request(1, OPEN)]],
    ["WINDOW_UPDATE for data that was never sent", 7, () => frame(windowUpdate, 0, 0, "00000001"), [request(1, OPEN)]],
    ["frames of unknown types", overhead.burst, () => frame(0xbe, 0, 0, "00"), []],
  ])("%s", (_, most, make, first) => {
    // One control frame or so is in the output already.
    const taken = takes(100_000, make, first);
    expect(taken).toBeGreaterThanOrEqual(most - 3);
    expect(taken).toBeLessThanOrEqual(most);
  });

  test("CVE-2019-9511, data dribble: a window that opens by a byte at a time", () => {
    const { session, log } = server([frame(settings, 0, 0, "0004 00000000"), request(1, OPEN)]);
    const stream = log.streams[0]!.stream!;
    stream.sendHeaders([":status", "200"], false);
    const body = Buffer.alloc(50_000);
    let sent = stream.sendData(body, false);
    log.streams[0]!.onMore = () => {
      sent += stream.sendData(body.subarray(sent), false);
    };
    for (let i = 0; i < 20_000 && log.failed === undefined; i++) {
      session.consumeOutput(session.output.length);
      session.receive(frame(windowUpdate, 0, 1, "00000001"), 0);
    }
    expect(log.failed?.code).toBe(ErrorCode.enhanceYourCalm);
    expect(sent).toBe(overhead.burst + 1);
  });

  test("CVE-2019-9517, data buffering: a wide window and a socket that is never read", () => {
    const { session, log } = server([
      frame(settings, 0, 0, "0004 7fffffff"),
      frame(windowUpdate, 0, 0, "7fff0000"),
      ...Array.from({ length: 100 }, (_, i) => request(odd(i), OPEN)),
    ]);
    for (const { stream } of log.streams) {
      stream!.sendHeaders([":status", "200"], false);
      while (stream!.sendData(Buffer.alloc(65_536), false) === 65_536);
    }
    expect(session.output.length).toBeLessThan(150_000);
    expect(session.congested).toBe(false);
  });

  test("frames on streams that have ended, by the thousand", () => {
    const first = [request(1, OPEN), frame(rstStream, 0, 1, CANCEL)];
    expect(takes(5000, () => frame(rstStream, 0, 1, CANCEL), first)).toBe(1004);
  });

  test("a peer that sends RST_STREAM and WINDOW_UPDATE behind every stream is no attacker", () => {
    const { session, log } = server([]);
    log.onRequest = ({ stream }) => stream!.sendHeaders([":status", "200"], true);
    for (let i = 0; i < 20_000; i++) {
      session.receive(request(odd(i)), 0);
      session.receive(frame(rstStream, 0, odd(i), "00000000"), 0);
      session.receive(frame(windowUpdate, 0, odd(i), "00000001"), 0);
      session.consumeOutput(session.output.length);
    }
    expect([log.failed, log.streams.length]).toEqual([undefined, 20_000]);
  });

  test("the same frames, spread over time, are welcome", () => {
    const { session, log } = server([]);
    for (let i = 0; i < 5000; i++) {
      session.consumeOutput(session.output.length);
      session.receive(Buffer.concat([frame(ping, 0, 0, new Uint8Array(8)), frame(settings, 0, 0)]), i * 1000);
    }
    expect(log.failed).toBeUndefined();
  });
});

describe("field blocks", () => {
  test("CVE-2024-27316 and its kin, CONTINUATION flood: by number and by bytes", () => {
    const one = (bytes: number) => (): Buffer => frame(continuation, 0, 1, new Uint8Array(bytes).fill(0x82));
    expect(takes(1000, one(1), [frame(headers, 0, 1, "82")])).toBe(32);
    expect(takes(1000, one(16_384), [frame(headers, 0, 1, "82")])).toBe(3);
    expect(takes(1000, one(0), [frame(headers, 0, 1, "82")])).toBe(1);
  });

  test("CVE-2019-9516, empty names and values: malformed, and nothing is kept", () => {
    const { resets, connection } = server([frame(headers, 5, 1, "82 86 84 00 00 00 00 00 00")]);
    expect([resets, connection]).toEqual([["1 protocolError"], undefined]);
  });

  test("CVE-2016-6581, HPACK bomb: a large entry, named over and over", () => {
    const { session, streams } = headServer((it) => it.stream.reset(), { headerBlock: { maxBlockBytes: 65_536 } });
    const get = Buffer.from("828684010161", "hex");
    const big = Buffer.concat([get, Buffer.from("4001787fa11e", "hex"), Buffer.alloc(4000, "v")]);
    session.receive(Buffer.concat([HELLO, frame(headers, 5, 1, big)]), 0);
    for (let id = 3; id < 1000; id += 2)
      session.receive(frame(headers, 5, id, Buffer.concat([get, Buffer.alloc(16_000, 0xbe)])), id * 100);
    expect(streams.length).toBe(1);
    expect(streams[0]!.events.filter((it) => it.startsWith("too large")).length).toBe(499);
    expect(streams[0]!.head.buf.length).toBeLessThan(200_000);
  });
});
