import { expect, test } from "bun:test";
import { tunnelled } from "../../tests/support/tunnelled.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { deafHandler, type Socket } from "../net/socket.ts";
import { ConnectHandshake } from "./connect-handshake.ts";

const CLUSTER = "cluster.outbound|5432||db.default.svc.cluster.local";
const through = (more: TcpProxy = {}, cluster: Partial<Cluster> = {}) =>
  tunnelled(cluster, { tunnelingConfig: { hostname: "db.example.com:5432" }, ...more });
const ASKED = "CONNECT db.example.com:5432 HTTP/1.1\r\nhost: db.example.com:5432\r\n\r\n";

test("the endpoint is asked for a way, and then bytes go both ways", async () => {
  const { rig, backend } = await through();
  const client = await rig.client();
  client.send("hello");
  await rig.turn();
  expect(backend.last.take()).toBe(ASKED);
  backend.last.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Conn");
  await rig.turn();
  expect(backend.last.take()).toBe("");
  backend.last.send("ection established\r\nx: y\r\n\r\n220 ready");
  await rig.turn();
  expect(backend.last.take()).toBe("hello");
  expect(client.take()).toBe("220 ready");
  backend.last.send("more");
  client.send("again");
  await rig.turn();
  expect([client.take(), backend.last.take()]).toEqual(["more", "again"]);
  client.socket.destroy();
  await rig.turn();
  expect(backend.last.closed).toBe(true);
  expect(rig.stat(`${CLUSTER}.upstream_cx_active`)).toBe(0);
  await rig.finish();
});

test.each([
  ["a refusal", "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"],
  ["no HTTP", "220 ready\r\n"],
  ["a head that never ends", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}`],
])("%s closes the client, after the attempts that are configured", async (_, answer) => {
  const { rig, backend } = await through({ maxConnectAttempts: 2 });
  const client = await rig.client();
  for (let attempt = 1; attempt <= 2; attempt++) {
    await rig.turn();
    expect(backend.connections).toHaveLength(attempt);
    backend.last.send(answer);
  }
  await rig.turn();
  expect(client.ended).toBe(true);
  expect(backend.connections).toHaveLength(2);
  expect(backend.open).toHaveLength(0);
  expect(rig.stat(`${CLUSTER}.upstream_cx_active`)).toBe(0);
  await rig.finish();
});

test("a proxy that has very much to say ahead of its answer is heard out", () => {
  const socket = {
    handler: deafHandler,
    write: (_: Uint8Array, from = 0, to = 0) => to - from,
  } as Partial<Socket> as Socket;
  const heard: string[] = [];
  const handshake = new ConnectHandshake(socket, "db:5432", 1000, {
    onOpen: (greeting) => heard.push(Buffer.concat([...greeting.heard]).toString()),
    onRefused: (error) => expect.unreachable(error.message),
    onClosed: () => expect.unreachable(),
  });
  handshake.begin();
  const ahead = "HTTP/1.1 100 Continue\r\n\r\n".repeat(40_000);
  handshake.onData(Buffer.from(`${ahead}HTTP/1.1 200 OK\r\n\r\n220 ready`));
  expect(heard).toEqual(["220 ready"]);
});

test.each(["end", "destroy"] as const)("a proxy that goes without an answer (%s) closes the client", async (how) => {
  const { rig, backend } = await through();
  const client = await rig.client();
  await rig.turn();
  backend.last.socket[how]();
  await rig.turn();
  expect(client.ended).toBe(true);
  expect(rig.stat(`${CLUSTER}.upstream_cx_active`)).toBe(0);
  await rig.finish();
});

test("a proxy that says nothing is waited for as long as for a connection", async () => {
  const { rig, backend } = await through({}, { connectTimeout: 5000 });
  const client = await rig.client();
  await rig.turn();
  await rig.advance(3000);
  expect(client.ended).toBe(false);
  await rig.advance(4000);
  expect(client.ended).toBe(true);
  expect(backend.open).toHaveLength(0);
  await rig.finish();
});

test("a client that goes while the proxy thinks leaves nothing behind", async () => {
  const { rig, backend } = await through();
  const client = await rig.client();
  await rig.turn();
  client.socket.destroy();
  await rig.turn();
  expect(backend.open).toHaveLength(0);
  expect(rig.stat(`${CLUSTER}.upstream_cx_active`)).toBe(0);
  await rig.finish();
});
