import { expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import type { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import { CompileError } from "../compile-error.ts";
import { compileTcpProxy } from "./tcp-proxy.ts";

const proxy = (over: TcpProxy = {}, bySni = false) =>
  compileTcpProxy({ statPrefix: "t", cluster: "c", ...over }, "p", bySni);
const never = (): number => {
  throw new Error("chance was asked");
};

function refused(over: TcpProxy): string {
  try {
    proxy(over);
  } catch (error) {
    if (error instanceof CompileError) return error.path;
    throw error;
  }
  return "accepted";
}

test("defaults: one attempt, an hour without a byte, no limit of age", () => {
  const { clusterFor, idleTimeoutMs, maxConnectAttempts, maxDurationMs } = proxy();
  expect({ idleTimeoutMs, maxConnectAttempts, maxDurationMs }).toEqual({
    idleTimeoutMs: 3_600_000,
    maxConnectAttempts: 1,
    maxDurationMs: Number.POSITIVE_INFINITY,
  });
  expect(clusterFor(never, "a.example")).toBe("c");
  expect(proxy({ idleTimeout: 0 }).idleTimeoutMs).toBe(Number.POSITIVE_INFINITY);
});

test("clusters by weight", () => {
  const clusters = [
    { name: "a", weight: 3 },
    { name: "b", weight: 1 },
  ];
  const { clusterFor } = proxy({ cluster: undefined, weightedClusters: { clusters } });
  const random = seededRandom(3);
  const picked = Array.from({ length: 4000 }, () => clusterFor(random, undefined));
  expect(picked.filter((name) => name === "a").length / 4000).toBeCloseTo(0.75, 1);
  expect([clusterFor(() => 0, undefined), clusterFor(() => 0.9999, undefined)]).toEqual(["a", "b"]);
});

test("a cluster by the server name, where there is one", () => {
  const { clusterFor } = proxy({}, true);
  expect([clusterFor(never, "a.example"), clusterFor(never, undefined)]).toEqual(["a.example", "c"]);
});

test("what is wrong or not supported is refused by its path", () => {
  const weighted = (name: string, weight: number): TcpProxy => ({
    cluster: undefined,
    weightedClusters: { clusters: [{ name, weight }] },
  });
  const cases: readonly (readonly [TcpProxy, string])[] = [
    [{ statPrefix: "" }, "p.stat_prefix"],
    [{ cluster: undefined }, "p"],
    [weighted("", 1), "p.weighted_clusters.clusters[0].name"],
    [weighted("a", 0), "p.weighted_clusters.clusters[0].weight"],
    [{ maxConnectAttempts: 0 }, "p.max_connect_attempts"],
    [{ maxDownstreamConnectionDuration: 0 }, "p.max_downstream_connection_duration"],
    [{ tunnelingConfig: { hostname: "h" } }, "p.tunneling_config.hostname"],
    [{ tunnelingConfig: { hostname: "%REQ(x)%:1" } }, "p.tunneling_config.hostname"],
    [{ tunnelingConfig: { hostname: "h:1", usePost: true } }, "p.tunneling_config.use_post"],
    [{ metadataMatch: {} }, "p.metadata_match"],
    [{ hashPolicy: [{ sourceIp: {} }] }, "accepted"],
    [{ hashPolicy: [{}] }, "p.hash_policy[0]"],
    [{ hashPolicy: [{ filterState: { key: "k" } }] }, "p.hash_policy[0].filter_state"],
    [{ hashPolicy: [{ sourceIp: {} }, { sourceIp: {} }] }, "p.hash_policy"],
  ];
  for (const [over, path] of cases) expect(refused(over), path).toBe(path);
});
