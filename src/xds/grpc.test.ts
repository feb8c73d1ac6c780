import { describe, expect, test } from "bun:test";
import { lineLog, silentLog } from "../base/log.ts";
import { ManualClock } from "../base/manual-clock.ts";
import { MemoryNetwork } from "../net/memory-network.ts";
import { deafHandler, type Socket } from "../net/socket.ts";
import { codeName, GrpcCode, GrpcError, type GrpcStatus } from "../wire/grpc.ts";
import { Session } from "../wire/http2/session.ts";
import { send, SessionLog, type StreamLog } from "../../test/support/http2-pair.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { ClientCall } from "./grpc-client-call.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import { ORPHAN } from "../wire/http2/stream.ts";
import { GrpcServer, type Method, type ServerCall } from "./grpc-server.ts";
import { callUnary, unaryMethod } from "./grpc-unary.ts";

const PORT = 18_000;
const OK: GrpcStatus = { code: GrpcCode.ok, message: "" };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Echoes each message in upper case, ends with `ok` after the caller. */
const echo: Method = (call) => ({
  onMessage: (message) => call.send(Buffer.from(text(message).toUpperCase())),
  onHalfClose: () => call.end(OK),
  onClosed() {},
});

function rig(methods: Readonly<Record<string, Method>> = { "/t.T/Echo": echo }) {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const lines: string[] = [];
  const log = lineLog("debug", (line) => lines.push(line), clock.wallMs.bind(clock));
  const server = new GrpcServer({ clock, log, methods, maxMessageBytes: 1000, maxQueuedBytes: 1 << 20 });
  const accepted: Socket[] = [];
  void network.listen({ address: "127.0.0.1", port: PORT }, (socket) => {
    accepted.push(socket);
    server.accept(socket);
  });
  const client = new GrpcClient({
    network,
    clock,
    target: () => ({ address: "127.0.0.1", port: PORT, connectTimeoutMs: 1000 }),
    authority: "t",
    maxMessageBytes: 1 << 20,
  });
  return { clock, network, server, client, accepted, lines };
}

class Answers {
  readonly messages: string[] = [];
  readonly ends: GrpcStatus[] = [];
  onFirst: () => void = () => {};
  onMessage(message: Uint8Array): void {
    this.messages.push(text(message));
    if (this.messages.length === 1) this.onFirst();
  }
  onEnd(status: GrpcStatus): void {
    this.ends.push(status);
  }
  get code(): string {
    return this.ends.map((end) => codeName(end.code)).join();
  }
}

function begin(client: GrpcClient, path = "/t.T/Echo", timeoutMs?: number): { call: ClientCall; answers: Answers } {
  const answers = new Answers();
  return { call: client.call(path, answers, timeoutMs === undefined ? {} : { timeoutMs }), answers };
}

