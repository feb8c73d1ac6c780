/**
 * Clusters that look at localities, or at what endpoints have to do; `/<name>/` of the one listener leads to each.
 *
 * @module
 */
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import type { LocalityLbEndpoints } from "../../../src/xds/proto/endpoint.ts";
import { Router } from "../../../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import { LeastRequest, Maglev, RoundRobin } from "../../../src/xds/proto/load-balancing-policies.ts";
import { type AnyMessage, pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

interface Zone {
  readonly zone: string;
  /** Numbers of backends. */
  readonly of: readonly number[];
  readonly sick?: readonly number[];
  readonly weight?: number;
}

const localities = (ports: readonly number[], zones: readonly Zone[]): readonly LocalityLbEndpoints[] =>
  zones.map(({ of, sick = [], weight, zone }) => ({
    locality: { region: "r", zone },
    loadBalancingWeight: weight,
    lbEndpoints: of.map((i) => ({
      endpoint: { address: address(ports[i] ?? 0) },
      healthStatus: sick.includes(i) ? ("UNHEALTHY" as const) : ("HEALTHY" as const),
    })),
  }));

const A_B: readonly Zone[] = [
  { zone: "a", of: [0], weight: 1 },
  { zone: "b", of: [1, 2, 3, 4], weight: 3 },
];
const SICK: readonly Zone[] = [
  { zone: "a", of: [0, 1, 2, 3], sick: [0, 1], weight: 1 },
  { zone: "b", of: [4, 5], weight: 1 },
];
const NEAR: readonly Zone[] = [
  { zone: "a", of: [0, 1] },
  { zone: "b", of: [2, 3, 4, 5] },
];

const extension = (name: string, typedConfig: AnyMessage): Partial<Cluster> => ({
  loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name, typedConfig } }] },
});
const WEIGHTED = { localityLbConfig: { localityWeightedLbConfig: {} } };
const common = { localityWeightedLbConfig: {} };

const CLUSTERS: Readonly<Record<string, readonly [readonly Zone[], Partial<Cluster>]>> = {
  "round-robin": [A_B, { commonLbConfig: common }],
  "least-request": [A_B, { lbPolicy: "LEAST_REQUEST", commonLbConfig: common }],
  random: [A_B, { lbPolicy: "RANDOM", commonLbConfig: common }],
  sick: [SICK, { commonLbConfig: common }],
  "round-robin-extension": [SICK, extension("round_robin", pack(RoundRobin, WEIGHTED))],
  "full-scan": [A_B, extension("least_request", pack(LeastRequest, { selectionMethod: "FULL_SCAN" }))],
  maglev: [A_B, { lbPolicy: "MAGLEV", commonLbConfig: common }],
  near: [NEAR, { commonLbConfig: { zoneAwareLbConfig: {} } }],
  "near-half": [NEAR, { commonLbConfig: { zoneAwareLbConfig: { routingEnabled: { value: 50 } } } }],
  warm: [
    A_B,
    {
      roundRobinLbConfig: {
        slowStartConfig: { slowStartWindow: 600_000, aggression: { defaultValue: 2, runtimeKey: "x" } },
      },
    },
  ],
};
const BOUNDED: Partial<Cluster> = extension(
  "maglev",
  pack(Maglev, { consistentHashingLbConfig: { hashBalanceFactor: 150 } }),
);

/** Compared by the shares of their backends. */
export const SHARED: readonly string[] = Object.keys(CLUSTERS);

function clusterOf(name: string, zones: readonly Zone[], over: Partial<Cluster>, ports: readonly number[]): Cluster {
  return {
    name,
    type: "STATIC",
    ...over,
    loadAssignment: { clusterName: name, endpoints: localities(ports, zones) },
  };
}

/** The own service has three members in zone a and one in b. */
const OWN: readonly Zone[] = [
  { zone: "a", of: [0, 1, 2] },
  { zone: "b", of: [3] },
];

export function localitiesBootstrap(admin: number, http: number, ports: readonly number[]): string {
  const manager: HttpConnectionManager = {
    statPrefix: "http",
    routeConfig: {
      name: "all",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [...SHARED, "bounded"].map((name) => ({
            match: { prefix: `/${name}/` },
            route: { cluster: name, hashPolicy: [{ header: { headerName: "x-key" } }] },
          })),
        },
      ],
    },
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
  };
  const bootstrap: Bootstrap = {
    node: { id: "n", cluster: "own", locality: { region: "r", zone: "a" } },
    clusterManager: { localClusterName: "own" },
    admin: { address: address(admin) },
    staticResources: {
      listeners: [
        {
          name: "http",
          address: address(http),
          filterChains: [{ filters: [{ name: "http", typedConfig: pack(HttpConnectionManager, manager) }] }],
        },
      ],
      clusters: [
        clusterOf("own", OWN, {}, ports),
        ...Object.entries(CLUSTERS).map(([name, [zones, over]]) => clusterOf(name, zones, over, ports)),
        clusterOf("bounded", [{ zone: "a", of: [0, 1, 2, 3, 4, 5] }], BOUNDED, ports),
      ],
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}
