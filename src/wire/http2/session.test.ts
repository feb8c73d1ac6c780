import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { encode, frame, HELLO, OPEN, request } from "../../../tests/support/http2-frames.ts";
import { carry, clientStream, headClient, headServer } from "../../../tests/support/http2-heads.ts";
import { GET, makePair, type Pair, send } from "../../../tests/support/http2-pair.ts";
import { ErrorCode, FrameType } from "./constants.ts";
import type { Fields } from "./fields.ts";

const OK: Fields = [":status", "200", "content-type", "text/plain"];
const POST: Fields = [":method", "POST", ":scheme", "http", ":path", "/", ":authority", "reviews"];
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251);

/** The server answers each request with its own body. */
function echo(pair: Pair): void {
  pair.serverLog.onRequest = (log) => {
    log.stream!.sendHeaders(OK, false);
    const body = Uint8Array.from(log.body);
    let sent = 0;
    log.onMore = () => {
      sent += log.stream!.sendData(body.subarray(sent), true);
    };
    log.onMore();
  };
}

describe("Session: requests", () => {
  test("a GET, its answer and trailers", () => {
    const pair = makePair();
    pair.serverLog.onRequest = ({ stream }) => {
      stream!.sendHeaders([":status", "103", "link", "</a>"], false);
      stream!.sendHeaders(OK, false);
      expect(stream!.sendData(Buffer.from("hello"), false)).toBe(5);
      stream!.sendHeaders(["grpc-status", "0"], true);
    };
    const log = send(pair.client, GET);
    pair.settle();
    expect(pair.serverLog.streams[0]!.heads).toEqual([GET]);
    expect(log.heads).toEqual([[":status", "103", "link", "</a>"], OK]);
    expect([log.text, log.trailers, log.ended]).toEqual(["hello", ["grpc-status", "0"], true]);
    expect([pair.client.streams.size, pair.server.streams.size]).toEqual([0, 0]);
  });

  test("a body larger than every window comes through, whole, both ways", () => {
    const pair = makePair({
      client: { settings: { initialWindowBytes: 1000 }, connectionWindowBytes: 65_535 },
      server: { settings: { initialWindowBytes: 10_000 }, maxOutputBytes: 5000 },
    });
    echo(pair);
    const body = bytes(300_000);
    const log = send(pair.client, POST, false);
    let sent = 0;
    log.onMore = () => {
      sent += log.stream!.sendData(body.subarray(sent), true);
    };
    log.onMore();
    pair.settle();
    expect(Buffer.from(log.body).equals(body)).toBe(true);
    expect(log.ended).toBe(true);
  });

  test("the same conversation, cut at every byte and at random", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    for (const cut of [() => 1, () => 2, (n: number) => 1 + Math.floor(random() * n)]) {
      const pair = makePair({ server: { settings: { initialWindowBytes: 100 } } });
      echo(pair);
      const logs = [1, 2, 3].map(() => {
        const log = send(pair.client, POST, false);
        let sent = 0;
        log.onMore = () => {
          sent += log.stream!.sendData(bytes(777).subarray(sent), true);
        };
        log.onMore();
        return log;
      });
      pair.settle(cut);
      for (const log of logs) expect(Buffer.from(log.body).equals(bytes(777)), `seed ${seed}`).toBe(true);
      expect(pair.clientLog.failed ?? pair.serverLog.failed).toBeUndefined();
    }
  });

  test("a head larger than a frame travels in CONTINUATION", () => {
    const pair = makePair();
    const long: Fields = [...GET, "x-long", "\u00ff".repeat(40_000)];
    send(pair.client, long);
    pair.settle();
    expect(pair.serverLog.streams[0]!.heads).toEqual([long]);
  });

  test("a head larger than announced is answered with 431 and the connection goes on", () => {
    const pair = makePair({
      server: { settings: { maxHeaderListBytes: 1000 }, headerBlock: { maxBlockBytes: 100_000 } },
    });
    echo(pair);
    const log = send(pair.client, [...GET, "x-long", "a".repeat(2000)]);
    const next = send(pair.client, GET);
    pair.settle();
    expect(log.heads).toEqual([[":status", "431"]]);
    expect(next.heads).toEqual([OK]);
  });
});

