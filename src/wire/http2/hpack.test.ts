import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { Trailers } from "../http1/trailers.ts";
import { FieldWriter } from "./field-writer.ts";
import { type Fields, regularFields, requestFields, responseFields, writeFields } from "./fields.ts";
import { HeadDecoder } from "./head-decoder.ts";
import { HpackDecoder } from "../../../tests/suites/hpack-twin/decoder.ts";
import { HpackEncoder } from "../../../tests/suites/hpack-twin/encoder.ts";
import { OutputBuffer } from "./output.ts";
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./hpack-table.ts";

/** The decoder of the proxy, its heads as fields again. */
class HeadReader {
  readonly #decoder = new HeadDecoder({ maxListBytes: 65_536, maxHeaders: 100, allowConnect: false });

  limitTable(maxBytes: number): void {
    this.#decoder.limitTable(maxBytes);
  }

  decode(bytes: Uint8Array, head: RequestHead | ResponseHead | Trailers): Fields | undefined {
    const error = this.#decoder.decode(bytes, 0, bytes.length, head, true, false);
    if (error !== undefined) return undefined;
    if (head instanceof RequestHead) return requestFields(head);
    return head instanceof ResponseHead ? responseFields(head) : regularFields(head, 0);
  }
}

const DECODERS = [
  ["of the proxy", () => new HeadReader()],
  ["of the tests", () => new HpackDecoder(65_536)],
] as const;

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const list = (text: string): Fields => text.split("\n").flatMap((line) => line.trim().split(/(?<=.): /));

const REQUESTS = [
  list(":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com"),
  list(":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache"),
  list(":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value"),
];
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const date = (seconds: number): string => `Mon, 21 Oct 2013 20:13:${seconds} GMT`;
const RESPONSES = [
  [":status", "302", "cache-control", "private", "date", date(21), "location", "https://www.example.com"],
  [":status", "307", "cache-control", "private", "date", date(21), "location", "https://www.example.com"],
  [
    ":status",
    "200",
    "cache-control",
    "private",
    "date",
    date(22),
    "location",
    "https://www.example.com",
    "content-encoding",
    "gzip",
    "set-cookie",
    COOKIE,
  ],
];

describe.each(DECODERS)("HPACK decoder %s: RFC 7541 Appendix C", (whose, decoder) => {
  test.each([
    ["C.2.1", "400a637573746f6d2d6b65790d637573746f6d2d686561646572", ["custom-key", "custom-header"]],
    ["C.2.2", "040c2f73616d706c652f70617468", [":path", "/sample/path"]],
    ["C.2.3", "100870617373776f726406736563726574", ["password", "secret"]],
    ["C.2.4", "82", [":method", "GET"]],
  ])("%s", (_, block, fields) => {
    // A pseudo field alone is no message.
    const expected = whose === "of the proxy" && fields[0]?.startsWith(":") ? undefined : fields;
    expect(decoder().decode(hex(block), new Trailers())).toEqual(expected as Fields);
  });

  test.each([
    [
      "C.3 without Huffman",
      [
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
      ],
    ],
    [
      "C.4 with Huffman",
      [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
      ],
    ],
  ])("%s: three requests on one table", (_, blocks) => {
    const it = decoder();
    expect(blocks.map((block) => it.decode(hex(block), new RequestHead()))).toEqual(REQUESTS);
  });

  test.each([
    [
      "C.5 without Huffman",
      [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
      ],
    ],
    [
      "C.6 with Huffman",
      [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      ],
    ],
  ])("%s: three responses on a table of 256 bytes that evicts", (_, blocks) => {
    const it = decoder();
    it.limitTable(256);
    // The size update that must begin the first block after the limit shrank.
    const [first, ...rest] = blocks;
    expect([`3fe101${first}`, ...rest].map((block) => it.decode(hex(block), new ResponseHead()))).toEqual(RESPONSES);
  });

  test("the static table ends where Appendix A ends", () => {
    expect(STATIC_COUNT).toBe(61);
    expect([STATIC_NAMES[1], STATIC_NAMES[61], STATIC_NAMES[16], STATIC_VALUES[16]]).toEqual([
      ":authority",
      "www-authenticate",
      "accept-encoding",
      "gzip, deflate",
    ]);
  });
});

describe.each(DECODERS)("HPACK decoder %s: what it refuses", (_whose, decoder) => {
  test.each([
    ["index 0", "80", /index 0/],
    ["an index past the table", "be", /index 62/],
    ["an index far past the table", "ffffffffff7f", /integer too large/],
    ["an integer that never ends", "ff80808080808080808000", /integer too large/],
    ["an integer cut short", "ff80", /ends within/],
    ["a string longer than the block", "000561", /longer than its block/],
    ["a string length of a gigabyte", "0001617fffffffff03", /too large/],
    ["bad Huffman padding", "000161 8118", /Huffman/],
    ["a table larger than allowed", "3fe21f", /table size must be <= 4096/],
    ["a resize after a field", "8220", /before the first field/],
    ["three resizes", "20203e82", /more than two/],
  ])("%s", (_, block, message) => {
    expect(() => decoder().decode(hex(block), new RequestHead())).toThrow(message);
  });

  test("a block without the size update that a smaller limit demands", () => {
    const it = decoder();
    it.limitTable(0);
    expect(() => it.decode(hex("82"), new RequestHead())).toThrow(/size update must follow/);
  });
});

