/**
 * How a cluster balances load, from its resource: `lb_policy` with its settings, or the first of `load_balancing_policy` that is known.
 *
 * Source: `lb_policy`, `*_lb_config` and `common_lb_config` of `envoy/config/cluster/v3/cluster.proto`,
 * `envoy/extensions/load_balancing_policies`.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { BalancerPolicy } from "./balancer.ts";
import { compileExtensionPolicy } from "./balancer-extension.ts";
import { type CompiledBalancing, compileLeastRequest, compileLocalities } from "./balancer-settings.ts";
import { compileConsistent, compileMaglev, compileRingHash, type HashCommon } from "./hash-settings.ts";
import { compileSlowStart } from "./slow-start.ts";

const LEAST_REQUEST = new Set(["choiceCount", "activeRequestBias", "slowStartConfig"]);
/**
 * Updates are taken at once, so there is no window to merge them in.
 * Zone-aware routing does nothing, here as in Envoy, without a cluster that names this proxy's own peers.
 */
const COMMON = new Set([
  "healthyPanicThreshold",
  "zoneAwareLbConfig",
  "localityWeightedLbConfig",
  "updateMergeWindow",
  "ignoreNewHostsUntilFirstHc",
  "consistentHashingLbConfig",
]);

/** @throws CompileError for policies and settings that are not supported. */
export function compileBalancing(cluster: Cluster): CompiledBalancing {
  if (cluster.loadBalancingPolicy !== undefined) return compileExtensionPolicy(cluster, "load_balancing_policy");
  const common = cluster.commonLbConfig ?? {};
  refuseOthers(common, "common_lb_config", COMMON);
  return {
    policy: compilePolicy(cluster),
    ...compileLocalities(common, "common_lb_config"),
  };
}

function compilePolicy(cluster: Cluster): BalancerPolicy {
  const { lbPolicy, leastRequestLbConfig = {}, roundRobinLbConfig = {} } = cluster;
  refuseOthers(roundRobinLbConfig, "round_robin_lb_config", new Set(["slowStartConfig"]));
  refuseOthers(leastRequestLbConfig, "least_request_lb_config", LEAST_REQUEST);
  switch (lbPolicy ?? "ROUND_ROBIN") {
    case "ROUND_ROBIN": {
      const at = "round_robin_lb_config.slow_start_config";
      return { t: "roundRobin", slowStart: compileSlowStart(roundRobinLbConfig.slowStartConfig, at) };
    }
    case "RANDOM":
      return { t: "random" };
    case "LEAST_REQUEST":
      return compileLeastRequest(leastRequestLbConfig, "least_request_lb_config");
    case "RING_HASH":
      return compileRingHash(cluster.ringHashLbConfig ?? {}, hashCommon(cluster), "ring_hash_lb_config");
    case "MAGLEV":
      return compileMaglev(cluster.maglevLbConfig ?? {}, hashCommon(cluster), "maglev_lb_config");
    // The cluster has its own way to an endpoint, so the balancer is never asked.
    case "CLUSTER_PROVIDED":
      if (cluster.clusterType === undefined && cluster.type !== "ORIGINAL_DST")
        throw new CompileError("lb_policy", "CLUSTER_PROVIDED is for clusters of an extension's type");
      return { t: "roundRobin" };
    default:
      throw new CompileError(
        "lb_policy",
        `${lbPolicy} is not supported yet: ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV are`,
      );
  }
}

function hashCommon({ commonLbConfig = {}, type = "STATIC" }: Cluster): HashCommon {
  const at = "common_lb_config.consistent_hashing_lb_config";
  return {
    ...compileConsistent(commonLbConfig.consistentHashingLbConfig, type, at),
    ...(commonLbConfig.localityWeightedLbConfig === undefined ? {} : { localityWeighted: true }),
  };
}

/** Below this percentage of healthy endpoints, all are used. @throws CompileError as above. */
export function compilePanicPercent({ commonLbConfig = {} }: Cluster): number {
  const threshold = commonLbConfig.healthyPanicThreshold;
  if (threshold === undefined) return 50;
  const percent = threshold.value ?? 0;
  if (!(percent >= 0 && percent <= 100))
    throw new CompileError("common_lb_config.healthy_panic_threshold.value", `must be 0 to 100, found ${percent}`);
  return percent;
}
