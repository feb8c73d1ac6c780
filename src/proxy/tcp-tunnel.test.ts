import { expect, test } from "bun:test";
import { deafHandler, type Socket } from "../net/socket.ts";
import { joinSockets } from "./tcp-tunnel.ts";
import { Turn } from "./turn.ts";

const NOWHERE = { address: "", port: 0 };

/** Takes all that is written, and writes down what is done to it. */
function recorder(): { readonly socket: Socket; readonly done: string[] } {
  const done: string[] = [];
  const socket: Socket = {
    handler: deafHandler,
    peer: undefined,
    alpn: undefined,
    sni: undefined,
    secure: false,
    remote: NOWHERE,
    local: NOWHERE,
    originalDestination: undefined,
    directRemote: NOWHERE,
    write: (bytes, offset = 0, length = bytes.length) => {
      done.push(Buffer.from(bytes.subarray(offset, offset + length)).toString());
      return length;
    },
    pause: () => {},
    resume: () => {},
    end: () => void done.push("end"),
    close: () => void done.push("close"),
    destroy: () => void done.push("destroy"),
  };
  return { socket, done };
}

function joined() {
  const [client, endpoint] = [recorder(), recorder()];
  let endRound: () => void = () => {};
  const round = new Turn((end) => (endRound = end));
  const tunnel = joinSockets(client.socket, endpoint.socket, [], false, undefined, round, () => {});
  const says = (text: string): void => client.socket.handler.onData(Buffer.from(text));
  return { client, endpoint, tunnel, says, endRound: () => endRound() };
}

test("what is read is sent when all that is there was read, in its order", () => {
  const { endpoint, says, endRound } = joined();
  says("a");
  expect(endpoint.done).toEqual([]);
  says("b");
  endRound();
  expect(endpoint.done).toEqual(["a", "b"]);
});

test("a large read is sent at once, behind what was read before it", () => {
  const { endpoint, says } = joined();
  says("a");
  says("x".repeat(40_000));
  expect(endpoint.done.map((text) => text.length)).toEqual([1, 40_000]);
});

test("what was read goes out before an end, a reset and a close", () => {
  const ended = joined();
  ended.says("a");
  ended.client.socket.handler.onEnd();
  expect(ended.endpoint.done).toEqual(["a", "end"]);
  const reset = joined();
  reset.says("a");
  reset.client.socket.handler.onClose(new Error("reset"));
  expect(reset.endpoint.done).toEqual(["a", "destroy"]);
  const closed = joined();
  closed.says("a");
  closed.tunnel.close();
  expect(closed.endpoint.done).toEqual(["a", "close"]);
});
