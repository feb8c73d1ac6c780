import { describe, expect, test } from "bun:test";
import {
  CgroupMemoryConfig,
  DownstreamConnectionsConfig,
  EventLoopDelayConfig,
  FixedHeapConfig,
  type OverloadManager,
} from "../../xds/proto/overload.ts";
import { pack } from "../../xds/types/any.ts";
import { compileOverload, defaultOverload, shareOf } from "./compile.ts";
import { scaleOf } from "./scale.ts";

const HEAP = {
  name: "envoy.resource_monitors.fixed_heap",
  typedConfig: pack(FixedHeapConfig, { maxHeapSizeBytes: 1000 }),
};
const STOP = "envoy.overload_actions.stop_accepting_requests";

const withAction = (trigger: object, name = STOP): OverloadManager => ({
  resourceMonitors: [HEAP],
  actions: [{ name, triggers: [{ name: HEAP.name, ...trigger }] }],
});

describe("an overload manager", () => {
  test("is compiled, with each kind of monitor and trigger", () => {
    const compiled = compileOverload({
      refreshInterval: 100,
      resourceMonitors: [
        HEAP,
        { name: "connections", typedConfig: pack(DownstreamConnectionsConfig, { maxActiveDownstreamConnections: 7 }) },
        { name: "cgroup", typedConfig: pack(CgroupMemoryConfig, {}) },
        { name: "delay", typedConfig: pack(EventLoopDelayConfig, { maxDelay: 50 }) },
      ],
      actions: [
        {
          name: STOP,
          triggers: [
            { name: "delay", scaled: { scalingThreshold: 0.5, saturationThreshold: 1 } },
            { name: HEAP.name, threshold: { value: 0.9 } },
          ],
        },
      ],
    });
    expect(compiled).toEqual({
      refreshMs: 100,
      maxConnections: 7,
      monitors: [
        { name: HEAP.name, kind: "heap", limit: 1000 },
        { name: "cgroup", kind: "cgroup", limit: 0 },
        { name: "delay", kind: "eventLoopDelay", limit: 50 },
      ],
      actions: [
        {
          name: "stop_accepting_requests",
          triggers: [
            { monitor: 2, from: 0.5, full: 1 },
            { monitor: 0, from: 0.9, full: 0.9 },
          ],
        },
      ],
    });
    expect(shareOf(compiled, 2)).toMatchObject({
      monitors: [{ limit: 500 }, { limit: 0 }, { limit: 50 }],
      maxConnections: Number.POSITIVE_INFINITY,
    });
  });

  const wrong: readonly [what: string, manager: OverloadManager, problem: RegExp][] = [
    [
      "a monitor that is not known",
      { resourceMonitors: [{ name: "x" }] },
      /resource_monitors\[0\]: the resource monitor x/,
    ],
    [
      "a heap of nothing",
      { resourceMonitors: [{ name: "h", typedConfig: pack(FixedHeapConfig, {}) }] },
      /max_heap_size_bytes: must be above 0, found 0/,
    ],
    [
      "an action that is not known",
      withAction({ threshold: { value: 1 } }, "envoy.overload_actions.reduce_timeouts"),
      /actions\[0\]\.name: .*reduce_timeouts/,
    ],
    [
      "a trigger of nothing that is measured",
      { actions: [{ name: STOP, triggers: [{ name: "y" }] }] },
      /triggers\[0\]\.name: must name a resource monitor, found "y"/,
    ],
    ["a threshold above 1", withAction({ threshold: { value: 1.5 } }), /threshold\.value: must be 0 to 1, found 1\.5/],
    [
      "a scale that goes down",
      withAction({ scaled: { scalingThreshold: 0.9, saturationThreshold: 0.8 } }),
      /must be below saturation_threshold/,
    ],
    ["an action without triggers", { actions: [{ name: STOP }] }, /actions\[0\]\.triggers: must hold a trigger/],
    ["load shed points", { loadshedPoints: [{ name: "z" }] }, /loadshed_points: is not supported yet/],
  ];
  for (const [what, manager, problem] of wrong)
    test(`with ${what} is refused`, () => {
      expect(() => compileOverload(manager)).toThrow(problem);
    });
});

describe("how much of an action is taken", () => {
  const [action] = compileOverload(withAction({ threshold: { value: 0.8 } })).actions;
  const [scaled] = compileOverload(withAction({ scaled: { scalingThreshold: 0.5, saturationThreshold: 1 } })).actions;

  test("all from a threshold on, until the pressure is a little below it", () => {
    const scales = [0.79, 0.8, 0.79, 0.77, 0.75, 0.79];
    let before = 0;
    expect(scales.map((pressure) => (before = scaleOf(action!, [pressure], before)))).toEqual([0, 1, 1, 1, 0, 0]);
  });

  test("a part between two thresholds", () => {
    expect([0.4, 0.5, 0.75, 1, 2].map((pressure) => scaleOf(scaled!, [pressure], 0))).toEqual([0, 0, 0.5, 1, 1]);
  });

  test("the most that any trigger asks for; by default delay and memory do", () => {
    const [requests] = defaultOverload(1000).actions;
    expect(scaleOf(requests!, [0, 0.95], 0)).toBe(1);
    expect(scaleOf(requests!, [0.6, 0.5], 0)).toBeCloseTo(0.2);
    expect(scaleOf(requests!, [0.4, 0.5], 0)).toBe(0);
  });
});
