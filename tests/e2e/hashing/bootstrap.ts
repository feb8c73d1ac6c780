/**
 * The bootstrap that both proxies start from: clusters whose balancers hash, and routes with keys of all kinds to them.
 *
 * @module
 */
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import type { LbEndpoint } from "../../../src/xds/proto/endpoint.ts";
import { Router } from "../../../src/xds/proto/filter-router.ts";
import { TcpProxy } from "../../../src/xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import type { Listener, NetworkFilter } from "../../../src/xds/proto/listener.ts";
import type { RouteActionHashPolicy } from "../../../src/xds/proto/route-action.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";

export interface HashPorts {
  readonly admin: number;
  readonly http: number;
  readonly tcp: number;
  readonly backends: readonly number[];
}

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

/** Endpoints, by the number of their backend; whatever stands in `over` joins. */
type Endpoints = (ports: readonly number[]) => LbEndpoint[];

const endpoint = (ports: readonly number[], i: number, over: LbEndpoint = {}): LbEndpoint => ({
  endpoint: { address: address(ports[i] ?? 0), hostname: `host-${i}` },
  ...over,
});

const EQUAL: Endpoints = (ports) => ports.map((_, i) => endpoint(ports, i));
const WEIGHTS = [7, 1, 128, 2, 30];
/** Not in the order of their keys, on which the sizes of a weighted ring do not depend. */
const WEIGHTED: Endpoints = (ports) =>
  [3, 0, 4, 2, 1].map((i) => endpoint(ports, i, { loadBalancingWeight: WEIGHTS[i] ?? 1 }));
const REMOVED: Endpoints = (ports) => WEIGHTED(ports).slice(1);
const sick =
  (count: number): Endpoints =>
  (ports) =>
    EQUAL(ports).map((one, i) => ({ ...one, healthStatus: i < count ? "UNHEALTHY" : "HEALTHY" }));
const KEYED: Endpoints = (ports) =>
  EQUAL(ports).map((one, i) => ({
    ...one,
    metadata: { filterMetadata: { "envoy.lb": i === 0 ? { hash_key: "mine" } : {} } },
  }));

const of = (name: string, lbEndpoints: Endpoints, over: Partial<Cluster>) => ({
  name,
  make: (ports: readonly number[]): Cluster => ({
    name,
    type: "STATIC",
    connectTimeout: 1000,
    ...over,
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: lbEndpoints(ports) }] },
  }),
});

const RING: Partial<Cluster> = { lbPolicy: "RING_HASH" };
const MAGLEV: Partial<Cluster> = { lbPolicy: "MAGLEV" };
/** Envoy uses names only of clusters that resolve them. */
const BY_NAME: Partial<Cluster> = {
  type: "STRICT_DNS",
  commonLbConfig: { consistentHashingLbConfig: { useHostnameForHashing: true } },
};

const spilling = (name: string, over: Partial<Cluster>) => ({
  name,
  make: (ports: readonly number[]): Cluster => ({
    name,
    type: "STATIC",
    ...over,
    loadAssignment: {
      clusterName: name,
      endpoints: [
        { priority: 0, lbEndpoints: [endpoint(ports, 4, { healthStatus: "UNHEALTHY" }), endpoint(ports, 1)] },
        { priority: 1, lbEndpoints: [endpoint(ports, 2), endpoint(ports, 0), endpoint(ports, 3)] },
      ],
    },
  }),
});

const CLUSTERS = [
  ...[["ring", RING] as const, ["maglev", MAGLEV] as const].flatMap(([name, policy]) => [
    of(`${name}-equal`, EQUAL, policy),
    of(`${name}-weighted`, WEIGHTED, policy),
    of(`${name}-removed`, REMOVED, policy),
    of(`${name}-two-sick`, sick(2), policy),
    of(`${name}-panic`, sick(4), policy),
    of(`${name}-keyed`, KEYED, policy),
    of(`${name}-by-name`, EQUAL, { ...policy, ...BY_NAME }),
    spilling(`${name}-spilling`, policy),
  ]),
  of("ring-small", WEIGHTED, { ...RING, ringHashLbConfig: { minimumRingSize: 3, maximumRingSize: 64 } }),
  of("ring-cut", WEIGHTED, { ...RING, ringHashLbConfig: { minimumRingSize: 90, maximumRingSize: 101 } }),
  of("ring-large", WEIGHTED, { ...RING, ringHashLbConfig: { minimumRingSize: 20_000 } }),
  of("maglev-small", WEIGHTED, { ...MAGLEV, maglevLbConfig: { tableSize: 101 } }),
];

/** Each has a route `/name` with the header `x-key` for its key. */
export const BALANCED: readonly string[] = CLUSTERS.map(({ name }) => name);

const HEADER: RouteActionHashPolicy = { header: { headerName: "X-Key" } };
const COOKIE: RouteActionHashPolicy = { cookie: { name: "stay" } };
const QUERY: RouteActionHashPolicy = { queryParameter: { name: "q" } };
const SOURCE: RouteActionHashPolicy = { connectionProperties: { sourceIp: true } };

/** Routes `/name` to one cluster, by what chooses the endpoint. */
export const POLICIES: Readonly<Record<string, readonly RouteActionHashPolicy[]>> = {
  path: [{ header: { headerName: ":path" } }],
  rewritten: [
    {
      header: {
        headerName: "x-key",
        regexRewrite: { pattern: { regex: "^(\\w)\\w*-(\\d)" }, substitution: "\\2\\1" },
      },
    },
  ],
  cookie: [COOKIE],
  query: [QUERY],
  source: [SOURCE],
  several: [HEADER, COOKIE, QUERY],
  twice: [HEADER, HEADER],
  terminal: [{ ...COOKIE, terminal: true }, HEADER],
  "terminal-late": [HEADER, { ...QUERY, terminal: true }, COOKIE],
  generated: [
    {
      cookie: {
        name: "stay",
        ttl: 90_500,
        path: "/x",
        attributes: [{ name: "SameSite", value: "Lax" }, { name: "Secure" }],
      },
    },
  ],
  session: [{ cookie: { name: "stay", ttl: 0 } }],
};

function http(): NetworkFilter {
  const routes = [
    ...BALANCED.map((cluster) => [cluster, cluster, [HEADER]] as const),
    ...Object.entries(POLICIES).map(([name, policies]) => [name, "ring-equal", policies] as const),
  ].map(([name, cluster, hashPolicy]) => ({
    match: { prefix: `/${name}/` },
    route: { cluster, hashPolicy, timeout: 5000 },
  }));
  const manager: HttpConnectionManager = {
    statPrefix: "http",
    useRemoteAddress: true,
    routeConfig: { name: "all", virtualHosts: [{ name: "all", domains: ["*"], routes }] },
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
  };
  return { name: "http", typedConfig: pack(HttpConnectionManager, manager) };
}

const tcp = (): NetworkFilter => ({
  name: "tcp",
  typedConfig: pack(TcpProxy, { statPrefix: "tcp", cluster: "maglev-weighted", hashPolicy: [{ sourceIp: {} }] }),
});

const listener = (name: string, port: number, filter: NetworkFilter): Listener => ({
  name,
  address: address(port),
  filterChains: [{ filters: [filter] }],
});

export function hashBootstrapText(ports: HashPorts): string {
  const bootstrap: Bootstrap = {
    node: { id: "hash", cluster: "hash" },
    admin: { address: address(ports.admin) },
    staticResources: {
      listeners: [listener("http", ports.http, http()), listener("tcp", ports.tcp, tcp())],
      clusters: CLUSTERS.map(({ make }) => make(ports.backends)),
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}
