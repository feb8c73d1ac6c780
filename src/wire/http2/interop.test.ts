/** Sessions over real sockets against other implementations: nghttp2's tools and the runtime's own HTTP/2. */
import { afterEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket as NodeSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SessionLog, StreamLog } from "../../../tests/support/http2-pair.ts";
import { FieldsSession } from "./fields-session.ts";

const has = (tool: string): boolean => Bun.which(tool) !== null;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** Carries bytes between a session and a real socket; returns what to call after using the session. */
function drive(session: FieldsSession, socket: NodeSocket): () => void {
  const flush = (): void => {
    while (session.output.length > 0) {
      const bytes = Buffer.from(session.output);
      session.consumeOutput(bytes.length);
      socket.write(bytes);
    }
    if (session.finished) socket.end();
  };
  socket.on("data", (chunk: Buffer) => {
    session.receive(chunk, performance.now());
    flush();
  });
  socket.on("error", () => {});
  flush();
  return flush;
}

/** Our server: answers a GET with its path and anything else with the body that it got. */
async function ourServer(): Promise<number> {
  const server = createServer((socket) => {
    const log = new SessionLog();
    const session = new FieldsSession("server", log, { settings: { maxConcurrentStreams: 1000 } });
    log.onRequest = (request) => {
      const head = request.heads[0]!;
      const body =
        head[head.indexOf(":method") + 1] === "GET" ? Buffer.from(head[head.indexOf(":path") + 1]!) : request.body;
      request.stream!.sendHeaders([":status", "200", "server", "tulle"], false);
      const all = Uint8Array.from(body);
      let sent = 0;
      request.onMore = () => {
        sent += request.stream!.sendData(all.subarray(sent), true);
      };
      request.onMore();
    };
    drive(session, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function run(tool: string, args: readonly string[]): Promise<string> {
  const child = spawn(tool, args, { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (out += chunk));
  await new Promise((resolve) => child.on("close", resolve));
  return out;
}

/** A client session on a real connection, with `ask` for one request. */
async function ourClient(port: number): Promise<{ ask(path: string, body?: Uint8Array): Promise<StreamLog> }> {
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  cleanups.push(() => socket.destroy());
  const session = new FieldsSession("client", new SessionLog());
  const flush = drive(session, socket);
  return {
    ask: (path, body) =>
      new Promise((resolve) => {
        const log = new StreamLog();
        log.onEnd = resolve;
        const method = body === undefined ? "GET" : "POST";
        const fields = [":method", method, ":scheme", "http", ":path", path, ":authority", `127.0.0.1:${port}`];
        log.stream = session.request(fields, body === undefined, log);
        if (body !== undefined) {
          let sent = 0;
          log.onMore = () => {
            sent += log.stream!.sendData(body.subarray(sent), true);
          };
          log.onMore();
        }
        flush();
      }),
  };
}

/** A free port, as far as anyone can know. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(connects: number): Promise<void> {
  for (;;) {
    const ok = await new Promise<boolean>((resolve) => {
      const socket = connect(connects, "127.0.0.1");
      socket.once("connect", () => (socket.destroy(), resolve(true))).once("error", () => resolve(false));
    });
    if (ok) return;
  }
}

describe("nghttp2's tools", () => {
  for (const tool of ["nghttp", "h2load", "nghttpd"])
    if (!has(tool)) console.warn(`SKIPPED: ${tool} is not installed (Debian package nghttp2)`);

  test.skipIf(!has("nghttp"))("nghttp fetches from our server", async () => {
    const port = await ourServer();
    expect(await run("nghttp", [`http://127.0.0.1:${port}/hello`])).toBe("/hello");
    const verbose = await run("nghttp", [
      "-v",
      "-m",
      "20",
      "-H",
      `x-long: ${"é~".repeat(9000)}`,
      `http://127.0.0.1:${port}/x`,
    ]);
    expect(verbose.match(/:status: 200/g)?.length).toBe(20);
    expect(verbose).toContain("server: tulle");
  });

  test.skipIf(!has("nghttp"))("nghttp uploads three megabytes and gets them back", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tulle-h2-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "body");
    const body = Buffer.alloc(3_000_000, "tulle ");
    writeFileSync(file, body);
    const port = await ourServer();
    expect((await run("nghttp", ["-d", file, `http://127.0.0.1:${port}/`])) === body.toString()).toBe(true);
  });

  test.skipIf(!has("h2load"))("h2load: 20 000 requests on 4 connections of 50 streams, all answered", async () => {
    const port = await ourServer();
    const out = await run("h2load", ["-n", "20000", "-c", "4", "-m", "50", `http://127.0.0.1:${port}/load`]);
    expect(out).toContain("20000 succeeded, 0 failed, 0 errored, 0 timeout");
    expect(out).toContain("status codes: 20000 2xx");
  });

  test.skipIf(!has("nghttpd"))("our client uses nghttpd", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tulle-h2-"));
    const port = await freePort();
    const text = "nghttpd ".repeat(100_000);
    writeFileSync(join(folder, "file"), text);
    const child = spawn("nghttpd", ["--no-tls", "-a", "127.0.0.1", "-d", folder, String(port)], { stdio: "ignore" });
    cleanups.push(
      () => rmSync(folder, { recursive: true }),
      () => child.kill("SIGKILL"),
    );
    await until(port);
    const client = await ourClient(port);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask("/file")));
    for (const answer of answers) expect(answer.text === text).toBe(true);
    expect((await client.ask("/absent")).heads[0]!.slice(0, 2)).toEqual([":status", "404"]);
    expect((await client.ask("/file", new Uint8Array(500_000))).heads[0]!.slice(0, 2)).toEqual([":status", "200"]);
  });
});

describe("the runtime's HTTP/2", () => {
  test("its client uses our server", async () => {
    const port = await ourServer();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const ask = (size: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":method": "POST", ":path": "/" });
        let out = "";
        stream.setEncoding("latin1");
        stream.on("data", (chunk) => (out += chunk));
        stream.on("end", () => resolve(out));
        stream.on("error", reject);
        stream.end("x".repeat(size));
      });
    const sizes = [0, 1, 16_384, 16_385, 70_000, 400_000];
    expect((await Promise.all(sizes.map(ask))).map((body) => body.length)).toEqual(sizes);
  });

  test("our client uses its server", async () => {
    const server = createHttp2Server((request, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      request.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    const client = await ourClient((server.address() as AddressInfo).port);
    const sizes = [0, 1, 16_384, 16_385, 70_000, 400_000];
    const answers = await Promise.all(sizes.map((size) => client.ask("/", new Uint8Array(size).fill(120))));
    expect(answers.map((answer) => answer.body.length)).toEqual(sizes);
  });
});
