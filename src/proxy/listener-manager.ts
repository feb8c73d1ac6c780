/**
 * The listeners of a process and the routes that they ask for by name. A listener begins to accept once all that it
 * needs is there: its routes and its certificates.
 *
 * @module
 */
import type { Log } from "../base/log.ts";
import { CompileError } from "../engine/compile-error.ts";
import { compileListener, type CompiledChain, type CompiledListener } from "../engine/listener/listener.ts";
import { discoveredSecrets } from "../engine/tls.ts";
import { type ListenerStats, listenerStats } from "../telemetry/envoy-stats.ts";
import type { Registry } from "../telemetry/registry.ts";
import { Listener } from "../xds/proto/listener.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import { readRoutes } from "../xds/read-routes.ts";
import { type AnyMessage, unpack } from "../xds/types/any.ts";
import { type DrainScope, isIn } from "./drain-scope.ts";
import { type ChainConfig, isReady, LiveChain, routesNameOf } from "./live-chain.ts";
import { ListenerAddresses } from "./listener-addresses.ts";
import { ListenerRuntime, type ListenerServices } from "./listener-runtime.ts";
import { unchangedChains } from "./unchanged-chains.ts";
import { type NamedResource, type Rejection, rejectionsOf, sameAny } from "./resources.ts";
import type { UdpListeners } from "./udp/udp-listeners.ts";

interface Live {
  readonly runtime: ListenerRuntime;
  chains: ReadonlyMap<CompiledChain, LiveChain>;
  any: AnyMessage;
  started: boolean;
  /** The attempt that is under way. */
  starting?: Promise<Rejection | undefined> | undefined;
}

/** A change of a listener that lacks routes or certificates, or moves: what is live goes on until it is ready. */
interface Warming {
  readonly compiled: CompiledListener;
  readonly any: AnyMessage;
  configs: Configs;
  /** Set while it is about to accept at its new address. */
  next?: Live;
}

type Configs = ReadonlyMap<CompiledChain, ChainConfig>;

/** Makes the configurations of a listener's chains. @throws {CompileError} */
export type ChainFactory = (
  listener: CompiledListener,
  routes: (name: string) => RouteConfiguration | undefined,
) => Configs;

export class ListenerManager {
  readonly #services: ListenerServices;
  readonly #factory: ChainFactory;
  readonly #registry: Registry;
  readonly #log: Log;
  readonly #makeUdp: () => UdpListeners;
  /** Made when the first listener of UDP comes. */
  #udp: UdpListeners | undefined;
  readonly #listeners = new Map<string, Live>();
  readonly #warming = new Map<string, Warming>();
  readonly #routes = new Map<string, RouteConfiguration>();
  /** Chains that nothing new comes to, until their connections have ended. */
  readonly #leaving = new Set<LiveChain>();
  readonly #addresses = new ListenerAddresses(() => [...this.#listeners.values()].map(({ runtime }) => runtime));

  constructor(
    services: Omit<ListenerServices, "listenerAt">,
    factory: ChainFactory,
    registry: Registry,
    makeUdp: () => UdpListeners,
  ) {
    this.#makeUdp = makeUdp;
    this.#services = { ...services, listenerAt: (to) => this.#addresses.of(to) };
    this.#factory = factory;
    this.#registry = registry;
    this.#log = services.log;
  }

