/**
 * What a proxy shows of itself, and what may be asked of it: the port between `app/` and the admin endpoints.
 *
 * @module
 */
import type { LogLevel } from "../base/log.ts";
import type { Registry } from "../telemetry/registry.ts";
import type { DumpedConfig } from "./config-dump.ts";

export interface ProxyAdminSource {
  /** Of all the workers together, where there are several. */
  readonly registry: Registry | Promise<Registry>;
  /** Envoy's states. Ready is `LIVE` alone. */
  readonly state: "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";
  readonly info: ProxyInfo;
  readonly clusters: readonly ClusterView[] | Promise<readonly ClusterView[]>;
  readonly listeners: readonly ListenerView[];
  readonly certificates: readonly CertificateView[];
  readonly config: DumpedConfig;
  logLevel: LogLevel;
  /** Stops accepting on listeners; requests that run are finished. */
  drainListeners(options: DrainOptions): void;
  /** Ends the process, after the answer. */
  quit(): void;
}

export interface DrainOptions {
  /** Ask clients to go before the listeners close. */
  readonly graceful: boolean;
  readonly inboundOnly: boolean;
  /** Ask clients to go, and go on accepting. */
  readonly skipExit: boolean;
}

export interface ProxyInfo {
  /** `0.1.0`. */
  readonly version: string;
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly startedMs: number;
  readonly nowMs: number;
  /** Shown as command line options under Envoy's names, such as `config_path`. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export interface LimitsView {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
}

export interface ClusterView {
  readonly name: string;
  /** False for one of the bootstrap. */
  readonly addedViaApi: boolean;
  /** Undefined where endpoints are not discovered. */
  readonly edsServiceName: string | undefined;
  readonly limits: { readonly default: LimitsView; readonly high: LimitsView };
  readonly endpoints: readonly EndpointView[];
  /** Names of endpoints whose last lookup gave nothing, and why. */
  readonly lookupFailures?: Readonly<Record<string, string>>;
}

export interface EndpointView {
  /** IP address; empty for a unix socket. */
  readonly address: string;
  readonly port: number;
  /** Of a unix socket. */
  readonly path: string | undefined;
  readonly hostname: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  /** What the control plane says of it. */
  readonly edsHealth: "HEALTHY" | "DEGRADED" | "UNHEALTHY";
  /** Taken out because it failed. */
  readonly ejected: boolean;
  /** What active health checks say of it, where there are some. */
  readonly checkFlags?: readonly CheckFlag[];
  readonly stats: EndpointStats;
}

/** Envoy's names of its flags. */
export type CheckFlag =
  | "failed_active_hc"
  | "degraded_active_hc"
  | "pending_dynamic_removal"
  | "pending_active_hc"
  | "excluded_via_immediate_hc_fail"
  | "active_hc_timeout";

export interface EndpointStats {
  readonly cxActive: number;
  readonly cxConnectFail: number;
  readonly cxTotal: number;
  readonly rqActive: number;
  readonly rqError: number;
  readonly rqSuccess: number;
  readonly rqTimeout: number;
  readonly rqTotal: number;
}

export interface ListenerView {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A secret in use: no keys. */
export interface CertificateView {
  /** Roots, where the secret holds them. */
  readonly trustedRoots: readonly CertificateDetails[];
  /** Leaf first. */
  readonly chain: readonly CertificateDetails[];
}

export interface CertificateDetails {
  /** Where it comes from: a file, or `sds: default`. */
  readonly origin: string;
  /** Upper-case hex. */
  readonly serial: string;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}
