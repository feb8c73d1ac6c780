/**
 * What a proxy does when it has too much to do: looks at its memory and at how late it is, and sheds what is new, cheaply,
 * so that what is under way ends. Nothing else reads the pressures; who sheds reads {@link Overload}.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import {
  ACTION_PREFIX,
  type ActionName,
  type CompiledAction,
  type CompiledMonitor,
  type CompiledOverload,
} from "../engine/overload/compile.ts";
import { scaleOf } from "../engine/overload/scale.ts";
import { Lateness } from "../engine/overload/lateness.ts";
import type { Gauge } from "../telemetry/metrics.ts";
import type { Registry } from "../telemetry/registry.ts";

/** What the process has; bytes. */
export interface MemorySource {
  readonly residentBytes: () => number;
  /** Of the cgroup: used, and allowed. Undefined where it has no limit. */
  readonly cgroup: () => { readonly usedBytes: number; readonly limitBytes: number } | undefined;
  /** Gives back what can be spared. */
  readonly shrink: () => void;
}

export interface OverloadServices {
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: Registry;
  readonly memory: MemorySource;
}

/** How much later than the last time a request must find the process before it is worth a look of its own. */
const STEP_MS = 5;
const SHRINK_EVERY_MS = 10_000;

export class Overload {
  /** How much of each action is taken, 0 to 1. Read for each request. */
  stopRequests = 0;
  disableKeepalive = 0;
  rejectConnections = 0;
  /** Connections of clients that are open. */
  connections = 0;
  readonly #compiled: CompiledOverload;
  readonly #services: OverloadServices;
  readonly #scales: number[];
  readonly #pressures: number[];
  #shrinks = 0;
  readonly #lateness = new Lateness();
  /** When the next look is due. */
  #dueMs = 0;
  /** From when on a request finds the process later than the last look did. */
  #alarmMs = Number.POSITIVE_INFINITY;
  readonly #pressureGauges: readonly Gauge[];
  readonly #actionGauges: readonly { readonly active: Gauge; readonly percent: Gauge }[];
  #timer: Timer | undefined;
  #shrunkMs = Number.NEGATIVE_INFINITY;

  constructor(compiled: CompiledOverload, services: OverloadServices) {
    this.#compiled = compiled;
    this.#services = services;
    const gauge = (name: string): Gauge => gaugeOf(services.registry, name);
    this.#scales = compiled.actions.map(() => 0);
    this.#pressures = compiled.monitors.map(() => 0);
    this.#pressureGauges = compiled.monitors.map(({ name }) => gauge(`${name}.pressure`));
    this.#actionGauges = compiled.actions.map(({ name }) => ({
      active: gauge(`${ACTION_PREFIX}${name}.active`),
      percent: gauge(`${ACTION_PREFIX}${name}.scale_percent`),
    }));
    if (compiled.monitors.length > 0) this.#schedule();
  }

  /** This new request is not served. */
  shedsRequest(nowMs: number): boolean {
    // One turn of a busy process can take seconds: what it holds is shed within it, not by the next look.
    if (nowMs > this.#alarmMs) this.#lookWithin(nowMs);
    return this.stopRequests > 0 && this.#services.random() < this.stopRequests;
  }

  /** This connection ends with its answer. */
  endsConnection(): boolean {
    return this.disableKeepalive > 0 && this.#services.random() < this.disableKeepalive;
  }

  /** This new connection is closed at once: there is too much pressure. */
  rejectsConnection(): boolean {
    return this.rejectConnections > 0 && this.#services.random() < this.rejectConnections;
  }

  /** As many connections are open as may be. */
  get isFull(): boolean {
    return this.connections >= this.#compiled.maxConnections;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    const { clock } = this.#services;
    const { refreshMs } = this.#compiled;
    this.#dueMs = clock.nowMs() + refreshMs;
    this.#alarmMs = this.#dueMs + this.#lateness.risesFromMs + STEP_MS;
    this.#timer = clock.after(refreshMs, () => {
      this.#lateness.look(Math.max(0, clock.nowMs() - this.#dueMs));
      this.#look();
      this.#schedule();
    });
  }

  #lookWithin(nowMs: number): void {
    this.#lateness.waiting(nowMs - this.#dueMs);
    this.#alarmMs = this.#dueMs + this.#lateness.risesFromMs + STEP_MS;
    this.#look();
  }

  /** Nothing is made here: what a look touches, an idle proxy keeps in memory. */
  #look(): void {
    const { actions, monitors } = this.#compiled;
    for (let i = 0; i < monitors.length; i++) {
      const pressure = this.#pressureOf(monitors[i] as CompiledMonitor);
      this.#pressures[i] = pressure;
      this.#pressureGauges[i]?.set(Math.round(pressure * 100));
    }
    for (let i = 0; i < actions.length; i++) {
      const before = this.#scales[i] ?? 0;
      const scale = scaleOf(actions[i] as CompiledAction, this.#pressures, before);
      if (scale !== before) this.#scaled(i, scale);
    }
    if (this.#shrinks >= 1) this.#shrink();
  }

  #scaled(action: number, scale: number): void {
    this.#scales[action] = scale;
    this.#actionGauges[action]?.active.set(scale >= 1 ? 1 : 0);
    this.#actionGauges[action]?.percent.set(Math.round(scale * 100));
    this.#act();
  }

  #pressureOf({ kind, limit }: CompiledMonitor): number {
    const { memory } = this.#services;
    switch (kind) {
      case "heap":
        return memory.residentBytes() / limit;
      case "cgroup": {
        const cgroup = memory.cgroup();
        if (cgroup === undefined) return limit > 0 ? memory.residentBytes() / limit : 0;
        return cgroup.usedBytes / (limit > 0 ? Math.min(limit, cgroup.limitBytes) : cgroup.limitBytes);
      }
      case "eventLoopDelay":
        return this.#lateness.ms / limit;
    }
  }

  #act(): void {
    this.stopRequests = this.#scale("stop_accepting_requests");
    this.disableKeepalive = this.#scale("disable_http_keepalive");
    // A native listener cannot pause: who comes is told at once instead of being left to wait.
    this.rejectConnections = Math.max(
      this.#scale("reject_incoming_connections"),
      this.#scale("stop_accepting_connections") >= 1 ? 1 : 0,
    );
    this.#shrinks = this.#scale("shrink_heap");
  }

  #scale(name: ActionName): number {
    const at = this.#compiled.actions.findIndex((action) => action.name === name);
    return at < 0 ? 0 : (this.#scales[at] ?? 0);
  }

  #shrink(): void {
    const nowMs = this.#services.clock.nowMs();
    if (nowMs - this.#shrunkMs < SHRINK_EVERY_MS) return;
    this.#shrunkMs = nowMs;
    this.#services.memory.shrink();
  }
}

function gaugeOf(registry: Registry, name: string): Gauge {
  const text = `overload.${name}`;
  return registry.gauge({
    name: `envoy_${text.replaceAll(/[^a-zA-Z0-9]/g, "_")}`,
    help: `Envoy's ${text}`,
    plainName: () => text,
  });
}

export const NO_MEMORY: MemorySource = { residentBytes: () => 0, cgroup: () => undefined, shrink() {} };

/** A proxy that looks at nothing and sheds nothing. */
export const NO_OVERLOAD: CompiledOverload = {
  refreshMs: 1000,
  monitors: [],
  actions: [],
  maxConnections: Number.POSITIVE_INFINITY,
};
