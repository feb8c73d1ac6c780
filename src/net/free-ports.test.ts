import { expect, test } from "bun:test";
import { freePorts, isFreePort } from "./free-ports.ts";

test("ports are different, free, and none that the kernel gives to clients", () => {
  const ports = freePorts(50);
  expect(new Set(ports).size).toBe(50);
  for (const port of ports) expect([port < 32_768, isFreePort(port)]).toEqual([true, true]);
});

test("one that is taken is not given", () => {
  const [port = 0] = freePorts(1);
  const listener = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
  expect(isFreePort(port)).toBe(false);
  for (let i = 0; i < 20; i++) expect(freePorts(3)).not.toContain(port);
  listener.stop(true);
});

test("one that takes datagrams is taken for those alone", async () => {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: freePorts(1)[0] as number });
  expect([isFreePort(socket.port), isFreePort(socket.port, true)]).toEqual([true, false]);
  socket.close();
  expect(isFreePort(socket.port, true)).toBe(true);
});
