/**
 * What a running sidecar shows at its admin endpoints.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { DumpedConfig, DumpedResource, DumpedSecret } from "../../admin/config-dump.ts";
import type {
  CertificateDetails,
  CertificateView,
  ClusterView,
  DrainOptions,
  ListenerView,
  ProxyAdminSource,
  ProxyInfo,
} from "../../admin/proxy-admin-source.ts";
import type { LogLevel } from "../../base/log.ts";
import { subjectAltNames } from "../../net/subject-alt-names.ts";
import type { Secrets } from "../../proxy/secrets.ts";
import type { Registry } from "../../telemetry/registry.ts";
import { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { RouteConfiguration } from "../../xds/proto/route.ts";
import { TypeUrl } from "../../xds/resources.ts";
import { type AnyMessage, pack } from "../../xds/types/any.ts";
import type { WorkerGroup } from "../workers/worker-group.ts";
import { clusterViews } from "./cluster-views.ts";
import type { Sidecar } from "./sidecar.ts";

export interface AdminSettings {
  readonly version: string;
  readonly startedMs: number;
  readonly wallMs: () => number;
  readonly configPath: string;
  readonly level: { get(): LogLevel; set(level: LogLevel): void };
  /** Ends the process in order. */
  readonly quit: () => void;
}

export class SidecarAdmin implements ProxyAdminSource {
  readonly #sidecar: Sidecar;
  readonly #settings: AdminSettings;

  constructor(sidecar: Sidecar, settings: AdminSettings) {
    this.#sidecar = sidecar;
    this.#settings = settings;
  }

  get registry(): Registry | Promise<Registry> {
    return this.#sidecar.workers?.statistics() ?? this.#sidecar.registry;
  }

  get state(): ProxyAdminSource["state"] {
    if (this.#sidecar.isDraining) return "DRAINING";
    return this.#sidecar.isReady ? "LIVE" : "INITIALIZING";
  }

  get info(): ProxyInfo {
    const { version, startedMs, wallMs, configPath } = this.#settings;
    const { node } = this.#sidecar.bootstrap;
    return {
      version,
      nodeId: node?.id ?? "",
      nodeCluster: node?.cluster ?? "",
      startedMs,
      nowMs: wallMs(),
      options: { config_path: configPath, log_level: this.logLevel, concurrency: this.#sidecar.workers?.count ?? 1 },
    };
  }

  get logLevel(): LogLevel {
    return this.#settings.level.get();
  }

  set logLevel(level: LogLevel) {
    this.#settings.level.set(level);
    this.#sidecar.workers?.level(level);
  }

  get clusters(): readonly ClusterView[] | Promise<readonly ClusterView[]> {
    const { workers, proxy } = this.#sidecar;
    const isStatic = (name: string): boolean => this.#isStatic("clusters", name);
    return workers === undefined ? clusterViews(proxy, isStatic) : this.#clustersOf(workers, isStatic);
  }

  async #clustersOf(workers: WorkerGroup, isStatic: (name: string) => boolean): Promise<readonly ClusterView[]> {
    return (await workers.clusters()).map((view) => ({ ...view, addedViaApi: !isStatic(view.name) }));
  }

  #isStatic(kind: "clusters" | "listeners", name: string): boolean {
    return (this.#sidecar.bootstrap.staticResources?.[kind] ?? []).some((it) => it.name === name);
  }

  get listeners(): readonly ListenerView[] {
    return this.#sidecar.proxy.listeners.list().map(({ name, address, port }) => ({ name, address, port: port ?? 0 }));
  }

  get certificates(): readonly CertificateView[] {
    const { secrets } = this.#sidecar.proxy;
    return secrets.list().map(({ name, kind }) => {
      const details = certificatesIn(pemOf(secrets, name)).map((certificate) => detailsOf(certificate, `sds: ${name}`));
      return kind === "trustedCa" ? { trustedRoots: details, chain: [] } : { trustedRoots: [], chain: details };
    });
  }

  get config(): DumpedConfig {
    const { proxy, bootstrap } = this.#sidecar;
    return {
      bootstrap,
      bootstrapLoadedMs: this.#settings.startedMs,
      clusters: this.#dump(TypeUrl.cds, proxy.clusters.messages),
      listeners: this.#dump(TypeUrl.lds, proxy.listeners.messages),
      routes: this.#dump(
        TypeUrl.rds,
        packed(proxy.listeners.routes, (routes) => pack(RouteConfiguration, routes)),
      ),
      endpoints: this.#dump(
        TypeUrl.eds,
        packed(proxy.clusters.assignments, (a) => pack(ClusterLoadAssignment, a)),
      ),
      secrets: proxy.secrets.list().map(({ name, kind }): DumpedSecret => {
        const certificatesPem = pemOf(proxy.secrets, name);
        return { name, kind, certificatesPem, version: "", lastUpdatedMs: undefined };
      }),
    };
  }

  #dump(typeUrl: string, resources: ReadonlyMap<string, AnyMessage>): DumpedResource[] {
    const ledger = this.#sidecar.link?.ledger;
    return [...resources].map(([name, any]) => {
      const { version, atMs } = ledger?.of(typeUrl, name) ?? {};
      const rejected = ledger?.rejectionOf(typeUrl, name);
      return { name, any, version, lastUpdatedMs: atMs, ...(rejected === undefined ? {} : { rejected }) };
    });
  }

  drainListeners({ inboundOnly, skipExit }: DrainOptions): void {
    if (!skipExit) this.#sidecar.drain(inboundOnly ? "inbound" : "all");
  }

  quit(): void {
    this.#settings.quit();
  }
}

function packed<T>(messages: ReadonlyMap<string, T>, toAny: (message: T) => AnyMessage): Map<string, AnyMessage> {
  return new Map([...messages].map(([name, message]) => [name, toAny(message)]));
}

function pemOf(secrets: Secrets, name: string): string {
  const secret = secrets.get(name);
  return secret?.t === "keyPair" ? secret.certChainPem : (secret?.trustedCaPem ?? "");
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  // Loaded when somebody asks: it costs a proxy 7 MB.
  const crypto = process.getBuiltinModule("node:crypto");
  return blocks.map((block) => new crypto.X509Certificate(block));
}

function detailsOf(certificate: X509Certificate, origin: string): CertificateDetails {
  const { uris, dnsNames } = subjectAltNames(certificate.raw);
  return {
    origin,
    serial: certificate.serialNumber,
    uriSans: uris,
    dnsSans: dnsNames,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
  };
}
