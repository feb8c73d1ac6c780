/**
 * How `tulle up` ends: on request, or because something is wrong. Nothing stays behind, and the exit code is honest.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call } from "./support/call.ts";
import { destinationRule, document, serviceOf, virtualService } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun, type MeshRunOptions } from "./support/mesh-run.ts";
import { processesIn, RunningProcess, TULLE } from "./support/running-process.ts";
import { requests } from "./support/traffic.ts";

const LIMIT_MS = 60_000;
const app = (program: string): string[] => [process.execPath, `${APPS}/${program}.ts`];
const PERMISSIVE = document(
  "security.istio.io/v1",
  "PeerAuthentication",
  "{name: default, namespace: istio-system}",
  "{mtls: {mode: PERMISSIVE}}",
);

describe("tulle up ends", () => {
  let mesh: MeshRun | undefined;
  afterEach(async () => void (await mesh?.stop()), LIMIT_MS);

  const launch = (options: MeshRunOptions): MeshRun => (mesh = MeshRun.launch(options));
  const shop = (text: string): MeshRunOptions => ({ folder: APPS, files: { "shop.yaml": text + PERMISSIVE } });

  /** Waits for the end. @returns What it said. */
  async function ended(run: MeshRun, code: number): Promise<string> {
    expect(await run.process.ended(30_000), run.process.output).toBe(code);
    expect(processesIn(run.folder)).toEqual([]);
    expect(existsSync(join(run.runFolder, "mesh.json"))).toBe(false);
    expect(run.process.output).not.toContain("/src/");
    return run.process.output;
  }

  const isFree = (port: number): boolean => {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  };

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(
      `on ${signal}: code 0, all children gone, ports free`,
      async () => {
        const run = launch({});
        await run.ready();
        const url = `${run.url("productpage")}/productpage`;
        expect((await requests(50, url)).tally.statuses.get(200)).toBe(50);
        // The mesh itself runs in the folder of the test, its proxies and applications in theirs.
        expect(processesIn(run.folder).length).toBe(16);
        expect(existsSync(join(run.runFolder, "mesh.json"))).toBe(true);
        run.process.signal(signal);
        expect(await ended(run, 0)).toContain("stopping");
        const { controlPlane, proxies } = run.file;
        const addresses = [
          controlPlane.admin,
          controlPlane.xds,
          ...proxies.flatMap((p) => [p.admin, p.outbound, ...p.inbound]),
        ];
        for (const address of addresses) expect(isFree(Number(address.split(":").at(-1)))).toBe(true);
      },
      LIMIT_MS,
    );
  }

  test(
    "on SIGINT while it starts",
    async () => {
      const run = launch({});
      await eventually("it has begun", () => run.process.output.includes("control plane"));
      run.process.signal("SIGINT");
      await ended(run, 0);
    },
    LIMIT_MS,
  );

  test(
    "at a second signal: at once, with all that it has started",
    async () => {
      const run = launch(shop(serviceOf("stubborn", app("stubborn"))));
      await run.ready();
      await eventually("the child is there", () => processesIn(run.folder).length === 4);
      run.process.signal("SIGTERM");
      await eventually("it is stopping", () => run.process.output.includes("stopping"));
      run.process.signal("SIGINT");
      await eventually("all are gone", () => processesIn(run.folder).length === 0, 3000);
      await ended(run, 130);
    },
    LIMIT_MS,
  );

  /** Another `tulle up` in the run folder of the first. */
  const another = (run: MeshRun): RunningProcess =>
    new RunningProcess(
      ["up", run.documents, "--run-folder", run.runFolder, "--data-folder", `${run.folder}/other-data`, "--quiet"],
      run.folder,
    );

  test(
    "a second one in the same folder does not start, and the first goes on",
    async () => {
      const run = launch({});
      await run.ready();
      const second = another(run);
      expect(await second.ended()).toBe(1);
      expect(second.output).toContain(
        `a mesh is running in ${run.runFolder} (process ${run.process.pid}): end that one first, or give this one another --run-folder`,
      );
      expect(existsSync(`${run.runFolder}/mesh.json`)).toBe(true);
      expect((await requests(50, `${run.url("productpage")}/productpage`)).tally.statuses.get(200)).toBe(50);
      run.process.signal("SIGINT");
      await ended(run, 0);
    },
    LIMIT_MS,
  );

  test(
    "killed, it leaves its children behind, and the next in the same folder ends them",
    async () => {
      const run = launch(shop(serviceOf("stubborn", app("stubborn"))));
      await run.ready();
      await eventually("the child is there", () => processesIn(run.folder).length === 4);
      run.process.signal("SIGKILL");
      await run.process.ended();
      const left = processesIn(run.folder).map(({ pid }) => pid);
      expect(left.length).toBe(3);
      const second = another(run);
      try {
        await eventually("it is up", () => existsSync(`${run.runFolder}/mesh.json`) && second.output.includes("curl"));
        expect(second.output).toContain("ended what a mesh that was killed has left behind: stubborn");
        expect(processesIn(run.folder).filter(({ pid }) => left.includes(pid))).toEqual([]);
      } finally {
        expect(await second.stop()).toBe(0);
      }
      expect(processesIn(run.folder)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "when its terminal is closed",
    async () => {
      const run = launch({});
      await run.ready();
      run.process.signal("SIGHUP");
      await ended(run, 0);
    },
    LIMIT_MS,
  );

  test(
    "under nohup not when the terminal is closed",
    async () => {
      const run = launch({ program: ["nohup", ...TULLE] });
      await run.ready();
      run.process.signal("SIGHUP");
      // The signals come in the order of their numbers; a request shows that the first is over.
      expect((await requests(50, `${run.url("productpage")}/productpage`)).tally.statuses.get(200)).toBe(50);
      expect(run.process.output).not.toContain("stopping");
      run.process.signal("SIGINT");
      await ended(run, 0);
    },
    LIMIT_MS,
  );

  for (const args of [[], ["--shared"], ["--shared", "--workers", "2"]])
    test(
      `with requests under way: they are answered first ${args.join(" ")}`,
      async () => {
        const run = launch({ args });
        await run.ready();
        const headers = { "x-test-fault": "delay", "end-user": "jason" };
        const late = call(`${run.url("productpage")}/productpage`, { headers });
        await eventually("it is under way", async () =>
          (await run.admin("reviews-v2", "/stats")).includes("delays_injected: 1"),
        );
        run.process.signal("SIGINT");
        const answer = await late;
        expect(answer.status).toBe(200);
        expect(answer.body).toContain("stars black");
        await ended(run, 0);
      },
      LIMIT_MS,
    );

  test(
    "with an application that does not want to, and its child",
    async () => {
      const run = launch(shop(serviceOf("stubborn", app("stubborn"))));
      await run.ready();
      await eventually("the child is there", () => processesIn(run.folder).length === 4);
      run.process.signal("SIGINT");
      await ended(run, 0);
    },
    LIMIT_MS,
  );

  test(
    "because an application crashes at its start: its last lines are shown",
    async () => {
      const run = launch(shop(serviceOf("fine", app("crash")) + serviceOf("broken", app("crash"), { CRASH: "now" })));
      const said = await ended(run, 1);
      expect(said).toContain("broken (application) ended with code 3");
      expect(said).toContain("reading the settings");
      expect(said).toContain("the settings are missing");
      expect(said).not.toContain("The mesh is up");
      expect(existsSync(join(run.folder, "ready.json"))).toBe(false);
    },
    LIMIT_MS,
  );

  test(
    "because an application crashes later",
    async () => {
      const run = launch(shop(serviceOf("broken", app("crash"))));
      await run.ready();
      expect((await call(`${run.url("broken")}/`)).body).toBe("fine\n");
      await call(`${run.url("broken")}/crash`);
      const said = await ended(run, 1);
      expect(said).toContain("broken (application) ended with code 4");
      expect(said).toContain("out of memory, or so");
    },
    LIMIT_MS,
  );

  test(
    "because a proxy is gone",
    async () => {
      const run = launch({});
      await run.ready();
      const info = JSON.parse(await run.admin("reviews-v1", "/server_info")) as {
        readonly command_line_options: unknown;
      };
      expect(info).toBeDefined();
      const pid = processesIn(run.folder).find(({ command }) => command.includes("proxies/reviews-v1/"))?.pid ?? 0;
      expect(pid).toBeGreaterThan(1);
      process.kill(pid, "SIGKILL");
      expect(await ended(run, 1)).toContain("reviews-v1 (proxy) ended by SIGKILL");
    },
    LIMIT_MS,
  );

  test(
    "because a program is not there",
    async () => {
      const run = launch(shop(serviceOf("missing", ["/no/such/program"])));
      expect(await ended(run, 1)).toMatch(/missing \(application\) could not be started: .*(ENOENT|no such file)/i);
    },
    LIMIT_MS,
  );

  test(
    "because the port of an application is taken",
    async () => {
      const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const run = launch(shop(serviceOf("late", app("crash"), { FIXED_PORT: String(taken.port) })));
      const said = await ended(run, 1);
      taken.stop(true);
      expect(said).toContain("late (application) ended with code 1");
      expect(said).toMatch(/EADDRINUSE|in use/);
    },
    LIMIT_MS,
  );

  test(
    "because documents are wrong: each with its place, and nothing is started",
    async () => {
      const bad = virtualService("reviews", "{hosts: [fine], http: [{rout: []}]}") + destinationRule("x", "{host: 7}");
      const run = launch(shop(serviceOf("fine", app("crash")) + bad));
      const said = await ended(run, 79);
      expect(said).toMatch(/shop\.yaml:\d+:\d+:? .*rout\b/);
      expect(said).toMatch(/shop\.yaml:\d+:\d+:? .*host/);
      expect(said).not.toContain("✓");
      expect(existsSync(join(run.runFolder, "logs"))).toBe(false);
    },
    LIMIT_MS,
  );

  test(
    "because there is nothing to run",
    async () => {
      const run = launch(shop(""));
      expect(await ended(run, 1)).toContain("there is no Workload in the documents");
    },
    LIMIT_MS,
  );
});

