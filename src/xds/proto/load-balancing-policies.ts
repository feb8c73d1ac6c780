/**
 * `envoy.extensions.load_balancing_policies`.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, uint32Value, uint64Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { RuntimeDouble } from "./core-base.ts";
import { Percent } from "./type.ts";

export const LocalityLbConfigZoneAwareLbConfig = message(
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig",
  {
    routingEnabled: of(1, Percent),
    minClusterSize: uint64Value(2),
    failTrafficOnPanic: bool(3),
  },
);
export type LocalityLbConfigZoneAwareLbConfig = Infer<typeof LocalityLbConfigZoneAwareLbConfig>;

export const LocalityLbConfigLocalityWeightedLbConfig = message(
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig",
  {},
);
export type LocalityLbConfigLocalityWeightedLbConfig = Infer<typeof LocalityLbConfigLocalityWeightedLbConfig>;

export const LocalityLbConfig = message("envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig", {
  ...oneof("locality_config_specifier", {
    zoneAwareLbConfig: of(1, LocalityLbConfigZoneAwareLbConfig),
    localityWeightedLbConfig: of(2, LocalityLbConfigLocalityWeightedLbConfig),
  }),
});
export type LocalityLbConfig = Infer<typeof LocalityLbConfig>;

export const PolicySlowStartConfig = message("envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig", {
  slowStartWindow: duration(1),
  aggression: of(2, RuntimeDouble),
  minWeightPercent: of(3, Percent),
});
export type PolicySlowStartConfig = Infer<typeof PolicySlowStartConfig>;

export const PolicyConsistentHashingLbConfig = message(
  "envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig",
  {
    useHostnameForHashing: bool(1),
    hashBalanceFactor: uint32Value(2),
  },
);
export type PolicyConsistentHashingLbConfig = Infer<typeof PolicyConsistentHashingLbConfig>;

export const LeastRequestSelectionMethod = enumeration(
  "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest.SelectionMethod",
  { N_CHOICES: 0, FULL_SCAN: 1 },
);
export type LeastRequestSelectionMethod = Infer<typeof LeastRequestSelectionMethod>;

export const LeastRequest = message("envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest", {
  choiceCount: uint32Value(1),
  activeRequestBias: of(2, RuntimeDouble),
  slowStartConfig: of(3, PolicySlowStartConfig),
  localityLbConfig: of(4, LocalityLbConfig),
  enableFullScan: boolValue(5),
  selectionMethod: of(6, LeastRequestSelectionMethod),
});
export type LeastRequest = Infer<typeof LeastRequest>;

export const Random = message("envoy.extensions.load_balancing_policies.random.v3.Random", {
  localityLbConfig: of(1, LocalityLbConfig),
});
export type Random = Infer<typeof Random>;

export const RingHashHashFunction = enumeration(
  "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash.HashFunction",
  { DEFAULT_HASH: 0, XX_HASH: 1, MURMUR_HASH_2: 2 },
);
export type RingHashHashFunction = Infer<typeof RingHashHashFunction>;

export const RingHash = message("envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash", {
  hashFunction: of(1, RingHashHashFunction),
  minimumRingSize: uint64Value(2),
  maximumRingSize: uint64Value(3),
  consistentHashingLbConfig: of(6, PolicyConsistentHashingLbConfig),
  localityWeightedLbConfig: of(7, LocalityLbConfigLocalityWeightedLbConfig),
});
export type RingHash = Infer<typeof RingHash>;

export const Maglev = message("envoy.extensions.load_balancing_policies.maglev.v3.Maglev", {
  tableSize: uint64Value(1),
  consistentHashingLbConfig: of(2, PolicyConsistentHashingLbConfig),
  localityWeightedLbConfig: of(3, LocalityLbConfigLocalityWeightedLbConfig),
});
export type Maglev = Infer<typeof Maglev>;

export const RoundRobin = message("envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin", {
  slowStartConfig: of(1, PolicySlowStartConfig),
  localityLbConfig: of(2, LocalityLbConfig),
});
export type RoundRobin = Infer<typeof RoundRobin>;
