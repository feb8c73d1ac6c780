/**
 * One proxy of several processes: one configuration, one admin port, true totals, even load; one that dies is replaced.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { cluster, httpListener, LOOPBACK, route, routes } from "../support/proxy-resources.ts";
import { call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { childrenOf } from "./support/running-process.ts";
import { StaticProxy } from "./support/static-proxy.ts";
import { faultsOf, requests, traffic } from "./support/traffic.ts";

const LIMIT_MS = 60_000;
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const LINE = '{"code":%RESPONSE_CODE%,"path":"%REQ(:PATH)%","agent":"%REQ(USER-AGENT)%"}\n';

/** Answers at once, or to `/slow` once it is told to. */
class Application {
  readonly #waiting: (() => void)[] = [];
  readonly #server = Bun.serve({
    hostname: LOOPBACK,
    port: 0,
    fetch: async (request) => {
      if (new URL(request.url).pathname === "/slow") await new Promise<void>((go) => this.#waiting.push(go));
      return new Response("ok");
    },
  });

  get port(): number {
    return this.#server.port as number;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  stop(): void {
    void this.#server.stop(true);
  }
}

describe("tulle proxy --workers 2", () => {
  let app: Application;
  let proxy: StaticProxy | undefined;
  const sockets: Socket[] = [];
  beforeAll(() => void (app = new Application()));
  afterAll(() => app.stop());
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy?.stop();
  }, LIMIT_MS);

  const start = (): Promise<StaticProxy> => {
    proxy = new StaticProxy({
      listeners: (portValue) => [
        httpListener(
          { routeConfig: routes([route("app")]), logFormat: LINE },
          { address: { socketAddress: { address: LOOPBACK, portValue } } },
        ),
      ],
      clusters: [cluster("app", [app.port])],
      args: ["--workers", "2"],
    });
    return proxy.ready();
  };

  /** Connections that have had an answer and stay open. */
  async function keptOpen(port: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const socket = connect(port, LOOPBACK);
      sockets.push(socket);
      socket.write(GET);
      await new Promise((resolve) => socket.once("data", resolve));
    }
  }

  const connectionsOf = (running: StaticProxy): Promise<number[]> =>
    Promise.all([0, 1].map((i) => running.stat(`tulle_worker_connections{worker="${i}"}`)));

  test(
    "totals are true, log lines are whole, the load is even",
    async () => {
      const running = await start();
      expect(childrenOf(running.process.pid).length).toBe(2);
      expect(
        faultsOf(await requests(3000, running.url, { connections: 16, headers: { "user-agent": "x".repeat(600) } })),
      ).toEqual({});
      await eventually("all is counted", async () => (await running.stat("http.in.downstream_rq_total")) === 3000);
      expect(await running.stat("cluster.app.upstream_rq_total")).toBe(3000);
      expect(await running.stat("cluster.app.membership_total")).toBe(1);
      expect(await running.admin("/stats/prometheus")).toMatch(/envoy_cluster_upstream_rq_total\{.*\} 3000\n/);
      expect(await running.admin("/clusters")).toMatch(/app::127\.0\.0\.1:\d+::rq_total::3000\n/);
      expect(JSON.parse(await running.admin("/server_info"))).toMatchObject({
        command_line_options: { concurrency: 2 },
      });
      const lines = await eventually("the log is written", () => {
        const found = running.process.output.split("\n").filter((line) => line.startsWith("{"));
        return found.length === 3000 && found;
      });
      expect(new Set(lines)).toEqual(new Set([`{"code":200,"path":"/","agent":"${"x".repeat(600)}"}`]));
      await eventually("they have gone", async () => (await connectionsOf(running)).every((n) => n === 0));
      await keptOpen(running.port, 8);
      expect(await connectionsOf(running)).toEqual([4, 4]);
      await keptOpen(running.port, 92);
      expect(await connectionsOf(running)).toEqual([50, 50]);
    },
    LIMIT_MS,
  );

  test(
    "a connection for each request: all are served, and none is left",
    async () => {
      const running = await start();
      for (let i = 0; i < 1000; i += 20) {
        const answers = await Promise.all(Array.from({ length: 20 }, () => call(running.url)));
        expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      }
      await eventually("they have gone", async () => (await connectionsOf(running)).every((n) => n === 0));
      expect(await running.stat("tulle_worker_handover_failures_total")).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "a worker that dies is replaced; the other goes on",
    async () => {
      const running = await start();
      const [victim = 0] = childrenOf(running.process.pid);
      const load = traffic(running.url, { t: "rate", perSecond: 200, durationMs: 20_000 }, { connections: 4 });
      await eventually("there is traffic", async () => (await running.stat("http.in.downstream_rq_total")) > 50);
      process.kill(victim, "SIGKILL");
      await eventually(
        "it is replaced",
        async () => (await running.stat("tulle_workers")) === 2 && childrenOf(running.process.pid).length === 2,
      );
      expect(childrenOf(running.process.pid)).not.toContain(victim);
      expect(await running.admin("/ready")).toBe("LIVE\n");
      expect(await running.stat("tulle_worker_restarts_total")).toBe(1);
      expect(running.process.output).toContain("a worker ended");
      const before = (await connectionsOf(running)).length;
      expect(before).toBe(2);
      await keptOpen(running.port, 6);
      await eventually("the new one serves too", async () => (await connectionsOf(running)).every((n) => n > 0));
      load.stop();
      const { tally } = await load.done;
      // Requests that were on its connections are lost, and no others.
      expect(tally.statuses.get(200) ?? 0).toBeGreaterThan(50);
      expect([...tally.statuses.keys()]).toEqual([200]);
    },
    LIMIT_MS,
  );

  for (const signal of ["SIGINT", "SIGTERM"] as const)
    test(
      `on ${signal} what is under way ends, all processes go, the port is free`,
      async () => {
        const running = await start();
        const answers = [0, 1, 2, 3].map(() => fetch(`${running.url}/slow`).then((answer) => answer.text()));
        await eventually("they are under way", () => app.waiting === 4);
        // As a terminal does: to the whole group.
        const children = childrenOf(running.process.pid);
        for (const pid of [...children, running.process.pid]) process.kill(pid, signal);
        await eventually("it has stopped accepting", () =>
          fetch(running.url, { signal: AbortSignal.timeout(1000) }).then(
            () => false,
            () => true,
          ),
        );
        app.release();
        expect(await Promise.all(answers)).toEqual(["ok", "ok", "ok", "ok"]);
        expect(await running.process.ended()).toBe(0);
        expect(children.filter((pid) => isThere(pid))).toEqual([]);
        Bun.listen({ hostname: LOOPBACK, port: running.port, socket: { data() {} } }).stop(true);
        expect(running.process.output.split("\n").filter((line) => line.includes('"/slow"')).length).toBe(4);
      },
      LIMIT_MS,
    );

  test(
    "workers end when the main process is killed",
    async () => {
      const running = await start();
      const children = childrenOf(running.process.pid);
      running.process.signal("SIGKILL");
      await eventually("they have gone", () => children.every((pid) => !isThere(pid)));
    },
    LIMIT_MS,
  );
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("tulle up --shared --workers 2", () => {
  let mesh: MeshRun | undefined;
  afterAll(async () => void (await mesh?.stop()), LIMIT_MS);

  test(
    "is one proxy to the control plane, and a change applies to all of it",
    async () => {
      mesh = await MeshRun.start({ args: ["--shared", "--workers", "2"] });
      const url = `${mesh.url("productpage")}/productpage`;
      expect(faultsOf(await requests(100, url, { connections: 8 }))).toEqual({});
      const status = await mesh.status();
      // The shared one, and the gateway of the example.
      const ids = status.proxies.map(({ id }) => id).sort();
      expect(ids).toEqual([expect.stringContaining("gateway"), "node"]);
      expect(status.publication.acknowledged).toBe(2);
      mesh.write("reviews.yaml", mesh.read("reviews.yaml").replace(/weight: \d+/g, "weight: 50"));
      await eventually("it is acknowledged", async () => {
        const { publication } = (await mesh?.status()) ?? status;
        return publication.version > status.publication.version && publication.acknowledged === 2;
      });
      expect(faultsOf(await requests(100, url, { connections: 8 }))).toEqual({});
    },
    LIMIT_MS,
  );
});
