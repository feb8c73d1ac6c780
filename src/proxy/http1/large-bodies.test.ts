/** Bodies whose reads are given back as soon as they have been passed on: every byte must have left before. */
import { expect, test } from "bun:test";
import { memoryNetwork } from "../../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, OK, post, scene, statusOf } from "../../../tests/support/proxy-scene.ts";
import { MemoryNetwork } from "../../net/memory-network.ts";
import type { Socket } from "../../net/socket.ts";

/** No two places of it within 64 kB look alike, so that bytes of another read are noticed. */
const PATTERN = Array.from({ length: 65_521 }, (_, i) => String.fromCharCode((i * 31 + (i >> 8)) & 0xff)).join("");
const body = (bytes: number): string => PATTERN.repeat(Math.ceil(bytes / PATTERN.length)).slice(0, bytes);

const MB = body(1_000_000);

test("a large answer arrives whole at a client that reads in fits", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  backend.answer = () => answer(MB);
  client.send(GET);
  for (let fits = 0; client.text.length < MB.length; fits++) {
    client.socket.pause();
    await rig.turn();
    client.socket.resume();
    await rig.turn();
    expect(fits).toBeLessThan(1000);
  }
  expect(bodyOf(client.take())).toBe(MB);
  backend.answer = () => OK;
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  expect(backend.connections).toHaveLength(1);
  await rig.finish();
});

