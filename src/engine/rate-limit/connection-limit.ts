/**
 * The network filter that lets in only so many connections a time.
 *
 * Source: `envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit`, which is on unless `runtime_enabled` says no.
 *
 * Not here: buckets that filter chains share (`share_key`).
 *
 * @module
 */
import type { NetworkLocalRateLimit } from "../../xds/proto/filter-network-rate-limit.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { compileBucket, TokenBucket } from "./token-bucket.ts";

/** As the termination details name it. */
const OVER_LIMIT = "local_ratelimit_close_over_limit";

/**
 * Says why a connection is not let in.
 *
 * @param refused Counts those.
 * @throws {CompileError}
 */
export function connectionLimit(
  config: NetworkLocalRateLimit,
  path: string,
  nowMs: () => number,
  share: number,
  refused: { add(by: number): void },
): () => string | undefined {
  refuseOthers(config, path, new Set(["statPrefix", "tokenBucket", "runtimeEnabled"]));
  const { statPrefix = "", tokenBucket, runtimeEnabled } = config;
  if (statPrefix === "") throw new CompileError(`${path}.stat_prefix`, "must not be empty");
  const bucket = new TokenBucket(compileBucket(tokenBucket ?? {}, share, `${path}.token_bucket`), nowMs());
  if (runtimeEnabled?.defaultValue === false) return () => undefined;
  return () => {
    if (bucket.take(nowMs())) return undefined;
    refused.add(1);
    return OVER_LIMIT;
  };
}
