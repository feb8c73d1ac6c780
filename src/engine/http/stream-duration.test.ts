import { describe, expect, test } from "bun:test";
import {
  compileStreamLimits,
  formatGrpcTimeout,
  grpcCallTimeoutMs,
  parseGrpcTimeout,
  streamDurationMs,
} from "./stream-duration.ts";

describe("grpc-timeout", () => {
  test.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3000],
    ["4m", 4],
    ["500u", 1],
    ["1500u", 2],
    ["1n", 1],
    ["0m", 0],
    ["99999999H", 359_999_996_400_000],
    ["123456789m", undefined],
    ["-1m", undefined],
    ["1", undefined],
    ["m", undefined],
    ["", undefined],
    ["1s", undefined],
    ["1.5S", undefined],
  ])("%p is %p ms", (text, ms) => expect(parseGrpcTimeout(text)).toBe(ms));

  test.each([
    [0, "0m"],
    [1500, "1500m"],
    [99_999_999, "99999999m"],
    [100_000_000, "100000S"],
    [359_999_996_400_000, "99999999H"],
  ])("%p ms is told as %p", (ms, text) => {
    expect(formatGrpcTimeout(ms)).toBe(text);
    expect(parseGrpcTimeout(text)).toBe(ms);
  });
});

describe("the time of a stream", () => {
  const NOTHING = undefined;
  test.each([
    ["none", {}, 0, NOTHING, undefined],
    ["none, whatever is asked", {}, 0, 100, undefined],
    ["the manager's", {}, 5000, NOTHING, 5000],
    ["the route's", { maxStreamDuration: 3000 }, 5000, NOTHING, 3000],
    ["none where the route says so", { maxStreamDuration: 0 }, 5000, NOTHING, undefined],
    ["what is asked", { grpcTimeoutHeaderMax: 0 }, 5000, 9000, 9000],
    ["what is asked, up to a limit", { grpcTimeoutHeaderMax: 3000 }, 5000, 9000, 3000],
    ["the manager's where nothing is asked", { grpcTimeoutHeaderMax: 3000 }, 5000, NOTHING, 5000],
    ["less an offset", { grpcTimeoutHeaderMax: 0, grpcTimeoutHeaderOffset: 400 }, 0, 1000, 600],
    ["over already", { grpcTimeoutHeaderMax: 0, grpcTimeoutHeaderOffset: 400 }, 0, 300, 0],
  ] as const)("is %s", (_, maxStreamDuration, managerMs, askedMs, wanted) =>
    expect(streamDurationMs(compileStreamLimits({ maxStreamDuration }), managerMs, askedMs)).toBe(wanted as number),
  );
});

test("a gRPC call has what it asks for, up to a limit; 0 is none on either side", () => {
  const rows: readonly (readonly [maxMs: number, asked: string | undefined, expected: number])[] = [
    [0, undefined, 0],
    [0, "5S", 5000],
    [0, "nonsense", 0],
    [300, undefined, 300],
    [300, "5S", 300],
    [300, "100m", 100],
    [300, "0m", 300],
  ];
  for (const [maxMs, asked, expected] of rows)
    expect([asked, grpcCallTimeoutMs(maxMs, asked)]).toEqual([asked, expected]);
});