describe("a port in use", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-ports-"));
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    taken.stop(true);
  });

  test(
    "is named by a proxy and by a control plane that wanted it",
    async () => {
      const address = { socketAddress: { address: "127.0.0.1", portValue: taken.port } };
      const file = join(folder, "bootstrap.json");
      const manager = {
        "@type":
          "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        statPrefix: "in",
        routeConfig: {
          virtualHosts: [
            { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, directResponse: { status: 200 } }] },
          ],
        },
        httpFilters: [
          {
            name: "envoy.filters.http.router",
            typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
          },
        ],
      };
      const filters = [{ name: "envoy.filters.network.http_connection_manager", typedConfig: manager }];
      writeFileSync(
        file,
        JSON.stringify({ staticResources: { listeners: [{ name: "front", address, filterChains: [{ filters }] }] } }),
      );
      writeFileSync(join(folder, "mesh.yaml"), serviceOf("fine", ["true"]));
      const starts = [
        ["proxy", "-c", file],
        [
          "control-plane",
          "--documents",
          join(folder, "mesh.yaml"),
          "--data",
          folder,
          "--xds",
          String(taken.port),
          "--admin",
          "0",
        ],
        [
          "control-plane",
          "--documents",
          join(folder, "mesh.yaml"),
          "--data",
          folder,
          "--xds",
          "0",
          "--admin",
          String(taken.port),
        ],
      ];
      for (const args of starts) {
        const run = new RunningProcess(args, folder);
        expect({ args, code: await run.ended(15_000), said: run.output }).toMatchObject({ args, code: 1 });
        expect(run.output).toContain(String(taken.port));
        expect(run.output).toMatch(/in use|EADDRINUSE/);
        expect(run.output).not.toContain("/src/");
      }
    },
    LIMIT_MS,
  );
});
