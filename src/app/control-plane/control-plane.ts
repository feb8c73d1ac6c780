/**
 * The control plane of one mesh: documents and instances in, snapshots and certificates out.
 *
 * Only puts the parts together; each has a file of its own in this folder.
 *
 * @module
 */
import type { CertificateStatus, MeshStatus } from "../../admin/api.ts";
import { controlPlaneAdmin } from "../../admin/control-plane-admin.ts";
import type { Answer } from "../../admin/http-answers.ts";
import { formatProblem, type Problem } from "../../base/problem.ts";
import { CertificateAuthority, DEFAULT_SVID_TTL_MS } from "../../identity/authority.ts";
import type { Instance } from "../../model/service.ts";
import type { Listener } from "../../net/socket.ts";
import { type HttpServer, serveHttp } from "../../net/http-server.ts";
import { Registry } from "../../telemetry/registry.ts";
import { defaultTranslateOptions } from "../../translate/options.ts";
import { GrpcServer } from "../../xds/grpc-server.ts";
import type { Node } from "../../xds/proto/core-base.ts";
import type { Authorization } from "../../xds/server/ads-call.ts";
import { AdsServer } from "../../xds/server/ads-server.ts";
import { SnapshotCache } from "../../xds/snapshot-cache.ts";
import { authorizeNode } from "./authorize-node.ts";
import { CertificateLedger } from "./certificate-ledger.ts";
import { certificateMethods } from "./certificate-service.ts";
import { observed } from "./convergence.ts";
import { DeclaredInstances } from "./declared-instances.ts";
import { InstanceRegistry, type SharedProxy } from "./instance-registry.ts";
import { MemoryRelief } from "./memory-relief.ts";
import { ControlPlaneMetrics } from "./metrics.ts";
import { Observer } from "./observer.ts";
import type { ControlPlaneOptions, ProxyBootstrap } from "./options.ts";
import { OwnIdentity } from "./own-identity.ts";
import { PinnedMesh } from "./pinned-mesh.ts";
import { ProblemLog } from "./problem-log.ts";
import { ProxyTokens } from "./proxy-tokens.ts";
import { Publisher } from "./publisher.ts";
import { controlPlaneSpiffeId, type MeshProxy } from "./roster.ts";
import { meshStatus, nodeConfig, proxyDetail, type StatusParts } from "./status-view.ts";

const DEFAULT_TOKEN_TTL_MS = 600_000;
const DEFAULT_DEBOUNCE_MS = 20;
/** How long calls that run may take to end when the control plane stops. */
const DRAIN_MS = 250;

export class ControlPlane {
  /** Answers the admin endpoints; also where no port serves them. */
  readonly admin: (request: Request) => Answer;
  readonly #options: ControlPlaneOptions;
  readonly #mesh: PinnedMesh;
  readonly #registry: InstanceRegistry;
  readonly #publisher: Publisher;
  readonly #cache = new SnapshotCache();
  readonly #metrics: ControlPlaneMetrics;
  readonly #authority: CertificateAuthority;
  readonly #ledger = new CertificateLedger();
  readonly #tokens: ProxyTokens;
  readonly #ads: AdsServer;
  readonly #grpc: GrpcServer;
  readonly #observer: Observer;
  readonly #problems: ProblemLog;
  readonly #relief: MemoryRelief;
  readonly #declared: DeclaredInstances;
  readonly #status: StatusParts;
  #identity: OwnIdentity | undefined;
  #listener: Listener | undefined;
  #adminServer: HttpServer | undefined;
  #unwatch: () => void = () => {};

