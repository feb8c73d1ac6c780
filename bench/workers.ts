/**
 * `bun bench/workers.ts [--seconds S]`
 *
 * What several workers cost and how even their load is: CPU µs a kept-alive request and a new connection with 1 and with 2
 * workers in one run, memory, and the connections of the fullest of N listeners that share a port by `SO_REUSEPORT`, as
 * the other way would have it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts } from "../src/net/free-ports.ts";
import { Bootstrap } from "../src/xds/proto/bootstrap.ts";
import { toJson } from "../src/xds/types/codec.ts";
import { cluster, httpListener, LOOPBACK, route, routes } from "../tests/support/proxy-resources.ts";
import { childrenOf } from "../tests/e2e/support/running-process.ts";
import { eventually } from "../tests/e2e/support/eventually.ts";
import { requests } from "../tests/e2e/support/traffic.ts";

const { values } = parseArgs({ options: { requests: { type: "string", default: "30000" } } });
const REQUESTS = Number(values.requests);
const CHURN = 3000;
const root = join(import.meta.dir, "..");
const folder = mkdtempSync(join(tmpdir(), "tulle-bench-"));

const answer = Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
const backend = Bun.listen({
  hostname: LOOPBACK,
  port: 0,
  socket: { data: (socket, data) => void (data.length > 0 && socket.write(answer)) },
});

function cpuMs(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((a, b) => a + b, 0) * 10;
}

function memoryMb(pid: number, field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Math.round(Number(line?.[1]) / 1024);
}

async function start(workers: number) {
  const [port = 0, adminPort = 0] = freePorts(2);
  const at = (portValue: number) => ({ address: { socketAddress: { address: LOOPBACK, portValue } } });
  const bootstrap: Bootstrap = {
    admin: at(adminPort),
    staticResources: {
      listeners: [httpListener({ routeConfig: routes([route("app")]), accessLog: [] }, at(port))],
      clusters: [cluster("app", [backend.port])],
    },
  };
  const file = join(folder, `${workers}.json`);
  writeFileSync(file, JSON.stringify(toJson(Bootstrap, bootstrap)));
  const program = [process.execPath, join(root, ".cache/proxy/proxy-main.js")];
  const child = Bun.spawn([...program, "-c", file, "--workers", String(workers), "--log-level", "error"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ready = `http://127.0.0.1:${adminPort}/ready`;
  await eventually("it is ready", () =>
    fetch(ready).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  await Bun.sleep(2500);
  const pids = [child.pid, ...childrenOf(child.pid)];
  return { port, url: `http://127.0.0.1:${port}/`, pids, child };
}

function once(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK, () =>
      socket.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
    );
    socket.on("data", () => {});
    socket.on("close", () => resolve());
  });
}

async function churn(port: number): Promise<void> {
  for (let i = 0; i < CHURN; i += 8) await Promise.all(Array.from({ length: 8 }, () => once(port)));
}

/** Connections that each of `listeners` got, sharing one port. */
async function shared(listeners: number, connections: number): Promise<number[]> {
  const got = Array.from({ length: listeners }, () => 0);
  let port = 0;
  const open = got.map((_, i) => {
    const socket = { open: () => void (got[i]! += 1), data() {} };
    // Bun takes `reusePort`, and its types of 1.4.5 do not say so.
    const options = { hostname: LOOPBACK, port, reusePort: true, socket };
    const listener = Bun.listen(options);
    port = listener.port;
    return listener;
  });
  const clients: Socket[] = [];
  for (let i = 0; i < connections; i++)
    clients.push(
      await new Promise((resolve) => {
        const socket = connect(port, LOOPBACK, () => resolve(socket));
      }),
    );
  await Bun.sleep(20);
  for (const client of clients) client.destroy();
  for (const listener of open) listener.stop(true);
  return got;
}

for (const listeners of [2, 4])
  for (const connections of [8, 100]) {
    const fullest: number[] = [];
    for (let round = 0; round < 30; round++) fullest.push(Math.max(...(await shared(listeners, connections))));
    fullest.sort((a, b) => a - b);
    const even = Math.ceil(connections / listeners);
    console.log(
      `SO_REUSEPORT, ${listeners} listeners, ${connections} connections: the fullest has ${fullest[15]} (median), ${fullest[29]} (worst of 30); even is ${even}`,
    );
  }

const running = [await start(1), await start(2)];
for (const { pids } of running)
  console.log(
    `${Math.max(1, pids.length - 1)} worker(s): idle RSS ${pids.map((pid) => memoryMb(pid, "Rss")).join(" + ")} MB, proportional ${pids.map((pid) => memoryMb(pid, "Pss")).join(" + ")} MB`,
  );
for (let round = 0; round < 4; round++)
  for (const { url, port, pids } of running) {
    const before = cpuMs(pids);
    const startMs = performance.now();
    await requests(REQUESTS, url, { connections: 32 });
    const between = cpuMs(pids);
    const tookMs = performance.now() - startMs;
    await churn(port);
    const after = cpuMs(pids);
    console.log(
      `round ${round}: ${Math.max(1, pids.length - 1)} worker(s): ${(((between - before) * 1000) / REQUESTS).toFixed(1)} µs a request (${Math.round((REQUESTS / tookMs) * 1000)}/s), ${(((after - between) * 1000) / CHURN).toFixed(0)} µs a connection with one request`,
    );
  }
for (const { child } of running) child.kill("SIGTERM");
await Promise.all(running.map(({ child }) => child.exited));
backend.stop(true);
rmSync(folder, { recursive: true, force: true });