describe("Session: flow control", () => {
  test("a receiver that does not consume stops the sender at the stream's window, and only that stream", () => {
    const pair = makePair({ server: { settings: { initialWindowBytes: 1000 } } });
    pair.settle();
    const slow = send(pair.client, POST, false);
    pair.settle();
    pair.serverLog.streams[0]!.consume = false;
    expect(slow.stream!.sendData(bytes(5000), true)).toBe(1000);
    pair.settle();
    expect(slow.writable).toBe(0);
    echo(pair);
    const other = send(pair.client, GET);
    pair.settle();
    expect(other.ended).toBe(true);
    pair.serverLog.streams[0]!.stream!.consume(1000);
    pair.settle();
    expect(slow.writable).toBe(1);
    expect(slow.stream!.sendData(bytes(5000).subarray(1000), true)).toBe(1000);
  });

  test("unread bytes of a stream that was reset go back to the connection's window", () => {
    const pair = makePair({ server: { connectionWindowBytes: 65_535, settings: { initialWindowBytes: 65_535 } } });
    pair.settle();
    for (let i = 0; i < 5; i++) {
      const log = send(pair.client, POST, false);
      pair.settle();
      pair.serverLog.streams[i]!.consume = false;
      expect(log.stream!.sendData(bytes(60_000), false)).toBe(60_000);
      pair.settle();
      pair.serverLog.streams[i]!.stream!.reset();
      pair.settle();
      expect(log.resetBy).toMatchObject({ code: ErrorCode.cancel, by: "remote" });
    }
  });

  test("bytes that were in flight to a stream when it was reset are given back too", () => {
    const pair = makePair({ server: { connectionWindowBytes: 65_535, settings: { initialWindowBytes: 65_535 } } });
    pair.settle();
    for (let i = 0; i < 5; i++) {
      const log = send(pair.client, POST, false);
      pair.settle();
      pair.serverLog.streams[i]!.stream!.reset();
      // Less than half a window may be on its way back.
      expect(log.stream!.sendData(bytes(60_000), false), `round ${i}`).toBeGreaterThan(32_000);
      pair.settle();
    }
    expect(pair.serverLog.failed).toBeUndefined();
  });

  test("output is bounded: data is taken only while little waits", () => {
    const pair = makePair({ client: { maxOutputBytes: 10_000 } });
    pair.settle();
    const log = send(pair.client, POST, false);
    const taken = log.stream!.sendData(bytes(100_000), true);
    expect(taken).toBeLessThan(10_000);
    expect(pair.client.output.length).toBeLessThan(10_100);
  });

  test("streams that wait for the connection take turns", () => {
    const pair = makePair({ client: { maxOutputBytes: 1000 } });
    pair.settle();
    const logs = [0, 1, 2].map(() => send(pair.client, POST, false));
    for (const log of logs) {
      log.onMore = () => void log.stream!.sendData(bytes(100_000), false);
      log.onMore();
    }
    for (let i = 0; i < 30; i++) pair.client.consumeOutput(pair.client.output.length);
    for (const log of logs) expect(log.writable).toBeGreaterThan(8);
  });
});

describe("Session: ends", () => {
  test("either side resets a stream", () => {
    const pair = makePair();
    const log = send(pair.client, POST, false);
    pair.settle();
    log.stream!.reset(ErrorCode.cancel);
    pair.settle();
    expect(pair.serverLog.streams[0]!.resetBy).toMatchObject({ code: ErrorCode.cancel, by: "remote" });
    expect(log.resetBy).toBeUndefined();
    expect([pair.client.streams.size, pair.server.streams.size]).toEqual([0, 0]);
  });

  test("draining: open streams finish, new ones are refused, then the session is finished", () => {
    const pair = makePair();
    const log = send(pair.client, POST, false);
    pair.settle();
    pair.server.drain();
    pair.settle();
    expect(pair.clientLog.goaway?.code).toBe(ErrorCode.noError);
    expect(pair.client.canOpen).toBe(false);
    expect(pair.server.finished).toBe(false);
    echo(pair);
    log.stream!.sendData(Buffer.from("last"), true);
    pair.settle();
    expect(log.text).toBe("last");
    expect([pair.server.finished, pair.client.finished]).toEqual([true, true]);
  });

  test("a request that crossed the GOAWAY is answered", () => {
    const pair = makePair();
    pair.settle();
    echo(pair);
    pair.server.drain();
    const log = send(pair.client, GET);
    pair.settle();
    expect(log.heads).toEqual([OK]);
    expect(pair.server.finished).toBe(true);
  });

  test("more streams than allowed are refused so that they may be tried elsewhere", () => {
    const pair = makePair({ server: { settings: { maxConcurrentStreams: 2 } } });
    // Before SETTINGS arrive the client may open any number.
    const logs = [0, 1, 2].map(() => send(pair.client, POST, false));
    pair.settle();
    expect(logs.map((log) => log.resetBy?.by)).toEqual([undefined, undefined, "refused"]);
    expect(pair.client.canOpen).toBe(false);
    expect(pair.client.request(GET, true, logs[0]!)).toBeUndefined();
    logs[0]!.stream!.reset();
    expect(pair.client.canOpen).toBe(true);
  });

  test("the loss of the connection resets every stream", () => {
    const pair = makePair();
    const log = send(pair.client, POST, false);
    pair.settle();
    pair.client.disconnected("connection reset by peer");
    expect(log.resetBy).toMatchObject({ by: "connection", message: "connection reset by peer" });
    expect(log.stream!.sendData(bytes(3), true)).toBe(3);
    expect(pair.client.output.length).toBe(0);
  });

  test("a ping comes back", () => {
    const pair = makePair();
    pair.client.ping(42);
    pair.settle();
    expect(pair.clientLog.pongs).toEqual([42]);
  });
});

