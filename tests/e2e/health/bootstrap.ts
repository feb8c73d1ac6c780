/**
 * A bootstrap whose clusters are checked, one for each kind of check.
 *
 * @module
 */
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import type { HealthCheck } from "../../../src/xds/proto/core-health-check.ts";
import { UpstreamHttpOptions } from "../../../src/xds/proto/upstream-http.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";

export const KINDS = ["http1", "http2", "grpc", "tcp"] as const;
export type CheckKind = (typeof KINDS)[number];

const hex = (text: string): string => Buffer.from(text).toString("hex");
const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });
const HTTP = { path: "/healthz", retriableStatuses: [{ start: 429, end: 430 }] };

const PROBES: Readonly<Record<CheckKind, HealthCheck>> = {
  http1: { httpHealthCheck: HTTP },
  http2: { httpHealthCheck: { ...HTTP, codecClientType: "HTTP2" } },
  grpc: { grpcHealthCheck: { serviceName: "shop" } },
  tcp: { tcpHealthCheck: { send: { text: hex("PING") }, receive: [{ text: hex("+PONG") }] } },
};

function checked(kind: CheckKind, port: number): Cluster {
  const isHttp2 = kind === "http2" || kind === "grpc";
  return {
    name: kind,
    type: "STATIC",
    connectTimeout: 1000,
    loadAssignment: { clusterName: kind, endpoints: [{ lbEndpoints: [{ endpoint: { address: address(port) } }] }] },
    healthChecks: [
      {
        timeout: 150,
        interval: 200,
        noTrafficInterval: 200,
        unhealthyThreshold: 2,
        healthyThreshold: 2,
        ...PROBES[kind],
      },
    ],
    ...(isHttp2 && {
      typedExtensionProtocolOptions: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, {
          explicitHttpConfig: { http2ProtocolOptions: {} },
        }),
      },
    }),
  };
}

export function healthBootstrapText(admin: number, ports: Readonly<Record<CheckKind, number>>): string {
  const bootstrap: Bootstrap = {
    node: { id: "health", cluster: "health" },
    admin: { address: address(admin) },
    staticResources: { clusters: KINDS.map((kind) => checked(kind, ports[kind])) },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}
