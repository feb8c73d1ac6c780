/**
 * How a cluster balances load, from its resource.
 *
 * Source: `lb_policy`, `*_lb_config` and `common_lb_config` of `envoy/config/cluster/v3/cluster.proto`.
 *
 * Not here: slow start, localities by weight, and extension policies.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { BalancerPolicy } from "./balancer.ts";
import { compileMaglev, compileRingHash } from "./hash-settings.ts";

const LEAST_REQUEST = new Set(["choiceCount", "activeRequestBias"]);
/**
 * Updates are taken at once, so there is no window to merge them in; there are no active health checks to wait for.
 * Zone-aware routing does nothing, here as in Envoy, without a cluster that names this proxy's own peers.
 */
const COMMON = new Set([
  "healthyPanicThreshold",
  "zoneAwareLbConfig",
  "updateMergeWindow",
  "ignoreNewHostsUntilFirstHc",
  "consistentHashingLbConfig",
]);
const ZONE_AWARE = new Set(["routingEnabled", "minClusterSize"]);

/** @throws CompileError for policies and settings that are not supported. */
export function compileBalancerPolicy(cluster: Cluster): BalancerPolicy {
  const { lbPolicy, leastRequestLbConfig, roundRobinLbConfig } = cluster;
  refuseOthers(roundRobinLbConfig ?? {}, "round_robin_lb_config", new Set());
  refuseOthers(leastRequestLbConfig ?? {}, "least_request_lb_config", LEAST_REQUEST);
  switch (lbPolicy ?? "ROUND_ROBIN") {
    // The cluster has its own way to an endpoint, so the balancer is never asked.
    case "CLUSTER_PROVIDED":
      if (cluster.clusterType === undefined)
        throw new CompileError("lb_policy", "CLUSTER_PROVIDED is for clusters of an extension's type");
      return { t: "roundRobin" };
    case "ROUND_ROBIN":
      return { t: "roundRobin" };
    case "RANDOM":
      return { t: "random" };
    case "LEAST_REQUEST":
      return leastRequest(leastRequestLbConfig);
    case "RING_HASH":
      return compileRingHash(cluster);
    case "MAGLEV":
      return compileMaglev(cluster);
    default:
      throw new CompileError(
        "lb_policy",
        `${lbPolicy} is not supported yet: ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV are`,
      );
  }
}

function leastRequest(config: Cluster["leastRequestLbConfig"]): BalancerPolicy {
  const choiceCount = config?.choiceCount ?? 2;
  const activeRequestBias = config?.activeRequestBias?.defaultValue ?? (config?.activeRequestBias ? 0 : 1);
  if (choiceCount < 2)
    throw new CompileError("least_request_lb_config.choice_count", `must be at least 2, found ${choiceCount}`);
  if (!(activeRequestBias >= 0))
    throw new CompileError(
      "least_request_lb_config.active_request_bias",
      `must be at least 0, found ${activeRequestBias}`,
    );
  return { t: "leastRequest", choiceCount, activeRequestBias };
}

/** Below this percentage of healthy endpoints, all are used. @throws CompileError as above. */
export function compilePanicPercent({ commonLbConfig = {} }: Cluster): number {
  refuseOthers(commonLbConfig, "common_lb_config", COMMON);
  refuseOthers(commonLbConfig.zoneAwareLbConfig ?? {}, "common_lb_config.zone_aware_lb_config", ZONE_AWARE);
  const threshold = commonLbConfig.healthyPanicThreshold;
  if (threshold === undefined) return 50;
  const percent = threshold.value ?? 0;
  if (!(percent >= 0 && percent <= 100))
    throw new CompileError("common_lb_config.healthy_panic_threshold.value", `must be 0 to 100, found ${percent}`);
  return percent;
}
