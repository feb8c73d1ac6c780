/**
 * `envoy.config.overload.v3` and the resource monitors that it names, with one of our own.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { any } from "../types/any.ts";
import { type Infer, message } from "../types/message.ts";
import { double, int64, string, uint64, uint64Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";

export const ResourceMonitor = message("envoy.config.overload.v3.ResourceMonitor", {
  name: string(1),
  ...oneof("config_type", { typedConfig: any(3) }),
});
export type ResourceMonitor = Infer<typeof ResourceMonitor>;

export const ThresholdTrigger = message("envoy.config.overload.v3.ThresholdTrigger", { value: double(1) });
export type ThresholdTrigger = Infer<typeof ThresholdTrigger>;

export const ScaledTrigger = message("envoy.config.overload.v3.ScaledTrigger", {
  scalingThreshold: double(1),
  saturationThreshold: double(2),
});
export type ScaledTrigger = Infer<typeof ScaledTrigger>;

export const Trigger = message("envoy.config.overload.v3.Trigger", {
  name: string(1),
  ...oneof("trigger_oneof", {
    threshold: of(2, ThresholdTrigger),
    scaled: of(3, ScaledTrigger),
  }),
});
export type Trigger = Infer<typeof Trigger>;

export const OverloadAction = message("envoy.config.overload.v3.OverloadAction", {
  name: string(1),
  triggers: repeated(of(2, Trigger)),
  typedConfig: any(3),
});
export type OverloadAction = Infer<typeof OverloadAction>;

export const LoadShedPoint = message("envoy.config.overload.v3.LoadShedPoint", {
  name: string(1),
  triggers: repeated(of(2, Trigger)),
});
export type LoadShedPoint = Infer<typeof LoadShedPoint>;

export const OverloadManager = message("envoy.config.overload.v3.OverloadManager", {
  refreshInterval: duration(1),
  resourceMonitors: repeated(of(2, ResourceMonitor)),
  actions: repeated(of(3, OverloadAction)),
  loadshedPoints: repeated(of(5, LoadShedPoint)),
});
export type OverloadManager = Infer<typeof OverloadManager>;

/** `envoy.resource_monitors.fixed_heap` */
export const FixedHeapConfig = message("envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", {
  maxHeapSizeBytes: uint64(1),
});
export type FixedHeapConfig = Infer<typeof FixedHeapConfig>;

/** `envoy.resource_monitors.cgroup_memory` */
export const CgroupMemoryConfig = message("envoy.extensions.resource_monitors.cgroup_memory.v3.CgroupMemoryConfig", {
  maxMemoryBytes: uint64Value(1),
});
export type CgroupMemoryConfig = Infer<typeof CgroupMemoryConfig>;

/** `envoy.resource_monitors.global_downstream_max_connections` */
export const DownstreamConnectionsConfig = message(
  "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
  { maxActiveDownstreamConnections: int64(1) },
);
export type DownstreamConnectionsConfig = Infer<typeof DownstreamConnectionsConfig>;

/** `tulle.resource_monitors.event_loop_delay`: how late the process gets to what is due, again and again. */
export const EventLoopDelayConfig = message("tulle.overload.v1.EventLoopDelayConfig", {
  /** The delay that is pressure 1. */
  maxDelay: duration(1),
});
export type EventLoopDelayConfig = Infer<typeof EventLoopDelayConfig>;
