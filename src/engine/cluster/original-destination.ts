/**
 * Clusters whose endpoint is where each connection was dialed to (ORIGINAL_DST), and the address that a cluster calls from.
 *
 * Source: `original_dst_lb_config`, `cleanup_interval` and `upstream_bind_config` of `envoy/config/cluster/v3/cluster.proto`, defaults as there.
 * Not here: destinations by a header or by metadata, and another port than the one that was dialed.
 *
 * @module
 */
import { parseIp } from "../../base/ip-address.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";

export interface DialedHosts {
  /** A destination that was not called for so long is forgotten. */
  readonly cleanupMs: number;
}

const CLEANUP_MS = 5000;

/** @throws {CompileError} */
export function compileDialed(cluster: Cluster): DialedHosts {
  if (cluster.lbPolicy !== "CLUSTER_PROVIDED")
    throw new CompileError(
      "lb_policy",
      `must be CLUSTER_PROVIDED for ORIGINAL_DST, found ${cluster.lbPolicy ?? "ROUND_ROBIN"}`,
    );
  if (cluster.loadAssignment !== undefined)
    throw new CompileError("load_assignment", "has no place in ORIGINAL_DST: connections bring their destinations");
  refuseOthers(cluster.originalDstLbConfig ?? {}, "original_dst_lb_config", new Set());
  const cleanupMs = cluster.cleanupInterval ?? CLEANUP_MS;
  if (cleanupMs < 1) throw new CompileError("cleanup_interval", `must be above 0, found ${cleanupMs} ms`);
  return { cleanupMs };
}

const BIND = new Set(["sourceAddress"]);
const SOURCE = new Set(["protocol", "address", "portValue"]);

/** The address to call from; undefined for any. @throws {CompileError} */
export function compileSource({ upstreamBindConfig }: Cluster): string | undefined {
  if (upstreamBindConfig === undefined) return undefined;
  const path = "upstream_bind_config";
  refuseOthers(upstreamBindConfig, path, BIND);
  const { sourceAddress } = upstreamBindConfig;
  if (sourceAddress === undefined) return undefined;
  refuseOthers(sourceAddress, `${path}.source_address`, SOURCE);
  const { address = "", portValue = 0 } = sourceAddress;
  if (parseIp(address) === undefined)
    throw new CompileError(`${path}.source_address.address`, `must be an IP address, found "${address}"`);
  if (portValue !== 0)
    throw new CompileError(`${path}.source_address.port_value`, `must be 0, which is any, found ${portValue}`);
  return address;
}
