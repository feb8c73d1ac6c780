/**
 * A captured workload that calls itself, in a network namespace of its own: `unshare -n bun captured-process.ts <folder>`. Its calls go out by its proxy and
 * come in by it again, over mutual TLS. Writes what became of each call to `outcome.json`.
 *
 * @module
 */
import { connect } from "node:net";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isReady } from "../../../src/app/up/readiness.ts";
import { documented } from "./captured/documented.ts";
import { eventually } from "./eventually.ts";
import { RunningProcess, TULLE } from "./running-process.ts";

/** Of the workload; and of a host that no document knows. */
const OWN = "10.1.0.10";
const FAR = "10.9.0.1";
const ADMIN = 15_000;
/** No HTTP from its first byte on, so nobody waits for more. */
const TEXT = "\u0001hello";

const [folder = "", policy = "ALLOW_ANY"] = process.argv.slice(2);

const DOCUMENTS = `
apiVersion: tulle.dev/v1
kind: Mesh
metadata: {name: mesh}
spec: {outboundTrafficPolicy: {mode: ${policy}}}
---
apiVersion: tulle.dev/v1
kind: Workload
metadata: {name: shop, labels: {app: shop}}
spec: {interceptionMode: REDIRECT, address: ${OWN}, ports: [9080, 3306], serviceAccount: shop}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  clusterIP: 10.96.0.10
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: 9080}, {name: tcp, port: 3306}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - match: [{uri: {exact: /ruled}}]
    directResponse: {status: 418}
  - route: [{destination: {host: shop, port: {number: 80}}}]
`;

function run(...command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

run("ip", "link", "set", "lo", "up");
for (const address of [OWN, FAR]) run("ip", "addr", "add", `${address}/32`, "dev", "lo");
run("ip", "route", "add", "default", "dev", "lo");
run(...TULLE, "capture");

const said = (request: Request): Response =>
  Response.json({ host: request.headers.get("host"), xfcc: request.headers.get("x-forwarded-client-cert") });
Bun.serve({ hostname: OWN, port: 9080, fetch: said });
Bun.serve({ hostname: FAR, port: 80, fetch: () => new Response("far") });
for (const [hostname, port] of [
  [OWN, 3306],
  [OWN, 4444],
  [FAR, 5555],
] as const)
  Bun.listen({
    hostname,
    port,
    socket: {
      data: (socket, bytes) =>
        void socket.write(`${hostname}:${port} from ${socket.remoteAddress} ${bytes.toString()}`),
    },
  });

writeFileSync(join(folder, "mesh.yaml"), DOCUMENTS);
const start = documented(/ control-plane /, { ADDRESS: "127.0.0.1" });
const controlPlane = new RunningProcess([], folder, start);
const bootstrap = join(folder, "bootstraps/shop.default/bootstrap.json");
await eventually("the control plane says how to join", () => controlPlane.hasEnded || existsSync(bootstrap), 30_000);
const asGroup = ["setpriv", "--regid", "1337", "--clear-groups"];
const proxy = new RunningProcess(["proxy", "-c", bootstrap], folder, [...asGroup, ...TULLE]);

/** What comes back from sending `text`. */
const raw = (host: string, port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ host, port }, () => void socket.write(text));
    socket.setTimeout(5000, () => resolve("timeout"));
    socket.on("data", (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
    socket.on("close", () => resolve("closed"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
  });
const get = (host: string, path = "/", name = "shop"): Promise<string> =>
  raw(host, 80, `GET ${path} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);

try {
  await eventually("the proxy is ready", async () => {
    if (proxy.hasEnded) throw new Error(proxy.output);
    return await isReady(`http://127.0.0.1:${ADMIN}`);
  });
  const outcome = {
    byServiceAddress: await get("10.96.0.10"),
    byRule: await get("10.96.0.10", "/ruled"),
    tcp: await raw("10.96.0.10", 3306, TEXT),
    unknownTcp: await raw(FAR, 5555, TEXT),
    unknownHttp: await get(FAR, "/", "far.example"),
    unlistedInbound: await raw(OWN, 4444, TEXT),
    proxyItself: await raw(OWN, 15_001, TEXT),
    stats: await (await fetch(`http://127.0.0.1:${ADMIN}/stats?filter=upstream_cx`)).text(),
  };
  writeFileSync(join(folder, "outcome.json"), JSON.stringify(outcome));
} catch (error) {
  console.error(error, proxy.output, controlPlane.output);
} finally {
  await proxy.stop();
  await controlPlane.stop();
}
process.exit(0);
