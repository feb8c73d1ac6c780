/**
 * Which listeners are meant when a process begins to end.
 *
 * @module
 */
import type { CompiledListener } from "../engine/listener/listener.ts";

/** `plain`: inbound listeners that clients outside of the mesh may use. */
export type DrainScope = "all" | "inbound" | "plain";

export function isIn(scope: DrainScope, { trafficDirection, chains, defaultChain }: CompiledListener): boolean {
  if (scope === "all") return true;
  const takesPlain = [...chains, defaultChain].some((chain) => chain !== undefined && chain.tls === undefined);
  return trafficDirection === "INBOUND" && (scope === "inbound" || takesPlain);
}
