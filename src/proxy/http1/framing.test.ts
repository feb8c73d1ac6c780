/** Messages that are longer or shorter than they say, and ends that come early. */
import { expect, test } from "bun:test";
import { answer, bodyOf, GET, get, OK, post, scene, statusOf } from "../../../tests/support/proxy-scene.ts";

test("bytes behind an answer are nobody's, and the connection that brought them is not used again", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  backend.answer = () => `${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged`;
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(backend.last.closed).toBe(true);
  backend.answer = () => answer("real");
  expect(bodyOf(await rig.exchange(client, GET))).toBe("real");
  expect(backend.connections).toHaveLength(2);
  await rig.finish();
});

test("bytes on a kept connection that nobody asked for close it", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  backend.answer = () => OK;
  await rig.exchange(client, GET);
  backend.last.send(answer("forged"));
  await rig.turn();
  expect(backend.last.closed).toBe(true);
  expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(backend.connections).toHaveLength(2);
  await rig.finish();
});

test("and when they are there with the end of the connection, before the next request", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  backend.answer = () => OK;
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  backend.last.socket.end();
  client.send(post("body"));
  await rig.turn();
  expect(statusOf(client.take())).toBe(200);
  await rig.finish();
});

test("an answer that ends before its length breaks off, also behind its head", async () => {
  for (const sent of [
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
  ]) {
    const { rig, backend } = await scene();
    const client = await rig.client();
    await rig.exchange(client, GET);
    backend.last.send(sent);
    backend.last.socket.end();
    await rig.turn();
    expect([client.closed, client.text.endsWith("0\r\n\r\n")]).toEqual([true, false]);
    expect((await rig.logged())[0]).toMatch(
      /^200 UC upstream_reset_after_response_started\{connection_termination\} rx=0/,
    );
    await rig.finish();
  }
});

test("chunks that end before the last one break off", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET);
  backend.last.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  backend.last.socket.end();
  await rig.turn();
  expect([client.closed, bodyOf(client.text)]).toEqual([true, "3\r\nabc\r\n"]);
  await rig.finish();
});

test("an endpoint that answers and ends while the request is on its way is heard", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 100000\r\n\r\nsome");
  await rig.turn();
  backend.last.send("HTTP/1.1 413 Content Too Large\r\nconnection: close\r\n\r\ntoo large");
  backend.last.socket.end();
  await rig.turn();
  expect(statusOf(client.text)).toBe(413);
  expect(client.text).toContain("too large");
  expect(client.text).toEndWith("\r\n0\r\n\r\n");
  expect(client.ended).toBe(true);
  await rig.finish();
});

test("what a client sends beyond its length is its next request", async () => {
  const { rig, backend } = await scene();
  backend.answer = (text) => answer(/^\S+ (\S+)/.exec(text)?.[1] ?? "?");
  const client = await rig.client();
  client.send(post("ab").replace("POST / ", "POST /first ") + get("/second"));
  await rig.turn();
  expect([...client.text.matchAll(/\r\n\r\n(\/[a-z]+)/g)].map(([, path]) => path)).toEqual(["/first", "/second"]);
  await rig.finish();
});

test.each([
  ["says nothing", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 2],
  ["says keep-alive", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 1],
])("an endpoint of HTTP/1.0 that %s", async (_, reply, connections) => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  backend.answer = () => reply;
  for (let i = 0; i < 2; i++) expect(bodyOf(await rig.exchange(client, GET))).toBe("ok");
  expect(client.ended).toBe(false);
  expect(backend.connections).toHaveLength(connections);
  await rig.finish();
});
