import { describe, expect, test } from "bun:test";
import type { Cluster } from "../../xds/proto/cluster.ts";
import { RawBuffer, UpstreamTlsContext } from "../../xds/proto/tls.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { pack } from "../../xds/types/any.ts";
import { CompileError } from "../compile-error.ts";
import { compileCluster } from "./cluster.ts";
import { EndpointSet } from "./endpoints.ts";

const EDS: Cluster = { name: "c", type: "EDS", edsClusterConfig: { edsConfig: { ads: {} } } };

const tls = (sni: string) => ({
  typedConfig: pack(UpstreamTlsContext, {
    sni,
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [{ name: "default" }],
      validationContextSdsSecretConfig: { name: "ROOTCA" },
    },
  }),
});
const plain = { typedConfig: pack(RawBuffer, {}) };

const http = (options: UpstreamHttpOptions): Cluster => ({
  ...EDS,
  typedExtensionProtocolOptions: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, options),
  },
});

/** The path of the field that a cluster is refused for. */
function refused(cluster: Cluster): string {
  try {
    compileCluster(cluster);
  } catch (error) {
    if (error instanceof CompileError) return error.path;
    throw error;
  }
  return "accepted";
}

const hashing = (
  consistentHashingLbConfig: NonNullable<Cluster["commonLbConfig"]>["consistentHashingLbConfig"],
): Partial<Cluster> => ({ lbPolicy: "MAGLEV", commonLbConfig: { consistentHashingLbConfig } });

