/** A real Envoy as a client of the discovery server: it accepts, rejects, resumes, and loses no request while clusters are replaced. */
import { afterEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { silentLog } from "../src/base/log.ts";
import { bunNetwork } from "../src/net/bun-network.ts";
import { GrpcServer } from "../src/xds/grpc-server.ts";
import { Cluster } from "../src/xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../src/xds/proto/endpoint.ts";
import { Router } from "../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../src/xds/proto/http-connection-manager.ts";
import { Listener } from "../src/xds/proto/listener.ts";
import { RouteConfiguration } from "../src/xds/proto/route.ts";
import { TypeUrl } from "../src/xds/resources.ts";
import { AdsServer } from "../src/xds/server/ads-server.ts";
import type { TypeStatus } from "../src/xds/server/status.ts";
import type { NamedMessage } from "../src/xds/sheets.ts";
import { Snapshot } from "../src/xds/snapshot.ts";
import { SnapshotCache } from "../src/xds/snapshot-cache.ts";
import { pack } from "../src/xds/types/any.ts";
import { ensureEnvoy } from "./support/envoy.ts";
import { settle } from "./support/settle.ts";

const NODE = "envoy-1";
const ADS = { ads: {}, resourceApiVersion: "V3" } as const;
const LIMIT_MS = 20_000;
const envoy = await ensureEnvoy();

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean();
});

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

/** A cluster with its endpoint. */
const service = (name: string, port: number): NamedMessage[] => [
  { name, any: pack(Cluster, { name, type: "EDS", edsClusterConfig: { edsConfig: ADS }, connectTimeout: 1000 }) },
  {
    name,
    any: pack(ClusterLoadAssignment, {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ endpoint: { address: address(port) } }] }],
    }),
  },
];

function listener(port: number): NamedMessage {
  const manager = pack(HttpConnectionManager, {
    statPrefix: "test",
    rds: { configSource: ADS, routeConfigName: "routes" },
    httpFilters: [{ name: "envoy.filters.http.router", typedConfig: pack(Router, {}) }],
  });
  const filters = [{ name: "envoy.filters.network.http_connection_manager", typedConfig: manager }];
  return { name: "entry", any: pack(Listener, { name: "entry", address: address(port), filterChains: [{ filters }] }) };
}

const routesTo = (cluster: string): NamedMessage => ({
  name: "routes",
  any: pack(RouteConfiguration, {
    name: "routes",
    virtualHosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] }],
  }),
});

/** What Envoy cannot take: an EDS cluster that does not say where its endpoints come from. */
const broken: NamedMessage = {
  name: "broken",
  any: pack(Cluster, { name: "broken", type: "EDS", connectTimeout: 1000 }),
};

const bootstrap = (apiType: string, port: number) => ({
  node: { id: NODE, cluster: "test" },
  dynamic_resources: {
    ads_config: {
      api_type: apiType,
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: "control" } }],
    },
    cds_config: { ads: {}, resource_api_version: "V3" },
    lds_config: { ads: {}, resource_api_version: "V3" },
  },
  static_resources: {
    clusters: [
      {
        name: "control",
        type: "STATIC",
        connect_timeout: "1s",
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: "control",
          endpoints: [
            {
              lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }],
            },
          ],
        },
      },
    ],
  },
});

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function backend(): Promise<number> {
  const server = createServer((_, response) => response.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return portOf(server);
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startEnvoy(apiType: string) {
  const cache = new SnapshotCache();
  const ads = new AdsServer({ cache, clock: systemClock, log: silentLog, authorize: () => ({ t: "ok" }) });
  const grpc = new GrpcServer({ clock: systemClock, log: silentLog, methods: ads.methods });
  const control = await bunNetwork(systemClock).listen({ address: "127.0.0.1", port: 0 }, (it) => grpc.accept(it));
  const folder = mkdtempSync(join(tmpdir(), "tulle-envoy-"));
  const file = join(folder, "envoy.json");
  writeFileSync(file, JSON.stringify(bootstrap(apiType, control.port)));
  const args = ["-c", file, "--use-dynamic-base-id", "-l", "off", "--concurrency", "1"];
  const child = spawn(envoy!, args, { stdio: "ignore" });
  cleanups.push(
    () => control.close(),
    () => grpc.close(),
    () => rmSync(folder, { recursive: true }),
    () => child.kill("SIGKILL"),
  );
  const type = (typeUrl: string): TypeStatus | undefined => ads.clients[0]?.types.find((it) => it.typeUrl === typeUrl);
  const synced = (): boolean =>
    ads.clients.length === 1 &&
    ads.clients[0]!.types.length === 4 &&
    ads.clients[0]!.types.every((it) => it.state === "synced");
  return { cache, ads, grpc, type, synced };
}

describe.each(["DELTA_GRPC", "GRPC"])("Envoy by %s", (apiType) => {
  test.skipIf(envoy === undefined)(
    "accepts, replaces clusters without a lost request, rejects visibly, resumes",
    async () => {
      const [entry, port] = [await freePort(), await backend()];
      const { cache, ads, grpc, type, synced } = await startEnvoy(apiType);
      const publish = (cluster: string, ...more: NamedMessage[]): void =>
        cache.set(
          NODE,
          Snapshot.of([...service(cluster, port), listener(entry), routesTo(cluster), ...more], cache.get(NODE)),
        );
      const fetchStatus = (): Promise<number> =>
        fetch(`http://127.0.0.1:${entry}/`).then(
          ({ status }) => status,
          () => 0,
        );

      publish("first");
      await settle(synced, LIMIT_MS);
      // The listener is acknowledged a moment before it takes connections.
      let ready = false;
      void (async () => {
        while (!ready) ready = (await fetchStatus()) === 200;
      })();
      await settle(() => ready, LIMIT_MS);

      const statuses = new Map<number, number>();
      const load = { on: true };
      const loaded = (async () => {
        while (load.on) {
          const status = await fetchStatus();
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      })();
      for (let i = 0; i < 20; i++) {
        publish(`cluster-${i}`);
        await settle(() => synced() && type(TypeUrl.cds)?.resources === 1, LIMIT_MS);
      }
      load.on = false;
      await loaded;
      expect([...statuses.keys()]).toEqual([200]);

      publish("cluster-19", broken);
      await settle(() => type(TypeUrl.cds)?.state === "rejected", LIMIT_MS);
      expect(ads.nacks.at(-1)!.reason).toContain("broken");
      expect(await fetchStatus()).toBe(200);
      publish("cluster-19");
      await settle(synced, LIMIT_MS);

      grpc.close();
      await settle(() => ads.clients.length === 0, LIMIT_MS);
      await settle(synced, LIMIT_MS);
      expect([type(TypeUrl.cds)!.pushes, type(TypeUrl.lds)!.pushes, type(TypeUrl.rds)!.pushes]).toEqual([0, 0, 0]);
      expect(await fetchStatus()).toBe(200);
    },
    60_000,
  );
});
