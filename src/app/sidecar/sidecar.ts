/**
 * A proxy as a process: starts from an Envoy bootstrap, gets its certificates and resources, serves, drains.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Svid } from "../../identity/svid.ts";
import type { UpstreamTls } from "../../engine/tls.ts";
import { bunDatagrams } from "../../net/bun-datagrams.ts";
import { datagramsElsewhere } from "../../net/datagrams.ts";
import { bunResolver } from "../../net/bun-dns.ts";
import type { DnsResolver } from "../../net/dns.ts";
import { localAddress, localAddresses } from "../../net/local-address.ts";
import type { ClientTls, DialOptions, Network } from "../../net/socket.ts";
import { AccessSinks } from "../../proxy/access-sinks.ts";
import { Proxy, type ProxyOptions } from "../../proxy/proxy.ts";
import { Registry } from "../../telemetry/registry.ts";
import { GrpcClient } from "../../xds/grpc-client.ts";
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { Secret } from "../../xds/proto/tls.ts";
import { Agent } from "../../xds/proto/tulle-identity.ts";
import { isAny, pack, unpack } from "../../xds/types/any.ts";
import type { MessageType } from "../../xds/types/message.ts";
import { type AgentIdentity, IdentityAgent } from "./identity-agent.ts";
import type { WorkerGroup } from "../workers/worker-group.ts";
import { dnsServersOf } from "./dns-servers.ts";
import { drained } from "./drained.ts";
import { adminPort } from "./admin-port.ts";
import { labelsOf, localService } from "./node-labels.ts";
import { stateOf } from "./proxy-state.ts";
import { XdsLink } from "./xds-link.ts";

export interface SidecarOptions {
  readonly bootstrap: Bootstrap;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Others that serve; this process then accepts for them, and serves nothing itself. */
  readonly workers?: WorkerGroup | undefined;
  readonly overload?: ProxyOptions["overload"];
  /** @default The machine's. */
  readonly resolver?: DnsResolver | undefined;
}

export class Sidecar {
  readonly proxy: Proxy;
  readonly registry = new Registry();
  readonly bootstrap: Bootstrap;
  readonly workers: WorkerGroup | undefined;
  readonly #options: SidecarOptions;
  readonly #sinks = new AccessSinks();
  #agent: IdentityAgent | undefined;
  #link: XdsLink | undefined;
  #grpc: GrpcClient | undefined;
  #draining = false;

  constructor(options: SidecarOptions) {
    const { bootstrap, clock, log, network, random, workers, overload } = options;
    this.#options = options;
    this.bootstrap = bootstrap;
    this.workers = workers;
    this.proxy = new Proxy({
      network,
      // One process has the socket of a listener: where there are workers, the first of them.
      datagrams: workers === undefined ? bunDatagrams : datagramsElsewhere,
      clock,
      random,
      log,
      registry: this.registry,
      fillRandom: (into) => void crypto.getRandomValues(into),
      readFile: (path) => readFileSync(path, "utf8"),
      openSink: this.#sinks.sink,
      self: labelsOf(bootstrap.node),
      local: localService(bootstrap),
      localAddress: localAddress(),
      ownAddresses: localAddresses,
      adminPort: adminPort(bootstrap),
      resolver: options.resolver ?? bunResolver(clock, { servers: dnsServersOf(bootstrap) }),
      // Where there are workers, they are who may have too much to do.
      overload: workers === undefined ? overload : undefined,
    });
  }

  /** @throws {Error} When the bootstrap's own resources cannot be used, with the field's path. */
  async start(): Promise<void> {
    const { staticResources } = this.bootstrap;
    this.#static("clusters", Cluster, staticResources?.clusters ?? []);
    this.#static("secrets", Secret, staticResources?.secrets ?? []);
    this.#static("listeners", Listener, staticResources?.listeners ?? []);
    const failed = await this.proxy.start();
    if (failed[0] !== undefined) throw new Error(`listener ${failed[0].name}: ${failed[0].reason}`);
    await this.#startWorkers();
    // Workers that do not come up, and somebody who would not wait.
    if (this.#draining) return;
    this.#startAgent();
    this.#startLink();
  }

  #static<T extends { readonly name?: string | undefined }>(
    field: string,
    type: MessageType<T>,
    messages: readonly T[],
  ): void {
    const resources = messages.map((message) => ({ name: message.name ?? "", any: pack(type, message) }));
    const [refused] = this.proxy.apply(type.typeUrl, resources, []);
    if (refused === undefined) return;
    const index = resources.findIndex(({ name }) => name === refused.name);
    throw new Error(`static_resources.${field}[${index}]${refused.reason.startsWith(":") ? "" : "."}${refused.reason}`);
  }

