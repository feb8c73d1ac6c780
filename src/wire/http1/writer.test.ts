/** Heads that are put together: what was read comes out byte for byte, and nothing can be smuggled into a line. */
import { describe, expect, test } from "bun:test";
import { RequestHead } from "./request-head.ts";
import { MessageWriter } from "./writer.ts";

const written = (writer: MessageWriter): string => writer.buf.toString("latin1", 0, writer.length);
const LONG = "0123456789abcdefghijklmnopqrstuvwxyz";

function headOf(lines: readonly string[]): RequestHead {
  const buf = Buffer.from(`GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`, "latin1");
  const head = new RequestHead();
  expect(head.parse(buf, 0, buf.length)).toBe(buf.length);
  return head;
}

describe("lines of a head", () => {
  const LINES = ["Host: h", "a:  1 ", "B: \xe9", "c:", "d: 4"];
  const head = headOf(LINES);

  test("every set of lines that may be dropped", () => {
    const writer = new MessageWriter();
    for (let dropped = 0; dropped < 2 ** LINES.length; dropped++) {
      writer.reset();
      writer.lines(head, (i) => (dropped & (1 << i)) !== 0);
      const kept = LINES.filter((_, i) => (dropped & (1 << i)) === 0);
      expect(written(writer)).toBe(kept.map((line) => `${line}\r\n`).join(""));
    }
  });

  test("come behind what was written before", () => {
    const writer = new MessageWriter();
    writer.text("GET / HTTP/1.1\r\n");
    writer.lines(head, (i) => i !== 4);
    writer.header("x", "y");
    expect(written(writer)).toBe("GET / HTTP/1.1\r\nd: 4\r\nx: y\r\n");
  });
});

describe("text", () => {
  test("is one byte a char, short and long", () => {
    const writer = new MessageWriter();
    writer.text("a\xe9\r\n");
    writer.text(`${LONG}\xff\0`);
    expect(written(writer)).toBe(`a\xe9\r\n${LONG}\xff\0`);
  });

  test("a char without a byte does not become another one", () => {
    const writer = new MessageWriter();
    writer.text("\u010d\u010a");
    writer.text(`${LONG}\u010d\u010ax`);
    expect(written(writer)).toBe(`??${LONG}??x`);
  });

  test("grows as far as it must", () => {
    const writer = new MessageWriter();
    const part = LONG.repeat(100);
    for (let i = 0; i < 50; i++) writer.text(part);
    const big = Buffer.alloc(200_000, "b");
    writer.bytes(big, 0, big.length);
    writer.header("x", "y".repeat(300_000));
    expect(written(writer)).toBe(`${part.repeat(50)}${"b".repeat(200_000)}x: ${"y".repeat(300_000)}\r\n`);
  });
});

describe("header", () => {
  const header = (name: string, value: string): string => {
    const writer = new MessageWriter();
    writer.header(name, value);
    return written(writer);
  };

  test("a plain one", () => {
    expect(header("x-a", "b c\t\xe9")).toBe("x-a: b c\t\xe9\r\n");
    expect(header(`x-${LONG}`, LONG)).toBe(`x-${LONG}: ${LONG}\r\n`);
    expect(header("x", "")).toBe("x: \r\n");
  });

  test.each(["", LONG])("no value ends its line (behind %p)", (before) => {
    for (const bad of ["\r\n", "\n", "\r", "\0", "\x7f", "\x1f"])
      expect(header("x", `${before}a${bad}b: c`)).toBe(`x: ${before}a${" ".repeat(bad.length)}b: c\r\n`);
    expect(header("x", `${before}a\u010d\u010ab`)).toBe(`x: ${before}a??b\r\n`);
  });

  test.each(["", LONG])("no name ends its line (behind %p)", (before) =>
    expect(header(`${before}a: b\r\nc\u010a`, "d")).toBe(`${before}a__b__c?: d\r\n`),
  );
});
