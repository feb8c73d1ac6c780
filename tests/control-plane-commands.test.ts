/**
 * The commands that look at a running mesh, against a control plane and a proxy that a test drives.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshStatus } from "../src/admin/api.ts";
import { logPath, type MeshFile, meshFilePath } from "../src/admin/mesh-file.ts";
import { ManualClock } from "../src/base/manual-clock.ts";
import type { CliContext } from "../src/cli/context.ts";
import { paintFor } from "../src/cli/paint.ts";
import { runProgram } from "../src/cli/program.ts";
import { type HttpServer, serveHttp } from "../src/net/http-server.ts";
import { ControlPlaneRig } from "./support/control-plane-rig.ts";
import { settle } from "./support/settle.ts";

const RULE = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: jason
    match: [{headers: {end-user: {exact: jason}}, uri: {prefix: /reviews}}]
    route: [{destination: {host: reviews, subset: v1}}]
  - route: [{destination: {host: reviews, subset: v1}, weight: 90}, {destination: {host: ratings}, weight: 10}]
`;

const servers: HttpServer[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tulle-commands-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  for (const server of servers.splice(0)) await server.close();
});

async function serve(handler: Parameters<typeof serveHttp>[1]): Promise<string> {
  const server = await serveHttp({ port: 0 }, handler);
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

/** A mesh whose proxy shows what the control plane gave it. */
async function startMesh(): Promise<ControlPlaneRig> {
  const rig = await ControlPlaneRig.start();
  rig.store.write("rule.yaml", RULE);
  await rig.join("reviews-v1-0");
  rig.pass(100);
  const { nodeId } = rig.controlPlane.proxyBootstrap("reviews-v1-0");
  const admin = await serve(rig.controlPlane.admin);
  const proxy = await serve((request) => {
    if (new URL(request.url).pathname === "/clusters") return Response.json(CLUSTERS);
    return rig.get(`/api/config_dump?node=${encodeURIComponent(nodeId)}`);
  });
  const proxies = ["reviews-v1-0", "reviews-v2-0"].map((instance) => ({
    instance,
    workload: instance.slice(0, -2),
    admin: proxy,
    inbound: [],
    outbound: "",
    loopbacks: {},
  }));
  const file: MeshFile = { controlPlane: { admin, xds: "" }, services: [], proxies, gateways: [], pid: process.pid };
  writeFileSync(meshFilePath(folder), JSON.stringify(file));
  return rig;
}

const CLUSTERS = {
  cluster_statuses: [
    {
      name: "outbound|9080|v1|reviews.default.svc.cluster.local",
      host_statuses: [
        {
          address: { socket_address: { address: "127.0.0.1", port_value: 20_101 } },
          health_status: { failed_outlier_check: true, eds_health_status: "UNHEALTHY" },
        },
      ],
    },
  ],
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], more: Partial<CliContext> = {}): Promise<Ran> {
  let out = "";
  let err = "";
  const context: CliContext = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    paint: paintFor(false),
    isTerminal: false,
    clock: new ManualClock(),
    environment: {},
    onInterrupt() {},
    exitWith() {},
    ...more,
  };
  const code = await runProgram([...args, "--run-folder", folder], context);
  return { code, out, err };
}

describe("tulle status", () => {
  test("shows what is there and what the proxies have", async () => {
    await startMesh();
    const { code, out } = await run(["status"]);
    expect(code).toBe(0);
    const lines = out.split("\n").map((line) => line.replace(/ {2,}/g, "  "));
    expect(lines).toContain("reviews.default  reviews.default.svc.cluster.local  9080/http  2/2");
    expect(lines.find((l) => l.startsWith("configuration"))).toMatch(/version \d+: 1\/3 proxies, 2 not connected$/);
    expect(lines.find((l) => l.startsWith("reviews-v1-0"))).toMatch(
      /^reviews-v1-0 {2}0s {2}\d+ {2}SYNCED {2}SYNCED {2}SYNCED {2}SYNCED {2}0s old, 1d left, serial [0-9A-F]{12}$/,
    );
    expect(lines.find((l) => l.startsWith("ratings-v1-0"))).toBe("ratings-v1-0  no  0  -  -  -  -  unknown");
  });

  test("shows what is wrong", async () => {
    const rig = await startMesh();
    rig.store.write("rule.yaml", RULE.replace("weight: 90", "weight: many"));
    rig.pass(100);
    const { out } = await run(["status"]);
    expect(out).toMatch(/documents .* 1 kept from before, 1 refused/);
    expect(out).toMatch(/Problems of the documents\n {2}rule\.yaml:16:\d+ spec\.http\[1\]\.route\[0\]\.weight: /);
  });

  test("prints JSON", async () => {
    const rig = await startMesh();
    const { out } = await run(["status", "-o", "json"]);
    expect((JSON.parse(out) as MeshStatus).proxies.map((p) => p.id)).toEqual(
      rig.controlPlane.status.proxies.map((p) => p.id),
    );
  });

  test("says that no mesh runs, and why", async () => {
    expect(await run(["status"])).toEqual({
      code: 1,
      out: "",
      err: `error: no mesh runs here: there is no ${meshFilePath(folder)}. Start one with "tulle up <folder>", or name its run folder with --run-folder\n`,
    });
    const gone = Bun.spawnSync([process.execPath, "-e", "0"]).pid;
    const left = { controlPlane: { admin: "http://127.0.0.1:1" }, proxies: [], pid: gone };
    writeFileSync(meshFilePath(folder), JSON.stringify(left));
    expect((await run(["status"])).err).toContain(`was left by process ${gone}, which is gone`);
    writeFileSync(meshFilePath(folder), JSON.stringify({ ...left, pid: process.pid }));
    expect((await run(["status"])).err).toBe("error: no answer from http://127.0.0.1:1/api/status: ECONNREFUSED\n");
    writeFileSync(meshFilePath(folder), "{");
    expect((await run(["status"])).err).toContain("does not describe a mesh");
  });
});