  async #startWorkers(): Promise<void> {
    const { workers, proxy } = this;
    if (workers === undefined) return;
    proxy.secrets.watch((name) => workers.secret(name, proxy.secrets.get(name)));
    await workers.start(() => stateOf(proxy));
  }

  #startAgent(): void {
    const extension = this.bootstrap.bootstrapExtensions?.find(
      ({ typedConfig }) => typedConfig !== undefined && isAny(typedConfig, Agent),
    );
    if (extension?.typedConfig === undefined) return;
    const { clock, log, random } = this.#options;
    const agent = unpack(extension.typedConfig, Agent);
    const identities = (agent.identities ?? []).map(
      ({ secretName, joinToken }): AgentIdentity => ({
        secretName: secretName ?? "default",
        joinToken: () => joinToken?.inlineString ?? readFileSync(joinToken?.filename ?? "", "utf8").trim(),
      }),
    );
    this.#agent = new IdentityAgent({
      clock,
      random,
      log,
      secrets: this.proxy.secrets,
      identities,
      clientFor: (current) => this.#client(agent.cluster ?? "", current ?? "none"),
    });
    this.#agent.start();
  }

  #startLink(): void {
    const service = this.bootstrap.dynamicResources?.adsConfig?.grpcServices?.[0]?.envoyGrpc;
    if (service?.clusterName === undefined) return;
    const { clock, log, random } = this.#options;
    this.#grpc = this.#client(service.clusterName, "secret");
    const node = this.bootstrap.node ?? {};
    this.#link = new XdsLink({ grpc: this.#grpc, clock, random, log, node, proxy: this.proxy, workers: this.workers });
    const link = this.#link;
    const { clusterName } = service;
    this.proxy.secrets.watch((name) => {
      if (this.proxy.clusters.clusters.get(clusterName)?.compiled.secretNames.has(name)) link.renew();
    });
    if (this.#agent === undefined) return link.start();
    void this.#agent.ready().then(() => link.start());
  }

  /** @param identity The certificate to show: an SVID, none, or the one that the cluster's TLS context names. */
  #client(clusterName: string, identity: Svid | "none" | "secret"): GrpcClient {
    const { network, clock } = this.#options;
    const target = (): DialOptions => this.#dialOptions(clusterName, identity);
    return new GrpcClient({ network, clock, target, authority: clusterName });
  }

  #dialOptions(clusterName: string, identity: Svid | "none" | "secret"): DialOptions {
    const cluster = this.proxy.clusters.clusters.get(clusterName);
    const endpoint = cluster?.pick(this.#options.random, undefined, 1);
    if (cluster === undefined || endpoint === undefined)
      throw new Error(
        `static_resources.clusters: the cluster ${JSON.stringify(clusterName)} of the control plane must be there, with an endpoint`,
      );
    const { address, port, path } = endpoint;
    const tls = this.#grpcTls(cluster.compiled.tlsOf(endpoint), identity);
    return {
      address,
      port,
      connectTimeoutMs: cluster.compiled.connectTimeoutMs,
      ...(path === undefined ? {} : { path }),
      ...(tls === undefined ? {} : { tls }),
    };
  }

  /** gRPC is HTTP/2, whatever the context offers. */
  #grpcTls(tls: UpstreamTls | undefined, identity: Svid | "none" | "secret"): ClientTls | undefined {
    if (tls === undefined) return undefined;
    const { tls: contexts } = this.proxy;
    const made =
      identity === "secret"
        ? contexts.clientOf(tls)
        : contexts.clientWith(tls, identity === "none" ? undefined : identity);
    return { ...made, alpn: ["h2"] };
  }

  get agent(): IdentityAgent | undefined {
    return this.#agent;
  }

  get link(): XdsLink | undefined {
    return this.#link;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** It has its certificates and configuration, and every listener accepts. */
  get isReady(): boolean {
    if (this.#draining || !this.proxy.listeners.allStarted || this.workers?.isServing === false) return false;
    if (this.#link?.hasConfiguration === false) return false;
    return this.workers !== undefined || this.proxy.clusters.areLookedUp;
  }

  /** Stops accepting; connections close as their requests end. */
  drain(which: "all" | "inbound"): void {
    this.workers?.drain(which);
    this.proxy.drain(which);
  }

  /** Stops accepting, lets requests end for a while, and closes. */
  async stop(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    const { clock } = this.#options;
    if (this.workers !== undefined) this.proxy.drain("plain");
    await this.workers?.stop();
    await drained(this.proxy, clock);
    this.#link?.stop();
    this.#grpc?.close();
    this.#agent?.stop();
    this.proxy.close();
    this.#sinks.close();
  }
}
