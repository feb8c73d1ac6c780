/** What a session does when the peer breaks RFC 9113: raw frames against a server or a client. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { client, encode, frame, HELLO, OPEN, request, server } from "../../../tests/support/http2-frames.ts";
import { GET, send, SessionLog } from "../../../tests/support/http2-pair.ts";
import { CLIENT_PREFACE, ErrorCode, Flag, FrameType } from "./constants.ts";
import { HpackDecoder } from "../../../tests/suites/hpack-twin/decoder.ts";
import { FieldsSession } from "./fields-session.ts";

const { data, headers, priority, rstStream, settings, pushPromise, ping, goaway, windowUpdate, continuation } =
  FrameType;

describe("connection errors of a client, seen by a server", () => {
  test.each<[string, string, readonly Buffer[]]>([
    ["a frame larger than announced", "frameSizeError", [frame(data, 0, 1, new Uint8Array(16_385))]],
    ["DATA on stream 0", "protocolError", [frame(data, 0, 0, "00")]],
    ["DATA on an idle stream", "protocolError", [frame(data, 0, 1, "00")]],
    ["DATA on an idle stream of the server", "protocolError", [frame(data, 0, 2, "00")]],
    [
      "DATA after both sides ended, by RST_STREAM of its own",
      "streamClosed",
      [request(1, OPEN), frame(rstStream, 0, 1, "00000008"), frame(data, 0, 1, "00")],
    ],
    ["HEADERS on stream 0", "protocolError", [request(0)]],
    ["HEADERS on an even stream", "protocolError", [request(2)]],
    [
      "HEADERS on a stream that is gone",
      "streamClosed",
      [request(1, OPEN), frame(rstStream, 0, 1, "00000008"), request(1)],
    ],
    ["a stream number that goes back", "streamClosed", [request(5), request(3)]],
    ["padding longer than DATA", "protocolError", [request(1, OPEN), frame(data, Flag.padded, 1, "05 00")]],
    ["padding longer than HEADERS", "protocolError", [frame(headers, Flag.padded | Flag.endHeaders, 1, "05 82")]],
    ["HEADERS too short for their priority", "frameSizeError", [frame(headers, Flag.priority | OPEN, 1, "00")]],
    [
      "HEADERS that depend on their own stream",
      "protocolError",
      [frame(headers, Flag.priority | OPEN, 1, "80000001 10 82")],
    ],
    ["fields that cannot be decoded", "compressionError", [frame(headers, OPEN, 1, "ff")]],
    ["PRIORITY on stream 0", "protocolError", [frame(priority, 0, 0, "0000000010")]],
    ["RST_STREAM on stream 0", "protocolError", [frame(rstStream, 0, 0, "00000008")]],
    ["RST_STREAM on an idle stream", "protocolError", [frame(rstStream, 0, 1, "00000008")]],
    ["RST_STREAM of 3 bytes", "frameSizeError", [request(1), frame(rstStream, 0, 1, "000008")]],
    ["SETTINGS on a stream", "protocolError", [frame(settings, 0, 1)]],
    ["SETTINGS of 5 bytes", "frameSizeError", [frame(settings, 0, 0, "0001000000")]],
    ["an acknowledgement with settings", "frameSizeError", [frame(settings, Flag.ack, 0, "000100000000")]],
    ["push neither on nor off", "protocolError", [frame(settings, 0, 0, "0002 00000002")]],
    ["a window of 2^31", "flowControlError", [frame(settings, 0, 0, "0004 80000000")]],
    ["a frame size below 16384", "protocolError", [frame(settings, 0, 0, "0005 00003fff")]],
    ["a frame size of 2^24", "protocolError", [frame(settings, 0, 0, "0005 01000000")]],
    ["PUSH_PROMISE", "protocolError", [request(1, OPEN), frame(pushPromise, OPEN, 1, "00000002 82")]],
    ["PING on a stream", "protocolError", [frame(ping, 0, 1, "0000000000000000")]],
    ["PING of 7 bytes", "frameSizeError", [frame(ping, 0, 0, "00000000000000")]],
    ["GOAWAY on a stream", "protocolError", [frame(goaway, 0, 1, "0000000000000000")]],
    ["GOAWAY of 7 bytes", "frameSizeError", [frame(goaway, 0, 0, "00000000000000")]],
    ["WINDOW_UPDATE of 3 bytes", "frameSizeError", [frame(windowUpdate, 0, 0, "000001")]],
    ["WINDOW_UPDATE of nothing", "protocolError", [frame(windowUpdate, 0, 0, "00000000")]],
    ["WINDOW_UPDATE on an idle stream", "protocolError", [frame(windowUpdate, 0, 1, "00000001")]],
    ["a connection window past 2^31-1", "flowControlError", [frame(windowUpdate, 0, 0, "7fffffff")]],
    [
      "a stream window past 2^31-1 by SETTINGS",
      "flowControlError",
      [request(1, OPEN), frame(windowUpdate, 0, 1, "7fff0000"), frame(settings, 0, 0, "0004 7fffffff")],
    ],
    ["CONTINUATION without HEADERS", "protocolError", [frame(continuation, OPEN, 1, "82")]],
    ["CONTINUATION after a complete block", "protocolError", [request(1), frame(continuation, OPEN, 1, "82")]],
    [
      "CONTINUATION of another stream",
      "protocolError",
      [frame(headers, 0, 1, "82"), frame(continuation, OPEN, 3, "84")],
    ],
    ["DATA within a field block", "protocolError", [frame(headers, 0, 1, "82"), frame(data, 0, 1, "00")]],
    ["PING within a field block", "protocolError", [frame(headers, 0, 1, "82"), frame(ping, 0, 0, new Uint8Array(8))]],
    ["an unknown frame within a field block", "protocolError", [frame(headers, 0, 1, "82"), frame(0xbe, 0, 1, "00")]],
  ])("%s: %s", (_, code, frames) => {
    const seen = server(frames);
    expect(seen.connection).toBe(code);
    expect(seen.session.finished).toBe(true);
  });

  test.each([
    ["no preface", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a preface that goes wrong late", Buffer.concat([CLIENT_PREFACE.subarray(0, 23), Buffer.from("x")])],
    ["no SETTINGS first", Buffer.concat([CLIENT_PREFACE, frame(ping, 0, 0, new Uint8Array(8))])],
    ["an acknowledgement first", Buffer.concat([CLIENT_PREFACE, frame(settings, Flag.ack, 0)])],
  ])("%s", (_, bytes) => {
    const log = new SessionLog();
    const session = new FieldsSession("server", log);
    session.receive(bytes, 0);
    expect(log.failed?.code).toBe(ErrorCode.protocolError);
    // Nothing is read after the end.
    session.receive(HELLO, 0);
    expect(log.settings).toBe(0);
  });
});

describe("stream errors of a client: the connection goes on", () => {
  const with_ = (...extra: string[]): Buffer => request(1, Flag.endHeaders | Flag.endStream, [...GET, ...extra]);
  const instead = (...fields: string[]): Buffer => request(1, Flag.endHeaders | Flag.endStream, fields);
  test.each<[string, string, readonly Buffer[]]>([
    ["DATA after END_STREAM", "streamClosed", [request(1), frame(data, 0, 1, "00")]],
    ["HEADERS after END_STREAM", "streamClosed", [request(1), request(1)]],
    ["WINDOW_UPDATE of nothing", "protocolError", [request(1, OPEN), frame(windowUpdate, 0, 1, "00000000")]],
    ["a window past 2^31-1", "flowControlError", [request(1, OPEN), frame(windowUpdate, 0, 1, "7fffffff")]],
    ["PRIORITY of 4 bytes", "frameSizeError", [request(1, OPEN), frame(priority, 0, 1, "00000000")]],
    ["trailers that do not end", "protocolError", [request(1, OPEN), request(1, OPEN, ["a", "b"])]],
    ["trailers with a pseudo field", "protocolError", [request(1, OPEN), request(1)]],
    ["a name in upper case", "protocolError", [with_("Accept", "x")]],
    ["an empty name", "protocolError", [with_("", "x")]],
    ["a name with a space", "protocolError", [with_("a b", "x")]],
    ["a value with a line end", "protocolError", [with_("a", "b\r\nc: d")]],
    ["a value with NUL", "protocolError", [with_("a", "b\0")]],
    ["a :path with a line end", "protocolError", [instead(":method", "GET", ":scheme", "http", ":path", "/\n")]],
    ["connection", "protocolError", [with_("connection", "close")]],
    ["transfer-encoding", "protocolError", [with_("transfer-encoding", "chunked")]],
    ["te: gzip", "protocolError", [with_("te", "gzip")]],
    ["an unknown pseudo field", "protocolError", [instead(...GET, ":protocol", "websocket")]],
    ["a response field", "protocolError", [instead(...GET, ":status", "200")]],
    [
      "a pseudo field after a regular one",
      "protocolError",
      [instead(":method", "GET", ":scheme", "http", "a", "b", ":path", "/")],
    ],
    ["a pseudo field twice", "protocolError", [instead(...GET, ":path", "/x")]],
    ["no :method", "protocolError", [instead(":scheme", "http", ":path", "/")]],
    ["no :scheme", "protocolError", [instead(":method", "GET", ":path", "/")]],
    ["no :path", "protocolError", [instead(":method", "GET", ":scheme", "http")]],
    ["an empty :path", "protocolError", [instead(":method", "GET", ":scheme", "http", ":path", "")]],
    ["CONNECT with a path", "protocolError", [instead(":method", "CONNECT", ":authority", "a:1", ":path", "/")]],
    [
      "two lengths",
      "protocolError",
      [request(1, OPEN, [...GET, "content-length", "1", "content-length", "2"]), frame(data, 1, 1, "00")],
    ],
    ["a length that is no number", "protocolError", [request(1, OPEN, [...GET, "content-length", "+1"])]],
    [
      "less body than its length",
      "protocolError",
      [request(1, OPEN, [...GET, "content-length", "2"]), frame(data, Flag.endStream, 1, "00")],
    ],
    [
      "more body than its length",
      "protocolError",
      [request(1, OPEN, [...GET, "content-length", "2"]), frame(data, 0, 1, "000000")],
    ],
    ["no body with a length", "protocolError", [with_("content-length", "2")]],
    [
      "trailers before the whole body",
      "protocolError",
      [request(1, OPEN, [...GET, "content-length", "2"]), request(1, OPEN | Flag.endStream, ["a", "b"])],
    ],
  ])("%s: %s", (_, code, frames) => {
    const seen = server([...frames, request(7)]);
    expect(seen.connection).toBeUndefined();
    expect(seen.resets).toEqual([`1 ${code}`]);
    expect(seen.log.streams.at(-1)!.ended, "the next request").toBe(true);
  });

  test("a stream window that is overrun ends the stream", () => {
    const seen = server([request(1, OPEN), frame(data, 0, 1, new Uint8Array(200))], {
      settings: { initialWindowBytes: 100 },
    });
    expect(seen.resets).toEqual(["1 flowControlError"]);
  });

  test("padding is given back: it fills no window", () => {
    const padding = frame(data, Flag.padded, 1, Buffer.concat([Buffer.of(250), new Uint8Array(250)]));
    const seen = server([request(1, OPEN), ...Array.from({ length: 500 }, () => padding)], {
      settings: { initialWindowBytes: 1000 },
      connectionWindowBytes: 65_535,
    });
    expect([seen.connection, seen.resets]).toEqual([undefined, []]);
  });

  test("a connection window that is overrun ends the connection", () => {
    const part = frame(data, 0, 1, new Uint8Array(16_384));
    const options = { settings: { initialWindowBytes: 1 << 20 }, connectionWindowBytes: 65_535 };
    const log = new SessionLog();
    const session = new FieldsSession("server", log, options);
    session.receive(Buffer.concat([HELLO, request(1, OPEN)]), 0);
    log.streams[0]!.consume = false;
    session.receive(Buffer.concat([part, part, part, part]), 0);
    expect(log.failed?.code).toBe(ErrorCode.flowControlError);
  });
});

describe("errors of a server, seen by a client", () => {
  const head = (...fields: string[]): Buffer => frame(headers, Flag.endHeaders, 1, encode(fields));
  test.each<[string, string, readonly Buffer[]]>([
    ["PUSH_PROMISE", "protocolError", [frame(pushPromise, OPEN, 1, "00000002 82")]],
    ["push turned on", "protocolError", [frame(settings, 0, 0, "0002 00000001")]],
    ["a stream of its own", "protocolError", [request(2)]],
    ["an answer to nothing", "protocolError", [request(3)]],
  ])("%s ends the connection: %s", (_, code, frames) => {
    expect(client(frames).connection).toBe(code);
  });

  test.each<[string, readonly Buffer[]]>([
    ["DATA before the head", [frame(data, 0, 1, "00")]],
    ["no :status", [head("a", "b")]],
    ["a :status of two digits", [head(":status", "20")]],
    ["a request's field", [head(":status", "200", ":path", "/")]],
    ["101", [head(":status", "101")]],
    ["1xx that ends", [frame(headers, OPEN | Flag.endStream, 1, encode([":status", "100"]))]],
    [
      "less body than its length",
      [head(":status", "200", "content-length", "3"), frame(data, Flag.endStream, 1, "00")],
    ],
  ])("%s ends the stream", (_, frames) => {
    const seen = client(frames);
    expect(seen.connection).toBeUndefined();
    expect(seen.resets).toEqual(["1 protocolError"]);
  });

  test("RST_STREAM NO_ERROR after a whole answer stops the upload", () => {
    const log = new SessionLog();
    const session = new FieldsSession("client", log);
    const upload = send(session, GET, false);
    const answer = frame(headers, OPEN | Flag.endStream, 1, encode([":status", "413"]));
    session.receive(Buffer.concat([frame(settings, 0, 0), answer, frame(rstStream, 0, 1, "00000000")]), 0);
    expect(upload.heads).toEqual([[":status", "413"]]);
    expect(upload.resetBy).toMatchObject({ code: 0, by: "remote" });
    expect(session.streams.size).toBe(0);
  });

  test("GOAWAY: streams it names go on, later ones may be tried elsewhere", () => {
    const log = new SessionLog();
    const session = new FieldsSession("client", log);
    const [first, second] = [send(session, GET), send(session, GET)];
    session.receive(Buffer.concat([frame(settings, 0, 0), frame(goaway, 0, 0, "00000001 0000000b 78")]), 0);
    expect([first.resetBy, second.resetBy?.by]).toEqual([undefined, "refused"]);
    expect(log.goaway).toEqual({ code: ErrorCode.enhanceYourCalm, debug: "x" });
    expect([session.canOpen, session.finished]).toEqual([false, false]);
    session.receive(frame(headers, OPEN | Flag.endStream, 1, encode([":status", "200"])), 0);
    expect([first.ended, session.finished]).toEqual([true, true]);
  });
});

test("frames on a stream that the server reset are ignored, their fields still decoded", () => {
  const { session, log } = server([request(1, OPEN)]);
  log.streams[0]!.stream!.reset();
  const late = frame(headers, OPEN | Flag.endStream, 1, Buffer.from("3fe11f 400161 0162".replaceAll(" ", ""), "hex"));
  const next = frame(headers, OPEN | Flag.endStream, 3, Buffer.from("828684010161be", "hex"));
  session.receive(Buffer.concat([frame(data, 0, 1, "0000"), late, frame(windowUpdate, 0, 1, "00000001"), next]), 0);
  expect(log.failed).toBeUndefined();
  expect(log.streams[1]!.heads[0]!.slice(-2)).toEqual(["a", "b"]);
});

test("a size update follows when the peer wants a smaller table", () => {
  const { session, log } = server([request(1)]);
  session.consumeOutput(session.output.length);
  log.streams[0]!.stream!.sendHeaders([":status", "200"], false);
  session.receive(Buffer.concat([frame(settings, 0, 0, "0001 00000000"), request(3)]), 0);
  log.streams[1]!.stream!.sendHeaders([":status", "200"], false);
  const out = Buffer.from(session.output);
  expect(out.subarray(-2).toString("hex")).toBe("2088");
});

test("random frames: the session never throws and never writes without end", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = seededRandom(seed);
  const pick = (most: number): number => Math.floor(random() * most);
  const valid = [request(1, OPEN), request(3), frame(data, 0, 1, "000102"), frame(windowUpdate, 0, 1, "00000009")];
  let survived = 0;
  for (let round = 0; round < 3000; round++) {
    const log = new SessionLog();
    const session = new FieldsSession("server", log);
    log.onRequest = ({ stream }) => stream!.sendHeaders([":status", "200"], true);
    session.receive(HELLO, 0);
    for (let i = 0; i < 8; i++) {
      const bytes = Buffer.from(
        random() < 0.5
          ? valid[pick(4)]!
          : frame(pick(11), pick(256), pick(6), Buffer.from(Array.from({ length: pick(12) }, () => pick(256)))),
      );
      if (random() < 0.3) bytes[pick(bytes.length)] = pick(256);
      session.receive(bytes, i);
    }
    if (log.failed === undefined) survived++;
    expect(session.output.length, `seed ${seed} round ${round}`).toBeLessThan(4000);
  }
  expect(survived, `seed ${seed}`).toBeGreaterThan(0);
});

test("the decoder of a peer reads what a session writes", () => {
  const { session, log } = server([request(1)]);
  session.consumeOutput(session.output.length);
  log.streams[0]!.stream!.sendHeaders([":status", "404", "server", "tulle"], true);
  const block = session.output.subarray(9);
  expect(new HpackDecoder(1000).decode(block)).toEqual([":status", "404", "server", "tulle"]);
});