test("a handler that ends other streams while the connection ends: each ends once", () => {
  const { session, streams } = headServer(() => {});
  session.receive(Buffer.concat([HELLO, request(1, OPEN), request(3, OPEN), request(5, OPEN)]), 0);
  streams[0]!.onFree = () => streams[1]!.stream.reset();
  session.disconnected("gone");
  expect(streams.map((it) => it.events)).toEqual([
    ["head", "reset 8 by connection", "closed"],
    ["head", "closed"],
    ["head", "reset 8 by connection", "closed"],
  ]);
  expect(session.streams.size).toBe(0);
});

test("a client goes on reading while its requests wait, a server stops", () => {
  const options = { maxOutputBytes: 1000, settings: { maxConcurrentStreams: 100 } };
  const client = headClient(options);
  for (let i = 0; i < 50; i++) {
    const { stream } = clientStream();
    expect(client.open(stream, false)).toBe(true);
    const fields = stream.beginHead();
    fields.request("GET", "http", "a", "/");
    fields.header("x", `${i}`.repeat(100));
    expect(stream.endHead(true)).toBe(true);
  }
  expect(client.outputBytes).toBeGreaterThan(5000);
  expect(client.congested).toBe(false);
  client.receive(frame(FrameType.settings, 0, 0), 0);
  expect(client.isClosed).toBe(false);
  const { session } = headServer(({ stream }) => {
    const fields = stream.beginHead();
    fields.status(200);
    fields.header("x", `${stream.id}`.repeat(100));
    stream.endHead(true);
  }, options);
  session.receive(Buffer.concat([HELLO, ...Array.from({ length: 20 }, (_, i) => request(2 * i + 1))]), 0);
  expect(session.congested).toBe(true);
});

test("a head larger than the peer takes is not sent, and the table stays right", () => {
  const client = headClient();
  const { session: server, streams } = headServer(() => {}, { settings: { maxHeaderListBytes: 500 } });
  const settle = (): void => {
    while (carry(client, server) || carry(server, client));
  };
  settle();
  const sends = (value: string): boolean => {
    const { stream } = clientStream();
    expect(client.open(stream, false)).toBe(true);
    const fields = stream.beginHead();
    fields.request("GET", "http", "a", "/path");
    fields.header("x", value);
    const isSent = stream.endHead(true);
    if (!isSent) stream.reset();
    settle();
    return isSent;
  };
  expect(["a", "a", "a", "b".repeat(500), "b".repeat(500), "a", "c", "c", "a"].map(sends)).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
  expect(streams.map(({ head }) => head.header("x"))).toEqual(["a", "a", "a", "a", "c", "c", "a"]);
});

test("keepalive: a PING when it is time, and an end when nothing comes", () => {
  const client = headClient({ keepalive: { intervalMs: 10_000, timeoutMs: 2000 } });
  client.consumeOutput(client.outputBytes);
  const steps: [nowMs: number, isAlive: boolean, bytes: number][] = [
    [1000, true, 0],
    [10_000, true, 0],
    [11_000, true, 17],
    [12_000, true, 0],
  ];
  for (const [nowMs, isAlive, bytes] of steps) {
    expect([client.sweep(nowMs), client.outputBytes]).toEqual([isAlive, bytes]);
    client.consumeOutput(client.outputBytes);
  }
  client.receive(frame(FrameType.settings, 0, 0), 12_500);
  client.consumeOutput(client.outputBytes);
  expect(client.sweep(14_000)).toBe(true);
  expect([client.sweep(21_000), client.outputBytes]).toEqual([true, 17]);
  expect(client.sweep(22_900)).toBe(true);
  expect(client.sweep(23_000)).toBe(false);
});

test("interim answers without end", () => {
  const client = headClient();
  const it = clientStream();
  client.open(it.stream, false);
  it.stream.beginHead().request("GET", "http", "a", "/");
  it.stream.endHead(true);
  const hints = frame(FrameType.headers, OPEN, 1, encode([":status", "103"]));
  client.receive(Buffer.concat([frame(FrameType.settings, 0, 0), ...Array.from({ length: 40 }, () => hints)]), 0);
  expect(it.events.filter((event) => event === "head").length).toBe(32);
  expect(it.events.slice(-2)).toEqual(["reset 11 by local", "closed"]);
});
