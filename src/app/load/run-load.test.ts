import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../base/manual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryNetwork } from "../../net/memory-network.ts";
import { type AcceptedSocket, deafHandler } from "../../net/socket.ts";
import { type LoadPlan, type LoadResult, type Pace, startLoad } from "./run-load.ts";
import { targetOf } from "./target.ts";

const target = targetOf({ url: "http://127.0.0.1:80/", method: "GET", headers: [], bodyBytes: 0, proxy: undefined });
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-version: v1\r\n\r\n";

/** A load against a server that the test plays: it gets each connection's requests one by one. */
class Stage {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly seconds: number[] = [];
  connections = 0;
  requests = 0;
  result: LoadResult | undefined;
  /** Answers a request; the default answers at once. */
  serve: (socket: AcceptedSocket, n: number) => void = (socket) => void socket.write(Buffer.from(OK));
  /** Bytes came: those of all requests of the connection so far, and the number of the delivery. */
  receive: (socket: AcceptedSocket, received: number, n: number) => void = (socket, _, n) => this.serve(socket, n);
  readonly #running;

  constructor(pace: Pace, plan: Partial<LoadPlan> = {}, listening = true) {
    if (listening) {
      void this.network.listen({ address: "127.0.0.1", port: 80 }, (socket) => {
        this.connections++;
        let received = 0;
        const onData = (chunk: Uint8Array): void => {
          received += chunk.length;
          this.receive(socket, received, this.requests++);
        };
        socket.handler = { ...deafHandler, onData };
      });
    }
    this.#running = startLoad(
      { target, pace, connections: 2, timeoutMs: 1000, splitBy: undefined, ...plan },
      {
        clock: this.clock,
        network: this.network,
        random: seededRandom(1),
        onSecond: (_, ms) => void this.seconds.push(ms),
      },
    );
    void this.#running.done.then((result) => (this.result = result));
  }

  stop(): void {
    this.#running.stop();
  }

  /** Moves time on by single milliseconds, with all that is sent delivered in between. */
  async pass(ms: number): Promise<LoadResult | undefined> {
    this.network.flush();
    for (let i = 0; i < ms; i++) {
      this.clock.advance(1);
      this.network.flush();
    }
    await Promise.resolve();
    await Promise.resolve();
    return this.result;
  }
}