describe("cluster", () => {
  test("defaults", () => {
    const { name, type, edsServiceName, connectTimeoutMs, balancer, healthyPanicPercent, http, usesTls, outlier } =
      compileCluster(EDS);
    expect({ name, type, edsServiceName, connectTimeoutMs, balancer, healthyPanicPercent, usesTls, outlier }).toEqual({
      name: "c",
      type: "EDS",
      edsServiceName: "c",
      connectTimeoutMs: 5000,
      balancer: { t: "roundRobin" },
      healthyPanicPercent: 50,
      usesTls: false,
      outlier: undefined,
    });
    expect(http).toMatchObject({ protocol: "http1", maxRequestsPerConnection: 0, idleTimeoutMs: 3_600_000 });
  });

  test("kinds: DNS counts as static where every address is one", () => {
    const at = (address: string): Cluster => ({
      name: "c",
      type: "STRICT_DNS",
      loadAssignment: {
        endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address, portValue: 1 } } } }] }],
      },
    });
    for (const address of ["10.0.0.1", "::1", "localhost"]) expect(compileCluster(at(address)).type).toBe("STATIC");
    for (const address of ["example.com", "1.2.3", "1.2.3.256"])
      expect(compileCluster(at(address))).toMatchObject({ type: "DNS", namedEndpoints: { isLogical: false } });
    expect(compileCluster({ name: "c" }).staticEndpoints).toEqual({ clusterName: "c" });
    expect(
      compileCluster({ ...EDS, edsClusterConfig: { edsConfig: { ads: {} }, serviceName: "s" } }).edsServiceName,
    ).toBe("s");
  });

  test("balancers", () => {
    expect(compileCluster({ ...EDS, lbPolicy: "RANDOM" }).balancer).toEqual({ t: "random" });
    const least = (leastRequestLbConfig: Cluster["leastRequestLbConfig"]) =>
      compileCluster({ ...EDS, lbPolicy: "LEAST_REQUEST", leastRequestLbConfig }).balancer;
    expect(least(undefined)).toEqual({ t: "leastRequest", choiceCount: 2, activeRequestBias: 1 });
    expect(least({ choiceCount: 5, activeRequestBias: {} })).toEqual({
      t: "leastRequest",
      choiceCount: 5,
      activeRequestBias: 0, // a message without its value
    });
  });

  test("balancers that hash, with Envoy's defaults", () => {
    const balancer = (over: Partial<Cluster>) => compileCluster({ ...EDS, ...over }).balancer;
    const ring = { t: "ringHash", minSize: 1024, maxSize: 8_388_608, useHostname: false } as const;
    expect(balancer({ lbPolicy: "RING_HASH" })).toEqual(ring);
    const sizes = { minimumRingSize: 0, maximumRingSize: 5 };
    expect(balancer({ lbPolicy: "RING_HASH", ringHashLbConfig: sizes })).toEqual({ ...ring, minSize: 0, maxSize: 5 });
    expect(balancer({ lbPolicy: "MAGLEV" })).toEqual({ t: "maglev", tableSize: 65_537, useHostname: false });
    const ringAt = "ring_hash_lb_config";
    const hashingAt = "common_lb_config.consistent_hashing_lb_config";
    const wrong: readonly (readonly [Partial<Cluster>, string])[] = [
      [{ lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: 1024 } }, "maglev_lb_config.table_size"],
      [{ lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: 5_000_077 } }, "maglev_lb_config.table_size"],
      [
        { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: 2, maximumRingSize: 1 } },
        `${ringAt}.minimum_ring_size`,
      ],
      [{ lbPolicy: "RING_HASH", ringHashLbConfig: { maximumRingSize: 8_388_609 } }, `${ringAt}.maximum_ring_size`],
      [
        { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: 0, maximumRingSize: 0 } },
        `${ringAt}.maximum_ring_size`,
      ],
      [{ lbPolicy: "RING_HASH", ringHashLbConfig: { hashFunction: "MURMUR_HASH_2" } }, `${ringAt}.hash_function`],
      [hashing({ hashBalanceFactor: 99 }), `${hashingAt}.hash_balance_factor`],
      [hashing({ useHostnameForHashing: true }), `${hashingAt}.use_hostname_for_hashing`],
    ];
    for (const [over, path] of wrong) expect(refused({ ...EDS, ...over }), path).toBe(path);
  });

  test("panic threshold: a message without its value is 0", () => {
    const percent = (healthyPanicThreshold: { value?: number }) =>
      compileCluster({ ...EDS, commonLbConfig: { healthyPanicThreshold } }).healthyPanicPercent;
    expect([percent({}), percent({ value: 0 }), percent({ value: 30 })]).toEqual([0, 0, 30]);
  });

  test("HTTP options, and the deprecated fields where they are not given", () => {
    const options = http({
      explicitHttpConfig: { http2ProtocolOptions: {} },
      commonHttpProtocolOptions: { idleTimeout: 0, maxRequestsPerConnection: 7 },
    });
    const expected = { protocol: "http2", maxRequestsPerConnection: 7, idleTimeoutMs: Infinity } as const;
    expect(compileCluster(options).http).toMatchObject(expected);
    expect(compileCluster({ ...options, maxRequestsPerConnection: 9 }).http).toMatchObject(expected);
    expect(compileCluster({ ...EDS, http2ProtocolOptions: {}, maxRequestsPerConnection: 9 }).http).toMatchObject({
      protocol: "http2",
      maxRequestsPerConnection: 9,
      idleTimeoutMs: 3_600_000,
    });
    expect(compileCluster(http({ useDownstreamProtocolConfig: {} })).http.protocol).toBe("useDownstream");
  });

  test("the server behind TLS may be named by each request's host", () => {
    const by = (upstreamHttpProtocolOptions: UpstreamHttpOptions["upstreamHttpProtocolOptions"]) =>
      compileCluster(http({ upstreamHttpProtocolOptions })).http.serverByHost;
    expect(by({ autoSni: true, autoSanValidation: true })).toEqual({ sni: true, san: true });
    expect(by({ autoSni: true })).toEqual({ sni: true, san: false });
    expect(by({})).toBeUndefined();
  });

  test("the socket of an endpoint: the first match of its labels, else the cluster's", () => {
    const cluster = compileCluster({
      ...EDS,
      transportSocket: tls("own"),
      transportSocketMatches: [
        { name: "mesh", match: { tlsMode: "istio", deep: { a: [1, { b: 2 }] } }, transportSocket: tls("mesh") },
        { name: "plain", match: { tlsMode: "disabled" }, transportSocket: plain },
      ],
    });
    const sniFor = (labels: Readonly<Record<string, never>> | object) => {
      const set = new EndpointSet();
      const metadata = { filterMetadata: { "envoy.transport_socket_match": labels as Record<string, string> } };
      const address = { socketAddress: { address: "10.0.0.1", portValue: 1 } };
      set.update({ endpoints: [{ lbEndpoints: [{ endpoint: { address }, metadata }] }] });
      const [endpoint] = set.all;
      return endpoint && (cluster.tlsOf(endpoint)?.sni ?? "plain");
    };
    expect(sniFor({ tlsMode: "istio", deep: { a: [1, { b: 2 }] }, more: true })).toBe("mesh");
    expect(sniFor({ tlsMode: "istio", deep: { a: [1, { b: 3 }] } })).toBe("own");
    expect(sniFor({ tlsMode: "istio" })).toBe("own");
    expect(sniFor({ tlsMode: "istio", deep: { a: [1, {}] } })).toBe("own");
    expect(sniFor({ tlsMode: "disabled" })).toBe("plain");
    expect(sniFor({})).toBe("own");
    expect([cluster.usesTls, [...cluster.secretNames].sort()]).toEqual([true, ["ROOTCA", "default"]]);
  });

  test("what is wrong or not supported is refused by its path", () => {
    const options = 'typed_extension_protocol_options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]';
    const cases: readonly (readonly [Cluster, string])[] = [
      [{ ...EDS, name: "" }, "name"],
      [{ ...EDS, connectTimeout: 0 }, "connect_timeout"],
      [{ name: "c", type: "EDS" }, "eds_cluster_config.eds_config"],
      [{ ...EDS, edsClusterConfig: { edsConfig: { path: "/x" } } }, "eds_cluster_config.eds_config"],
      [{ name: "c", type: "ORIGINAL_DST" }, "lb_policy"],
      [{ ...EDS, lbPolicy: "CLUSTER_PROVIDED" }, "lb_policy"],
      [
        { ...EDS, roundRobinLbConfig: { slowStartConfig: { minWeightPercent: { value: 101 } } } },
        "round_robin_lb_config.slow_start_config.min_weight_percent.value",
      ],
      [{ ...EDS, loadBalancingPolicy: { policies: [] } }, "load_balancing_policy.policies"],
      [
        { ...EDS, lbPolicy: "LEAST_REQUEST", leastRequestLbConfig: { choiceCount: 1 } },
        "least_request_lb_config.choice_count",
      ],
      [{ ...EDS, lbSubsetConfig: {} }, "lb_subset_config"],
      [{ ...EDS, healthChecks: [{}] }, "health_checks[0].interval"],
      [{ ...EDS, healthChecks: [{}, {}] }, "health_checks"],
      [
        { ...EDS, commonLbConfig: { closeConnectionsOnHostSetChange: true } },
        "common_lb_config.close_connections_on_host_set_change",
      ],
      [
        { ...EDS, commonLbConfig: { healthyPanicThreshold: { value: 101 } } },
        "common_lb_config.healthy_panic_threshold.value",
      ],
      [http({ autoConfig: { http3ProtocolOptions: {} } }), `${options}.auto_config.http3_protocol_options`],
      [
        http({ explicitHttpConfig: { http3ProtocolOptions: {} } }),
        `${options}.explicit_http_config.http3_protocol_options`,
      ],
      [
        http({ commonHttpProtocolOptions: { maxHeadersCount: 1 } }),
        `${options}.common_http_protocol_options.max_headers_count`,
      ],
      [
        http({ upstreamHttpProtocolOptions: { autoSni: true, overrideAutoSniHeader: "x-sni" } }),
        `${options}.upstream_http_protocol_options.override_auto_sni_header`,
      ],
      [{ ...EDS, typedExtensionProtocolOptions: { other: pack(RawBuffer, {}) } }, "typed_extension_protocol_options"],
      [{ ...EDS, transportSocket: { typedConfig: pack(UpstreamHttpOptions, {}) } }, "transport_socket.typed_config"],
    ];
    for (const [cluster, path] of cases) expect(refused(cluster), path).toBe(path);
    expect(refused(EDS)).toBe("accepted");
  });
});
