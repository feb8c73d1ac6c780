/**
 * Settings of balancers that stand in a cluster's own fields and in extensions alike.
 *
 * Source: `envoy/config/cluster/v3/cluster.proto`, `envoy/extensions/load_balancing_policies`; defaults as there.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { BalancerPolicy } from "./balancer.ts";
import type { LocalityMode } from "./localities.ts";
import { compileSlowStart } from "./slow-start.ts";

/** A policy, and what of localities it looks at. */
export interface CompiledBalancing {
  readonly policy: BalancerPolicy;
  readonly localities: LocalityMode | undefined;
  /** In panic requests are refused. */
  readonly failOnPanic: boolean;
}

const ZONE_AWARE = new Set(["routingEnabled", "minClusterSize", "failTrafficOnPanic"]);
const MIN_ZONE_SIZE = 6;

type LeastRequestMessage = Pick<
  NonNullable<Cluster["leastRequestLbConfig"]>,
  "choiceCount" | "activeRequestBias" | "slowStartConfig"
>;

export function compileLeastRequest(config: LeastRequestMessage, at: string): BalancerPolicy & { t: "leastRequest" } {
  const choiceCount = config.choiceCount ?? 2;
  const activeRequestBias = config.activeRequestBias?.defaultValue ?? (config.activeRequestBias ? 0 : 1);
  if (choiceCount < 2) throw new CompileError(`${at}.choice_count`, `must be at least 2, found ${choiceCount}`);
  if (!(activeRequestBias >= 0))
    throw new CompileError(`${at}.active_request_bias`, `must be at least 0, found ${activeRequestBias}`);
  const slowStart = compileSlowStart(config.slowStartConfig, `${at}.slow_start_config`);
  return { t: "leastRequest", choiceCount, activeRequestBias, slowStart };
}

type LocalityMessage = Pick<NonNullable<Cluster["commonLbConfig"]>, "zoneAwareLbConfig" | "localityWeightedLbConfig">;

/** @throws {CompileError} */
export function compileLocalities(
  { localityWeightedLbConfig, zoneAwareLbConfig }: LocalityMessage,
  at: string,
): Omit<CompiledBalancing, "policy"> {
  if (localityWeightedLbConfig !== undefined) return { localities: { t: "weighted" }, failOnPanic: false };
  if (zoneAwareLbConfig === undefined) return { localities: undefined, failOnPanic: false };
  refuseOthers(zoneAwareLbConfig, `${at}.zone_aware_lb_config`, ZONE_AWARE);
  const { failTrafficOnPanic = false, minClusterSize, routingEnabled } = zoneAwareLbConfig;
  const routingPercent = routingEnabled === undefined ? 100 : (routingEnabled.value ?? 0);
  const minSize = Number(minClusterSize ?? MIN_ZONE_SIZE);
  const localities: LocalityMode = { t: "zoneAware", routingPercent, minSize };
  return { localities: routingPercent === 0 ? undefined : localities, failOnPanic: failTrafficOnPanic };
}
