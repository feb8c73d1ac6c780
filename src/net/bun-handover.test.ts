import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { adopt, listenToGive } from "./bun-handover.ts";
import { bunNetwork } from "./bun-network.ts";
import { type DescriptorChannel, descriptorChannel, descriptorPair } from "./descriptor-channel.ts";
import { type AcceptedSocket, deafHandler, type Socket } from "./socket.ts";

/** Accepts on a free port and adopts by way of a channel, as two processes would. */
function handover(onConnection: (socket: AcceptedSocket) => void) {
  const { channel: giving, otherFd } = descriptorPair();
  const taking = descriptorChannel(otherFd);
  let ended = 0;
  const listener = listenToGive({ address: "127.0.0.1", port: 0 }, (fd) => {
    expect(giving.send(fd, 7)).toBe(true);
    const received = taking.receive();
    expect(received?.tag).toBe(7);
    adopt(received?.fd as number, onConnection, () => ended++);
  });
  const close = (): void => {
    listener.close();
    giving.close();
    taking.close();
  };
  return { port: listener.port, close, ended: () => ended };
}

const dial = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    bunNetwork(systemClock).dial({ address: "127.0.0.1", port, connectTimeoutMs: 2000 }, resolve, reject);
  });

/** Sends, half-closes, and resolves with all that comes back. */
function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    socket.handler = {
      ...deafHandler,
      onData: (chunk) => void (got += Buffer.from(chunk).toString()),
      onEnd: () => socket.close(),
      onClose: () => resolve(got),
    };
    socket.write(Buffer.from(text));
    socket.end();
  });
}

const echo = (socket: AcceptedSocket): void => {
  socket.handler = {
    ...deafHandler,
    onData: (chunk) => void socket.write(chunk),
    onEnd: () => socket.end(),
  };
};

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

describe("a connection that is handed over", () => {
  test("is served whole, knows both addresses, keeps its half-close, and is counted out once", async () => {
    const seen: string[] = [];
    const { port, close, ended } = handover((socket) => {
      seen.push(`${socket.remote.address} ${socket.local.port}`);
      echo(socket);
    });
    expect(await exchange(await dial(port), "hello")).toBe("hello");
    expect(seen).toEqual([`127.0.0.1 ${port}`]);
    while (ended() === 0) await Bun.sleep(1);
    expect(ended()).toBe(1);
    close();
  });

  test("leaves no descriptor behind, neither here nor there", async () => {
    const { port, close, ended } = handover(echo);
    await exchange(await dial(port), "warm");
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) await exchange(await dial(port), "x");
    while (ended() < 51) await Bun.sleep(1);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    close();
  });

  test("of a client that is gone already is counted out", async () => {
    const { port, close, ended } = handover(echo);
    (await dial(port)).destroy();
    while (ended() < 1) await Bun.sleep(1);
    close();
  });
});

describe("a descriptor channel", () => {
  const withPair = (run: (a: DescriptorChannel, b: DescriptorChannel) => void): void => {
    const { channel, otherFd } = descriptorPair();
    const other = descriptorChannel(otherFd);
    run(channel, other);
    channel.close();
    other.close();
  };

  test("has nothing where nothing was sent, and says no when the other side does not take", () => {
    withPair((a, b) => {
      expect(b.receive()).toBeUndefined();
      let sent = 0;
      while (sent < 100_000 && a.send(1, sent)) sent++;
      expect(sent).toBeLessThan(100_000);
      expect(b.receive()).toMatchObject({ tag: 0 });
      expect(a.send(1, 0)).toBe(true);
    });
  });

  test("says no once the other side is gone", () => {
    const { channel, otherFd } = descriptorPair();
    descriptorChannel(otherFd).close();
    expect(channel.send(1, 0)).toBe(false);
    expect(channel.receive()).toBeUndefined();
    channel.close();
  });
});
