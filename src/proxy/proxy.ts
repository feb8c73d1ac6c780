/**
 * The data plane of a process: resources in, traffic served. It knows xDS and not who filled it: a file, a control
 * plane, a test.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { CompiledOverload } from "../engine/overload/compile.ts";
import { type DnsResolver, noResolver } from "../net/dns.ts";
import { type DatagramNetwork, datagramsElsewhere } from "../net/datagrams.ts";
import type { Network } from "../net/socket.ts";
import type { AccessLog } from "../telemetry/access-log.ts";
import type { PeerLabels } from "../telemetry/istio-labels.ts";
import { IstioMetrics } from "../telemetry/istio-metrics.ts";
import { RandomIds, type RandomBytes } from "../telemetry/random-ids.ts";
import {
  clusterStats,
  hashTableStats,
  healthCheckStats,
  listenerFilterStats,
  udpClusterStats,
} from "../telemetry/envoy-stats.ts";
import type { Registry } from "../telemetry/registry.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { Listener } from "../xds/proto/listener.ts";
import { RouteConfiguration } from "../xds/proto/route.ts";
import { Secret } from "../xds/proto/tls.ts";
import type { OpenSink } from "./access-sinks.ts";
import { chainFactory } from "./chain-factory.ts";
import type { LocalService } from "./cluster-runtime.ts";
import { ClusterManager } from "./cluster-manager.ts";
import { DnsNames } from "./dns-names.ts";
import { Deadlines } from "./deadlines.ts";
import { Http2Writers } from "./http2/writers.ts";
import { isOfMachine } from "./reached-address.ts";
import { RequestWriter } from "./http1/request-writer.ts";
import { ResponseWriter } from "./http1/response-writer.ts";
import type { DrainScope } from "./drain-scope.ts";
import { ListenerManager } from "./listener-manager.ts";
import { type MemorySource, NO_MEMORY, NO_OVERLOAD, Overload } from "./overload.ts";
import { type NamedResource, type Rejection, rejectionsOf } from "./resources.ts";
import { secretValue } from "./secret-resources.ts";
import { Secrets } from "./secrets.ts";
import { Sweeper } from "./sweeper.ts";
import { TlsContexts } from "./tls-contexts.ts";
import { Turn } from "./turn.ts";
import type * as Udp from "./udp/udp-listeners.ts";

export interface ProxyOptions {
  readonly network: Network;
  /** UDP. Default: another process has it. */
  readonly datagrams?: DatagramNetwork | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registry: Registry;
  /** For request and trace ids. */
  readonly fillRandom: RandomBytes;
  /** Reads a certificate file that a resource names. */
  readonly readFile: (path: string) => string;
  readonly openSink: OpenSink;
  /** The workload that this process stands in front of, where it is one. */
  readonly self: PeerLabels;
  /** The cluster of this proxy's own service, and where it is: for zone-aware routing. */
  readonly local?: LocalService | undefined;
  /** Of this machine, for mirrored requests. */
  readonly localAddress: string;
  /** All of this machine, as they are now: a call there may come back to this proxy. */
  readonly ownAddresses?: (() => readonly string[]) | undefined;
  /** Where this process is asked and told what operators want: no host that a request or a captured connection names leads there. */
  readonly adminPort?: number | undefined;
  /** Looks up the names of endpoints; none can be where it is not given. */
  readonly resolver?: DnsResolver | undefined;
  /** Which part of a rate limit this process holds, where several serve as one. Default 1. */
  readonly share?: number;
  /** What to do under too much load; nothing, where it is not given. */
  readonly overload?: { readonly compiled: CompiledOverload; readonly memory: MemorySource } | undefined;
}

/** Not an import: most proxies have no UDP, and none of them pays for it. */
function udpListeners(services: Udp.UdpServices): Udp.UdpListeners {
  const { UdpListeners } = require("./udp/udp-listeners.ts") as typeof Udp;
  return new UdpListeners(services);
}

/** Names that the proxy's resources ask for, by type URL. */
export type Wanted = ReadonlyMap<string, ReadonlySet<string>>;

export class Proxy {
  readonly secrets = new Secrets();
  readonly tls: TlsContexts;
  readonly clusters: ClusterManager;
  readonly listeners: ListenerManager;
  readonly overload: Overload;
  readonly #options: ProxyOptions;
  readonly #sweeper: Sweeper;
  readonly #unwrittenLogs = new Set<AccessLog>();
  #draining = false;

