import { describe, expect, test } from "bun:test";
import { CompileError } from "./compile-error.ts";
import { compileHttp2 } from "./http2-settings.ts";

const refused = (options: Parameters<typeof compileHttp2>[0]): string => {
  try {
    compileHttp2(options, "http2_protocol_options");
  } catch (error) {
    if (error instanceof CompileError) return error.message;
    throw error;
  }
  return "taken";
};

describe("HTTP/2 options", () => {
  test("what nobody says", () => {
    expect(compileHttp2(undefined, "")).toEqual({
      hpackTableBytes: 4096,
      maxConcurrentStreams: 1024,
      streamWindowBytes: 262_144,
      connectionWindowBytes: 16_777_216,
      allowConnect: false,
      maxOutboundFrames: 10_000,
      maxOutboundControlFrames: 1000,
      maxEmptyFrames: 1,
      maxPriorityFramesPerStream: 100,
      maxWindowUpdatesPerDataFrame: 10,
      invalidMessageEndsStream: false,
      keepalive: undefined,
    });
  });

  test("what is said counts", () => {
    const settings = compileHttp2(
      {
        maxConcurrentStreams: 7,
        initialStreamWindowSize: 65_535,
        allowConnect: true,
        overrideStreamErrorOnInvalidHttpMessage: true,
        connectionKeepalive: { interval: 5000 },
      },
      "",
    );
    expect(settings).toMatchObject({
      maxConcurrentStreams: 7,
      streamWindowBytes: 65_535,
      allowConnect: true,
      invalidMessageEndsStream: true,
      keepalive: { intervalMs: 5000, timeoutMs: 20_000 },
    });
  });

  test("ranges, and what is not supported", () => {
    expect(refused({ initialStreamWindowSize: 65_534 })).toBe(
      "http2_protocol_options.initial_stream_window_size: must be 65535 to 2147483647, found 65534",
    );
    expect(refused({ maxConcurrentStreams: 0 })).toContain("max_concurrent_streams: must be 1");
    expect(refused({ allowMetadata: true })).toContain("allow_metadata: is not supported yet");
    expect(refused({ connectionKeepalive: { interval: 1, intervalJitter: { value: 5 } } })).toContain(
      "connection_keepalive.interval_jitter",
    );
  });
});
