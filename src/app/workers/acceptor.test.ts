import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { listenKey } from "../../net/handed-network.ts";
import { Acceptor, type Taker } from "./acceptor.ts";

const ADDRESS = { name: "in", address: "127.0.0.1", port: 80 };
const KEY = listenKey(ADDRESS);

class FakeWorker implements Taker {
  load = 0;
  isFull = false;
  readonly tags: number[] = [];
  take(_: number, tag: number): boolean {
    if (this.isFull) return false;
    this.load++;
    this.tags.push(tag);
    return true;
  }
}

/** An acceptor with one listener, and clients that come. */
function scene(workers: readonly FakeWorker[]) {
  let refused = 0;
  let full = false;
  let overflows = 0;
  let give: (fd: number) => void = () => {};
  let isOpen = true;
  const acceptor = new Acceptor(
    (_, callback) => {
      give = callback;
      return { port: 80, close: () => void (isOpen = false) };
    },
    { isFull: () => full, onFull: () => void overflows++, onRefused: () => void refused++ },
  );
  const listener = acceptor.listen(ADDRESS);
  for (const [i, worker] of workers.entries()) acceptor.join(KEY, worker, i + 1);
  const come = (count = 1): void => {
    for (let i = 0; i < count; i++) {
      const fd = openSync("/dev/null", "r");
      give(fd);
      closeSync(fd);
    }
  };
  return {
    acceptor,
    listener,
    come,
    refused: () => refused,
    isOpen: () => isOpen,
    overflows: () => overflows,
    fill: () => void (full = true),
  };
}

const two = (): [FakeWorker, FakeWorker] => [new FakeWorker(), new FakeWorker()];

describe("an acceptor", () => {
  test("gives to the worker with the fewest, in turn where they are even, with its own tag", () => {
    const [a, b] = two();
    const { come } = scene([a, b]);
    come(100);
    expect([a.load, b.load]).toEqual([50, 50]);
    a.load = 10;
    come(42);
    expect([a.load, b.load]).toEqual([51, 51]);
    expect([new Set(a.tags), new Set(b.tags)]).toEqual([new Set([1]), new Set([2])]);
  });

  test("goes to another where one does not take it, and closes where none does", () => {
    const [a, b] = two();
    const { come, refused } = scene([a, b]);
    a.isFull = true;
    come(3);
    expect(b.load).toBe(3);
    b.isFull = true;
    come(2);
    expect(refused()).toBe(2);
  });

  test("keeps connections while there is no worker, a bounded number, and gives them to the next", () => {
    const { acceptor, come, refused } = scene([]);
    come(300);
    expect(refused()).toBe(44);
    const worker = new FakeWorker();
    acceptor.join(KEY, worker, 9);
    expect(worker.load).toBe(256);
    // The next that dies takes only its own: what comes meanwhile waits again.
    acceptor.forget(worker);
    come(2);
    expect(refused()).toBe(44);
  });

  test("does not wait for a worker that has left the listener", () => {
    const [a, b] = two();
    const { acceptor, come, refused } = scene([a, b]);
    acceptor.leave(a, 1);
    come(2);
    expect(b.load).toBe(2);
    acceptor.leave(b, 2);
    come(2);
    expect(refused()).toBe(2);
  });

  test("closes what comes while there are as many connections as there may be", () => {
    const [a, b] = two();
    const { come, fill, overflows, refused } = scene([a, b]);
    come(2);
    fill();
    come(3);
    expect([a.load + b.load, overflows(), refused()]).toEqual([2, 3, 0]);
  });

  test("closes what waits together with the listener, and the port", () => {
    const { acceptor, listener, come, isOpen } = scene([]);
    come(2);
    listener.close();
    expect(isOpen()).toBe(false);
    const worker = new FakeWorker();
    acceptor.join(KEY, worker, 1);
    expect(worker.load).toBe(0);
  });
});
