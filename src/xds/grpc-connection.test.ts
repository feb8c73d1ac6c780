import { describe, expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { deafHandler, type Socket } from "../net/socket.ts";
import { FieldsSession } from "../wire/http2/fields-session.ts";
import { ORPHAN } from "../wire/http2/fields-session.ts";
import { begin, OK, PORT, rig } from "../../tests/support/grpc-rig.ts";
import { send, SessionLog, type StreamLog } from "../../tests/support/http2-pair.ts";
import { GrpcConnection } from "./grpc-connection.ts";

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

  test.each(["client", "server"])("a peer that went silent is noticed by the %s's keepalive", async (side) => {
    const { client, network, clock, accepted, server } = rig();
    const { answers } = begin(client);
    network.flush();
    // The network loses what the server says, or what the client says, and tells nobody.
    const socket = accepted[0]!;
    const inner = socket.handler;
    if (side === "client") socket.write = (bytes) => bytes.length;
    else socket.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose: (error) => inner.onClose(error) };
    for (let i = 0; i < 51; i++) {
      clock.advance(1000);
      await Promise.resolve();
      network.flush();
    }
    expect(server.connections).toBe(0);
    if (side === "client") expect(answers.ends[0]!.message).toContain("has not answered a ping for 20000 ms");
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
        const session = new FieldsSession("client", new SessionLog());
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
    const peer = new FieldsSession("client", new SessionLog());
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

  test("what a peer answered while this process was busy is read before it is judged", () => {
    const clock = new ManualClock();
    let destroyed = 0;
    const socket = {
      handler: deafHandler,
      write: (bytes: Uint8Array) => bytes.length,
      destroy: () => void destroyed++,
    } as Partial<Socket> as Socket;
    const owner = { onStream: () => ORPHAN, onSettings() {}, onGoaway() {}, onFailed() {}, onClosed() {} };
    const rounds: (() => void)[] = [];
    const busy = Object.assign(Object.create(clock) as ManualClock, {
      nowMs: () => clock.nowMs(),
      after: (delayMs: number, fire: () => void) => clock.after(delayMs, fire),
      afterRound: (fire: () => void) => void rounds.push(fire),
    });
    const options = { clock: busy, keepalive: { intervalMs: 1000, timeoutMs: 500 }, session: {} };
    const connection = new GrpcConnection(socket, "server", owner, options);
    const peer = new FieldsSession("client", new SessionLog());
    clock.advance(1000);
    clock.advance(500);
    connection.onData(peer.output);
    rounds.shift()?.();
    expect(destroyed).toBe(0);
    clock.advance(1500);
    rounds.shift()?.();
    expect([destroyed, rounds.length]).toEqual([1, 0]);
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