describe("streaming", () => {
  test("messages go both ways, also those sent before the connection is there", () => {
    const { client, network } = rig();
    const { call, answers } = begin(client);
    call.send(Buffer.from("one"));
    expect(client.state).toBe("connecting");
    network.flush();
    call.send(Buffer.from("two"));
    call.send(Buffer.from(""));
    network.flush();
    expect(answers.messages).toEqual(["ONE", "TWO", ""]);
    expect(answers.ends).toEqual([]);
    call.halfClose();
    network.flush();
    expect(answers.ends).toEqual([OK]);
  });

  test("many calls share one connection", () => {
    const { client, network, server } = rig();
    const calls = Array.from({ length: 20 }, () => begin(client));
    for (const [i, { call }] of calls.entries()) call.send(Buffer.from(`m${i}`));
    network.flush();
    expect(calls.map(({ answers }) => answers.messages[0])).toEqual(calls.map((_, i) => `M${i}`));
    expect(server.connections).toBe(1);
  });

  test("a message larger than socket and windows comes whole, and the sender counts what waits", () => {
    let queued = 0;
    const big = Buffer.alloc(900_000, "x");
    const { client, network } = rig({
      "/t.T/Big": (call) => ({
        onMessage() {
          call.send(big);
          queued = call.queuedBytes;
          call.end(OK);
        },
        onHalfClose() {},
        onClosed() {},
      }),
    });
    const { call, answers } = begin(client, "/t.T/Big");
    call.send(Buffer.from("go"));
    network.flush();
    expect(queued).toBeGreaterThan(500_000);
    expect(answers.messages[0]!.length).toBe(900_000);
    expect(answers.ends).toEqual([OK]);
  });

  test("a caller that does not read cannot make the server keep without end", () => {
    let call: ServerCall | undefined;
    const { client, network, accepted } = rig({
      "/t.T/Feed": (it) => {
        call = it;
        return { onMessage() {}, onHalfClose() {}, onClosed() {} };
      },
    });
    begin(client, "/t.T/Feed");
    network.flush();
    accepted[0]!.write = () => 0;
    const fill = (): void => {
      for (let i = 0; i < 100; i++) call!.send(Buffer.alloc(100_000));
    };
    expect(fill).toThrow(GrpcError);
    expect(call!.queuedBytes).toBeLessThan(1_300_000);
  });
});

describe("how calls end", () => {
  test("an unknown method", () => {
    const { client, network } = rig();
    const { answers } = begin(client, "/t.T/Nope");
    network.flush();
    expect(answers.ends).toEqual([{ code: GrpcCode.unimplemented, message: "there is no method /t.T/Nope" }]);
  });

  test("an error of the method is told with its status, any other only as internal, and is logged", () => {
    const fails =
      (error: Error): Method =>
      () => ({
        onMessage() {
          throw error;
        },
        onHalfClose() {},
        onClosed() {},
      });
    const { client, network, lines } = rig({
      "/t.T/Denied": fails(new GrpcError(GrpcCode.permissionDenied, "not you: 100 %")),
      "/t.T/Broken": fails(new Error("password is hunter2")),
    });
    const denied = begin(client, "/t.T/Denied");
    const broken = begin(client, "/t.T/Broken");
    for (const { call } of [denied, broken]) call.send(Buffer.from("x"));
    network.flush();
    expect(denied.answers.ends).toEqual([{ code: GrpcCode.permissionDenied, message: "not you: 100 %" }]);
    expect(broken.answers.ends).toEqual([{ code: GrpcCode.internal, message: "the method failed" }]);
    expect(lines.join()).toContain("/t.T/Broken");
  });

  test("a request message past the limit", () => {
    const { client, network } = rig();
    const { call, answers } = begin(client);
    call.send(Buffer.alloc(1001));
    network.flush();
    expect(answers.code).toBe("resourceExhausted");
  });

  test("cancel reaches the method once, and nothing follows", () => {
    const closed: string[] = [];
    const { client, network } = rig({
      "/t.T/Wait": (call) => ({
        onMessage() {},
        onHalfClose() {},
        onClosed() {
          closed.push("closed");
          call.send(Buffer.from("late"));
          call.end(OK);
        },
      }),
    });
    const { call, answers } = begin(client, "/t.T/Wait");
    network.flush();
    call.cancel();
    network.flush();
    expect([closed, answers.code, answers.messages]).toEqual([["closed"], "cancelled", []]);
  });

  test("cancelling at the first of two messages in one chunk: the second does not come", () => {
    const { client, network } = rig();
    const { call, answers } = begin(client);
    answers.onFirst = () => call.cancel();
    call.send(Buffer.from("one"));
    call.send(Buffer.from("two"));
    network.flush();
    expect(answers.messages).toEqual(["ONE"]);
  });

  test("the deadline ends the call on both sides", () => {
    const closed: string[] = [];
    const { client, network, clock } = rig({
      "/t.T/Wait": () => ({ onMessage() {}, onHalfClose() {}, onClosed: () => void closed.push("closed") }),
    });
    const { answers } = begin(client, "/t.T/Wait", 500);
    network.flush();
    clock.advance(499);
    network.flush();
    expect(answers.ends).toEqual([]);
    clock.advance(1);
    network.flush();
    expect([answers.code, closed]).toEqual(["deadlineExceeded", ["closed"]]);
  });

  test("no server: unavailable, and the next call tries again", () => {
    const { clock } = rig();
    const network = new MemoryNetwork(clock);
    const target = () => ({ address: "127.0.0.1", port: PORT, connectTimeoutMs: 1000 });
    const client = new GrpcClient({ network, clock, target, authority: "t" });
    const first = begin(client);
    network.flush();
    expect([first.answers.code, client.state]).toEqual(["unavailable", "idle"]);
    expect(first.answers.ends[0]!.message).toContain("ECONNREFUSED");
    const server = new GrpcServer({ clock, log: silentLog, methods: { "/t.T/Echo": echo } });
    void network.listen({ address: "127.0.0.1", port: PORT }, (socket) => server.accept(socket));
    const second = begin(client);
    second.call.send(Buffer.from("x"));
    network.flush();
    expect(second.answers.messages).toEqual(["X"]);
  });

  test("the connection breaks: calls end as unavailable, the method hears of it, the next call connects anew", () => {
    const { client, network, accepted } = rig();
    const { answers } = begin(client);
    network.flush();
    accepted[0]!.destroy();
    network.flush();
    expect(answers.code).toBe("unavailable");
    const next = begin(client);
    next.call.send(Buffer.from("x"));
    network.flush();
    expect([next.answers.messages, accepted.length]).toEqual([["X"], 2]);
  });

  test("closing the client ends calls in every phase", () => {
    const { client, network, server } = rig();
    const first = begin(client);
    network.flush();
    client.close();
    network.flush();
    const after = begin(client);
    expect([first.answers.code, after.answers.code, server.connections]).toEqual(["unavailable", "unavailable", 0]);
    const other = rig();
    const waiting = begin(other.client);
    other.client.close();
    other.network.flush();
    expect([waiting.answers.code, other.server.connections]).toEqual(["unavailable", 0]);
  });
});

