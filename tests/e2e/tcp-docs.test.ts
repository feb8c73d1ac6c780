/**
 * The bootstrap of docs/tcp.md, on free ports.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { clientHello } from "../support/client-hello.ts";
import { eventually } from "./support/eventually.ts";
import { ProxyProcess, tulleProxy } from "./support/proxy-process.ts";
import { converse } from "./tcp/client.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/tcp.md"), "utf8");
const example = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "tulle-tcp-docs-"));
const servers: Server[] = [];
let ports: readonly number[] = [];
let proxy: ProxyProcess;
const heard = { db: "", rest: "" };

async function serve(port: number, accept: (socket: Socket) => void): Promise<void> {
  const server = createServer(accept);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
}

beforeAll(async () => {
  proxy = await ProxyProcess.start(tulleProxy, join(folder, "tulle"), () => {
    ports = freePorts(4);
    const own = new Map([15_000, 9000, 9001, 9002].map((port, i) => [String(port), String(ports[i])]));
    return [
      example.replace(/"portValue": (\d+)/g, (_, port: string) => `"portValue": ${own.get(port)}`),
      ports[0] ?? 0,
    ];
  });
  await serve(ports[2] ?? 0, (socket) => socket.on("data", (chunk) => (heard.db += chunk.toString("latin1"))));
  await serve(ports[3] ?? 0, (socket) => {
    socket.write("220 welcome\r\n");
    socket.on("data", (chunk) => (heard.rest += chunk.toString("latin1")));
  });
}, 40_000);

afterAll(async () => {
  await proxy?.stop();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

test("TLS by its name, untouched, behind a line that says who it is from", async () => {
  const hello = await clientHello("db.example.com");
  await converse(ports[1] ?? 0, "127.1.2.3", [{ send: hello }, { waitMs: 100 }], "127.0.0.1");
  await eventually("the endpoint has it", () => heard.db.endsWith(hello));
  expect(heard.db.slice(0, -hello.length)).toMatch(new RegExp(`^PROXY TCP4 127.1.2.3 127.0.0.1 \\d+ ${ports[1]}\r\n$`));
});

test("a server that speaks first is heard", async () => {
  const { text } = await converse(ports[1] ?? 0, "127.1.2.4", [{ bytes: 13 }, { send: "EHLO" }], "127.0.0.1");
  expect(text).toBe("220 welcome\r\n");
  await eventually("the server has it", () => heard.rest === "EHLO");
});
