/**
 * Endpoints that close kept connections at the very moment in which the next request is due: no request may fail, and
 * none that does something may arrive twice.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { pack } from "../../src/xds/types/any.ts";
import { ROUTER } from "../support/http-manager.ts";
import { cluster } from "../support/proxy-resources.ts";
import { ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

interface Case {
  readonly what: string;
  readonly method: "GET" | "POST";
  /** After so long without a request the endpoint closes. */
  readonly closesAfterMs: number;
  /** What it says of that. */
  readonly says: string;
  readonly clients: number;
  /** Of each client. */
  readonly requests: number;
}

const CASES: readonly Case[] = [
  {
    what: "5000 GETs, of which it says nothing",
    method: "GET",
    closesAfterMs: 150,
    says: "",
    clients: 100,
    requests: 50,
  },
  {
    what: "1000 POSTs, of which it says how long it keeps connections",
    method: "POST",
    closesAfterMs: 1000,
    says: "Keep-Alive: timeout=1\r\n",
    clients: 200,
    requests: 5,
  },
  {
    what: "500 POSTs, of which it says nothing",
    method: "POST",
    closesAfterMs: 1100,
    says: "",
    clients: 100,
    requests: 5,
  },
];

/** Answers each request, closes after its time, and counts what came. */
class ClosingServer {
  readonly #case: Case;
  readonly #server: Server;
  readonly #seen = new Map<string, number>();
  opened = 0;

  constructor(of: Case) {
    this.#case = of;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  #accept(socket: Socket): void {
    const { closesAfterMs, says } = this.#case;
    this.opened++;
    let timer: ReturnType<typeof setTimeout> | undefined;
    socket.on("error", () => {});
    socket.on("close", () => clearTimeout(timer));
    socket.on("data", (chunk: Buffer) => {
      clearTimeout(timer);
      for (const [, id = ""] of chunk.toString("latin1").matchAll(/^(?:GET|POST) \/(\S+)/gm))
        this.#seen.set(id, (this.#seen.get(id) ?? 0) + 1);
      socket.write(`HTTP/1.1 200 OK\r\n${says}content-length: 2\r\n\r\nok`);
      timer = setTimeout(() => socket.destroy(), closesAfterMs);
    });
  }

  /** Requests that came more than once. */
  get repeated(): string[] {
    return [...this.#seen].filter(([, times]) => times > 1).map(([id]) => id);
  }

  stop(): void {
    this.#server.close();
  }
}

describe("a kept connection that is closed as the request leaves", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-idle-race-"));
  const servers = CASES.map((it) => new ClosingServer(it));
  let ports: readonly number[] = [];
  let proxy: ProxyProcess;

  beforeAll(async () => {
    const backends = await Promise.all(servers.map((server) => server.listen()));
    proxy = await ProxyProcess.start(tulleProxy, join(folder, "proxy"), () => {
      const [admin = 0, ...listeners] = freePorts(1 + CASES.length);
      ports = listeners;
      return [bootstrapText(admin, listeners, backends), admin];
    });
  }, 40_000);
  afterAll(async () => {
    await proxy.stop();
    for (const server of servers) server.stop();
    rmSync(folder, { recursive: true });
  });

  test.each(CASES.map((it, i) => [it.what, it, i] as const))(
    "%s",
    async (_, of, i) => {
      const failed = await Promise.all(
        Array.from({ length: of.clients }, (_unused, client) => run(of, ports[i] ?? 0, client)),
      );
      const server = servers[i] as ClosingServer;
      expect(failed.flat()).toEqual([]);
      if (of.method === "POST") expect(server.repeated).toEqual([]);
      // Else none was closed, and nothing was tested.
      expect(server.opened).toBeGreaterThan(of.clients);
    },
    60_000,
  );
});

/** Sends requests whose gaps fall around the moment in which the endpoint closes. Returns what came in place of a 200. */
async function run(
  { clients, closesAfterMs, method, requests }: Case,
  port: number,
  client: number,
): Promise<string[]> {
  const socket = connect(port, "127.0.0.1");
  const failed: string[] = [];
  socket.on("error", (error) => failed.push(error.message));
  for (let i = 0; i < requests; i++) {
    const body = method === "POST" ? "content-length: 4\r\n\r\nbody" : "\r\n";
    const answer = new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(chunk.toString("latin1"))));
    socket.write(`${method} /${client}-${i} HTTP/1.1\r\nhost: app\r\n${body}`);
    const text = await answer;
    if (!text.startsWith("HTTP/1.1 200")) failed.push(text);
    await Bun.sleep(closesAfterMs - 5 + (10 * client) / clients);
  }
  socket.destroy();
  return failed;
}

function bootstrapText(admin: number, listeners: readonly number[], backends: readonly number[]): string {
  const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });
  const bootstrap: Bootstrap = {
    node: { id: "idle-race", cluster: "idle-race" },
    admin: { address: address(admin) },
    staticResources: {
      clusters: backends.map((port, i) => cluster(`server-${i}`, [port])),
      listeners: listeners.map((port, i) => {
        const routes = [{ match: { prefix: "/" }, route: { cluster: `server-${i}` } }];
        const manager: HttpConnectionManager = {
          statPrefix: `in-${i}`,
          routeConfig: { name: "all", virtualHosts: [{ name: "all", domains: ["*"], routes }] },
          httpFilters: [ROUTER],
        };
        const filters = [{ name: "http", typedConfig: pack(HttpConnectionManager, manager) }];
        return { name: `in-${i}`, address: address(port), filterChains: [{ filters }] };
      }),
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}
