/**
 * Where the conformance tests run: a control plane and echo servers in the test's process, and proxies in one beside it.
 * Gateways come and go with their documents.
 *
 * @module
 */
import { ControlPlane } from "../../../src/app/control-plane/control-plane.ts";
import { GatewayPlaces } from "../../../src/app/up/gateway-places.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { lineLog } from "../../../src/base/log.ts";
import {
  type GatewayStatusAddress,
  gatewayApiStatus,
  type ObjectStatus,
} from "../../../src/config/gateway-api/status/status.ts";
import { attachGatewayApi } from "../../../src/model/gateway-api/attachment/attach.ts";
import { formatProblem } from "../../../src/base/problem.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { memoryAuthorityStorage } from "../../../src/identity/authority-storage.ts";
import type { Instance, SocketAddress, Workload } from "../../../src/model/service.ts";
import { bunNetwork } from "../../../src/net/bun-network.ts";
import { freePorts, isFreePort } from "../../../src/net/free-ports.ts";
import { MemoryStore } from "../../../src/store/memory-store.ts";
import type { RequestCase, SeenRequest, SuiteName } from "../../suites/gateway-api.ts";
import { eventually } from "../support/eventually.ts";
import { startBackend } from "./backends.ts";
import { SuiteCertificates } from "./certificates.ts";
import type { Target } from "./client.ts";
import { EnvoyProxies, type Proxies, TulleProxies } from "./proxies.ts";
import { baseManifests, documentsOf, type Manifest, type Pod, podsOf } from "./manifests.ts";

const LOOPBACK = "127.0.0.1";
/** Of the echo servers in pods, where a case names none. */
const DEFAULT_POD_PORT = 8080;
const DEFAULT_PORTS = { http: 80, https: 443 };

export class ConformanceLab {
  readonly certificates = new SuiteCertificates();
  /** What reached the backends since it was emptied. */
  readonly seen: SeenRequest[] = [];
  readonly #suite: SuiteName;
  readonly #store = new MemoryStore({ "empty.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: none}}" });
  readonly #places = new GatewayPlaces({ freePort: () => this.#ports(1)[0] as number, isFree: isFreePort });
  readonly #proxies: Proxies;
  readonly #instances = new Map<string, Instance>();
  readonly #stops = new Map<string, (() => void)[]>();
  readonly #given = new Set<number>();
  /** Those that have a proxy. */
  readonly #proxied = new Set<string>();
  #controlPlane: ControlPlane | undefined;

  private constructor(suite: SuiteName, proxies: Proxies) {
    this.#suite = suite;
    this.#proxies = proxies;
  }

