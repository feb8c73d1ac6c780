/**
 * The overload manager of a bootstrap, compiled: what is measured, and what is done at which pressure.
 *
 * Source: `envoy.config.overload.v3.OverloadManager`. Differs: `load_shed_points` and `reduce_timeouts` are refused by name; where
 * nothing is configured there are defaults, for a proxy without any would serve until the machine ends it.
 *
 * @module
 */
import {
  CgroupMemoryConfig,
  DownstreamConnectionsConfig,
  EventLoopDelayConfig,
  FixedHeapConfig,
  type OverloadAction,
  type OverloadManager,
  type ResourceMonitor,
  type Trigger,
} from "../../xds/proto/overload.ts";
import { isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";

export type MonitorKind = "heap" | "cgroup" | "eventLoopDelay";

export interface CompiledMonitor {
  readonly name: string;
  readonly kind: MonitorKind;
  /** Bytes or milliseconds that are pressure 1. Of `cgroup`: 0 for what the cgroup allows. */
  readonly limit: number;
}

export const ACTIONS = [
  "stop_accepting_requests",
  "disable_http_keepalive",
  "stop_accepting_connections",
  "reject_incoming_connections",
  "shrink_heap",
] as const;
export type ActionName = (typeof ACTIONS)[number];

export interface CompiledTrigger {
  /** Index of the monitor. */
  readonly monitor: number;
  /** Pressure at which it begins to act, and at which it acts in full. */
  readonly from: number;
  readonly full: number;
}

export interface CompiledAction {
  readonly name: ActionName;
  readonly triggers: readonly CompiledTrigger[];
}

export interface CompiledOverload {
  readonly refreshMs: number;
  readonly monitors: readonly CompiledMonitor[];
  readonly actions: readonly CompiledAction[];
  /** Connections of clients at once, over all listeners; Infinity for no limit. */
  readonly maxConnections: number;
}

export const ACTION_PREFIX = "envoy.overload_actions.";
const MONITOR_PREFIX = "envoy.resource_monitors.";
const MANAGER = new Set(["refreshInterval", "resourceMonitors", "actions"]);
const ENVOYS_REFRESH_MS = 1000;

/** How late a process may be to what is due, for a while, before it sheds everything new. */
export const DEFAULT_MAX_DELAY_MS = 1000;
/** Pressure at which shedding begins by default: half of the delay, or this part of the memory. */
const DEFAULT_MEMORY = { keepalive: 0.9, shrink: 0.85, requests: 0.95 };

/** What holds where the bootstrap has no overload manager. @param maxMemoryBytes Of the process. */
export function defaultOverload(maxMemoryBytes: number): CompiledOverload {
  const [delay, memory] = [0, 1];
  const at = (monitor: number, from: number): CompiledTrigger => ({ monitor, from, full: from });
  return {
    refreshMs: ENVOYS_REFRESH_MS,
    monitors: [
      { name: "tulle.resource_monitors.event_loop_delay", kind: "eventLoopDelay", limit: DEFAULT_MAX_DELAY_MS },
      { name: `${MONITOR_PREFIX}fixed_heap`, kind: "heap", limit: maxMemoryBytes },
    ],
    actions: [
      {
        name: "stop_accepting_requests",
        triggers: [{ monitor: delay, from: 0.5, full: 1 }, at(memory, DEFAULT_MEMORY.requests)],
      },
      { name: "disable_http_keepalive", triggers: [at(memory, DEFAULT_MEMORY.keepalive)] },
      { name: "shrink_heap", triggers: [at(memory, DEFAULT_MEMORY.shrink)] },
    ],
    maxConnections: Number.POSITIVE_INFINITY,
  };
}

/** The same for one of `count` processes that share the memory; who accepts for them holds the limit on connections. */
export const shareOf = (overload: CompiledOverload, count: number): CompiledOverload => ({
  ...overload,
  monitors: overload.monitors.map((it) => (it.kind === "heap" ? { ...it, limit: it.limit / count } : it)),
  maxConnections: Number.POSITIVE_INFINITY,
});

/** @throws {CompileError} With the field's path in the bootstrap. */
export function compileOverload(manager: OverloadManager): CompiledOverload {
  const path = "overload_manager";
  refuseOthers(manager, path, MANAGER);
  const entries = manager.resourceMonitors ?? [];
  const limits = entries.map((monitor, i) => connectionLimit(monitor, `${path}.resource_monitors[${i}]`));
  const monitors = entries.flatMap((monitor, i) =>
    limits[i] === undefined ? [compileMonitor(monitor, `${path}.resource_monitors[${i}]`)] : [],
  );
  return {
    refreshMs: manager.refreshInterval ?? ENVOYS_REFRESH_MS,
    monitors,
    actions: (manager.actions ?? []).map((action, i) => compileAction(action, monitors, `${path}.actions[${i}]`)),
    maxConnections: limits.find((limit) => limit !== undefined) ?? Number.POSITIVE_INFINITY,
  };
}

/** It is no pressure: the connection over the limit is closed, whatever the actions are. */
function connectionLimit({ typedConfig }: ResourceMonitor, path: string): number | undefined {
  if (typedConfig === undefined || !isAny(typedConfig, DownstreamConnectionsConfig)) return undefined;
  const limit = unpackAt(
    typedConfig,
    DownstreamConnectionsConfig,
    `${path}.typed_config`,
  ).maxActiveDownstreamConnections;
  return positive(limit, `${path}.typed_config.max_active_downstream_connections`);
}

function compileMonitor({ name = "", typedConfig }: ResourceMonitor, path: string): CompiledMonitor {
  const at = `${path}.typed_config`;
  if (typedConfig !== undefined && isAny(typedConfig, FixedHeapConfig)) {
    const { maxHeapSizeBytes } = unpackAt(typedConfig, FixedHeapConfig, at);
    return { name, kind: "heap", limit: positive(maxHeapSizeBytes, `${at}.max_heap_size_bytes`) };
  }
  if (typedConfig !== undefined && isAny(typedConfig, CgroupMemoryConfig))
    return { name, kind: "cgroup", limit: unpackAt(typedConfig, CgroupMemoryConfig, at).maxMemoryBytes ?? 0 };
  if (typedConfig !== undefined && isAny(typedConfig, EventLoopDelayConfig)) {
    const { maxDelay = DEFAULT_MAX_DELAY_MS } = unpackAt(typedConfig, EventLoopDelayConfig, at);
    return { name, kind: "eventLoopDelay", limit: positive(maxDelay, `${at}.max_delay`) };
  }
  throw new CompileError(
    path,
    `the resource monitor ${typedConfig?.typeUrl ?? name} is not supported yet: fixed_heap, cgroup_memory, ` +
      "global_downstream_max_connections and tulle.overload.v1.EventLoopDelayConfig are",
  );
}

function compileAction(
  { name = "", triggers = [], typedConfig }: OverloadAction,
  monitors: readonly CompiledMonitor[],
  path: string,
): CompiledAction {
  const known = ACTIONS.find((action) => `${ACTION_PREFIX}${action}` === name);
  if (known === undefined || typedConfig !== undefined)
    throw new CompileError(
      `${path}.name`,
      `${JSON.stringify(name)} is not supported yet: ${ACTIONS.join(", ")} are, each behind ${ACTION_PREFIX}`,
    );
  if (triggers.length === 0) throw new CompileError(`${path}.triggers`, "must hold a trigger, found none");
  return { name: known, triggers: triggers.map((it, i) => compileTrigger(it, monitors, `${path}.triggers[${i}]`)) };
}

function compileTrigger(trigger: Trigger, monitors: readonly CompiledMonitor[], path: string): CompiledTrigger {
  const monitor = monitors.findIndex(({ name }) => name === trigger.name);
  if (monitor < 0)
    throw new CompileError(`${path}.name`, `must name a resource monitor, found ${JSON.stringify(trigger.name ?? "")}`);
  if (trigger.threshold !== undefined) {
    const from = share(trigger.threshold.value, `${path}.threshold.value`);
    return { monitor, from, full: from };
  }
  if (trigger.scaled === undefined) throw new CompileError(path, "must hold threshold or scaled");
  const from = share(trigger.scaled.scalingThreshold, `${path}.scaled.scaling_threshold`);
  const full = share(trigger.scaled.saturationThreshold, `${path}.scaled.saturation_threshold`);
  if (from >= full) throw new CompileError(`${path}.scaled`, `scaling_threshold must be below saturation_threshold`);
  return { monitor, from, full };
}

function share(value = 0, path: string): number {
  if (value >= 0 && value <= 1) return value;
  throw new CompileError(path, `must be 0 to 1, found ${value}`);
}

function positive(value = 0, path: string): number {
  if (value > 0) return value;
  throw new CompileError(path, `must be above 0, found ${value}`);
}
