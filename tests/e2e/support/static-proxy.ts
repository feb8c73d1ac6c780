/**
 * `tulle proxy` with a static bootstrap of its own, in front of a backend in the test.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import type { Listener } from "../../../src/xds/proto/listener.ts";
import { toJson } from "../../../src/xds/types/codec.ts";
import { isReady } from "../../../src/app/up/readiness.ts";
import { call } from "./call.ts";
import { eventually } from "./eventually.ts";
import { RunningProcess } from "./running-process.ts";

export interface StaticProxyOptions {
  readonly listeners: (port: number) => readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly args?: readonly string[];
  /** The bootstrap's other fields, in Envoy's JSON. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export class StaticProxy {
  readonly folder = mkdtempSync(join(tmpdir(), "tulle-proxy-"));
  readonly port: number;
  readonly #adminPort: number;
  readonly process: RunningProcess;

  constructor({ listeners, clusters, args = [], more = {} }: StaticProxyOptions) {
    const [port = 0, adminPort = 0] = freePorts(2);
    this.port = port;
    this.#adminPort = adminPort;
    const bootstrap: Bootstrap = {
      node: { id: "test", cluster: "test" },
      admin: { address: { socketAddress: { address: "127.0.0.1", portValue: adminPort } } },
      staticResources: { listeners: [...listeners(port)], clusters: [...clusters] },
    };
    const file = join(this.folder, "bootstrap.json");
    writeFileSync(file, JSON.stringify({ ...(toJson(Bootstrap, bootstrap) as object), ...more }));
    this.process = new RunningProcess(["proxy", "-c", file, ...args], this.folder);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async ready(): Promise<this> {
    const url = `http://127.0.0.1:${this.#adminPort}`;
    await eventually("the proxy is ready", async () => (await isReady(url)) || this.process.hasEnded, 15_000);
    if (this.process.hasEnded) throw new Error(`the proxy has ended:\n${this.process.output}`);
    return this;
  }

  /** Of the admin endpoints. */
  async admin(path: string, method = "GET"): Promise<string> {
    return (await call(`http://127.0.0.1:${this.#adminPort}${path}`, { method })).body;
  }

  /** By its name in `/stats`. */
  async stat(name: string): Promise<number> {
    const line = (await this.admin("/stats")).split("\n").find((it) => it.startsWith(`${name}: `));
    return line === undefined ? Number.NaN : Number(line.slice(name.length + 2));
  }

  async stop(): Promise<void> {
    try {
      await this.process.stop();
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
