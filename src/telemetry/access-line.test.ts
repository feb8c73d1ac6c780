import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { AccessFormatError, parseAccessFormat } from "./access-format.ts";
import { ENVOY_TEXT_FORMAT, ISTIO_JSON_FORMAT, ISTIO_TEXT_FORMAT } from "./access-formats.ts";
import { jsonLine, textLine, type AccessLine, type JsonFormat } from "./access-line.ts";
import type { AccessRecord } from "./access-record.ts";
import { LineBuffer } from "./line-buffer.ts";

const CONSTANTS = { hostname: "web-1" };

function recordOf(changes: Partial<AccessRecord> = {}, headers: Readonly<Record<string, string>> = {}): AccessRecord {
  return {
    startWallMs: Date.UTC(2026, 10, 23, 11, 40, 15, 112),
    method: "GET",
    path: "/d?a=1",
    originalPath: undefined,
    authority: "reviews:9080",
    scheme: "http",
    protocol: "HTTP/1.1",
    responseCode: 200,
    responseFlags: "",
    responseCodeDetails: "via_upstream",
    connectionTerminationDetails: undefined,
    upstreamTransportFailureReason: undefined,
    bytesReceived: 0,
    bytesSent: 124_436,
    durationMs: 7.9,
    requestDurationMs: 0,
    responseDurationMs: undefined,
    responseTxDurationMs: 3,
    upstreamHost: "10.0.0.1:9080",
    upstreamCluster: "outbound|9080|v1|reviews.default.svc.cluster.local",
    upstreamLocalAddress: "10.0.0.9:40000",
    downstreamLocalAddress: "[::1]:15001",
    downstreamRemoteAddress: "127.0.0.1:51234",
    requestedServerName: undefined,
    routeName: "",
    upstreamRequestAttemptCount: 1,
    downstreamPeerUriSan: "spiffe://td/ns/default/sa/web",
    downstreamLocalUriSan: undefined,
    upstreamPeerUriSan: undefined,
    traceId: undefined,
    grpcStatus: undefined,
    requestHeader: (name) => headers[name],
    responseHeader: (name) => headers[`response ${name}`],
    ...changes,
  };
}

function written(line: AccessLine, records: readonly AccessRecord[], maxLineBytes = 4096): string {
  const out = new LineBuffer((maxLineBytes + line.fixedBytes) * records.length);
  for (const record of records) {
    const from = out.length;
    out.begin(maxLineBytes);
    line.write(record, out);
    expect(out.length - from).toBeLessThanOrEqual(maxLineBytes + line.fixedBytes);
  }
  return Buffer.from(out.bytes.subarray(0, out.length)).toString("utf8");
}

const textOf = (format: string, record = recordOf()): string => written(textLine(format, CONSTANTS), [record]);
const jsonOf = (format: JsonFormat, record = recordOf()): unknown =>
  JSON.parse(written(jsonLine(format, CONSTANTS), [record]));

