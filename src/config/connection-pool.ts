/**
 * `connectionPool` of a traffic policy.
 *
 * Istio's limits are plain numbers whose 0 cannot be told from "not set": 0 leaves the default in force, it does not forbid.
 *
 * @module
 */
import type { ConnectionPool, TcpKeepalive } from "../model/destination-rule.ts";
import type { Fields, Node } from "./node.ts";
import { choice, duration, durationOrZero, flag, integer, MAX_INT32, MAX_UINT32 } from "./read-values.ts";

type Tcp = Pick<
  ConnectionPool,
  "maxConnections" | "connectTimeoutMs" | "tcpIdleTimeoutMs" | "tcpKeepalive" | "maxConnectionDurationMs"
>;
type Http = Omit<ConnectionPool, keyof Tcp>;

const noTcp: Tcp = {
  maxConnections: undefined,
  connectTimeoutMs: undefined,
  tcpIdleTimeoutMs: undefined,
  tcpKeepalive: undefined,
  maxConnectionDurationMs: undefined,
};
const noHttp: Http = {
  http1MaxPendingRequests: undefined,
  http2MaxRequests: undefined,
  maxRequestsPerConnection: undefined,
  maxRetries: undefined,
  httpIdleTimeoutMs: undefined,
  h2UpgradePolicy: undefined,
  useClientProtocol: false,
  maxConcurrentStreams: undefined,
  http2KeepAlive: undefined,
};

export function connectionPool(node: Node): ConnectionPool {
  const fields = node.fields({ known: ["tcp", "http"] });
  fields.oneOrMoreOf(["tcp", "http"]);
  return { ...(fields.optional("tcp", tcp) ?? noTcp), ...(fields.optional("http", http) ?? noHttp) };
}

const count = integer(0, MAX_INT32);
const SECOND_MS = 1000;

function limit<K extends string>(fields: Fields<K>, name: K): number | undefined {
  const value = fields.optional(name, count);
  if (value === 0) fields.at(name)?.warn("0 is read as not set, as in Istio: the default holds");
  return value === 0 ? undefined : value;
}

function tcp(node: Node): Tcp {
  const fields = node.fields({
    known: ["maxConnections", "connectTimeout", "idleTimeout", "tcpKeepalive", "maxConnectionDuration"],
  });
  return {
    maxConnections: limit(fields, "maxConnections"),
    connectTimeoutMs: fields.optional("connectTimeout", duration),
    tcpIdleTimeoutMs: fields.optional("idleTimeout", durationOrZero),
    tcpKeepalive: fields.optional("tcpKeepalive", tcpKeepalive),
    maxConnectionDurationMs: fields.optional("maxConnectionDuration", duration),
  };
}

function tcpKeepalive(node: Node): TcpKeepalive {
  const fields = node.fields({ known: ["probes", "time", "interval"] });
  for (const name of ["probes", "interval"] as const)
    fields.at(name)?.warn("is obeyed by Envoy; our own proxies leave it to the system");
  return {
    probes: fields.optional("probes", integer(0, MAX_UINT32)),
    timeMs: fields.optional("time", wholeSeconds),
    intervalMs: fields.optional("interval", wholeSeconds),
  };
}

/** Kernels count in seconds. */
function wholeSeconds(node: Node): number {
  const ms = duration(node);
  if (ms >= SECOND_MS) return ms;
  node.fail("must be 1s or more");
  return SECOND_MS;
}

function http(node: Node): Http {
  const fields = node.fields({
    known: [
      "http1MaxPendingRequests",
      "http2MaxRequests",
      "maxRequestsPerConnection",
      "maxRetries",
      "idleTimeout",
      "h2UpgradePolicy",
      "useClientProtocol",
      "maxConcurrentStreams",
      "http2KeepAlive",
    ],
  });
  const upgrade = fields.optional("h2UpgradePolicy", choice(["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]));
  return {
    http1MaxPendingRequests: limit(fields, "http1MaxPendingRequests"),
    http2MaxRequests: limit(fields, "http2MaxRequests"),
    maxRequestsPerConnection: fields.optional("maxRequestsPerConnection", count),
    maxRetries: limit(fields, "maxRetries"),
    httpIdleTimeoutMs: fields.optional("idleTimeout", duration),
    h2UpgradePolicy: upgrade === "DEFAULT" ? undefined : upgrade,
    useClientProtocol: fields.optional("useClientProtocol", flag) ?? false,
    maxConcurrentStreams: limit(fields, "maxConcurrentStreams"),
    http2KeepAlive: fields.optional("http2KeepAlive", keepAlive),
  };
}

function keepAlive(node: Node): NonNullable<Http["http2KeepAlive"]> {
  const fields = node.fields({ known: ["interval", "timeout"] });
  return {
    intervalMs: fields.required("interval", duration, 1),
    timeoutMs: fields.required("timeout", duration, 1),
  };
}