  /** @param envoy The binary to run in place of our own proxies. */
  static async start(suite: SuiteName, envoy?: string): Promise<ConformanceLab> {
    const lab = new ConformanceLab(suite, envoy === undefined ? new TulleProxies() : new EnvoyProxies(envoy));
    const log = lineLog("warn", (line) => void (line.includes("mesh.yaml") || process.stderr.write(line)), Date.now);
    lab.#controlPlane = await ControlPlane.start({
      store: lab.#store,
      authorityStorage: memoryAuthorityStorage(),
      network: bunNetwork(systemClock),
      clock: systemClock,
      random: systemRandom,
      log,
      version: "0.0.0",
      ports: { xds: 0, admin: undefined },
      debounceMs: 1,
      translate: { accessLogPath: undefined },
    });
    return lab;
  }

  get #plane(): ControlPlane {
    if (this.#controlPlane === undefined) throw new Error("the lab has not been started");
    return this.#controlPlane;
  }

  /** The base and `manifests` beside it; resolves when every proxy has taken what that means for it. */
  async apply(manifests: readonly Manifest[]): Promise<void> {
    const base = baseManifests(this.#suite);
    const all = [...base, ...(this.certificates.documents as readonly Manifest[]), ...manifests];
    this.#store.write("mesh.yaml", documentsOf(all.flatMap((manifest) => this.#filled(manifest))));
    await this.#run(podsOf(all));
    this.#runGateways();
    await this.#settle();
  }

  /** Lists of endpoints that upstream fills with the pods of infra-backend-v1; those of IPv6 stay away. */
  #filled(manifest: Manifest): readonly Manifest[] {
    if (manifest.kind !== "EndpointSlice" || !manifest.metadata.name.includes("manual-endpointslices"))
      return [manifest];
    const pod = this.#instances.get("gateway-conformance-infra.infra-backend-v1");
    const port = pod?.ports.find(({ targetPort }) => targetPort === 3000)?.application.port;
    if (manifest.addressType !== "IPv4" || port === undefined) return [];
    const ports = manifest.ports?.map((it) => ({ ...it, port }));
    return [{ ...manifest, ports, endpoints: [{ addresses: [LOOPBACK], conditions: { ready: true } }] }];
  }

  /** What the documents of the Gateway API are told about themselves. */
  get status(): readonly ObjectStatus[] {
    const addresses: readonly GatewayStatusAddress[] = [{ type: "IPAddress", value: LOOPBACK }];
    return gatewayApiStatus(attachGatewayApi(this.#store.current.mesh), {
      assigned: () => ({ addresses, fault: undefined }),
    });
  }

  /** What the documents were refused for, one a line. */
  get problems(): string {
    return this.#store.current.problems
      .filter(({ severity }) => severity === "error")
      .map(formatProblem)
      .join("\n");
  }

  /** Every proxy that runs has acknowledged what was published last. @throws {Error} If one rejects it. */
  async #settle(): Promise<void> {
    const [some] = this.#proxied;
    // Joining publishes what waits.
    if (some !== undefined) this.#plane.proxyBootstrap(some);
    const waitingFor = (): string =>
      this.#plane.status.proxies
        .filter(
          ({ id, acknowledgedVersion }) =>
            this.#proxied.has(id) && acknowledgedVersion !== this.#plane.status.publication.version,
        )
        .map(
          ({ id, problem, types, connectedSinceMs }) =>
            `${id} ${connectedSinceMs} ${problem ?? ""} ${types.map((t) => `${t.type} ${t.state}`).join(", ")}`,
        )
        .join("; ");
    await eventually("all proxies have their configuration", () => {
      const { proxies, publication } = this.#plane.status;
      const own = proxies.filter(({ id }) => this.#proxied.has(id));
      const rejected = own
        .flatMap(({ id, types }) => types.map((type) => ({ id, type })))
        .find(({ type }) => type.state === "rejected");
      if (rejected !== undefined)
        throw new Error(`${rejected.id} rejects ${rejected.type.type}: ${rejected.type.rejection}`);
      return own.every((p) => p.problem === undefined && p.acknowledgedVersion === publication.version);
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${waitingFor()}`, { cause: error });
    });
  }

  async #run(pods: readonly Pod[]): Promise<void> {
    const wanted = new Map(pods.map((pod) => [idOf(pod), pod]));
    for (const [id, { workload }] of this.#instances)
      if (!wanted.has(id) && workload.gateway === undefined) this.#end(id);
    for (const [id, pod] of wanted) {
      const workload = this.#workload(pod.namespace, pod.name);
      if (this.#instances.has(id) || workload === undefined) continue;
      await this.#startPod(id, pod, workload);
    }
  }

  #workload(namespace: string, name: string): Workload | undefined {
    return this.#store.current.mesh.workloads.find((w) => w.namespace === namespace && w.name === name);
  }

  /** Pods of the mesh have a sidecar; those behind gateways have none. */
  async #startPod(id: string, pod: Pod, workload: Workload): Promise<void> {
    const stops: (() => void)[] = [];
    this.#stops.set(id, stops);
    const meshed = this.#suite === "mesh";
    const ports = this.#ports(pod.ports.size * 2 + 1 + 30);
    const next = (): SocketAddress => ({ address: LOOPBACK, port: ports.pop() as number });
    const served = [...pod.ports].map(([targetPort, kind]) => {
      const application = next();
      return { targetPort, kind, application, inbound: meshed ? next() : application };
    });
    const { certificate = "gateway-conformance-infra/tls-checks-certificate" } = pod;
    for (const { application, kind } of served) {
      const options = { kind, pod: `${pod.name}-0`, namespace: pod.namespace, port: application.port };
      const secured = { ...options, certificate: this.certificates.pair(certificate) };
      stops.push(await startBackend(secured, (request) => void this.seen.push(request)));
    }
    const called = this.#store.current.mesh.services.flatMap(({ hostname: host, ports: at }) =>
      at.map(({ number: port }) => ({ host, port })),
    );
    const instance: Instance = {
      workload,
      id,
      healthy: true,
      outbound: meshed ? next() : undefined,
      loopbacks: meshed ? called.map((to) => ({ ...to, address: next() })) : [],
      ports: served.map(({ targetPort, application, inbound }) => ({ targetPort, application, inbound })),
    };
    this.#register(instance);
    if (meshed) this.#startProxy(instance);
  }

  /** Of those that are free, some that nobody here was given: proxies take theirs later. */
  #ports(count: number): number[] {
    const found: number[] = [];
    while (found.length < count) {
      const fresh = freePorts(count - found.length).filter((port) => !this.#given.has(port));
      for (const port of fresh) this.#given.add(port);
      found.push(...fresh);
    }
    return found;
  }

  #register(instance: Instance): void {
    this.#instances.set(instance.id, instance);
    this.#plane.register(instance);
  }

  #runGateways(): void {
    const { mesh } = this.#store.current;
    const gateways = new Map(mesh.workloads.filter((w) => w.gateway !== undefined).map((w) => [idOf(w), w]));
    for (const [id, { workload }] of this.#instances)
      if (workload.gateway !== undefined && !gateways.has(id)) this.#end(id);
    for (const [id, workload] of gateways) {
      const known = this.#instances.get(id);
      const ports = this.#places.portsOf(mesh, workload);
      if (known !== undefined && JSON.stringify(known.ports) === JSON.stringify(ports)) continue;
      const instance: Instance = { workload, id, ports, outbound: undefined, loopbacks: [], healthy: true };
      this.#register(instance);
      if (known === undefined) this.#startProxy(instance);
    }
  }

  #startProxy(instance: Instance): void {
    const { id } = instance;
    this.#proxied.add(id);
    const stops = this.#stops.get(id) ?? [];
    this.#stops.set(id, [...stops, this.#proxies.start(this.#plane, instance)]);
  }

  #end(id: string): void {
    for (const stop of this.#stops.get(id) ?? []) stop();
    this.#stops.delete(id);
    this.#proxied.delete(id);
    this.#instances.delete(id);
    this.#plane.unregister(id);
  }

  /** Where a case's request goes; undefined where nothing listens for it. */
  target(c: RequestCase): Target | undefined {
    return c.gatewayListener === undefined ? this.#meshTarget(c) : this.#gatewayTarget(c, c.gatewayListener);
  }

  #gatewayTarget(
    { scheme = "http" }: RequestCase,
    { gateway, port = DEFAULT_PORTS[scheme] }: { gateway: string; port?: number },
  ): Target | undefined {
    const [namespace, name] = gateway.split("/");
    const found = [...this.#instances.values()].find(
      ({ workload }) =>
        workload.namespace === namespace && workload.labels["gateway.networking.k8s.io/gateway-name"] === name,
    );
    const place = found?.ports.find(({ targetPort }) => targetPort === port)?.inbound;
    if (place === undefined) return undefined;
    const authority = port === DEFAULT_PORTS[scheme] ? LOOPBACK : `${LOOPBACK}:${port}`;
    const httpsPort = found?.ports.find(({ targetPort }) => targetPort === DEFAULT_PORTS.https)?.inbound.port;
    return { ...place, authority, certificates: this.certificates, httpsPort };
  }

  /** A call to a pod's address goes past the routes of Services. */
  #podTarget(namespace: string, selector: string, port: number): Target | undefined {
    const place = this.#pod(namespace, selector)?.ports.find(({ targetPort }) => targetPort === port)?.inbound;
    return place && { ...place, authority: `${place.address}:${port}`, certificates: this.certificates };
  }

  /** @param selector `app=echo,version=v1`. */
  #pod(namespace: string, selector: string): Instance | undefined {
    const labels = Object.fromEntries(selector.split(",").map((pair) => pair.split("=")));
    return [...this.#instances.values()].find(
      ({ workload: w }) => w.namespace === namespace && Object.entries(labels).every(([k, v]) => w.labels[k] === v),
    );
  }

  /** The port of the client's own proxy that stands for the service. */
  #meshTarget({ client, request = {} }: RequestCase): Target | undefined {
    const from = this.#pod(client?.namespace ?? "", client?.selector ?? "");
    const pod = /^@podIP\(([^/]+)\/([^)]+)\)(?::(\d+))?$/.exec(request.host ?? "");
    if (pod !== null) return this.#podTarget(pod[1] ?? "", pod[2] ?? "", Number(pod[3] ?? DEFAULT_POD_PORT));
    const [name = "", port = "80"] = (request.host ?? "").split(":");
    const [service, namespace = client?.namespace] = name.split(".");
    const host = `${service}.${namespace}.svc.cluster.local`;
    const loopback = from?.loopbacks.find((it) => it.host === host && it.port === Number(port));
    if (loopback === undefined) return undefined;
    return { ...loopback.address, authority: request.host ?? "", certificates: this.certificates };
  }

  async stop(): Promise<void> {
    for (const id of this.#instances.keys()) this.#end(id);
    await this.#proxies.stop();
    await this.#plane.stop();
  }
}

const idOf = ({ namespace, name }: Pick<Workload, "namespace" | "name">): string => `${namespace}.${name}`;