describe("connections", () => {
  test("draining: calls that run finish, a new call makes a new connection", () => {
    const { client, network, server, accepted } = rig();
    const old = begin(client);
    old.call.send(Buffer.from("a"));
    network.flush();
    server.drain();
    network.flush();
    expect(client.state).toBe("idle");
    const next = begin(client);
    next.call.send(Buffer.from("b"));
    old.call.send(Buffer.from("c"));
    network.flush();
    expect([old.answers.messages, next.answers.messages, accepted.length]).toEqual([["A", "C"], ["B"], 2]);
    old.call.halfClose();
    network.flush();
    expect([old.answers.ends, server.connections]).toEqual([[OK], 1]);
  });

  test.each(["client", "server"])("a peer that went silent is noticed by the %s's keepalive", (side) => {
    const { client, network, clock, accepted, server } = rig();
    const { answers } = begin(client);
    network.flush();
    // The network loses what the server says, or what the client says, and tells nobody.
    const socket = accepted[0]!;
    const inner = socket.handler;
    if (side === "client") socket.write = (bytes) => bytes.length;
    else socket.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose: (error) => inner.onClose(error) };
    for (let i = 0; i < 41; i++) {
      clock.advance(1000);
      network.flush();
    }
    expect(server.connections).toBe(0);
    if (side === "client") expect(answers.ends[0]!.message).toContain("has not answered a ping for 10000 ms");
  });

  test("a peer that answers pings stays for an hour", () => {
    const { client, network, clock, server } = rig();
    const { answers } = begin(client);
    network.flush();
    for (let i = 0; i < 3600; i++) {
      clock.advance(1000);
      network.flush();
    }
    expect([answers.ends, server.connections]).toEqual([[], 1]);
  });

  test("a call that the server ended early is over for it: what the caller still has open does not count", () => {
    const { network } = rig({});
    const logs: StreamLog[] = [];
    network.dial(
      { address: "127.0.0.1", port: PORT, connectTimeoutMs: 1 },
      (socket) => {
        const session = new Session("client", new SessionLog());
        const move = (): void => session.consumeOutput(socket.write(session.output));
        socket.handler = { ...deafHandler, onData: (chunk) => (session.receive(chunk, 0), move()) };
        const head = [":method", "POST", ":scheme", "http", ":path", "/t.T/Nope", ":authority", "t"];
        logs.push(send(session, [...head, "content-type", "application/grpc"], false));
        move();
      },
      () => expect.unreachable(),
    );
    network.flush();
    expect(logs[0]!.heads[0]).toContain("grpc-status");
    expect(logs[0]!.resetBy).toMatchObject({ code: 0, by: "remote" });
  });

  test("a peer that asks and does not read is not read from, until it reads again", () => {
    const clock = new ManualClock();
    const calls: string[] = [];
    let room = 0;
    const socket = {
      handler: deafHandler,
      write: (bytes: Uint8Array) => Math.min(bytes.length, room),
      pause: () => void calls.push("pause"),
      resume: () => void calls.push("resume"),
    } as Partial<Socket> as Socket;
    const owner = { onStream: () => ORPHAN, onSettings() {}, onGoaway() {}, onFailed() {}, onClosed() {} };
    const peer = new Session("client", new SessionLog());
    for (let i = 0; i < 20; i++) peer.ping(i);
    const connection = new GrpcConnection(socket, "server", owner, {
      clock,
      keepalive: { intervalMs: 1000, timeoutMs: 1000 },
      session: { maxOutputBytes: 100 },
    });
    connection.onData(peer.output);
    expect(calls).toEqual(["pause"]);
    room = 1 << 20;
    connection.onDrain();
    expect([calls, connection.session.output.length]).toEqual([["pause", "resume"], 0]);
  });

  test("a peer that does not speak HTTP/2 is logged and closed", () => {
    const { network, server, lines, clock } = rig();
    network.dial(
      { address: "127.0.0.1", port: PORT, connectTimeoutMs: 1 },
      (socket) => void socket.write(Buffer.from("GET / HTTP/1.1\r\n\r\n")),
      () => expect.unreachable(),
    );
    network.flush();
    clock.advance(1000);
    network.flush();
    expect(server.connections).toBe(0);
    expect(lines.join()).toContain("does not begin with the HTTP/2 preface");
  });
});