test("a large chunked answer, its chunks taken off for a client of HTTP/1.0", async () => {
  const { rig, backend } = await scene({ manager: { httpProtocolOptions: { acceptHttp10: true } } });
  const client = await rig.client();
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  const chunks = [chunk(MB.slice(0, 300_000)), chunk(MB.slice(300_000)), "0\r\n\r\n"].join("");
  backend.answer = () => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`;
  client.send("GET / HTTP/1.0\r\nHost: app\r\n\r\n");
  await rig.until(() => client.text.length >= MB.length);
  expect(bodyOf(client.take())).toBe(MB);
  await rig.finish();
});

test.each([
  ["one that is kept for another attempt", 900_000],
  ["one that is too large to be kept", 3_000_000],
])("a large request arrives whole at an endpoint that reads in fits: %s", async (_, bytes) => {
  const { rig, backend } = await scene({ action: { retryPolicy: { retryOn: "5xx", numRetries: 1 } } });
  const client = await rig.client();
  client.send(post(body(bytes)));
  await rig.until(() => backend.connections.length === 1);
  for (let fits = 0; bodyOf(backend.last.text).length < bytes; fits++) {
    backend.last.socket.pause();
    await rig.turn();
    backend.last.socket.resume();
    await rig.turn();
    expect(fits).toBeLessThan(1000);
  }
  expect(bodyOf(backend.last.take())).toBe(body(bytes));
  backend.last.send(OK);
  await rig.until(() => client.text !== "");
  expect(statusOf(client.text)).toBe(200);
  await rig.finish();
});

test("a large request that is tried again is sent whole again", async () => {
  const { rig, backend } = await scene({ action: { retryPolicy: { retryOn: "5xx", numRetries: 2 } } });
  const client = await rig.client();
  client.send(post(MB));
  await rig.until(() => backend.connections.length === 1 && bodyOf(backend.last.text).length === MB.length);
  backend.last.take();
  backend.last.send(answer("no", "503 Service Unavailable"));
  await rig.turn();
  await rig.clock.advance(1000);
  await rig.until(() => bodyOf(backend.last.text).length === MB.length);
  expect(bodyOf(backend.last.take())).toBe(MB);
  backend.last.send(OK);
  await rig.until(() => client.text !== "");
  expect(statusOf(client.text)).toBe(200);
  await rig.finish();
});

test("an answer that begins while the endpoint has not read the large request", async () => {
  const { rig, backend } = await scene({ action: { retryPolicy: { retryOn: "5xx", numRetries: 1 } } });
  const client = await rig.client();
  const sent = body(100_000);
  backend.answer = (text, peer) => {
    if (!text.startsWith("POST")) return undefined;
    peer.socket.pause();
    return "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
  };
  client.send(post(sent));
  await rig.until(() => statusOf(client.text) === 200);
  expect(bodyOf(backend.last.text).length).toBeLessThan(sent.length);
  backend.last.socket.resume();
  await rig.until(() => bodyOf(backend.last.text).length === sent.length);
  expect(bodyOf(backend.last.take())).toBe(sent);
  backend.last.send("done");
  await rig.until(() => bodyOf(client.text) === "done");
  await rig.finish();
});

test("what the log tells of the heads is there when the bodies are gone", async () => {
  const { rig, backend } = await scene({ manager: { logFormat: "%REQ(x-a)% %RESP(x-b)%\n" } });
  const client = await rig.client();
  backend.answer = (text) => (text.endsWith("!") ? answer(MB, "200 OK", "x-b: 2") : undefined);
  client.send(post(`${body(50_000)}!`, "x-a: 1"));
  await rig.until(() => bodyOf(client.text).length === MB.length);
  expect(await rig.logged()).toEqual(["1 2"]);
  await rig.finish();
});

test("an answer that comes before all of a large request was read", async () => {
  const { rig, backend } = await scene({ action: { retryPolicy: { retryOn: "5xx", numRetries: 1 } } });
  const client = await rig.client();
  client.send(post(MB));
  await rig.until(() => backend.connections.length === 1 && backend.last.bytes > 0);
  backend.last.socket.pause();
  await rig.turn();
  backend.last.send(answer(MB));
  await rig.until(() => bodyOf(client.text).length === MB.length);
  expect(bodyOf(client.take())).toBe(MB);
  await rig.finish();
});

/** How much longer the client's head is than the endpoint's, for names of the endpoint's server of each length. */
async function growths(text: string): Promise<number[]> {
  const { rig, backend } = await scene();
  const client = await rig.client();
  const found: number[] = [];
  for (let length = 1; length <= 60; length++) {
    const came = answer(text, "200 OK", `server: ${"s".repeat(length)}`, "date: today");
    backend.answer = () => came;
    client.send(GET);
    await rig.until(() => bodyOf(client.text).length === text.length);
    found.push(client.take().indexOf("\r\n\r\n") - came.indexOf("\r\n\r\n"));
  }
  await rig.finish();
  return found;
}

test("the body of a large answer never begins where the kernel copies slowly; a small one is not padded for it", async () => {
  const isSlow = (growth: number): boolean => growth > 0 && growth < 16;
  expect((await growths("small")).filter(isSlow)).toHaveLength(15);
  expect((await growths(body(50_000))).filter(isSlow)).toEqual([]);
});

test("an interim head waits for the client while the answer behind it, without a body, is done with", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.socket.pause();
  client.send(GET);
  await rig.turn();
  const interim = (bytes: number): string => `HTTP/1.1 103 Early Hints\r\nlink: ${"l".repeat(bytes)}\r\n\r\n`;
  backend.last.send(interim(60_000));
  await rig.turn();
  backend.last.send(`${interim(20_000)}HTTP/1.1 204 No Content\r\nx-a: ${"a".repeat(14_000)}\r\n\r\n`);
  await rig.turn();
  client.socket.resume();
  await rig.turn();
  const text = client.take();
  expect(text.startsWith(`${interim(60_000)}${interim(20_000)}HTTP/1.1 204 No Content\r\n`)).toBe(true);
  await rig.finish();
});

/** Endpoints' bytes that TLS had decrypted when their socket was paused come all the same. */
class LatePauses extends MemoryNetwork {
  override dial(...[options, onOpen, onFail]: Parameters<MemoryNetwork["dial"]>): void {
    const opened = (socket: Socket): void => {
      const [pause, resume] = [socket.pause.bind(socket), socket.resume.bind(socket)];
      let isDue = false;
      socket.pause = () => {
        isDue = true;
        this.later(() => isDue && pause());
      };
      socket.resume = () => {
        isDue = false;
        resume();
      };
      onOpen(socket);
    };
    super.dial(options, opened, onFail);
  }
}

test("an answer whose end comes in spite of a pause leaves its connection as good as it was", async () => {
  const { rig, backend } = await scene({ network: (clock) => memoryNetwork(clock, new LatePauses(clock)) });
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  client.socket.pause();
  const text = body(65_000 + 40_000 + 100);
  backend.last.send(`HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text.slice(0, 65_000)}`);
  await rig.turn();
  backend.last.send(text.slice(65_000, 105_000));
  backend.last.send(text.slice(105_000));
  await rig.turn();
  const other = await rig.client();
  backend.answer = () => OK;
  expect(statusOf(await rig.exchange(other, GET))).toBe(200);
  expect(backend.connections).toHaveLength(1);
  client.socket.resume();
  await rig.turn();
  expect(bodyOf(client.take())).toBe(text);
  await rig.finish();
});
