import { afterEach, describe, expect, test } from "bun:test";
import { type HttpHandler, type HttpServer, type HttpServerOptions, serveHttp } from "./http-server.ts";

const running: HttpServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(handler: HttpHandler, options: Partial<HttpServerOptions> = {}): Promise<string> {
  const server = await serveHttp({ port: 0, ...options }, handler);
  running.push(server);
  return `http://127.0.0.1:${server.port}`;
}

const status = async (url: string, init: RequestInit = {}): Promise<number> => (await fetch(url, init)).status;

describe("serveHttp()", () => {
  test("answers on loopback, with what the handler gives", async () => {
    const url = await start(async (request) => new Response(`${request.method} ${new URL(request.url).pathname}`));
    const response = await fetch(`${url}/a/b`, { method: "POST" });
    expect([response.status, await response.text()]).toEqual([200, "POST /a/b"]);
  });

  test("names address and port when the port is in use", async () => {
    const url = await start(() => new Response());
    const port = Number(new URL(url).port);
    await expect(serveHttp({ port }, () => new Response())).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: EADDRINUSE: another program listens there; stop it or choose another port`,
    );
  });

  test("refuses bodies over the limit", async () => {
    const url = await start(async (request) => new Response(String((await request.bytes()).length)), {
      maxBodyBytes: 10,
    });
    expect(await status(url, { method: "POST", body: "x".repeat(10) })).toBe(200);
    expect(await status(url, { method: "POST", body: "x".repeat(11) })).toBe(413);
  });

  test("answers 500 with the message when the handler throws", async () => {
    const url = await start(() => {
      throw new Error("no such thing");
    });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([500, "no such thing\n"]);
  });

  test.each([
    ["host", "attacker.example", 403],
    ["host", "localhost:1", 200],
    ["host", "[::1]:1", 200],
    ["host", "127.0.0.1", 200],
    ["origin", "https://attacker.example", 403],
    ["origin", "null", 403],
    ["sec-fetch-site", "cross-site", 403],
    ["sec-fetch-site", "none", 200],
  ])("with %s: %s answers %i", async (name, value, expected) => {
    const url = await start(() => new Response());
    expect(await status(url, { headers: { [name]: value } })).toBe(expected);
  });

  test("takes requests of its own pages", async () => {
    const url = await start(() => new Response());
    expect(await status(url, { method: "POST", headers: { origin: url, "sec-fetch-site": "same-origin" } })).toBe(200);
  });

  test("close() ends connections that are open", async () => {
    let release = (): void => {};
    const server = await serveHttp(
      { port: 0 },
      () => new Promise((resolve) => (release = () => resolve(new Response()))),
    );
    const asked = fetch(`http://127.0.0.1:${server.port}`);
    asked.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    await expect(asked).rejects.toThrow();
    release();
  });
});