  constructor(options: ProxyOptions) {
    const { clock, log, network, random, registry } = options;
    this.#options = options;
    const tls = new TlsContexts(this.secrets, options.readFile);
    this.tls = tls;
    const { compiled = NO_OVERLOAD, memory = NO_MEMORY } = options.overload ?? {};
    const overload = new Overload(compiled, { clock, random, registry, memory });
    this.overload = overload;
    const turn = new Turn();
    this.clusters = new ClusterManager({
      network,
      clock,
      turn,
      random,
      tlsFor: (cluster, endpoint, host) => tls.clientTls(cluster, endpoint, host),
      log,
      appendLine: (path, line) => void options.openSink(path)(Buffer.from(line)),
      statsOf: (name) => clusterStats(registry, name),
      local: options.local,
      hashStatsOf: (name, table) => hashTableStats(registry, name, table),
      checkStatsOf: (name) => healthCheckStats(registry, name),
      udpStatsOf: (name) => udpClusterStats(registry, name),
      dns: new DnsNames({ resolver: options.resolver ?? noResolver, clock, random, log }),
      isOwn: (address, port) => this.#isOwn(address, port),
    });
    const services = {
      clock,
      random,
      registry,
      ids: new RandomIds(options.fillRandom),
      clusters: this.clusters.clusters,
      deadlines: new Deadlines(clock),
      requestWriter: new RequestWriter(),
      responseWriter: new ResponseWriter(() => clock.wallMs()),
      http2Writers: new Http2Writers(() => clock.wallMs()),
      turn,
      round: new Turn((end) => clock.afterRound(end)),
      overload,
      localAddress: options.localAddress,
      share: options.share ?? 1,
      unwrittenLogs: this.#unwrittenLogs,
      isDraining: () => this.#draining,
    };
    const factory = chainFactory({
      http: services,
      tls,
      metrics: new IstioMetrics(registry),
      openSink: options.openSink,
      self: options.self,
      log,
    });
    const filterStats = listenerFilterStats(registry);
    const udp: Udp.UdpServices = {
      clock,
      clusters: this.clusters.clusters,
      datagrams: options.datagrams ?? datagramsElsewhere,
      random,
      log,
      registry,
      openSink: options.openSink,
      accessLogs: services,
    };
    const listening = { network, clock, log, filterStats, overload };
    this.listeners = new ListenerManager(listening, factory, registry, () => udpListeners(udp));
    this.secrets.watch((name) => this.#onSecret(name));
    this.#sweeper = new Sweeper(clock, (nowMs) => {
      this.clusters.sweep(nowMs);
      this.listeners.sweep(nowMs);
    });
  }

  #isOwn(address: string, port: number): boolean {
    const { adminPort, localAddress, ownAddresses } = this.#options;
    if (port !== adminPort && !this.listeners.hasPort(port)) return false;
    return isOfMachine(address, [localAddress, ...(ownAddresses?.() ?? [])]);
  }

  /** Takes resources of one type; each applies or is refused by itself. */
  apply(typeUrl: string, changed: readonly NamedResource[], removed: readonly string[]): Rejection[] {
    const rejected = this.#apply(typeUrl, changed, removed);
    void this.start();
    return rejected;
  }

  #apply(typeUrl: string, changed: readonly NamedResource[], removed: readonly string[]): Rejection[] {
    switch (typeUrl) {
      case Cluster.typeUrl:
        return this.clusters.applyClusters(changed, removed);
      case ClusterLoadAssignment.typeUrl:
        return this.clusters.applyAssignments(changed, removed);
      case Listener.typeUrl:
        return this.listeners.applyListeners(changed, removed);
      case RouteConfiguration.typeUrl:
        return this.listeners.applyRoutes(changed, removed);
      case Secret.typeUrl:
        for (const name of removed) this.secrets.delete(name);
        return rejectionsOf(changed, ({ name, any }) =>
          this.secrets.set(name, secretValue(any, this.#options.readFile)),
        );
      default:
        return changed.map(({ name }) => ({ name, reason: `resources of type ${typeUrl} are not known` }));
    }
  }

  /** Starts the listeners that have all they need. Those that could not are told. */
  start(): Promise<Rejection[]> {
    return this.listeners.startReady();
  }

  #onSecret(name: string): void {
    this.clusters.onSecret(name);
    void this.start();
  }

  /** What the resources that are there ask for by name. */
  wanted(): Wanted {
    return new Map([
      [ClusterLoadAssignment.typeUrl, this.clusters.wantedAssignments()],
      [RouteConfiguration.typeUrl, this.listeners.wantedRoutes()],
      [Secret.typeUrl, new Set([...this.clusters.wantedSecrets(), ...this.listeners.wantedSecrets()])],
    ]);
  }

  /** Stops accepting; connections close as their requests end. `inbound`: the own application may still call others. */
  drain(which: DrainScope = "all"): void {
    this.#draining = true;
    this.listeners.drain(which);
  }

  close(): void {
    this.#sweeper.stop();
    this.overload.close();
    this.listeners.close();
    this.clusters.close();
    // The last requests have their lines too.
    for (const log of this.#unwrittenLogs) log.close();
  }
}