  private constructor(options: ControlPlaneOptions) {
    const { store, clock, log, authorityStorage, version } = options;
    this.#options = options;
    requireDocuments(options);
    this.#mesh = new PinnedMesh(store.current.mesh.settings);
    const { trustDomain } = this.#mesh.settings;
    this.#authority = new CertificateAuthority({ storage: authorityStorage, trustDomain }, clock.wallMs(), log);
    this.#metrics = new ControlPlaneMetrics(new Registry(), version);
    this.#problems = new ProblemLog(log);
    this.#relief = new MemoryRelief(clock, options.relieveMemory);
    this.#tokens = new ProxyTokens(options.joinTokenTtlMs ?? DEFAULT_TOKEN_TTL_MS);
    this.#registry = new InstanceRegistry(() => this.#publisher.request("instances"));
    this.#declared = new DeclaredInstances(this.#registry);
    this.#publisher = new Publisher({
      clock,
      log,
      cache: this.#cache,
      registry: this.#registry,
      mesh: () => this.#mesh.of(store.current.mesh),
      settings: this.#mesh.settings,
      translate: { ...defaultTranslateOptions, ...options.translate },
      debounceMs: options.debounceMs ?? DEFAULT_DEBOUNCE_MS,
      onPublished: (cause) => this.#published(cause),
    });
    this.#ads = new AdsServer({
      cache: this.#cache,
      clock,
      log,
      authorize: (peer, node) => this.#authorize(peer, node),
      onConnect: () => this.#publisher.flush(),
      onNack: (_, nack) => this.#observer.rejected(nack.typeUrl),
    });
    this.#observer = new Observer({
      clock,
      ads: this.#ads,
      cache: this.#cache,
      publications: this.#publisher.publications,
      metrics: this.#metrics,
    });
    this.#grpc = new GrpcServer({ clock, log, methods: this.#methods() });
    this.#status = this.#statusParts();
    this.admin = controlPlaneAdmin({
      registry: () => this.#measured(),
      ready: () => this.#listener !== undefined,
      status: () => this.status,
      proxy: (id) => proxyDetail(this.#status, id),
      config: (nodeId) => nodeConfig(this.#status, nodeId),
    });
  }

  /**
   * Resolves when proxies can connect.
   *
   * @throws {Error} (as rejection) If there are no documents, the authority's keys cannot be used, or a port cannot be had.
   */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const controlPlane = new ControlPlane(options);
    try {
      await controlPlane.#start();
      return controlPlane;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  /** The port of discovery and certificates. */
  get xdsPort(): number {
    return this.#listener?.port ?? 0;
  }

  /** The port of the admin endpoints; undefined where none serves them. */
  get adminPort(): number | undefined {
    return this.#adminServer?.port;
  }

  get status(): MeshStatus {
    return meshStatus(this.#status);
  }

  /** What is wrong in the documents now, and what analysis says of them together. */
  get problems(): readonly Problem[] {
    const { problems, findings, mesh, documents } = this.#options.store.current;
    const place = documents.find((d) => d.kind === "Mesh")?.place ?? { file: "", line: 1, column: 1 };
    return [...problems, ...this.#mesh.problemsOf(mesh, place), ...findings];
  }

  /** The trusted roots. PEM. */
  get rootCertificatesPem(): string {
    return this.#authority.trustBundle.pem;
  }

  get trustDomain(): string {
    return this.#authority.trustDomain;
  }

  /** What runs. */
  get instances(): readonly Instance[] {
    return this.#registry.instances;
  }

  /** Adds an instance, or replaces the one with its id. */
  register(instance: Instance): void {
    this.#registry.register(instance);
  }

  /** Takes an instance away: its proxy is refused from now on, and gets no new certificate. */
  unregister(id: string): void {
    this.#registry.unregister(id);
  }

  /** Whether an instance gets calls. @throws {Error} If there is no such instance. */
  setHealthy(id: string, healthy: boolean): void {
    this.#registry.setHealthy(id, healthy);
  }

  /** One proxy for several instances, in place of a sidecar each. */
  share(proxy: SharedProxy): void {
    this.#registry.share(proxy);
  }

  unshare(id: string): void {
    this.#registry.unshare(id);
  }

  /**
   * What the proxy of an instance, or one that several share, needs to join, with new tokens.
   *
   * @param id Of the instance or the shared proxy. @throws {Error} If there is no such proxy.
   */
  proxyBootstrap(id: string): ProxyBootstrap {
    this.#publisher.flush();
    const proxy = this.#publisher.roster.find((p) => p.id === id);
    if (proxy === undefined)
      throw new Error(`cannot let ${JSON.stringify(id)} join: register its instance, or share it, first`);
    return this.#bootstrapOf(proxy);
  }

  /** Closes the ports and ends what runs. */
  async stop(): Promise<void> {
    this.#unwatch();
    this.#publisher.stop();
    this.#observer.stop();
    this.#relief.stop();
    this.#identity?.stop();
    this.#listener?.close();
    this.#ads.drain();
    this.#grpc.drain();
    this.#options.clock.after(DRAIN_MS, () => this.#grpc.close());
    await this.#adminServer?.close();
  }

  async #start(): Promise<void> {
    const { store, network, ports, clock, random, log, instanceFile } = this.#options;
    const ttlMs = this.#options.svidTtlMs ?? DEFAULT_SVID_TTL_MS;
    const spiffeId = controlPlaneSpiffeId(this.#mesh.settings);
    const identity = await OwnIdentity.start({ authority: this.#authority, spiffeId, ttlMs, clock, random, log });
    this.#identity = identity;
    for (const id of instanceFile?.restore(this.#registry, store.current.mesh) ?? [])
      log.warn("an instance is forgotten: its workload is in no document any more", { instance: id });
    this.#declared.follow(store.current.mesh);
    this.#publisher.request("start");
    this.#publisher.flush();
    this.#unwatch = store.watch(() => this.#documentsChanged());
    const address = ports.address ?? "127.0.0.1";
    this.#listener = await network.listen({ address, port: ports.xds, tls: () => identity.tls }, (socket) =>
      this.#grpc.accept(socket),
    );
    if (ports.admin !== undefined) this.#adminServer = await serveHttp({ port: ports.admin }, this.admin);
    log.info("control plane started", { xds: `${address}:${this.xdsPort}`, admin: this.adminPort });
  }

  #methods(): ConstructorParameters<typeof GrpcServer>[0]["methods"] {
    const { clock, log, svidTtlMs = DEFAULT_SVID_TTL_MS } = this.#options;
    const enrolment = {
      authority: this.#authority,
      tokens: this.#tokens.issuer,
      svidTtlMs,
      mayRenew: ({ uri }: { readonly uri: string }) => this.#mayRenew(uri),
    };
    return {
      ...observed(this.#ads.methods, () => this.#observer.lookSoon()),
      ...certificateMethods({
        enrolment,
        ledger: this.#ledger,
        metrics: this.#metrics,
        clock,
        log,
        tokens: this.#tokens,
        onIssued: () => this.#relief.worked(),
      }),
    };
  }

  #authorize(peer: Parameters<typeof authorizeNode>[0], node: Node): Authorization {
    this.#publisher.flush();
    const proxy = this.#publisher.roster.find((p) => p.nodeId === node.id);
    return authorizeNode(peer, proxy, this.#ledger, this.#options.clock.wallMs());
  }

  /** As long as somebody of that identity is registered. */
  #mayRenew(spiffeId: string): boolean {
    this.#publisher.flush();
    return this.#publisher.roster.some((p) => p.identities.includes(spiffeId));
  }

  #bootstrapOf({ id, nodeId, workload, namespace, identities }: MeshProxy): ProxyBootstrap {
    const nowMs = this.#options.clock.wallMs();
    return {
      proxyId: id,
      nodeId,
      nodeCluster: `${workload}.${namespace}`,
      trustDomain: this.trustDomain,
      controlPlane: {
        address: this.#options.ports.address ?? "127.0.0.1",
        port: this.xdsPort,
        spiffeId: controlPlaneSpiffeId(this.#mesh.settings),
      },
      rootCertificatesPem: this.rootCertificatesPem,
      identities: identities.map((spiffeId) => {
        return { spiffeId, joinToken: this.#tokens.issue(id, spiffeId, nowMs) };
      }),
    };
  }

  #documentsChanged(): void {
    this.#problems.update(this.problems);
    this.#declared.follow(this.#options.store.current.mesh);
    this.#publisher.request("documents");
  }

  #published(cause: string): void {
    this.#metrics.triggered(cause);
    this.#relief.worked();
    this.#observer.lookSoon();
    const { instanceFile, log } = this.#options;
    try {
      instanceFile?.save(this.#registry);
    } catch (error) {
      log.error("cannot remember what runs", { path: instanceFile?.path, error: String(error) });
    }
  }

  #measured(): Registry {
    const mesh = this.#mesh.of(this.#options.store.current.mesh);
    const { rootMs } = this.#authority.ends;
    this.#observer.look();
    this.#metrics.measure(mesh, this.problems, rootMs, this.#options.residentBytes?.());
    return this.#metrics.registry;
  }

  #statusParts(): StatusParts {
    const { store, clock, version } = this.#options;
    return {
      version,
      startedMs: clock.wallMs(),
      wallMs: () => clock.wallMs(),
      store,
      mesh: () => this.#mesh.of(store.current.mesh),
      problems: () => this.problems,
      registry: this.#registry,
      publisher: this.#publisher,
      cache: this.#cache,
      ads: this.#ads,
      authority: this.#authority,
      ledger: this.#ledger,
      ownCertificate: () => this.#ownCertificate(),
    };
  }

  #ownCertificate(): CertificateStatus | undefined {
    const svid = this.#identity?.svid;
    if (svid === undefined) return undefined;
    const { serial, notBeforeMs, notAfterMs } = svid;
    const spiffeId = controlPlaneSpiffeId(this.#mesh.settings);
    return { spiffeId, serial, issuedMs: undefined, notBeforeMs, notAfterMs };
  }
}

function requireDocuments({ store }: ControlPlaneOptions): void {
  const { documents, problems } = store.current;
  if (documents.length > 0) return;
  const why = problems.map((p) => `\n  ${formatProblem(p)}`).join("");
  throw new Error(`there are no documents: a mesh needs its services at least${why}`);
}
