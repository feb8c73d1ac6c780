import { afterEach, describe, expect, test } from "bun:test";
import { httpGet } from "./http-get.ts";
import { type HttpHandler, type HttpServer, serveHttp } from "./http-server.ts";

const running: HttpServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(handler: HttpHandler): Promise<string> {
  const server = await serveHttp({ port: 0 }, handler);
  running.push(server);
  return `http://127.0.0.1:${server.port}`;
}

describe("httpGet()", () => {
  test("gives status and body", async () => {
    const url = await start((r) => new Response(`${r.method} ${new URL(r.url).search} ä`, { status: 404 }));
    expect(await httpGet(`${url}/a?b=c`)).toEqual({ status: 404, body: "GET ?b=c ä" });
    expect((await httpGet(url, { method: "POST" })).body).toStartWith("POST");
  });

  test("names the URL when nobody is there", async () => {
    const server = await serveHttp({ port: 0 }, () => new Response());
    await server.close();
    const url = `http://127.0.0.1:${server.port}/`;
    await expect(httpGet(url)).rejects.toThrow(`no answer from ${url}: ECONNREFUSED`);
  });

  test("takes no more than the limit", async () => {
    const url = await start(() => new Response("x".repeat(100_000)));
    await expect(httpGet(url, { maxBytes: 1000 })).rejects.toThrow("it is longer than 1000 bytes");
  });

  test("waits no longer than the limit", async () => {
    const url = await start(() => new Promise(() => {}));
    await expect(httpGet(url, { timeoutMs: 20 })).rejects.toThrow("none within 20 ms");
  });

  test("does not go through a proxy that the environment names", async () => {
    const url = await start(() => new Response("direct"));
    const script = `import { httpGet } from "${import.meta.dir}/http-get.ts"; console.log((await httpGet("${url}")).body);`;
    const env = { ...process.env, http_proxy: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" };
    const child = Bun.spawn([process.execPath, "-e", script], { env, stdout: "pipe" });
    expect(await new Response(child.stdout).text()).toBe("direct\n");
  });
});