test("a list larger than the limit is dropped, and the table stays right", () => {
  const it = new HpackDecoder(100);
  // A field of 64 bytes is put into the table and named again and again: 4 bytes that would become 260.
  expect(it.decode(hex(`4001611f${"62".repeat(31)}bebebe`))).toBeUndefined();
  expect(it.decode(hex("be"))).toEqual(["a", "b".repeat(31)]);
});

describe("HPACK encoder", () => {
  /** The block of what `write` writes, as hex. */
  function encoded(writer: FieldWriter, out: OutputBuffer, write: () => void): string {
    out.clear();
    writer.begin();
    write();
    return Buffer.from(out.view).toString("hex");
  }

  function encoder(): { writer: FieldWriter; block: (name: string, value: string) => string } {
    const out = new OutputBuffer();
    const writer = new FieldWriter(out);
    return { writer, block: (name, value) => encoded(writer, out, () => writer.header(name, value)) };
  }

  test("uses the static table", () => {
    const out = new OutputBuffer();
    const writer = new FieldWriter(out);
    expect(encoded(writer, out, () => writer.request("GET", "https", "", "/"))).toBe("828784");
    expect(encoded(writer, out, () => writer.request("PUT", "http", "a", "/b"))).toBe("02035055548601016104022f62");
    expect(encoded(writer, out, () => writer.status(200))).toBe("88");
    expect(encoded(writer, out, () => writer.status(503))).toBe("0803353033");
  });

  test("a field goes into the table when it comes for the second time", () => {
    const { block } = encoder();
    expect(["y", "y", "y", "z", "y"].map((value) => block("x", value))).toEqual([
      "0001780179",
      "4001780179",
      "be",
      "000178017a",
      "be",
    ]);
  });

  test("secrets are never indexed, and what hardly repeats is not", () => {
    const { block } = encoder();
    for (let i = 0; i < 3; i++) {
      for (const name of ["authorization", "cookie", "set-cookie", "proxy-authorization"])
        expect(block(name, "x")).toMatch(/^1/);
      for (const name of ["date", "content-length", "x-request-id", "traceparent"])
        expect(block(name, "1")).toMatch(/^0/);
    }
  });

  test("what may not stand in a field does not get out", () => {
    const { block } = encoder();
    expect(block("X-A", "b\r\nc: d")).toBe(`0003782d610762${Buffer.from("  c: d").toString("hex")}`);
    expect(block(":path", " /\u010a ")).toBe(`00055f70617468022f3f`);
    expect(() => writeFields(new FieldWriter(new OutputBuffer()), ["a", "\u010a"])).toThrow(/Latin-1/);
  });

  test("the peer's table: smaller, away, and back again", () => {
    const { writer, block } = encoder();
    for (let i = 0; i < 3; i++) block("x", "y");
    writer.limitTable(0);
    expect(block("x", "y")).toBe("204001780179");
    writer.limitTable(100);
    expect([block("x", "y"), block("x", "y")]).toEqual(["3f454001780179", "be"]);
    writer.limitTable(50);
    writer.limitTable(1e9);
    expect(block("x", "y")).toBe("3f133fe11fbe");
  });

  test("lines of HTTP/1.1 heads: names in lower case, those that are dropped left out", () => {
    const head = new RequestHead();
    const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\nX-B:  c \r\nAccept: d\r\n\r\n");
    expect(head.parse(bytes, 0, bytes.length)).toBe(bytes.length);
    const out = new OutputBuffer();
    const writer = new FieldWriter(out);
    const lines = (): string => encoded(writer, out, () => writer.lines(head, (line) => line === 0));
    expect([lines(), lines(), lines()]).toEqual(["0003782d6201630f040164", "4003782d620163530164", "bfbe"]);
  });
});

describe("the encoder of the tests", () => {
  test("what it encodes comes back, random fields", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    const encoder = new HpackEncoder();
    const it = new HpackDecoder(1 << 24);
    const text = (most: number): string =>
      Array.from({ length: Math.floor(random() * most) }, () => String.fromCharCode(Math.floor(random() * 256))).join(
        "",
      );
    for (let i = 0; i < 500; i++) {
      const fields = Array.from({ length: 2 * Math.floor(random() * 12) }, () => text(random() < 0.1 ? 5000 : 30));
      if (i % 50 === 0) encoder.tableReduced();
      expect(it.decode(encoder.encode(fields)), `seed ${seed}`).toEqual(fields);
    }
  });

  test("random bytes never make the decoder throw anything but its own error", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    for (let i = 0; i < 20_000; i++) {
      const block = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
      try {
        const fields = new HpackDecoder(65_536).decode(block);
        expect(fields!.length % 2).toBe(0);
      } catch (error) {
        expect((error as Error).name, `seed ${seed} ${Buffer.from(block).toString("hex")}`).toBe("Http2Error");
      }
    }
  });
});
