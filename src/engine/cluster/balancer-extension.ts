/**
 * `load_balancing_policy` of a cluster: the first policy of the list that is known.
 *
 * Source: `envoy/extensions/load_balancing_policies`, and our own `tulle.balancing.v1`.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import {
  LeastRequest,
  type LocalityLbConfig,
  Maglev,
  Random,
  RingHash,
  RoundRobin,
} from "../../xds/proto/load-balancing-policies.ts";
import { PeakEwma } from "../../xds/proto/tulle-balancing.ts";
import { type AnyMessage, isAny } from "../../xds/types/any.ts";
import type { MessageType } from "../../xds/types/message.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { type CompiledBalancing, compileLeastRequest, compileLocalities } from "./balancer-settings.ts";
import { compileConsistent, compileMaglev, compileRingHash, type HashCommon } from "./hash-settings.ts";
import { compileSlowStart } from "./slow-start.ts";

const DEFAULT_DECAY_MS = 10_000;

/** @throws {CompileError} Where none is known, or the one that is has what is wrong. */
export function compileExtensionPolicy(cluster: Cluster, path: string): CompiledBalancing {
  const policies = cluster.loadBalancingPolicy?.policies ?? [];
  const found: string[] = [];
  for (const [i, { typedExtensionConfig }] of policies.entries()) {
    const { typedConfig } = typedExtensionConfig ?? {};
    const at = `${path}.policies[${i}].typed_extension_config.typed_config`;
    if (typedConfig === undefined) throw new CompileError(at, "must be there");
    for (const policy of POLICIES) {
      const compiled = policy(typedConfig, cluster, at);
      if (compiled !== undefined) return compiled;
    }
    found.push(typedConfig.typeUrl);
  }
  throw new CompileError(`${path}.policies`, `none is known of ${found.length === 0 ? "no policy" : found.join(", ")}`);
}

type Compile = (config: AnyMessage, cluster: Cluster, at: string) => CompiledBalancing | undefined;

function policyOf<T extends object>(
  type: MessageType<T>,
  known: readonly string[],
  compile: (message: T, cluster: Cluster, at: string) => CompiledBalancing,
): Compile {
  const fields = new Set(known);
  return (config, cluster, at) => {
    if (!isAny(config, type)) return undefined;
    const message = unpackAt(config, type, at);
    refuseOthers(message, at, fields);
    return compile(message, cluster, at);
  };
}

const localitiesOf = (config: LocalityLbConfig | undefined, at: string): Omit<CompiledBalancing, "policy"> =>
  compileLocalities(config ?? {}, `${at}.locality_lb_config`);

type HashMessage = Pick<RingHash, "consistentHashingLbConfig" | "localityWeightedLbConfig">;

function hashing(
  { consistentHashingLbConfig, localityWeightedLbConfig }: HashMessage,
  { type }: Cluster,
  at: string,
): HashCommon {
  return {
    ...compileConsistent(consistentHashingLbConfig, type ?? "STATIC", `${at}.consistent_hashing_lb_config`),
    ...(localityWeightedLbConfig === undefined ? {} : { localityWeighted: true }),
  };
}

const NO_LOCALITIES = { localities: undefined, failOnPanic: false };
const HASHING = ["consistentHashingLbConfig", "localityWeightedLbConfig"];

const POLICIES: readonly Compile[] = [
  policyOf(PeakEwma, ["decayTime", "localityLbConfig"], ({ decayTime = DEFAULT_DECAY_MS, localityLbConfig }, _, at) => {
    if (decayTime <= 0) throw new CompileError(`${at}.decay_time`, `must be above 0, found ${decayTime} ms`);
    return { policy: { t: "peakEwma", decayMs: decayTime }, ...localitiesOf(localityLbConfig, at) };
  }),
  policyOf(RoundRobin, ["slowStartConfig", "localityLbConfig"], ({ slowStartConfig, localityLbConfig }, _, at) => ({
    policy: { t: "roundRobin", slowStart: compileSlowStart(slowStartConfig, `${at}.slow_start_config`) },
    ...localitiesOf(localityLbConfig, at),
  })),
  policyOf(
    LeastRequest,
    ["choiceCount", "activeRequestBias", "slowStartConfig", "localityLbConfig", "enableFullScan", "selectionMethod"],
    (message, _, at) => {
      const fullScan = message.enableFullScan ?? message.selectionMethod === "FULL_SCAN";
      return {
        policy: { ...compileLeastRequest(message, at), fullScan },
        ...localitiesOf(message.localityLbConfig, at),
      };
    },
  ),
  policyOf(Random, ["localityLbConfig"], ({ localityLbConfig }, _, at) => ({
    policy: { t: "random" },
    ...localitiesOf(localityLbConfig, at),
  })),
  policyOf(RingHash, ["hashFunction", "minimumRingSize", "maximumRingSize", ...HASHING], (message, cluster, at) => {
    const { hashFunction, maximumRingSize, minimumRingSize } = message;
    const ring = { hashFunction, maximumRingSize, minimumRingSize };
    return { policy: compileRingHash(ring, hashing(message, cluster, at), at), ...NO_LOCALITIES };
  }),
  policyOf(Maglev, ["tableSize", ...HASHING], (message, cluster, at) => ({
    policy: compileMaglev({ tableSize: message.tableSize }, hashing(message, cluster, at), at),
    ...NO_LOCALITIES,
  })),
];
