/**
 * `tulle load` against a real server on loopback.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "./support/cli-context.ts";

describe("tulle load", () => {
  let server: Bun.Server<undefined>;
  let url = "";
  let served = 0;

  beforeAll(() => {
    server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        const n = served++;
        if (pathname === "/broken") return new Response("no", { status: 503 });
        if (pathname === "/echo")
          return Response.json({
            method: request.method,
            user: request.headers.get("end-user"),
            bytes: (await request.bytes()).length,
          });
        return Response.json({ version: n % 10 === 0 ? "v3" : "v1" }, { headers: { "x-url": request.url } });
      },
    });
    url = server.url.origin;
  });

  afterAll(() => server.stop(true));

  test("prints what it found", async () => {
    const { code, out, err } = await runCli(["load", `${url}/`, "--count", "500", "--split-by", "json:.version"]);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^requests {3}500, of which answered 500 in \d+\.\d\d s: \d+(\.\d)? a second$/m);
    expect(out).toMatch(/^statuses {3}200: 500$/m);
    expect(out).toMatch(/^latency {4}p50 [\d.]+ ms {2}p90 [\d.]+ ms {2}p99 [\d.]+ ms/m);
    expect(out).toMatch(/^VALUE {2}ANSWERS {2}SHARE +P50 +P99$/m);
    expect(out).toMatch(/^v1 +450 {2}90\.0% /m);
    expect(out).toMatch(/^v3 +50 {2}10\.0% /m);
  });

  test("the same as JSON, with nothing live in between", async () => {
    const args = ["--rps", "400", "--duration", "1200ms", "--connections", "2", "-o", "json"];
    const { code, out } = await runCli(["load", `${url}/`, "--split-by", "header:x-url", ...args]);
    expect(code).toBe(0);
    const said = JSON.parse(out) as Record<string, Record<string, number>> & { requests: number };
    expect(said.requests).toBeWithin(440, 520);
    expect(said["answered"]).toBe(said.requests as never);
    expect(said["errors"]).toEqual({});
    expect(said["statuses"]).toEqual({ "200": said.requests });
    expect(said["split"]).toMatchObject({
      by: "header:x-url",
      values: { [`${url}/`]: { count: said.requests, share: 1 } },
    });
    expect(Object.keys(said["latencyMs"] ?? {})).toEqual(["p50", "p90", "p99", "p99.9", "min", "max", "mean"]);
  });

  test("a live line a second", async () => {
    const { out } = await runCli(["load", `${url}/`, "--rps", "100", "--duration", "1100ms"]);
    expect(out).toMatch(/^ {2}1s +\d+ rps +\d+ answers {2}p50 [\d.]+ ms {2}p99 [\d.]+ ms {2}no errors$/m);
  });

  test("sends method, headers and body, through a proxy too", async () => {
    const args = ["--count", "1", "-H", "end-user: jason", "--body-bytes", "70000", "-o", "json", "--split-by"];
    const { out } = await runCli(["load", `${url}/echo`, ...args, "json:.bytes"]);
    expect(out).toContain('"70000"');
    expect((await runCli(["load", `${url}/echo`, ...args, "json:.method"])).out).toContain('"POST"');
    expect((await runCli(["load", `${url}/echo`, "--method", "PUT", ...args, "json:.user"])).out).toContain('"jason"');
    const proxied = await runCli([
      "load",
      "http://reviews:9080/x",
      "--proxy",
      url,
      "--count",
      "1",
      "--split-by",
      "header:x-url",
    ]);
    expect(proxied.out).toContain("http://reviews:9080/x");
  });

  test("fails where answers fail, and says how", async () => {
    const broken = await runCli(["load", `${url}/broken`, "--count", "10"]);
    expect(broken.code).toBe(1);
    expect(broken.out).toContain("503: 10");
    const refused = await runCli(["load", "http://127.0.0.1:1/", "--count", "3"]);
    expect(refused.code).toBe(1);
    expect(refused.out).toContain("errors     connect 3, the first: 127.0.0.1:1: ECONNREFUSED");
  });

  test("without an address asks the mesh that runs, and sends through a workload's proxy where it is told", async () => {
    const run = mkdtempSync(join(tmpdir(), "tulle-load-"));
    const none = await runCli(["load", "--run-folder", run]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("no mesh runs here")]);
    const services = [{ name: "page", namespace: "default", host: "page.default.svc.cluster.local", url }];
    const proxies = [{ instance: "a-v1", workload: "a-v1", admin: url, inbound: [], outbound: url, loopbacks: {} }];
    const mesh = { controlPlane: { admin: url, xds: "127.0.0.1:1" }, services, proxies, pid: process.pid };
    writeFileSync(join(run, "mesh.json"), JSON.stringify(mesh));
    const args = ["--run-folder", run, "--count", "1", "--split-by", "header:x-url"];
    const first = await runCli(["load", ...args]);
    expect([first.code, first.err]).toEqual([0, `no URL was given: page at ${url}/\n`]);
    expect(first.out).toContain(`${url}/`);
    const through = await runCli(["load", "http://reviews:9080/x", "--from", "a-v1", ...args]);
    expect(through.out).toContain("http://reviews:9080/x");
    expect((await runCli(["load", "http://reviews:9080/x", "--from", "b", ...args])).code).toBe(2);
    rmSync(run, { recursive: true });
  });

  test.each([
    [["load", "http://a/", "--from", "x", "--proxy", "http://b/"], "cannot be used with"],
    [["load", "reviews:9080"], "the URL must be like http://"],
    [["load", "http://a/", "--rps", "0"], "Write a number above 0"],
    [["load", "http://a/", "--duration", "soon"], "Write a duration such as"],
    [["load", "http://a/", "--count", "5", "--rps", "3"], "cannot be used with"],
    [["load", "http://a/", "-H", "nothing"], "Write a header as"],
    [["load", "http://a/", "-H", "a: b\r\nc: d"], "Write a header as"],
    [["load", "http://a/", "--split-by", "x"], "must be header:<name> or json:.<field>"],
    [["load", "http://a/", "--connections", "0"], "whole number from 1"],
    [["load", "http://a/", "--method", "GE T"], "is not a method"],
  ])("%j is wrong usage", async (args, message) => {
    const { code, err } = await runCli(args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
