/**
 * A real istiod that reads from an API server.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { eventually } from "../../e2e/support/eventually.ts";
import type { Tools } from "./tools.ts";

const READY_LIMIT_MS = 60_000;

export interface IstiodOptions {
  readonly kubeconfig: string;
  /** For its files. */
  readonly folder: string;
  /** Of the Envoys that it steers. */
  readonly accessLog: string;
  readonly accessLogFormat: string;
}

export class Istiod {
  readonly #process: Bun.Subprocess;
  readonly xdsPort: number;

  private constructor(process: Bun.Subprocess, xdsPort: number) {
    this.#process = process;
    this.xdsPort = xdsPort;
  }

  /** Resolves when it serves. @throws {Error} With its log, when it does not. */
  static async start(tools: Tools, options: IstiodOptions): Promise<Istiod> {
    const [grpc = 0, http = 0, monitoring = 0, inspection = 0] = freePorts(4);
    const [mesh, log] = [join(options.folder, "mesh.json"), join(options.folder, "istiod.log")];
    writeFileSync(mesh, JSON.stringify(meshConfig(options)));
    const at = (port: number): string => `127.0.0.1:${port}`;
    const flags = {
      kubeconfig: options.kubeconfig,
      meshConfig: mesh,
      httpsAddr: "",
      secureGRPCAddr: "",
      grpcAddr: at(grpc),
      httpAddr: at(http),
      monitoringAddr: at(monitoring),
      ctrlz_address: "127.0.0.1",
      ctrlz_port: String(inspection),
      log_output_level: "default:warn",
    };
    const child = Bun.spawn(
      [tools.istio, "discovery", ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
      { cwd: options.folder, env: ENVIRONMENT, stdin: "ignore", stdout: Bun.file(log), stderr: Bun.file(log) },
    );
    const istiod = new Istiod(child, grpc);
    try {
      const ready = async (): Promise<boolean> => (await fetch(`http://${at(http)}/ready`)).status === 200;
      await eventually("istiod is ready", ready, READY_LIMIT_MS);
      return istiod;
    } catch (error) {
      await istiod.stop();
      throw new Error(`${String(error)}\n${readFileSync(log, "utf8").slice(-4000)}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

/** Off is what a plain Envoy does not know: Istio's own filters. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  PILOT_DEBOUNCE_AFTER: "50ms",
};

const meshConfig = ({ accessLog, accessLogFormat }: IstiodOptions): unknown => ({
  defaultConfig: { discoveryAddress: "127.0.0.1:15012" },
  defaultProviders: { metrics: [], tracing: [], accessLogging: [] },
  enablePrometheusMerge: false,
  enableAutoMtls: false,
  accessLogFile: accessLog,
  accessLogFormat,
});
