import { describe, expect, test } from "bun:test";
import {
  decodeMessage,
  encodeMessage,
  formatTimeout,
  frameMessage,
  GrpcCode,
  type GrpcError,
  isGrpcContentType,
  MessageReader,
  parseTimeoutMs,
  statusFields,
  statusOf,
  statusOfHttp,
} from "./grpc.ts";

function readAll(bytes: Uint8Array, step: number, maxBytes = 1000): string[] {
  const reader = new MessageReader(maxBytes);
  const messages: string[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    const chunk = Uint8Array.from(bytes.subarray(at, at + step));
    reader.read(chunk, (message) => messages.push(Buffer.from(message).toString()));
    chunk.fill(0xaa);
  }
  expect(reader.idle).toBe(true);
  return messages;
}

describe("MessageReader", () => {
  const messages = ["hello", "", "x".repeat(300), "", "end"];
  const body = Buffer.concat(messages.map((message) => frameMessage(Buffer.from(message))));

  test("finds the messages wherever the body is cut", () => {
    for (let step = 1; step <= body.length; step++) expect(readAll(body, step)).toEqual(messages);
  });

  test("is not idle within a prefix or a message", () => {
    for (const cut of [1, 4, 5, 9]) {
      const reader = new MessageReader(10);
      reader.read(body.subarray(0, cut), () => {});
      expect(reader.idle).toBe(false);
    }
  });

  test.each([
    ["a message past the limit, before it is allocated", "00ffffffff", GrpcCode.resourceExhausted],
    ["a message one byte past the limit", "000000000b", GrpcCode.resourceExhausted],
    ["a compressed message", "0100000001", GrpcCode.unimplemented],
  ])("refuses %s", (_, prefix, code) => {
    const reader = new MessageReader(10);
    try {
      reader.read(Buffer.from(prefix, "hex"), () => {});
      expect.unreachable();
    } catch (error) {
      expect((error as GrpcError).status.code).toBe(code);
    }
  });
});

describe("status", () => {
  test("goes into trailers and comes back", () => {
    const status = { code: GrpcCode.permissionDenied, message: "no: 100 % “sure”\n" };
    expect(statusOf(statusFields(status))).toEqual(status);
    expect(statusFields({ code: 0, message: "" })).toEqual(["grpc-status", "0"]);
  });

  test("message is percent-encoded as the specification says", () => {
    expect(encodeMessage("a%b\tü~")).toBe("a%25b%09%C3%BC~");
    expect(decodeMessage("a%25b%09%C3%BC~%zz%4")).toBe("a%b\tü~%zz%4");
  });

  test("is unknown when it is not a number, absent when there is none", () => {
    expect(statusOf(["grpc-status", "x"])?.code).toBe(GrpcCode.unknown);
    expect(statusOf(["content-type", "text/html"])).toBeUndefined();
  });

  test.each([
    [401, 16],
    [403, 7],
    [404, 12],
    [503, 14],
    [429, 14],
    [500, 2],
    [200, 2],
  ])("HTTP %d without one is code %d", (http, code) => {
    expect(statusOfHttp(http).code).toBe(code);
  });
});

describe("request", () => {
  test.each([
    ["application/grpc", true],
    ["application/grpc+proto", true],
    ["application/grpc;charset=utf-8", true],
    ["application/grpc-web", false],
    ["application/json", false],
    [undefined, false],
  ])("content-type %s: %p", (type, is) => {
    expect(isGrpcContentType(type)).toBe(is);
  });

  test.each([
    ["2H", 7_200_000],
    ["3M", 180_000],
    ["15S", 15_000],
    ["100m", 100],
    ["500u", 0.5],
    ["0n", 0],
    ["123456789S", undefined],
    ["S", undefined],
    ["1s", undefined],
    ["-1S", undefined],
  ])("timeout %s is %p ms", (text, ms) => {
    expect(parseTimeoutMs(text)).toBe(ms);
  });

  test.each([
    [0, "0m"],
    [0.2, "1m"],
    [30_000, "30000m"],
    [1e8, "100000S"],
    [1e11, "27778H"],
  ])("%d ms is written %s", (ms, text) => {
    expect(formatTimeout(ms)).toBe(text);
    expect(parseTimeoutMs(text)!).toBeGreaterThanOrEqual(ms);
  });
});
