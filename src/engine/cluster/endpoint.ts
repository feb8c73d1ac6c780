/**
 * One endpoint of a cluster: where it is, what the control plane says of it, and what traffic has taught us.
 *
 * Source: `envoy/config/endpoint/v3/endpoint_components.proto`.
 *
 * @module
 */
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { Address } from "../../xds/proto/core-address.ts";
import type { Locality, Metadata } from "../../xds/proto/core-base.ts";
import type { HealthCheckConfig, LbEndpoint, LocalityLbEndpoints } from "../../xds/proto/endpoint.ts";

/** What the control plane says of an endpoint's health, as far as it matters for a choice. */
export type Health = "healthy" | "degraded" | "unhealthy";

/** What an assignment says of one endpoint. */
export interface EndpointSpec {
  /** An IP address or, for a cluster that resolves names, a name. Empty for a unix socket. */
  readonly address: string;
  readonly port: number;
  /** Path of a unix socket. */
  readonly path: string | undefined;
  /** The name that the endpoint goes by, for `auto_host_rewrite`; empty when it has none. */
  readonly hostname: string;
  /** `10.0.0.1:80`, `[::1]:80` or the path of a unix socket. An endpoint with the same key is the same endpoint. */
  readonly key: string;
  /** At least 1. */
  readonly weight: number;
  readonly health: Health;
  readonly metadata: Metadata | undefined;
  /** 0 is used first. */
  readonly priority: number;
  readonly locality: Locality | undefined;
  /** Of its locality; 0 where it has none. */
  readonly localityWeight: number;
  /** Its place in the assignment. */
  readonly position: number;
  /** How it is checked, where an assignment says something of that. */
  readonly check: EndpointCheck | undefined;
}

/** How an endpoint is checked: at another address, under another name, or not at all. */
export interface EndpointCheck {
  /** Undefined: its own. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Empty: what the check of the cluster says. */
  readonly hostname: string;
  readonly isOff: boolean;
}

/**
 * An endpoint of a live set. The counters belong to the data plane, the outlier fields to the outlier detector; both are
 * plain numbers of one hidden class because they are read on every request.
 */
export interface Endpoint extends EndpointSpec {
  activeRequests: number;
  activeConnections: number;
  connectionsTotal: number;
  connectFailures: number;
  requestsTotal: number;
  requestsFailed: number;
  ejected: boolean;
  /** Active checks say that it does not serve, or have not said yet that it does. */
  failedCheck: boolean;
  /** They say that it is degraded. */
  degradedCheck: boolean;
  /** The last failed check got no answer in time. */
  checkTimedOut: boolean;
  /** It is new, and not counted before its first check (`ignore_new_hosts_until_first_hc`). */
  awaitsCheck: boolean;
  /** It told traffic to leave it (`x-envoy-immediate-health-check-fail`), and is not counted. */
  excluded: boolean;
  /** An update has left it out, and checks say that it serves: it stays until they do not. */
  leaves: boolean;
  /** Since when it serves: it joined, or has passed its checks. */
  warmSinceMs: number;
  /** See `peak-ewma.ts`; 0 before the first answer. */
  latencyMs: number;
  latencyAtMs: number;
  /** False once an update has left it out: finish what runs, start nothing new. */
  readonly live: boolean;
  consecutive5xx: number;
  consecutiveGatewayFailures: number;
  consecutiveLocalFailures: number;
  /** Ejections that lengthen the next one; falls by one in each interval without ejection. */
  ejectionBackoff: number;
  /** Ejections since it joined, for the operator. */
  ejections: number;
  ejectedAtMs: number;
  /** How long the present ejection lasts, jitter included. */
  ejectedForMs: number;
  /** NaN before the first time. */
  unejectedAtMs: number;
  /** Answers in the running interval, and how many of them were no 5xx. */
  answers: number;
  answersGood: number;
  /** Local events (connect, timeout) in the running interval, and how many of them were good. */
  localEvents: number;
  localEventsGood: number;
}

