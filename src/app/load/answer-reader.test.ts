import { describe, expect, test } from "bun:test";
import { AnswerReader, type Reading } from "./answer-reader.ts";
import { parseSplit, type SplitBy } from "./split.ts";

/** Feeds the text in pieces and returns the last reading. */
function read(pieces: readonly string[], reader: AnswerReader): Reading {
  reader.begin();
  let reading: Reading = { t: "more" };
  for (const piece of pieces) {
    expect(reading.t).toBe("more");
    reading = reader.read(Buffer.from(piece, "latin1"));
  }
  return reading;
}

const json: SplitBy = { t: "json", path: ["a", "b"] };
const header: SplitBy = { t: "header", name: "x-version" };

const CASES: readonly {
  readonly name: string;
  readonly text: string;
  readonly by: SplitBy | undefined;
  readonly status: number;
  readonly split: string;
  readonly keepAlive: boolean;
}[] = [
  {
    name: "a length",
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nX-Version: v1\r\n\r\n{"a":{"b":7}}',
    by: json,
    status: 200,
    split: "7",
    keepAlive: true,
  },
  {
    name: "chunks",
    text: 'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n{"a"\r\n9\r\n:{"b":7}}\r\n0\r\nt: u\r\n\r\n',
    by: json,
    status: 201,
    split: "7",
    keepAlive: true,
  },
  {
    name: "no body",
    text: "HTTP/1.1 204 No Content\r\nx-version: v2\r\n\r\n",
    by: header,
    status: 204,
    split: "v2",
    keepAlive: true,
  },
  {
    name: "the last one",
    text: "HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
    by: header,
    status: 503,
    split: "(none)",
    keepAlive: false,
  },
  {
    name: "HTTP/1.0",
    text: "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    by: undefined,
    status: 200,
    split: "",
    keepAlive: false,
  },
  {
    name: "early hints before it",
    text: "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    by: undefined,
    status: 200,
    split: "",
    keepAlive: true,
  },
];

describe("answers", () => {
  test.each(CASES)("with $name are read, however they are cut", ({ text, by, status, split, keepAlive }) => {
    for (let cut = 0; cut <= text.length; cut++) {
      const reader = new AnswerReader(false, by);
      const pieces = [text.slice(0, cut), text.slice(cut)].filter((p) => p !== "");
      expect(read(pieces, reader)).toEqual({ t: "answer", keepAlive });
      expect([reader.status, reader.split, reader.bytes]).toEqual([status, split, text.length]);
      // The reader is used again for the next answer.
      expect(read([...text], reader)).toEqual({ t: "answer", keepAlive });
      expect(reader.split).toBe(split);
    }
  });

  test("without a length end with the connection", () => {
    const reader = new AnswerReader(false, json);
    expect(read(["HTTP/1.1 200 OK\r\n\r\n", '{"a":', '{"b":"x"}}'], reader)).toEqual({ t: "more" });
    expect(reader.end()).toBe(true);
    expect(reader.split).toBe("x");
    expect(read(["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"], reader)).toEqual({ t: "more" });
    expect(reader.end()).toBe(false);
    expect(read(["HTTP/1.1 200"], reader)).toEqual({ t: "more" });
    expect(reader.end()).toBe(false);
  });

  test("to HEAD have no body, whatever they say", () => {
    expect(read(["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"], new AnswerReader(true, undefined)).t).toBe(
      "answer",
    );
  });

  test.each([
    ["HTTP/2 200 OK\r\n\r\n", "the answer is not HTTP/1.1"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy", "bytes behind the answer"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "a chunk without a size"],
    ["HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", "the protocol was switched, which nobody asked for"],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`, "a head of more than 65536 bytes"],
  ])("%j is refused", (text, reason) => {
    expect(read([text], new AnswerReader(false, undefined))).toEqual({ t: "bad", reason });
  });

  test.each([
    ["not json", "(no JSON)"],
    ['{"a": {"c": 1}}', "(none)"],
    ['{"a": [1]}', "(none)"],
    ['{"a": {"b": {"c": 1}}}', '{"c":1}'],
    ['{"a": {"b": null}}', "null"],
    [`{"a": {"b": "${"x".repeat(1024 * 1024)}"}}`, "(too long)"],
  ])("a body %p counts as %p", (body, split) => {
    const reader = new AnswerReader(false, json);
    read([`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`, body], reader);
    expect(reader.split).toBe(split);
  });
});

test("what to split by is a header or a path", () => {
  expect(parseSplit("header:X-Version")).toEqual({ t: "header", name: "x-version" });
  expect(parseSplit("json:.a.b-c")).toEqual({ t: "json", path: ["a", "b-c"] });
  for (const bad of ["", "version", "header:", "header:a b", "json:", "json:a", "json:..", "json:.a[0]"])
    expect(() => parseSplit(bad)).toThrow("must be header:<name> or json:.<field>");
});
