/**
 * An endpoint that is new, or that serves again, gets less until it is warm.
 *
 * Source: Envoy's slow start: within the window the weight is multiplied by the larger of the least weight and
 * (age / window)^(1 / aggression). It begins when the endpoint joins, or with active health checks when it passes them.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { Endpoint } from "./endpoint.ts";

export interface SlowStart {
  readonly windowMs: number;
  /** 1: in a straight line; above, faster at first. */
  readonly aggression: number;
  /** Of the weight: 0 to 1. */
  readonly minWeight: number;
}

type Message = NonNullable<NonNullable<Cluster["roundRobinLbConfig"]>["slowStartConfig"]>;

/** @throws {CompileError} Undefined where there is none. */
export function compileSlowStart(message: Message | undefined, path: string): SlowStart | undefined {
  if (message === undefined) return undefined;
  refuseOthers(message, path, new Set(["slowStartWindow", "aggression", "minWeightPercent"]));
  const { slowStartWindow = 0, aggression, minWeightPercent } = message;
  const percent = minWeightPercent === undefined ? 10 : (minWeightPercent.value ?? 0);
  if (!(percent >= 0 && percent <= 100))
    throw new CompileError(`${path}.min_weight_percent.value`, `must be 0 to 100, found ${percent}`);
  const power = aggression?.defaultValue ?? 1;
  if (slowStartWindow <= 0) return undefined;
  // As Envoy reads what cannot be.
  return { windowMs: slowStartWindow, aggression: power > 0 ? power : 1, minWeight: percent / 100 };
}

export const isWarming = ({ warmSinceMs }: Endpoint, { windowMs }: SlowStart, nowMs: number): boolean =>
  nowMs - warmSinceMs < windowMs;

/** What its weight is multiplied by. */
export function warmth(endpoint: Endpoint, slowStart: SlowStart, nowMs: number): number {
  const ageMs = nowMs - endpoint.warmSinceMs;
  if (!(ageMs < slowStart.windowMs)) return 1;
  const age = Math.max(1, ageMs) / slowStart.windowMs;
  return Math.max(slowStart.minWeight, slowStart.aggression === 1 ? age : age ** (1 / slowStart.aggression));
}
