import { describe, expect, test } from "bun:test";
import { NetworkRbac } from "../../xds/proto/filter-network-rbac.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import type { FilterChain, Listener } from "../../xds/proto/listener.ts";
import { TlsInspector } from "../../xds/proto/listener-filters.ts";
import { DownstreamTlsContext } from "../../xds/proto/tls.ts";
import { pack } from "../../xds/types/any.ts";
import { CompileError } from "../compile-error.ts";
import { compileListener } from "./listener.ts";

const address = { socketAddress: { address: "127.0.0.1", portValue: 9080 } };
const hcm = { name: "http", typedConfig: pack(HttpConnectionManager, { statPrefix: "in" }) };
const tcp = (proxy: TcpProxy) => ({ name: "tcp", typedConfig: pack(TcpProxy, proxy) });
const rbac = { name: "rbac", typedConfig: pack(NetworkRbac, { statPrefix: "r" }) };
const inspector = { name: "tls", typedConfig: pack(TlsInspector, {}) };
const tls = {
  name: "tls",
  typedConfig: pack(DownstreamTlsContext, {
    commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: "default" }] },
  }),
};

const listener = (filterChains: readonly FilterChain[], more: Listener = {}): Listener => ({
  name: "l",
  address,
  filterChains,
  ...more,
});

const facts = (transport: "tls" | "raw_buffer") => ({
  destinationPort: 9080,
  destinationAddress: "127.0.0.1",
  sni: "",
  transport,
  alpn: [],
  sourceAddress: "127.0.0.1",
  sourcePort: 1,
});

function refused(message: Listener): string {
  try {
    compileListener(message);
  } catch (error) {
    if (error instanceof CompileError) return error.path;
    throw error;
  }
  return "accepted";
}

describe("listener", () => {
  test("defaults", () => {
    const compiled = compileListener(listener([{ filters: [hcm] }]));
    expect(compiled.listenerFilters).toEqual({
      filters: [],
      restoresDestination: false,
      timeoutMs: 15_000,
      continueOnTimeout: false,
    });
    expect(compiled.address).toEqual({ address: "127.0.0.1", port: 9080 });
    expect(compiled.trafficDirection).toBe("UNSPECIFIED");
    expect(compileListener({ ...listener([{ filters: [hcm] }]), address: { pipe: { path: "/s" } } }).address).toEqual({
      address: "",
      port: 0,
      path: "/s",
    });
  });

  test("chains: TLS, authorization before the last filter, and the choice among them", () => {
    const compiled = compileListener(
      listener(
        [
          {
            name: "mtls",
            filterChainMatch: { transportProtocol: "tls" },
            transportSocket: tls,
            filters: [rbac, rbac, tcp({ statPrefix: "t", cluster: "c" })],
          },
        ],
        { listenerFilters: [inspector], defaultFilterChain: { name: "other", filters: [hcm] } },
      ),
    );
    const [mtls] = compiled.chains;
    expect(mtls?.tls?.certificate).toEqual({ t: "secret", name: "default" });
    expect(mtls?.admission.length).toBe(2);
    expect(mtls?.terminal).toMatchObject({ t: "tcp", path: "filter_chains[0].filters[2].typed_config" });
    expect(compiled.select(facts("tls"))).toBe(mtls as NonNullable<typeof mtls>);
    expect(compiled.select(facts("raw_buffer"))?.name).toBe("other");
    expect(compiled.listenerFilters.filters.map(({ kind }) => kind.t)).toEqual(["tlsInspector"]);
  });

  test("without a default chain a connection that none matches has none", () => {
    const compiled = compileListener(listener([{ filterChainMatch: { transportProtocol: "tls" }, filters: [hcm] }]));
    expect(compiled.select(facts("raw_buffer"))).toBeUndefined();
  });

  test("what is wrong or not supported is refused by its path", () => {
    const chain: FilterChain = { filters: [hcm] };
    const proxy = "filter_chains[0].filters[0].typed_config";
    const cases: readonly (readonly [Listener, string])[] = [
      [listener([]), "filter_chains"],
      [listener([{}]), "filter_chains[0].filters"],
      [{ ...listener([chain]), address: {} }, "address"],
      [
        listener([chain], { address: { socketAddress: { ...address.socketAddress, protocol: "UDP" } } }),
        "address.socket_address.protocol",
      ],
      [listener([chain], { transparent: true }), "transparent"],
      [listener([chain], { internalListener: {} }), "internal_listener"],
      [
        listener([chain], { listenerFilters: [inspector, { typedConfig: pack(NetworkRbac, {}) }] }),
        "listener_filters[1]",
      ],
      [
        listener([chain], { listenerFilters: [{ ...inspector, filterDisabled: {} }] }),
        "listener_filters[0].filter_disabled",
      ],
      [listener([{ filters: [hcm, hcm] }]), "filter_chains[0].filters[0]"],
      [listener([{ filters: [rbac] }]), "filter_chains[0].filters[0]"],
      [listener([{ filters: [{ name: "x", configDiscovery: {} }] }]), "filter_chains[0].filters[0]"],
      [listener([chain, chain]), "filter_chains[1].filter_chain_match"],
      [
        listener([{ ...chain, transportSocket: { typedConfig: pack(DownstreamTlsContext, {}) } }]),
        "filter_chains[0].transport_socket.typed_config.common_tls_context",
      ],
      [listener([chain], { defaultFilterChain: { filters: [rbac] } }), "default_filter_chain.filters[0]"],
      [listener([{ filters: [tcp({})] }]), `${proxy}.stat_prefix`],
      [listener([{ filters: [tcp({ statPrefix: "t" })] }]), proxy],
      [
        listener([
          { filters: [tcp({ statPrefix: "t", cluster: "c", tunnelingConfig: { hostname: "h:1", usePost: true } })] },
        ]),
        `${proxy}.tunneling_config.use_post`,
      ],
      [
        listener([{ filters: [tcp({ statPrefix: "t", cluster: "c", maxConnectAttempts: 0 })] }]),
        `${proxy}.max_connect_attempts`,
      ],
      [
        listener([
          {
            filters: [
              tcp({ statPrefix: "t", weightedClusters: { clusters: [{ name: "a", weight: 1 }, { name: "b" }] } }),
            ],
          },
        ]),
        `${proxy}.weighted_clusters.clusters[1].weight`,
      ],
      [listener([{ ...chain, useProxyProto: true }]), "filter_chains[0].use_proxy_proto"],
    ];
    for (const [message, path] of cases) expect(refused(message), path).toBe(path);
    expect(refused(listener([chain]))).toBe("accepted");
  });
});
