/**
 * `envoy.config.cluster.v3`: how a cluster balances load.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint32Value, uint64Value } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { duration } from "../types/time.ts";
import { RuntimeDouble, TypedExtensionConfig } from "./core-base.ts";
import { HealthStatusSet } from "./core-health-check.ts";
import { MetadataKey } from "./metadata-tracing.ts";
import { Percent } from "./type.ts";

export const LbSubsetConfigLbSubsetFallbackPolicy = enumeration(
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetFallbackPolicy",
  { NO_FALLBACK: 0, ANY_ENDPOINT: 1, DEFAULT_SUBSET: 2 },
);
export type LbSubsetConfigLbSubsetFallbackPolicy = Infer<typeof LbSubsetConfigLbSubsetFallbackPolicy>;

export const LbSubsetConfigLbSubsetSelectorLbSubsetSelectorFallbackPolicy = enumeration(
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector.LbSubsetSelectorFallbackPolicy",
  { NOT_DEFINED: 0, NO_FALLBACK: 1, ANY_ENDPOINT: 2, DEFAULT_SUBSET: 3, KEYS_SUBSET: 4 },
);
export type LbSubsetConfigLbSubsetSelectorLbSubsetSelectorFallbackPolicy = Infer<
  typeof LbSubsetConfigLbSubsetSelectorLbSubsetSelectorFallbackPolicy
>;

export const LbSubsetConfigLbSubsetSelector = message(
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector",
  {
    keys: repeated(string(1)),
    fallbackPolicy: of(2, LbSubsetConfigLbSubsetSelectorLbSubsetSelectorFallbackPolicy),
    fallbackKeysSubset: repeated(string(3)),
    singleHostPerSubset: bool(4),
  },
);
export type LbSubsetConfigLbSubsetSelector = Infer<typeof LbSubsetConfigLbSubsetSelector>;

export const LbSubsetConfigLbSubsetMetadataFallbackPolicy = enumeration(
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetMetadataFallbackPolicy",
  { METADATA_NO_FALLBACK: 0, FALLBACK_LIST: 1 },
);
export type LbSubsetConfigLbSubsetMetadataFallbackPolicy = Infer<typeof LbSubsetConfigLbSubsetMetadataFallbackPolicy>;

export const LbSubsetConfig = message("envoy.config.cluster.v3.Cluster.LbSubsetConfig", {
  fallbackPolicy: of(1, LbSubsetConfigLbSubsetFallbackPolicy),
  defaultSubset: struct(2),
  subsetSelectors: repeated(of(3, LbSubsetConfigLbSubsetSelector)),
  localityWeightAware: bool(4),
  scaleLocalityWeight: bool(5),
  panicModeAny: bool(6),
  listAsAny: bool(7),
  metadataFallbackPolicy: of(8, LbSubsetConfigLbSubsetMetadataFallbackPolicy),
});
export type LbSubsetConfig = Infer<typeof LbSubsetConfig>;

export const SlowStartConfig = message("envoy.config.cluster.v3.Cluster.SlowStartConfig", {
  slowStartWindow: duration(1),
  aggression: of(2, RuntimeDouble),
  minWeightPercent: of(3, Percent),
});
export type SlowStartConfig = Infer<typeof SlowStartConfig>;

export const RoundRobinLbConfig = message("envoy.config.cluster.v3.Cluster.RoundRobinLbConfig", {
  slowStartConfig: of(1, SlowStartConfig),
});
export type RoundRobinLbConfig = Infer<typeof RoundRobinLbConfig>;

export const LeastRequestLbConfig = message("envoy.config.cluster.v3.Cluster.LeastRequestLbConfig", {
  choiceCount: uint32Value(1),
  activeRequestBias: of(2, RuntimeDouble),
  slowStartConfig: of(3, SlowStartConfig),
});
export type LeastRequestLbConfig = Infer<typeof LeastRequestLbConfig>;

export const RingHashLbConfigHashFunction = enumeration(
  "envoy.config.cluster.v3.Cluster.RingHashLbConfig.HashFunction",
  { XX_HASH: 0, MURMUR_HASH_2: 1 },
);
export type RingHashLbConfigHashFunction = Infer<typeof RingHashLbConfigHashFunction>;

export const RingHashLbConfig = message("envoy.config.cluster.v3.Cluster.RingHashLbConfig", {
  minimumRingSize: uint64Value(1),
  hashFunction: of(3, RingHashLbConfigHashFunction),
  maximumRingSize: uint64Value(4),
});
export type RingHashLbConfig = Infer<typeof RingHashLbConfig>;

export const MaglevLbConfig = message("envoy.config.cluster.v3.Cluster.MaglevLbConfig", {
  tableSize: uint64Value(1),
});
export type MaglevLbConfig = Infer<typeof MaglevLbConfig>;

export const OriginalDstLbConfig = message("envoy.config.cluster.v3.Cluster.OriginalDstLbConfig", {
  useHttpHeader: bool(1),
  httpHeaderName: string(2),
  upstreamPortOverride: uint32Value(3),
  metadataKey: of(4, MetadataKey),
});
export type OriginalDstLbConfig = Infer<typeof OriginalDstLbConfig>;

export const CommonLbConfigZoneAwareLbConfig = message(
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig",
  {
    routingEnabled: of(1, Percent),
    minClusterSize: uint64Value(2),
    failTrafficOnPanic: bool(3),
  },
);
export type CommonLbConfigZoneAwareLbConfig = Infer<typeof CommonLbConfigZoneAwareLbConfig>;

export const CommonLbConfigLocalityWeightedLbConfig = message(
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig",
  {},
);
export type CommonLbConfigLocalityWeightedLbConfig = Infer<typeof CommonLbConfigLocalityWeightedLbConfig>;

export const CommonLbConfigConsistentHashingLbConfig = message(
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig",
  {
    useHostnameForHashing: bool(1),
    hashBalanceFactor: uint32Value(2),
  },
);
export type CommonLbConfigConsistentHashingLbConfig = Infer<typeof CommonLbConfigConsistentHashingLbConfig>;

export const CommonLbConfig = message("envoy.config.cluster.v3.Cluster.CommonLbConfig", {
  healthyPanicThreshold: of(1, Percent),
  ...oneof("locality_config_specifier", {
    zoneAwareLbConfig: of(2, CommonLbConfigZoneAwareLbConfig),
    localityWeightedLbConfig: of(3, CommonLbConfigLocalityWeightedLbConfig),
  }),
  updateMergeWindow: duration(4),
  ignoreNewHostsUntilFirstHc: bool(5),
  closeConnectionsOnHostSetChange: bool(6),
  consistentHashingLbConfig: of(7, CommonLbConfigConsistentHashingLbConfig),
  overrideHostStatus: of(8, HealthStatusSet),
});
export type CommonLbConfig = Infer<typeof CommonLbConfig>;

export const LoadBalancingPolicyPolicy = message("envoy.config.cluster.v3.LoadBalancingPolicy.Policy", {
  typedExtensionConfig: of(4, TypedExtensionConfig),
});
export type LoadBalancingPolicyPolicy = Infer<typeof LoadBalancingPolicyPolicy>;

export const LoadBalancingPolicy = message("envoy.config.cluster.v3.LoadBalancingPolicy", {
  policies: repeated(of(1, LoadBalancingPolicyPolicy)),
});
export type LoadBalancingPolicy = Infer<typeof LoadBalancingPolicy>;
