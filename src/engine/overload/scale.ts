/**
 * From pressures to how much of each action is taken. Pure.
 *
 * Differs from Envoy: an action that a threshold has set off ends a little below it, so that it does not come and go with
 * each look.
 *
 * @module
 */
import type { CompiledAction, CompiledTrigger } from "./compile.ts";

/** Of a threshold: how far the pressure must fall below it. */
const HYSTERESIS = 0.05;

/**
 * How much of an action is to be taken, 0 to 1: the most that any of its triggers asks for.
 * @param pressures By monitor; 1 is all that there is.
 * @param before What the last call has returned.
 */
export function scaleOf({ triggers }: CompiledAction, pressures: readonly number[], before: number): number {
  let scale = 0;
  for (let i = 0; i < triggers.length; i++) {
    const trigger = triggers[i] as CompiledTrigger;
    scale = Math.max(scale, triggered(trigger, pressures[trigger.monitor] ?? 0, before));
  }
  return scale;
}

function triggered({ from, full }: CompiledTrigger, pressure: number, before: number): number {
  if (from === full) return pressure >= (before >= 1 ? from * (1 - HYSTERESIS) : from) ? 1 : 0;
  return Math.min(1, Math.max(0, (pressure - from) / (full - from)));
}