/** The class behind {@link Endpoint}; only its set writes what an assignment said. */
export class LiveEndpoint implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly key: string;
  hostname: string;
  weight: number;
  health: Health;
  metadata: Metadata | undefined;
  priority: number;
  locality: Locality | undefined;
  localityWeight: number;
  position: number;
  check: EndpointCheck | undefined;
  failedCheck = false;
  degradedCheck = false;
  checkTimedOut = false;
  awaitsCheck = false;
  excluded = false;
  leaves = false;
  warmSinceMs = 0;
  latencyMs = 0;
  latencyAtMs = 0;
  live = true;
  activeRequests = 0;
  activeConnections = 0;
  connectionsTotal = 0;
  connectFailures = 0;
  requestsTotal = 0;
  requestsFailed = 0;
  ejected = false;
  consecutive5xx = 0;
  consecutiveGatewayFailures = 0;
  consecutiveLocalFailures = 0;
  ejectionBackoff = 0;
  ejections = 0;
  ejectedAtMs = 0;
  ejectedForMs = 0;
  unejectedAtMs = Number.NaN;
  answers = 0;
  answersGood = 0;
  localEvents = 0;
  localEventsGood = 0;

  constructor(spec: EndpointSpec) {
    this.address = spec.address;
    this.port = spec.port;
    this.path = spec.path;
    this.key = spec.key;
    this.hostname = spec.hostname;
    this.weight = spec.weight;
    this.health = spec.health;
    this.metadata = spec.metadata;
    this.priority = spec.priority;
    this.locality = spec.locality;
    this.localityWeight = spec.localityWeight;
    this.position = spec.position;
    this.check = spec.check;
  }

  /** Takes what a newer assignment says and keeps all state. `spec.key` must be this endpoint's. */
  renew(spec: EndpointSpec): void {
    this.hostname = spec.hostname;
    this.weight = spec.weight;
    this.health = spec.health;
    this.metadata = spec.metadata;
    this.priority = spec.priority;
    this.locality = spec.locality;
    this.localityWeight = spec.localityWeight;
    this.position = spec.position;
    this.check = spec.check;
  }
}

const KNOWN_ENDPOINT = new Set(["endpoint", "healthStatus", "metadata", "loadBalancingWeight"]);
const KNOWN_ADDRESS = new Set(["address", "hostname", "healthCheckConfig"]);

/**
 * Reads one endpoint of a locality.
 *
 * @throws CompileError for a missing address, a weight below 1 and fields that are not supported.
 */
export function compileEndpoint(message: LbEndpoint, of: LocalityLbEndpoints, path: string): EndpointSpec {
  refuseOthers(message, path, KNOWN_ENDPOINT);
  const endpoint = message.endpoint ?? {};
  refuseOthers(endpoint, `${path}.endpoint`, KNOWN_ADDRESS);
  const place = compileAddress(endpoint.address, `${path}.endpoint.address`);
  const weight = message.loadBalancingWeight ?? 1;
  if (weight < 1) throw new CompileError(`${path}.load_balancing_weight`, `must be at least 1, found ${weight}`);
  return {
    ...place,
    hostname: endpoint.hostname ?? "",
    weight,
    health: healthOf(message.healthStatus),
    metadata: message.metadata,
    priority: of.priority ?? 0,
    locality: of.locality,
    localityWeight: of.loadBalancingWeight ?? 0,
    position: 0,
    check: compileCheck(endpoint.healthCheckConfig, `${path}.endpoint.health_check_config`),
  };
}

const KNOWN_CHECK = new Set(["portValue", "hostname", "address", "disableActiveHealthCheck"]);

function compileCheck(config: HealthCheckConfig | undefined, path: string): EndpointCheck | undefined {
  if (config === undefined) return undefined;
  refuseOthers(config, path, KNOWN_CHECK);
  const { portValue = 0, hostname = "", address, disableActiveHealthCheck = false } = config;
  const other = address && compileAddress(address, `${path}.address`);
  if (other?.path !== undefined) throw new CompileError(`${path}.address`, "must be an IP address with its port");
  // A port for the own address, and one of the other address, as Envoy reads them.
  const port = other?.port ?? (portValue === 0 ? undefined : portValue);
  return { address: other?.address, port, hostname, isOff: disableActiveHealthCheck };
}

function compileAddress(
  address: Address | undefined,
  path: string,
): Pick<EndpointSpec, "address" | "port" | "path" | "key"> {
  const socket = address?.socketAddress;
  // Its `protocol` says nothing, as in Envoy: who calls it knows what it speaks.
  if (socket?.address !== undefined && socket.portValue !== undefined)
    return {
      address: socket.address,
      port: socket.portValue,
      path: undefined,
      key: endpointKey(socket.address, socket.portValue),
    };
  const pipe = address?.pipe?.path;
  if (pipe === undefined || pipe === "")
    throw new CompileError(path, "needs socket_address with address and port_value, or pipe with a path");
  return { address: "", port: 0, path: pipe, key: pipe };
}

/** `10.0.0.1:80`; an IPv6 address stands in brackets. */
export function endpointKey(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** As Envoy's coarse health of EDS: draining and timed out hosts get no new requests. */
function healthOf(status: string | undefined): Health {
  if (status === undefined || status === "UNKNOWN" || status === "HEALTHY") return "healthy";
  return status === "DEGRADED" ? "degraded" : "unhealthy";
}
