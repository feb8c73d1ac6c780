/** Zone-aware balancing looks at where the callers are: those of the proxy's own service, or of the service that a cluster names. */
import { expect, test } from "bun:test";
import { Cluster } from "../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { edsCluster } from "../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../tests/support/proxy-rig.ts";

const spread = (clusterName: string, ...zones: readonly string[]): ClusterLoadAssignment => ({
  clusterName,
  endpoints: zones.map((zone, i) => ({
    locality: { zone },
    lbEndpoints: [{ endpoint: { address: { socketAddress: { address: `10.0.0.${i}`, portValue: 80 } } } }],
  })),
});

const zoneAware = (name: string, caller: string | undefined): Cluster =>
  edsCluster(name, {
    commonLbConfig: { zoneAwareLbConfig: { minClusterSize: 1 } },
    metadata: caller === undefined ? {} : { filterMetadata: { "tulle.local": { cluster: caller, zone: "a" } } },
  });

test("members of the caller's service that come and go change where calls go, of those alone who look at them", async () => {
  const rig = new ProxyRig({ local: { clusterName: "own", locality: { zone: "b" } } });
  const partsOf = (name: string) =>
    rig.proxy.clusters.clusters
      .get(name)
      ?.endpoints.groups[0]?.parts?.map(({ endpoints, weight }) => [endpoints[0]?.locality?.zone, weight]);
  await rig.apply(Cluster, edsCluster("own"), edsCluster("other"));
  await rig.apply(Cluster, zoneAware("mine", undefined), zoneAware("theirs", "other"));
  await rig.apply(ClusterLoadAssignment, spread("mine", "a", "b"), spread("theirs", "a", "b"));
  expect([partsOf("mine"), partsOf("theirs")]).toEqual([undefined, undefined]);

  await rig.apply(ClusterLoadAssignment, spread("other", "a", "b"));
  expect([partsOf("mine"), partsOf("theirs")]).toEqual([undefined, [["a", 1]]]);
  await rig.apply(ClusterLoadAssignment, spread("own", "a", "b"));
  expect([partsOf("mine"), partsOf("theirs")]).toEqual([[["b", 1]], [["a", 1]]]);
  await rig.apply(ClusterLoadAssignment, spread("other", "b"));
  expect([partsOf("mine"), partsOf("theirs")]).toEqual([[["b", 1]], undefined]);
  await rig.finish();
});