describe("tulle proxy-config", () => {
  const table = (out: string): readonly (readonly string[])[] =>
    out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {3,}/));

  test("clusters, with the document behind each", async () => {
    await startMesh();
    const { out } = await run(["proxy-config", "reviews-v1", "clusters"]);
    expect(table(out)).toEqual([
      ["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"],
      ["", "9080", "-", "inbound", "STATIC"],
      ["PassthroughCluster", "-", "-", "-", "envoy.clusters.dynamic_forward_proxy"],
      ["ratings.default.svc.cluster.local", "9080", "-", "outbound", "EDS"],
      ["reviews.default.svc.cluster.local", "9080", "-", "outbound", "EDS", "reviews.default"],
      ["reviews.default.svc.cluster.local", "9080", "v1", "outbound", "EDS", "reviews.default"],
    ]);
  });

  test("routes, with where they lead and what made them", async () => {
    await startMesh();
    const { out } = await run(["proxy-config", "reviews-v1-0", "routes"]);
    expect(table(out)[0]).toEqual(["NAME", "VHOST NAME", "DOMAINS", "MATCH", "DESTINATION", "VIRTUAL SERVICE"]);
    const reviews = table(out).filter((row) => row[1]?.startsWith("reviews."));
    expect(reviews.map((row) => row.slice(2))).toEqual([
      [
        "reviews:9080 + 4 more",
        "/reviews/*, end-user exact jason",
        "reviews.default:9080 v1",
        "reviews.default rule jason (rule.yaml:14)",
      ],
      [
        "reviews:9080 + 4 more",
        "/*",
        "reviews.default:9080 v1 90, ratings.default:9080 10",
        "reviews.default rule http[1] (rule.yaml:16)",
      ],
    ]);
  });

  test("listeners and endpoints", async () => {
    await startMesh();
    expect(table((await run(["proxy-config", "reviews-v1", "listeners"])).out)).toEqual([
      ["ADDRESSES", "PORT", "MATCH", "DESTINATION"],
      ["127.0.0.1", "20000", "ALL", "Route: http_proxy"],
      ["127.0.0.1", "20001", "Trans: tls", "Cluster: inbound|9080||"],
      ["127.0.0.1", "20001", "Trans: raw_buffer", "Cluster: inbound|9080||"],
    ]);
    expect(table((await run(["proxy-config", "reviews-v1", "endpoints"])).out)).toEqual([
      ["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"],
      ["127.0.0.1:20101", "UNHEALTHY", "FAILED", "outbound|9080|v1|reviews.default.svc.cluster.local"],
    ]);
  });

  test("all of it, and as JSON", async () => {
    await startMesh();
    const { out } = await run(["proxy-config", "reviews-v1"]);
    expect(out.match(/^------ .* ------$/gm)).toEqual([
      "------ CLUSTER INFO ------",
      "------ LISTENER INFO ------",
      "------ ROUTE INFO ------",
      "------ ENDPOINT INFO ------",
      "------ SECRET INFO ------",
    ]);
    const routes = JSON.parse((await run(["proxy-config", "reviews-v1", "routes", "-o", "json"])).out) as {
      "@type": string;
    }[];
    expect(routes.map((c) => c["@type"])).toEqual(["type.googleapis.com/envoy.admin.v3.RoutesConfigDump"]);
  });

  test("a workload that is not there is wrong usage, and those that are there are named", async () => {
    await startMesh();
    const { code, err } = await run(["proxy-config", "nobody"]);
    expect([code, err]).toEqual([2, 'error: the mesh has no workload "nobody": it has reviews-v1-0, reviews-v2-0\n']);
  });
});

describe("tulle logs", () => {
  const write = (part: "app" | "proxy", text: string): void => {
    mkdirSync(join(folder, "logs"), { recursive: true });
    appendFileSync(logPath(folder, "reviews-v1-0", part), text);
  };

  test("prints the lines of both parts, or of one", async () => {
    await startMesh();
    write("app", "started\n");
    write("proxy", "one\ntwo\nthr");
    expect((await run(["logs", "reviews-v1"])).out).toBe("app   | started\nproxy | one\nproxy | two\n");
    expect((await run(["logs", "reviews-v1", "--proxy", "--tail", "1"])).out).toBe("two\n");
    expect((await run(["logs", "reviews-v1", "--app"])).out).toBe("started\n");
  });

  test("follows until it is interrupted", async () => {
    await startMesh();
    write("proxy", "one\n");
    const clock = new ManualClock();
    let out = "";
    let interrupt = (): void => {};
    const interrupted = new Promise<void>((resolve) => {
      void run(["logs", "reviews-v1", "--proxy", "-f"], {
        clock,
        out: (text) => void (out += text),
        onInterrupt: (stop) => (interrupt = stop),
      }).then(() => resolve());
    });
    await settle(() => out === "one\n");
    write("proxy", "two\nthr");
    clock.advance(250);
    expect(out).toBe("one\ntwo\n");
    write("proxy", "ee\n");
    clock.advance(250);
    expect(out).toBe("one\ntwo\nthree\n");
    interrupt();
    await interrupted;
    expect(clock.pendingTimers).toBe(0);
  });

  test("says where it looked", async () => {
    await startMesh();
    const { code, err } = await run(["logs", "reviews-v1"]);
    expect(code).toBe(1);
    expect(err).toContain(`there is no log of reviews-v1-0: no ${logPath(folder, "reviews-v1-0", "app")}`);
  });
});
