import { describe, expect, test } from "bun:test";
import { silentLog } from "../base/log.ts";
import { MemoryNetwork } from "../net/memory-network.ts";
import { GrpcCode, GrpcError } from "../wire/grpc.ts";
import { begin, echo, OK, PORT, rig, text } from "../../tests/support/grpc-rig.ts";
import { GrpcClient } from "./grpc-client.ts";
import { GrpcServer, type Method, type ServerCall } from "./grpc-server.ts";
import { callUnary, unaryMethod } from "./grpc-unary.ts";

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
