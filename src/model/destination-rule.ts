/**
 * How a destination is called: Istio's DestinationRule. Undefined means Istio's default.
 *
 * @module
 */
import type { LocalityLbSetting } from "./locality.ts";
import type { LabelSelector } from "./match.ts";
import type { Origin } from "./origin.ts";
import type { Visibility } from "./visibility.ts";

export interface DestinationRule {
  readonly origin: Origin;
  /** Fully qualified. */
  readonly host: string;
  /** Whose workloads the rule is for. */
  readonly exportTo: Visibility;
  /** The callers that it is for, of its own namespace; undefined: all. */
  readonly workloadSelector: LabelSelector | undefined;
  readonly trafficPolicy: TrafficPolicy;
  readonly subsets: readonly Subset[];
}

export interface Subset {
  readonly name: string;
  readonly labels: LabelSelector;
  /** Fields that are given here win over the rule's. */
  readonly trafficPolicy: TrafficPolicy;
}

export interface TrafficPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
  /** Of the whole destination: port settings do not have it, and leave it as it is. */
  readonly retryBudget: RetryBudget | undefined;
  /** Connections begin by saying whose they are; of the whole destination likewise. */
  readonly proxyProtocol: "V1" | "V2" | undefined;
  /** The endpoints are proxies, asked by CONNECT for a way to somewhere else; of TCP and TLS, and of the whole destination likewise. */
  readonly tunnel: TunnelTarget | undefined;
  /** Replaces, never merges with, the fields above for one service port. */
  readonly portLevel: readonly PortPolicy[];
}

export interface PortPolicy {
  readonly port: number;
  readonly policy: Omit<TrafficPolicy, "portLevel" | "retryBudget" | "proxyProtocol" | "tunnel">;
}

export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

/** Retries at once, as a share of the requests that run or wait, or of all of a time. */
export interface RetryBudget {
  /** 0 to 100. */
  readonly percent: number;
  /** Always allowed. */
  readonly minRetryConcurrency: number;
  /** 0: those that run or wait count. */
  readonly budgetIntervalMs: number;
}

export interface LoadBalancer {
  /** Undefined: Istio's default, LEAST_REQUEST. */
  readonly balancer: Balancer | undefined;
  /** In place of the mesh's. */
  readonly locality: LocalityLbSetting | undefined;
  /** Endpoints that are new get few calls at first; of ROUND_ROBIN and LEAST_REQUEST. */
  readonly warmup: Warmup | undefined;
}

export interface Warmup {
  readonly durationMs: number;
  /** 0 to 100: of its weight, at the beginning. */
  readonly minimumPercent: number;
  /** 1: even growth; above, slow at first. */
  readonly aggression: number;
}

/** `PASSTHROUGH`: the address that the caller dialed; where nothing is captured, what the host's name leads to. */
export type Balancer = "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM" | "PASSTHROUGH" | ConsistentHash;

/** Calls with the same key go to the same endpoint. */
export interface ConsistentHash {
  readonly t: "consistentHash";
  /** Undefined: endpoints are chosen at random. */
  readonly key: HashKey | undefined;
  readonly table: HashTableKind;
}

export type HashKey =
  | { readonly t: "header"; readonly name: string }
  | { readonly t: "query"; readonly name: string }
  | { readonly t: "sourceIp" }
  | {
      readonly t: "cookie";
      readonly name: string;
      readonly path: string | undefined;
      /** 0: as long as the client's session. Undefined: clients without the cookie get none. */
      readonly ttlMs: number | undefined;
      readonly attributes: readonly { readonly name: string; readonly value: string | undefined }[];
    };

/** Sizes that are undefined are Istio's. */
export type HashTableKind =
  | { readonly t: "ringHash"; readonly minimumRingSize: number | undefined }
  | { readonly t: "maglev"; readonly tableSize: number | undefined };

export interface ConnectionPool {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly tcpIdleTimeoutMs: number | undefined;
  /** How the kernel finds out that a silent peer is gone. What is undefined is the system's. */
  readonly tcpKeepalive: TcpKeepalive | undefined;
  /** How old a connection may get. */
  readonly maxConnectionDurationMs: number | undefined;
  readonly http1MaxPendingRequests: number | undefined;
  readonly http2MaxRequests: number | undefined;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  readonly httpIdleTimeoutMs: number | undefined;
  /** Undefined: as the mesh's settings say. */
  readonly h2UpgradePolicy: "DO_NOT_UPGRADE" | "UPGRADE" | undefined;
  /** HTTP/1.1 and HTTP/2 go on as they came. */
  readonly useClientProtocol: boolean;
  /** Requests at a time on one HTTP/2 connection. */
  readonly maxConcurrentStreams: number | undefined;
  /** A PING on an HTTP/2 connection as often as this, and how long its answer may take. */
  readonly http2KeepAlive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
}

export interface TcpKeepalive {
  readonly probes: number | undefined;
  /** Of silence, before the first probe. */
  readonly timeMs: number | undefined;
  readonly intervalMs: number | undefined;
}

export interface OutlierDetection {
  /** 0: off. */
  readonly consecutive5xxErrors: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionTimeMs: number | undefined;
  /** 0 to 100. */
  readonly maxEjectionPercent: number | undefined;
  /** 0 to 100: below it the balancer panics and uses all endpoints. */
  readonly minHealthPercent: number | undefined;
  /** The statuses that count as errors. Undefined: those from 500 on. */
  readonly errorCodes?: readonly number[] | undefined;
}

export interface ClientTls {
  readonly mode: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  readonly sni: string | undefined;
  readonly subjectAltNames: readonly string[];
  /** A Secret of the calling workload's namespace, in place of the files. */
  readonly credentialName: string | undefined;
  /** Files, for SIMPLE and MUTUAL. */
  readonly clientCertificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  /** Revocation lists. */
  readonly caCrl: string | undefined;
  readonly insecureSkipVerify: boolean;
}
