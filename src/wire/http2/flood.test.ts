import { describe, expect, test } from "bun:test";
import { frame, OPEN, request, server } from "../../../tests/support/http2-frames.ts";
import { ErrorCode, FrameType } from "./constants.ts";

const { data, headers, priority, rstStream, settings, ping, windowUpdate, continuation } = FrameType;

describe("floods", () => {
  const many = (count: number, make: (i: number) => Buffer): Buffer[] =>
    Array.from({ length: count }, (_, i) => make(i));
  const rates = { burst: 10, perSecond: 1 };
  const flood = { resets: rates, settings: rates, overhead: rates };
  test.each<[string, readonly Buffer[]]>([
    [
      "rapid resets",
      many(11, (i) => Buffer.concat([request(2 * i + 1, OPEN), frame(rstStream, 0, 2 * i + 1, "00000008")])),
    ],
    [
      "resets that faults of the client provoke",
      many(11, (i) => Buffer.concat([request(2 * i + 1, OPEN), frame(windowUpdate, 0, 2 * i + 1, "00000000")])),
    ],
    ["malformed requests", many(11, (i) => request(2 * i + 1, 5, ["x", "y"]))],
    ["settings", many(10, () => frame(settings, 0, 0))],
    ["pings", many(11, () => frame(ping, 0, 0, new Uint8Array(8)))],
    ["priorities", many(11, () => frame(priority, 0, 1, "0000000010"))],
    ["unknown frames", many(11, () => frame(0xbe, 0, 0))],
    ["empty DATA", [request(1, OPEN), ...many(11, () => frame(data, 0, 1))]],
    ["CONTINUATION", [frame(headers, 0, 1), ...many(40, () => frame(continuation, 0, 1))]],
    [
      "a field block that never ends",
      [frame(headers, 0, 1), ...many(5, () => frame(continuation, 0, 1, new Uint8Array(16_384)))],
    ],
  ])("%s end the connection", (_, frames) => {
    expect(server(frames, { flood }).connection).toBe("enhanceYourCalm");
  });

  test("the same frames, spread over time, are welcome", () => {
    const { session, log } = server([], { flood });
    for (let i = 0; i < 50; i++) session.receive(frame(ping, 0, 0, new Uint8Array(8)), i * 1000);
    expect(log.failed).toBeUndefined();
  });

  test("a peer that asks and never reads cannot make the output grow without end", () => {
    const { session, log } = server([], { maxOutputBytes: 1000, flood: { overhead: { burst: 1e9, perSecond: 1 } } });
    for (let i = 0; i < 10_000 && log.failed === undefined; i++) {
      session.receive(frame(ping, 0, 0, new Uint8Array(8)), 0);
      expect(session.output.length).toBeLessThan(5000);
    }
    expect(log.failed?.code).toBe(ErrorCode.enhanceYourCalm);
    expect(session.congested).toBe(true);
  });
});