describe("unary", () => {
  const ask = unaryMethod(silentLog, (request, call) => {
    const what = text(request);
    if (what === "deny") throw new GrpcError(GrpcCode.permissionDenied, "no");
    if (what === "later") return Promise.resolve(Buffer.from("then"));
    if (what === "reject") return Promise.reject(new Error("secret"));
    return Buffer.from(`${what} from ${call.remote.address}`);
  });

  async function call(what: string): Promise<string> {
    const { client, network } = rig({ "/t.T/Ask": ask });
    const answer = callUnary(client, "/t.T/Ask", Buffer.from(what), { timeoutMs: 1000 }).then(
      text,
      (e: Error) => e.message,
    );
    for (let i = 0; i < 5; i++) {
      network.flush();
      await Promise.resolve();
    }
    return answer;
  }

  test.each([
    ["hello", "hello from 127.0.0.1"],
    ["later", "then"],
    ["deny", "[permissionDenied] no"],
    ["reject", "[internal] the method failed"],
  ])("%s: %s", async (what, answer) => {
    expect(await call(what)).toBe(answer);
  });

  test("two messages, or none, are refused", () => {
    for (const count of [0, 2]) {
      const { client, network } = rig({ "/t.T/Ask": ask });
      const { call: it, answers } = begin(client, "/t.T/Ask");
      for (let i = 0; i < count; i++) it.send(Buffer.from("x"));
      it.halfClose();
      network.flush();
      expect(answers.code).toBe("unimplemented");
    }
  });
});
