/**
 * The listeners of UDP of a process. Loaded with the first: most proxies have none.
 *
 * @module
 */
import type { Log } from "../../base/log.ts";
import { type CompiledUdpListener, compileUdpListener } from "../../engine/listener/udp-listener.ts";
import { udpListenerStats, udpStats } from "../../telemetry/envoy-stats.ts";
import type { Registry } from "../../telemetry/registry.ts";
import type { Listener } from "../../xds/proto/listener.ts";
import type { AnyMessage } from "../../xds/types/any.ts";
import { type AccessLogServices, accessLogsOf } from "../access-logs.ts";
import type { OpenSink } from "../access-sinks.ts";
import { type Rejection, sameAny } from "../resources.ts";
import { UdpListener, type UdpListenerConfig } from "./udp-listener.ts";
import type { SessionsContext } from "./udp-sessions.ts";

export interface UdpServices extends Pick<SessionsContext, "clock" | "clusters" | "datagrams" | "random"> {
  readonly log: Log;
  readonly registry: Registry;
  readonly openSink: OpenSink;
  readonly accessLogs: AccessLogServices;
}

interface Live {
  readonly runtime: UdpListener;
  any: AnyMessage;
  started: boolean;
  /** The attempt that is under way. */
  starting?: Promise<Rejection | undefined> | undefined;
}

/** Of one listener: each session is a socket. */
const MAX_SESSIONS = 10_000;

export class UdpListeners {
  readonly #services: UdpServices;
  readonly #listeners = new Map<string, Live>();
  /** On their way to another address; the old one is left when they have theirs. */
  readonly #moving = new Map<string, Live>();
  readonly #leaving = new Set<UdpListener>();

  constructor(services: UdpServices) {
    this.#services = services;
  }

  has(name: string): boolean {
    return this.#listeners.has(name);
  }

  get messages(): ReadonlyMap<string, AnyMessage> {
    return new Map([...this.#listeners].map(([name, { any }]) => [name, any]));
  }

  get moving(): ReadonlyMap<string, AnyMessage> {
    return new Map([...this.#moving].map(([name, { any }]) => [name, any]));
  }

  list(): readonly { name: string; address: string; port: number | undefined; accepting: boolean }[] {
    return [...this.#listeners].map(([name, { runtime, started }]) => ({
      name,
      address: runtime.compiled.address.address,
      port: runtime.port,
      accepting: started,
    }));
  }

  get allStarted(): boolean {
    return [...this.#listeners.values()].every(({ started }) => started);
  }

  /** Call {@link startReady} afterwards. @throws {CompileError} */
  set(name: string, message: Listener, any: AnyMessage): void {
    const last = this.#listeners.get(name);
    const newest = this.#moving.get(name) ?? last;
    if (newest !== undefined && sameAny(newest.any, any)) return;
    // Back to what it was, since the change could not be had.
    if (last !== undefined && sameAny(last.any, any)) return this.#stopMoving(name);
    const config = this.#configOf(compileUdpListener(message));
    this.#stopMoving(name);
    if (last !== undefined && sameAddress(last.runtime.compiled, config.compiled)) {
      last.runtime.become(config);
      last.any = any;
      return;
    }
    const { clock, datagrams } = this.#services;
    const next: Live = { runtime: new UdpListener(config, clock, datagrams), any, started: false };
    if (last?.started === true || last?.starting !== undefined) this.#moving.set(name, next);
    else this.#listeners.set(name, next);
  }

  #configOf(compiled: CompiledUdpListener): UdpListenerConfig {
    const { accessLogs, clock, clusters, datagrams, log, openSink, random, registry } = this.#services;
    const { path, proxy } = compiled;
    return {
      compiled,
      stats: udpListenerStats(registry, compiled.statPrefix).stats,
      context: {
        proxy,
        clusters,
        random,
        clock,
        datagrams,
        log,
        name: compiled.name,
        maxSessions: MAX_SESSIONS,
        stats: udpStats(registry, proxy.statPrefix).stats,
        accessLogs: accessLogsOf(proxy.accessLog, `${path}.access_log`, openSink, accessLogs),
      },
    };
  }

  #stopMoving(name: string): void {
    this.#moving.get(name)?.runtime.close();
    this.#moving.delete(name);
  }

  remove(name: string): void {
    this.#stopMoving(name);
    const live = this.#listeners.get(name);
    this.#listeners.delete(name);
    if (live !== undefined) this.#leave(live.runtime);
  }

  #leave(runtime: UdpListener): void {
    runtime.leave();
    this.#leaving.add(runtime);
    this.#tidy();
  }

  #tidy(): void {
    for (const it of this.#leaving) if (it.sessionCount === 0) this.#leaving.delete(it);
  }

  /** Those whose address cannot be listened on are refused. */
  async startReady(): Promise<readonly Rejection[]> {
    const attempts = [...this.#listeners, ...this.#moving].flatMap(([name, live]) =>
      live.started ? [] : [(live.starting ??= this.#start(name, live))],
    );
    return (await Promise.all(attempts)).filter((it) => it !== undefined);
  }

  async #start(name: string, live: Live): Promise<Rejection | undefined> {
    const { log } = this.#services;
    const { runtime } = live;
    // Who comes in the place of one that leaves cannot wait for its last answers.
    for (const it of this.#leaving) if (sameAddress(it.compiled, runtime.compiled)) it.close();
    try {
      await runtime.start();
      live.started = true;
      log.info("listening", { listener: name, port: runtime.port, transport: "UDP" });
      this.#onMoved(name, live);
      return undefined;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      log.error("a listener did not start", { listener: name, reason });
      return { name, reason, mayPass: true };
    } finally {
      live.starting = undefined;
    }
  }

  #onMoved(name: string, live: Live): void {
    if (this.#moving.get(name) !== live) return;
    this.#moving.delete(name);
    const last = this.#listeners.get(name);
    this.#listeners.set(name, live);
    if (last !== undefined) this.#leave(last.runtime);
  }

  get sessionCount(): number {
    return [...this.#listeners.values()].reduce((sum, { runtime }) => sum + runtime.sessionCount, this.leavingCount);
  }

  get leavingCount(): number {
    this.#tidy();
    return [...this.#leaving].reduce((sum, it) => sum + it.sessionCount, 0);
  }

  /** @param onlyInbound Others go on. */
  drain(onlyInbound: boolean): void {
    for (const [name, { runtime }] of this.#listeners)
      if (!onlyInbound || runtime.compiled.trafficDirection === "INBOUND") this.remove(name);
  }

  close(): void {
    for (const { runtime } of [...this.#listeners.values(), ...this.#moving.values()]) runtime.close();
    for (const it of this.#leaving) it.close();
  }
}

const sameAddress = (a: CompiledUdpListener, b: CompiledUdpListener): boolean =>
  a.address.address === b.address.address && a.address.port === b.address.port;