describe("text", () => {
  test("the status of gRPC by name and by number", () => {
    const format = "%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%\n";
    expect(textOf(format, recordOf({ grpcStatus: 4 }))).toBe("DeadlineExceeded DEADLINE_EXCEEDED 4 4\n");
    expect(textOf(format, recordOf({ grpcStatus: 99 }))).toBe("99 99 99 99\n");
    expect(textOf(format)).toBe("- - - -\n");
    expect(() => textOf("%GRPC_STATUS(x)%")).toThrow("CAMEL_STRING");
  });

  const HEADERS = { "user-agent": "curl/8", "x-request-id": "id-1", "response x-envoy-upstream-service-time": "6" };

  test("Envoy's line", () => {
    expect(textOf(ENVOY_TEXT_FORMAT, recordOf({}, HEADERS))).toBe(
      '[2026-11-23T11:40:15.112Z] "GET /d?a=1 HTTP/1.1" 200 - 0 124436 7 6 "-" "curl/8" "id-1" "reviews:9080" "10.0.0.1:9080"\n',
    );
  });

  test("Istio's line", () => {
    const failed = recordOf(
      { responseCode: 503, responseFlags: "UF,URX", upstreamTransportFailureReason: "refused" },
      HEADERS,
    );
    expect(textOf(ISTIO_TEXT_FORMAT, failed)).toBe(
      '[2026-11-23T11:40:15.112Z] "GET /d?a=1 HTTP/1.1" 503 UF,URX via_upstream - "refused" 0 124436 7 6 "-" "curl/8" "id-1" ' +
        '"reviews:9080" "10.0.0.1:9080" outbound|9080|v1|reviews.default.svc.cluster.local 10.0.0.9:40000 [::1]:15001 ' +
        "127.0.0.1:51234 - -\n",
    );
  });

  test("operators one by one", () => {
    const cases: readonly (readonly [format: string, text: string])[] = [
      ["%REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "0 - 3"],
      ["%UPSTREAM_REQUEST_ATTEMPT_COUNT% %HOSTNAME% %TRACE_ID%", "1 web-1 -"],
      ["%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "::1 127.0.0.1"],
      ["%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_LOCAL_URI_SAN%", "spiffe://td/ns/default/sa/web -"],
      ["%REQ(X-NONE?USER-AGENT):3% %REQ(USER-AGENT?X-NONE)%", "cur curl/8"],
      ["%REQ(user-agent):0%|%REQ(EMPTY?USER-AGENT)%|", "||"],
      ["%RESP(:STATUS)% %REQ(:SCHEME)% %REQ(:AUTHORITY):7%", "200 http reviews"],
      ["100%% %%START_TIME%%", "100% %START_TIME%"],
      ["%START_TIME(%Y/%m/%dT%H:%M:%S%z %3f %6f %f %s)%", "2026/11/23T11:40:15+0000 112 112000 112000000 1795434015"],
      ["%START_TIME(%a %e %b %j %I%p %T %F 100%%)%", "Mon 23 Nov 327 11AM 11:40:15 2026-11-23 100%"],
      ["", ""],
      ["é", "é"],
    ];
    const record = recordOf({}, { ...HEADERS, empty: "" });
    for (const [format, text] of cases) expect(textOf(format, record)).toBe(text);
  });

  test("times that go back and forth", () => {
    const line = textLine("%START_TIME%\n", CONSTANTS);
    const base = Date.UTC(2026, 11, 31, 23, 59, 59, 999);
    const times = [0, 0, 1, -1, 1001, 0].map((ms) => base + ms);
    expect(
      written(
        line,
        times.map((startWallMs) => recordOf({ startWallMs })),
      ),
    ).toBe(times.map((time) => `${new Date(time).toISOString()}\n`).join(""));
  });

  test("numbers of any size", () => {
    const numbers = [0, 9, 10, 99, 100, 12_345, 999_999_999, 1e9, 2 ** 53, 1.9, -3.5, Number.NaN];
    const line = textLine("%BYTES_SENT% ", CONSTANTS);
    expect(
      written(
        line,
        numbers.map((bytesSent) => recordOf({ bytesSent })),
      ),
    ).toBe("0 9 10 99 100 12345 999999999 1000000000 9007199254740992 1 -3 0 ");
  });
});

describe("formats that are wrong are refused with the position", () => {
  const cases: readonly (readonly [format: string, position: number, message: string])[] = [
    ["%FOO%", 1, "unknown operator %FOO%"],
    ["%constructor%", 1, "expected %NAME%"],
    ["%HASOWN% %PROTOCOL%", 1, "unknown operator"],
    ["a %REQ(X", 3, "expected %NAME%"],
    ["%PROTOCOL% %REQ()%", 12, "takes a header"],
    ["%REQ%", 1, "takes a header"],
    ["%REQ(A?B?C)%", 1, "at most one alternative"],
    ["%REQ(A):x%", 1, "expected %NAME%"],
    ["%REQ(a b)%", 1, "takes a header"],
    ["a % b", 3, "expected %NAME%"],
    ["100%", 4, "expected %NAME%"],
    ["%RESPONSE_CODE(x)%", 1, "takes no argument"],
    ["%PROTOCOL:2%", 1, "takes no argument"],
    ["%START_TIME(%Q)%", 1, "time conversion %Q is not known"],
    ["%START_TIME:3%", 1, "takes no length"],
  ];
  for (const [format, position, message] of cases) {
    test(format, () => {
      let error: unknown;
      try {
        textLine(format, CONSTANTS);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(AccessFormatError);
      if (!(error instanceof AccessFormatError)) return;
      expect(error.position).toBe(position);
      expect(error.message).toContain(message);
      expect(error.message).toContain(`character ${position}`);
      expect(() => jsonLine({ a: [format] }, CONSTANTS)).toThrow(AccessFormatError);
    });
  }

  test("parsing takes no time that grows with the square of the length", () => {
    expect(() => parseAccessFormat("%A(".repeat(100_000))).toThrow(AccessFormatError);
    expect(parseAccessFormat("%%".repeat(100_000))).toHaveLength(1);
  });
});

describe("JSON", () => {
  test("types stay, what is unset is null, mixed values are strings", () => {
    const format: JsonFormat = {
      code: "%RESPONSE_CODE%",
      mixed: "a %RESPONSE_CODE%",
      two: "%RESPONSE_CODE%%BYTES_SENT%",
      flags: "%RESPONSE_FLAGS%",
      none: "%REQ(X-NONE)%",
      mixedNone: "a%REQ(X-NONE)%b",
      duration: "%RESPONSE_DURATION%",
      start: "%START_TIME%",
      literal: 'x"\\\n100%%',
      number: 5,
      nested: { yes: true, list: ["%PROTOCOL%", 1, null] },
    };
    expect(jsonOf(format)).toEqual({
      code: 200,
      mixed: "a 200",
      two: "200124436",
      flags: "-",
      none: null,
      mixedNone: "a-b",
      duration: null,
      start: "2026-11-23T11:40:15.112Z",
      literal: 'x"\\\n100%',
      number: 5,
      nested: { yes: true, list: ["HTTP/1.1", 1, null] },
    });
  });

  test("keys are in order, as Envoy writes them", () => {
    expect(written(jsonLine({ b: 1, a: "%PROTOCOL%" }, CONSTANTS), [recordOf()])).toBe('{"a":"HTTP/1.1","b":1}\n');
  });

  test("Istio's line", () => {
    const record = jsonOf(ISTIO_JSON_FORMAT, recordOf({}, { "user-agent": "curl/8" }));
    expect(record).toMatchObject({
      method: "GET",
      response_code: 200,
      bytes_sent: 124_436,
      user_agent: "curl/8",
      route_name: null,
    });
  });
});

describe("what a peer sends cannot forge a line", () => {
  /** As headers come: one byte a character. */
  const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  const nasty = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({
      unit: fc.constantFrom('"', "\\", "\n", "\r", "\0", "\x1b", "\x7f", "\x9b", "\xff", "Ā", "\ud800", " ", "a"),
    }),
    fc.string({ unit: byte, minLength: 14, maxLength: 40 }),
    // Long enough for the quick way, with at most one character that must not take it.
    fc
      .tuple(fc.string({ minLength: 14, maxLength: 40 }), fc.string({ unit: byte, maxLength: 1 }))
      .map((s) => s.join("")),
  );

  /** An empty path is none. */
  const nastyPath = nasty.filter((path) => path !== "");

  test("text: one line, printable ASCII, quotes only where the format has them", () => {
    const line = textLine('"%REQ(X)%" "%REQ(:PATH)%"\n', CONSTANTS);
    fc.assert(
      fc.property(fc.array(fc.tuple(nasty, nastyPath), { minLength: 1, maxLength: 4 }), (pairs) => {
        // Each twice: the second time is written from what was kept.
        const records = pairs.flatMap(([x, path]) => [recordOf({ path }, { x }), recordOf({ path }, { x })]);
        const lines = written(line, records).split("\n");
        expect(lines.length).toBe(records.length + 1);
        for (const [i, text] of lines.slice(0, -1).entries()) {
          const fields = /^"([\x20-\x21\x23-\x7e]*)" "([\x20-\x21\x23-\x7e]*)"$/.exec(text);
          const [x, path] = pairs[i >> 1] ?? [];
          expect([unescaped(fields?.[1] ?? "?"), unescaped(fields?.[2] ?? "?")]).toEqual([bytesOf(x), bytesOf(path)]);
        }
      }),
    );
  });

  test("JSON: a parser reads each value back", () => {
    const line = jsonLine({ x: "%REQ(X)%", mixed: "<%REQ(:PATH)%>" }, CONSTANTS);
    fc.assert(
      fc.property(fc.array(fc.tuple(nasty, nastyPath), { minLength: 1, maxLength: 4 }), (pairs) => {
        const records = pairs.flatMap(([x, path]) => [recordOf({ path }, { x }), recordOf({ path }, { x })]);
        const text = written(line, records);
        expect(text).toMatch(/^[\x20-\x7e\n]*$/);
        const values = text
          .split("\n")
          .slice(0, -1)
          .map((json): unknown => JSON.parse(json));
        expect(values).toEqual(
          pairs.flatMap(([x, path]) => [
            { x, mixed: `<${path}>` },
            { x, mixed: `<${path}>` },
          ]),
        );
      }),
    );
  });

  test("a line that is too long is cut, and JSON stays whole", () => {
    const line = jsonLine({ a: "%REQ(X)%", b: "%REQ(:PATH)%", c: "%RESPONSE_CODE%" }, CONSTANTS);
    fc.assert(
      fc.property(nasty, nastyPath, fc.integer({ min: 0, max: 60 }), (x, path, maxLineBytes) => {
        const record = recordOf({ path }, { x });
        const cut: unknown = JSON.parse(written(line, [record, record, record], maxLineBytes).split("\n")[2] ?? "");
        expect(cut).toMatchObject({ c: 200 });
        const { a, b } = cut as { readonly a: string; readonly b: string };
        expect(x.startsWith(a)).toBeTrue();
        expect(path.startsWith(b)).toBeTrue();
      }),
    );
  });

  test("a value that was kept is cut too when a line has less room for it", () => {
    const line = textLine("%REQ(X)% %REQ(:PATH)%\n", CONSTANTS);
    const path = "p".repeat(200);
    const records = ["x", "x", "x".repeat(4000)].map((x) => recordOf({ path }, { x }));
    const [, second, third] = written(line, records, 4096).split("\n");
    expect(second).toBe(`x ${path}`);
    expect(third).toBe(`${"x".repeat(4000)} ${"p".repeat(95)}`);
  });
});

/** The bytes that `\xHH` stand for: a backslash comes only from there. */
function unescaped(text: string): string {
  return Buffer.from(
    text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString("hex");
}

/** Up to 0xff a character is a byte; above it is UTF-8, halves of pairs each by themselves. */
function bytesOf(value: string | undefined): string {
  return (value ?? "")
    .split("")
    .map((unit) => {
      const code = unit.charCodeAt(0);
      if (code < 0x100) return Buffer.from([code]).toString("hex");
      if (code < 0x800) return Buffer.from([0xc0 | (code >> 6), 0x80 | (code & 63)]).toString("hex");
      return Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)]).toString("hex");
    })
    .join("");
}