describe("an open loop", () => {
  test("sends at its rate, with varied times between, and stops after its time", async () => {
    const stage = new Stage({ t: "rate", perSecond: 100, durationMs: 3000 });
    const result = await stage.pass(3010);
    expect(result?.tally.answered).toBeWithin(290, 311);
    expect(result?.tally.sent).toBe(result?.tally.answered);
    expect(result?.tally.failed).toBe(0);
    expect(stage.seconds).toEqual([1000, 2000]);
    expect(stage.connections).toBe(2);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test("a stall of the server is charged to every request that was due meanwhile", async () => {
    const stage = new Stage({ t: "rate", perSecond: 100, durationMs: 1000 }, { connections: 1, timeoutMs: 5000 });
    let held: AcceptedSocket | undefined;
    stage.serve = (socket, n) => {
      if (n === 10) held = socket;
      else socket.write(Buffer.from(OK));
    };
    await stage.pass(900);
    expect(stage.requests).toBe(11);
    held?.write(Buffer.from(OK));
    const result = await stage.pass(200);
    const { tally } = result ?? { tally: undefined };
    expect(tally?.answered).toBeWithin(95, 106);
    // Some 80 of 100 were due during the stall of 800 ms: the middle one waited half of it.
    expect(tally?.latency.quantileMs(0.5)).toBeWithin(200, 500);
    expect(tally?.latency.maxMs).toBeWithin(700, 900);
    expect(tally?.latency.quantileMs(0.05)).toBeLessThan(5);
  });

  test("stops early when asked, and waits for what is under way", async () => {
    const stage = new Stage({ t: "rate", perSecond: 100, durationMs: 60_000 });
    const open: AcceptedSocket[] = [];
    stage.serve = (socket) => void open.push(socket);
    await stage.pass(300);
    expect(open).toHaveLength(2);
    stage.stop();
    expect(await stage.pass(10)).toBeUndefined();
    for (const socket of open) socket.write(Buffer.from(OK));
    expect((await stage.pass(1))?.tally).toMatchObject({ sent: 2, answered: 2 });
  });
});

describe("a closed loop", () => {
  test("sends its number, each connection as soon as it is free", async () => {
    const stage = new Stage({ t: "count", requests: 1000 });
    const result = await stage.pass(1);
    expect(result?.tally).toMatchObject({ sent: 1000, answered: 1000 });
    expect(result?.tally.statuses).toEqual(new Map([[200, 1000]]));
    expect([stage.requests, stage.connections]).toEqual([1000, 2]);
  });

  test("counts answers by what they say", async () => {
    const stage = new Stage({ t: "count", requests: 100 }, { splitBy: { t: "header", name: "x-version" } });
    stage.serve = (socket, n) => void socket.write(Buffer.from(n % 4 === 0 ? OK.replace("v1", "v3") : OK));
    const result = await stage.pass(1);
    expect([...(result?.tally.splits ?? [])].map(([value, { count }]) => [value, count])).toEqual([
      ["v3", 25],
      ["v1", 75],
    ]);
  });

  test("counts values beyond a hundred together", async () => {
    const stage = new Stage({ t: "count", requests: 300 }, { splitBy: { t: "header", name: "x-version" } });
    stage.serve = (socket, n) => void socket.write(Buffer.from(OK.replace("v1", `v${n}`)));
    const splits = (await stage.pass(1))?.tally.splits;
    expect(splits?.size).toBe(101);
    expect(splits?.get("(other)")?.count).toBe(200);
  });

  test("opens a connection anew when the server closes it behind an answer", async () => {
    const stage = new Stage({ t: "count", requests: 10 }, { connections: 1 });
    stage.serve = (socket) => {
      socket.write(Buffer.from(OK.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")));
      socket.end();
    };
    expect((await stage.pass(1))?.tally).toMatchObject({ answered: 10, failed: 0 });
    expect(stage.connections).toBe(10);
  });

  test("an idle connection that the server closes is nobody's failure", async () => {
    const stage = new Stage({ t: "rate", perSecond: 10, durationMs: 1000 }, { connections: 1 });
    stage.serve = (socket) => {
      socket.write(Buffer.from(OK));
      stage.clock.after(20, () => socket.end());
    };
    const tally = (await stage.pass(1100))?.tally;
    expect(tally?.failed).toBe(0);
    expect(stage.connections).toBe(tally?.answered ?? 0);
  });
});

describe("what fails has a kind", () => {
  test("nobody listens", async () => {
    const { tally } = (await new Stage({ t: "count", requests: 5 }, {}, false).pass(1)) ?? {};
    expect(tally?.failures).toEqual(new Map([["connect", 5]]));
    expect(tally?.examples.get("connect")).toBe("127.0.0.1:80: ECONNREFUSED");
  });

  test("no answer in time", async () => {
    const stage = new Stage({ t: "count", requests: 4 });
    stage.serve = (socket, n) => {
      if (n > 0) socket.write(Buffer.from(OK));
    };
    const { tally } = (await stage.pass(1100)) ?? {};
    expect(tally?.failures).toEqual(new Map([["timeout", 1]]));
    expect(tally?.answered).toBe(3);
  });

  test.each([
    ["reset", (socket: AcceptedSocket): void => socket.destroy()],
    ["reset", (socket: AcceptedSocket): void => socket.end()],
    ["protocol", (socket: AcceptedSocket): void => void socket.write(Buffer.from("SSH-2.0-x\r\n"))],
  ] as const)("%s", async (kind, misbehave: (socket: AcceptedSocket) => void) => {
    const stage = new Stage({ t: "count", requests: 10 });
    stage.serve = (socket, n) => (n === 3 ? misbehave(socket) : void socket.write(Buffer.from(OK)));
    const { tally } = (await stage.pass(10)) ?? {};
    expect(tally?.failures).toEqual(new Map([[kind, 1]]));
    expect(tally?.answered).toBe(9);
  });

  test("an error of the server is an answer, and counted apart", async () => {
    const stage = new Stage({ t: "count", requests: 10 });
    stage.serve = (socket, n) => void socket.write(Buffer.from(n < 3 ? OK.replace("200 OK", "503 x") : OK));
    expect((await stage.pass(1))?.tally).toMatchObject({ answered: 10, failed: 0, serverErrors: 3 });
  });

  test("a large body goes out as the other side takes it", async () => {
    const large = targetOf({
      url: "http://127.0.0.1:80/",
      method: "POST",
      headers: [],
      bodyBytes: 1_000_000,
      proxy: undefined,
    });
    const stage = new Stage({ t: "count", requests: 1 }, { target: large });
    stage.receive = (socket, received) => {
      if (received === large.request.length) socket.write(Buffer.from(OK));
    };
    expect((await stage.pass(1))?.tally).toMatchObject({ answered: 1, failed: 0 });
    expect(stage.requests).toBeGreaterThan(10);
  });
});
