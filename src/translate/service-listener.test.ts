import { describe, expect, test } from "bun:test";
import { service, stateOf, withLoopbacks, workload } from "../../tests/support/mesh.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import type { FilterChain, Listener } from "../xds/proto/listener.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import { isAny, unpack } from "../xds/types/any.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { type ProxyResources, translate } from "./translate.ts";

const base = [
  service("mixed", ["tcp-feed:9000", "http-web:80:8080", "grpc:7000", "any:5000"]),
  workload("mixed", "v1", [9000, 8080, 7000, 5000]),
  workload("client", "v1", []),
];
const HOST = "mixed.default.svc.cluster.local";

const client = (...documents: readonly string[]): ProxyResources =>
  translate(withLoopbacks(stateOf(...base, ...documents)), { t: "sidecar", instance: "client-v1-0" }, options);

/** The client's listener for the service's port of that position. */
const listenerFor = (resources: ProxyResources, position: number): Listener =>
  resources.listeners.filter(({ name }) => name?.startsWith("outbound_127.0.0.1_3"))[position] ?? {};

/** `tcp <cluster>` or `http <route configuration>`. */
function servedBy({ filters = [] }: FilterChain): string {
  const config = filters.at(-1)?.typedConfig;
  if (config === undefined) return "nothing";
  if (isAny(config, TcpProxy)) return `tcp ${unpack(config, TcpProxy).cluster}`;
  return `http ${unpack(config, HttpConnectionManager).rds?.routeConfigName}`;
}

const chainsFor = (resources: ProxyResources, position: number): unknown =>
  listenerFor(resources, position).filterChains?.map((chain) => [
    chain.filterChainMatch?.applicationProtocols,
    servedBy(chain),
  ]);

describe("a loopback port", () => {
  test("of TCP goes to the service's cluster, nothing is looked at", () => {
    const resources = client();
    expect(chainsFor(resources, 0)).toEqual([[undefined, `tcp outbound|9000||${HOST}`]]);
    expect(listenerFor(resources, 0).listenerFilters).toBeUndefined();
  });

  test("of HTTP and gRPC has routes of its own", () => {
    const resources = client();
    expect(chainsFor(resources, 1)).toEqual([[undefined, `http ${HOST}:80`]]);
    expect(chainsFor(resources, 2)).toEqual([[undefined, `http ${HOST}:7000`]]);
    expect(resources.routes.map((r) => r.name)).toEqual(["http_proxy", `${HOST}:80`, `${HOST}:7000`, `${HOST}:5000`]);
  });

  test("of unknown protocol is looked at for a bounded time", () => {
    const resources = client();
    expect(chainsFor(resources, 3)).toEqual([
      [["http/1.1", "h2c", "http/1.0"], `http ${HOST}:5000`],
      [undefined, `tcp outbound|5000||${HOST}@tcp`],
    ]);
    expect(listenerFor(resources, 3)).toMatchObject({
      listenerFiltersTimeout: 5000,
      continueOnListenerFiltersTimeout: true,
    });
    const mesh = "{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {protocolDetectionTimeout: 0s}}";
    expect(listenerFor(client(mesh), 3).listenerFiltersTimeout).toBe(0);
  });

  test("closes when its service is gone", () => {
    const state = withLoopbacks(stateOf(...base));
    const mesh = { ...state.mesh, services: [] };
    const resources = translate({ ...state, mesh }, { t: "sidecar", instance: "client-v1-0" }, options);
    expect(resources.listeners.map((l) => l.name)).toEqual(["outbound_127.0.0.1_20100"]);
  });

  test("of TCP is closed when it is idle, as the DestinationRule says", () => {
    const rule = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: mixed,
      trafficPolicy: {connectionPool: {tcp: {idleTimeout: 7s}}}}}`;
    const config = listenerFor(client(rule), 0).filterChains?.[0]?.filters?.[0]?.typedConfig;
    expect(config && unpack(config, TcpProxy).idleTimeout).toBe(7000);
  });

  test("of a shared proxy has routes for each identity", () => {
    const state = withLoopbacks(stateOf(...base));
    const target = { t: "shared", instances: state.instances.map((i) => i.id) } as const;
    const names = translate(state, target, options).routes.map((r) => r.name);
    expect(names).toContain(`${HOST}:80@default/client`);
    expect(names).toContain(`${HOST}:80@default/mixed`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the host of a call to a loopback port", () => {
  const rules = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [mixed], http: [
    {match: [{uri: {prefix: /own}}], rewrite: {authority: own.example}, route: [{destination: {host: mixed, port: {number: 80}}}]},
    {match: [{uri: {prefix: /moved}}], redirect: {uri: /there}},
    {route: [{destination: {host: mixed, port: {number: 80}}}]}]}}`;
  const routesOf = (resources: ProxyResources, name: string): RouteConfiguration =>
    resources.routes.find((r) => r.name === name) ?? {};
  const hosts = (config: RouteConfiguration, position: number): unknown =>
    config.virtualHosts?.[position]?.routes?.map((r) => r.route?.hostRewriteLiteral);

  test("becomes the service's, unless a rule gives another", () => {
    const config = routesOf(client(rules), `${HOST}:80`);
    expect(config.virtualHosts?.map((v) => v.domains)).toEqual([
      ["*"],
      ["127.0.0.1", "127.0.0.1:*", "localhost", "localhost:*"],
    ]);
    expect(hosts(config, 1)).toEqual(["own.example", undefined, HOST]);
    expect(hosts(routesOf(client(), `${HOST}:7000`), 1)).toEqual([`${HOST}:7000`]);
  });

  test("stays where the application says another name", () => {
    expect(hosts(routesOf(client(rules), `${HOST}:80`), 0)).toEqual(["own.example", undefined, undefined]);
  });
});