  get messages(): ReadonlyMap<string, AnyMessage> {
    return new Map([
      ...[...this.#listeners].map(([name, live]) => [name, live.any] as const),
      ...(this.#udp?.messages ?? []),
    ]);
  }

  /** Changes that wait for what they need. */
  get warming(): ReadonlyMap<string, AnyMessage> {
    return new Map([
      ...[...this.#warming].map(([name, { any }]) => [name, any] as const),
      ...(this.#udp?.moving ?? []),
    ]);
  }

  get routes(): ReadonlyMap<string, RouteConfiguration> {
    return this.#routes;
  }

  /** Names of the route configurations that listeners ask for. */
  wantedRoutes(): Set<string> {
    const warming = [...this.#warming.values()].flatMap(({ configs }) => [...configs.values()].map(routesNameOf));
    const names = [...this.#liveChains().map(({ routesName }) => routesName), ...warming];
    return new Set(names.filter((name) => name !== undefined));
  }

  /** Names of the secrets that listeners ask for on the aggregated stream. */
  wantedSecrets(): readonly string[] {
    const waiting = [...this.#warming.values()].flatMap(({ configs }) => [...configs.keys()]);
    const live = [...this.#listeners.values()].flatMap(({ chains }) => [...chains.keys()]);
    return discoveredSecrets([...live, ...waiting].map(({ tls }) => tls));
  }

  /** Names, addresses and whether they accept; those of UDP are the last. */
  list(): ListedListener[] {
    const ofTcp = [...this.#listeners].map(([name, { runtime, started }]) => ({
      name,
      address: runtime.compiled.address.address,
      port: runtime.port,
      transport: "TCP" as const,
      accepting: started,
    }));
    return [...ofTcp, ...(this.#udp?.list() ?? []).map((it) => ({ ...it, transport: "UDP" as const }))];
  }

  /** Whether one takes connections there, at whatever address. */
  hasPort(port: number): boolean {
    return this.#addresses.hasPort(port);
  }

  get allStarted(): boolean {
    return [...this.#listeners.values()].every((live) => live.started) && this.#udp?.allStarted !== false;
  }

  /** Call {@link startReady} afterwards. */
  applyListeners(changed: readonly NamedResource[], removed: readonly string[]): Rejection[] {
    const rejected = rejectionsOf(changed, ({ name, any }) => this.#set(name, any));
    for (const name of removed) this.#remove(name);
    return rejected;
  }

  #set(name: string, any: AnyMessage): void {
    const last = this.#listeners.get(name);
    const newest = this.#warming.get(name) ?? last;
    if (newest !== undefined && sameAny(newest.any, any)) return;
    const message = unpack(any, Listener);
    const isUdp = message.address?.socketAddress?.protocol === "UDP";
    if (isUdp ? last !== undefined : this.#udp?.has(name) === true)
      throw new CompileError("address.socket_address.protocol", "must stay what it is: give it another name");
    if (isUdp) return (this.#udp ??= this.#makeUdp()).set(name, message, any);
    const compiled = compileListener(message);
    const configs = this.#factory(compiled, (routes) => this.#routes.get(routes));
    this.#warming.delete(name);
    if (last !== undefined && (last.started || last.starting !== undefined))
      return void this.#warming.set(name, { compiled, any, configs });
    // Nobody is connected to it.
    if (last !== undefined) this.#leave(last);
    this.#listeners.set(name, this.#make(name, { compiled, any, configs }));
    this.#addresses.forget();
  }

  #make(name: string, { compiled, any, configs }: Warming): Live {
    const chains = this.#renew(NO_CHAINS, configs, () => false);
    const runtime = new ListenerRuntime(name, chainsOf(compiled, chains), this.#statsOf(compiled), this.#services);
    return { runtime, chains, any, started: false };
  }

  /** Gives the configurations to the chains that have their place already, and lets go of chains that have none. */
  #renew(
    last: Live["chains"],
    configs: Configs,
    isUnchanged: ReturnType<typeof unchangedChains>,
  ): Map<CompiledChain, LiveChain> {
    const free = new Map([...last.values()].map((chain) => [chain.key, chain]));
    const chains = new Map<CompiledChain, LiveChain>();
    for (const [compiled, config] of configs) {
      const known = free.get(config.key);
      free.delete(config.key);
      if (known !== undefined && !isUnchanged(known, compiled)) known.become(config);
      chains.set(compiled, known ?? new LiveChain(config));
    }
    for (const chain of free.values()) this.#drain(chain);
    return chains;
  }

  #drain(chain: LiveChain): void {
    chain.drain();
    this.#leaving.add(chain);
  }

  #statsOf({ address, statPrefix }: CompiledListener): ListenerStats {
    return listenerStats(this.#registry, statPrefix || `${address.address}:${address.port}`);
  }

  #remove(name: string): void {
    this.#udp?.remove(name);
    const live = this.#listeners.get(name);
    this.#warming.delete(name);
    if (live === undefined) return;
    this.#listeners.delete(name);
    this.#addresses.forget();
    this.#leave(live);
  }

  /** Lets a listener go: nothing new comes in, what runs ends. */
  #leave(live: Live): void {
    live.runtime.close();
    for (const chain of live.chains.values()) this.#drain(chain);
  }

  /** Call {@link startReady} afterwards. */
  applyRoutes(changed: readonly NamedResource[], removed: readonly string[]): Rejection[] {
    const rejected = rejectionsOf(changed, ({ name, any }) => {
      const routes = readRoutes(any, this.#routes.get(name));
      const asking = this.#liveChains().filter(({ routesName }) => routesName === name);
      // All of them are compiled before any is put in force: routes that are wrong change nothing.
      for (const put of [...asking.map((chain) => chain.compileRoutes(routes)), ...this.#warmWith(name, routes)]) put();
      this.#routes.set(name, routes);
    });
    for (const name of removed) this.#routes.delete(name);
    return rejected;
  }

  /** As {@link LiveChain.compileRoutes}, for the listeners that wait. */
  #warmWith(name: string, routes: RouteConfiguration): (() => void)[] {
    return [...this.#warming.values()].map((warming) => {
      const configs = this.#factory(warming.compiled, (asked) => (asked === name ? routes : this.#routes.get(asked)));
      return () => void (warming.configs = configs);
    });
  }

  #liveChains(): LiveChain[] {
    return [...this.#listeners.values()].flatMap((live) => [...live.chains.values()]);
  }

  /**
   * Puts the changes that are ready in force, starts the listeners that wait and have all they need, and waits for those that are being started already. Those whose
   * address cannot be listened on are refused.
   */
  async startReady(): Promise<Rejection[]> {
    const attempts: Promise<Rejection | undefined>[] = [];
    for (const [name, warming] of this.#warming)
      if (warming.next === undefined && [...warming.configs.values()].every(isReady)) {
        if (!this.#swapped(name, warming)) attempts.push(this.#move(name, warming));
      }
    for (const [name, live] of this.#listeners)
      if (!live.started && [...live.chains.values()].every((chain) => chain.isReady))
        attempts.push((live.starting ??= this.#start(name, live)));
    const ofUdp = this.#udp?.startReady() ?? [];
    return [...(await Promise.all(attempts)).filter((it) => it !== undefined), ...(await ofUdp)];
  }

  /** Tries the addresses of those that cannot start yet, so that one that is taken is known at once. */
  async probe(): Promise<Rejection[]> {
    const waiting = [...this.#listeners].filter(([, { started, starting }]) => !started && starting === undefined);
    const moving = [...this.#warming].filter(([name, { compiled, next }]) => {
      const live = this.#listeners.get(name);
      return next === undefined && live !== undefined && !sameAddress(live.runtime.compiled, compiled);
    });
    const compiled = [
      ...waiting.map(([name, { runtime }]) => [name, runtime.compiled] as const),
      ...moving.map(([name, warming]) => [name, warming.compiled] as const),
    ];
    const bound = compiled.filter(([, { bindsToPort }]) => bindsToPort);
    const refusals = await Promise.all(bound.map(([name, { address }]) => this.#try(name, address)));
    return refusals.filter((it) => it !== undefined);
  }

  async #try(name: string, address: CompiledListener["address"]): Promise<Rejection | undefined> {
    try {
      (await this.#services.network.listen({ ...address, name }, (socket) => socket.destroy())).close();
      return undefined;
    } catch (error) {
      return { name, reason: error instanceof Error ? error.message : String(error), mayPass: true };
    }
  }

  async #start(name: string, live: Live): Promise<Rejection | undefined> {
    try {
      await live.runtime.start();
      this.#addresses.forget();
      live.started = true;
      this.#log.info("listening", { listener: name, port: live.runtime.port });
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error("a listener did not start", { listener: name, reason });
      return { name, reason, mayPass: true };
    } finally {
      live.starting = undefined;
    }
  }

  /** Gives a listener that stays where it is its new chains. False: it moves. */
  #swapped(name: string, { compiled, configs, any }: Warming): boolean {
    const live = this.#listeners.get(name) as Live;
    if (!sameAddress(live.runtime.compiled, compiled)) return false;
    this.#warming.delete(name);
    const isUnchanged = unchangedChains(
      { message: unpack(live.any, Listener), chains: live.chains.values() },
      { message: unpack(any, Listener), chains: configs.keys() },
    );
    live.chains = this.#renew(live.chains, configs, isUnchanged);
    live.any = any;
    live.runtime.swap(chainsOf(compiled, live.chains));
    return true;
  }

  /** Another address: the old one is left when the new one accepts. */
  async #move(name: string, warming: Warming): Promise<Rejection | undefined> {
    const next = this.#make(name, warming);
    warming.next = next;
    const failed = await this.#start(name, next);
    delete warming.next;
    // Removed, or changed once more, meanwhile.
    if (failed !== undefined || this.#warming.get(name) !== warming) {
      this.#leave(next);
      return failed;
    }
    this.#warming.delete(name);
    const last = this.#listeners.get(name);
    this.#listeners.set(name, next);
    this.#addresses.forget();
    if (last !== undefined) this.#leave(last);
    return undefined;
  }

  sweep(nowMs: number): void {
    for (const chain of this.#liveChains()) chain.sweep(nowMs);
    for (const chain of this.#leaving) {
      chain.sweep(nowMs);
      if (chain.connectionCount === 0) this.#leaving.delete(chain);
    }
  }

  /** Connections that are open, and sessions of UDP, over all listeners. */
  get connectionCount(): number {
    const sessions = this.#udp?.sessionCount ?? 0;
    return [...this.#liveChains(), ...this.#leaving].reduce((sum, chain) => sum + chain.connectionCount, sessions);
  }

  /** Connections of listeners that are gone, and of chains that were replaced. */
  get leavingCount(): number {
    return [...this.#leaving].reduce((sum, chain) => sum + chain.connectionCount, this.#udp?.leavingCount ?? 0);
  }

  /** Stops accepting, everywhere or only where it is said, and closes connections as their requests end. */
  drain(which: DrainScope): void {
    for (const [name, { runtime }] of this.#listeners) if (isIn(which, runtime.compiled)) this.#remove(name);
    this.#udp?.drain(which !== "all");
  }

  /** At once: datagrams that are on their way are lost. */
  close(): void {
    this.#udp?.close();
  }
}

interface ListedListener {
  readonly name: string;
  readonly address: string;
  readonly port: number | undefined;
  readonly transport: "TCP" | "UDP";
  readonly accepting: boolean;
}

const NO_CHAINS: Live["chains"] = new Map();

function chainsOf(compiled: CompiledListener, chains: ReadonlyMap<CompiledChain, LiveChain>) {
  return { compiled, liveOf: (chain: CompiledChain) => chains.get(chain) as LiveChain };
}

function sameAddress(a: CompiledListener, b: CompiledListener): boolean {
  if (a.bindsToPort !== b.bindsToPort) return false;
  const { address, port, path } = a.address;
  return address === b.address.address && port === b.address.port && path === b.address.path;
}
