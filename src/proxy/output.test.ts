import { expect, test } from "bun:test";
import { answer, get, scene } from "../../tests/support/proxy-scene.ts";
import type { Socket } from "../net/socket.ts";
import { Output } from "./output.ts";

/** Takes so many bytes, then no more until it is given room. */
function socketWith(room: number) {
  const taken: string[] = [];
  const state = { room };
  const write = (bytes: Uint8Array, offset = 0, length = bytes.length - offset): number => {
    const count = Math.min(length, state.room);
    state.room -= count;
    if (count > 0) taken.push(Buffer.from(bytes.subarray(offset, offset + count)).toString());
    return count;
  };
  return { state, taken, socket: { write } as unknown as Socket };
}

test("what the socket does not take waits, in order", () => {
  const { state, taken, socket } = socketWith(3);
  const output = new Output(socket);
  expect(output.write(Buffer.from("abcdef"), 0, 6, true)).toBe(false);
  expect(output.waitingBytes).toBe(3);
  expect(output.write(Buffer.from("xyz"), 1, 3, true)).toBe(false);
  expect(output.waitingBytes).toBe(5);
  state.room = 4;
  expect(output.flush()).toBe(false);
  expect(output.waitingBytes).toBe(1);
  state.room = 10;
  expect(output.flush()).toBe(true);
  expect(taken.join("")).toBe("abcdefyz");
  expect(output.write(Buffer.from("!"), 0, 1, true)).toBe(true);
});

test("bytes that are used again are copied when they must wait", () => {
  const { state, taken, socket } = socketWith(1);
  const output = new Output(socket);
  const shared = Buffer.from("first");
  output.write(shared, 0, 5, false);
  shared.write("OTHER");
  state.room = 10;
  output.flush();
  expect(taken.join("")).toBe("first");
});

test("an answer that waits for a slow reader is not mixed with those to others", async () => {
  const { rig, backend } = await scene();
  backend.answer = (text) =>
    answer(`${/GET (\S+)/.exec(text)?.[1]} `.repeat(1000), "200 OK", `x-path: ${text.slice(4, 9)}`);
  const [slow, quick] = [await rig.client(), await rig.client()];
  slow.socket.pause();
  // Fills the window; the head of one of them has to wait.
  slow.send(get("/slow").repeat(30));
  await rig.turn();
  for (let i = 0; i < 10; i++) expect(await rig.exchange(quick, get("/fast"))).not.toContain("slow");
  slow.socket.resume();
  await rig.until(() => (slow.text.match(/HTTP\/1.1 200 OK\r\n/g) ?? []).length === 30);
  expect(slow.text).not.toContain("fast");
  expect(slow.text.match(/x-path: \/slow\r\n/g)).toHaveLength(30);
  await rig.finish();
});
