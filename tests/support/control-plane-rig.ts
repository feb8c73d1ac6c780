/**
 * A control plane on an in-memory network, with a clock that the test moves, and proxies that ask it.
 *
 * @module
 */
import { ControlPlane } from "../../src/app/control-plane/control-plane.ts";
import type { ControlPlaneOptions, ProxyBootstrap } from "../../src/app/control-plane/options.ts";
import { lineLog } from "../../src/base/log.ts";
import { ManualClock } from "../../src/base/manual-clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { memoryAuthorityStorage } from "../../src/identity/authority-storage.ts";
import { buildCsr } from "../../src/identity/csr-write.ts";
import { generateKeyPair, type KeyPair } from "../../src/identity/keys.ts";
import { assembleSvid, type Svid } from "../../src/identity/svid.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import type { PeerIdentity } from "../../src/net/socket.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { AdsClient } from "../../src/xds/client/ads-client.ts";
import type { Rejection } from "../../src/xds/client/client-subscription.ts";
import { GrpcClient } from "../../src/xds/grpc-client.ts";
import { callUnary } from "../../src/xds/grpc-unary.ts";
import { IstioCertificateRequest, IstioCertificateResponse } from "../../src/xds/proto/istio-ca.ts";
import { type Resource, TypeUrl } from "../../src/xds/resources.ts";
import { decode, encode } from "../../src/xds/types/codec.ts";
import { instanceOf, service, workload } from "./mesh.ts";

const CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/** Two services; `reviews` has two versions under one service account. */
export const SHOP = [
  service("reviews", ["http:9080"]),
  service("ratings", ["http:9080"]),
  workload("reviews", "v1", [9080]),
  workload("reviews", "v2", [9080]),
  workload("ratings", "v1", [9080]),
].join("\n---\n");

export class ControlPlaneRig {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly store: MemoryStore;
  readonly logged: string[] = [];
  readonly authorityStorage: ReturnType<typeof memoryAuthorityStorage>;
  readonly #options: Partial<ControlPlaneOptions>;
  #controlPlane: ControlPlane | undefined;

  constructor(options: Partial<ControlPlaneOptions> = {}, yaml: string = SHOP) {
    this.clock = new ManualClock();
    this.network = new MemoryNetwork(this.clock);
    this.store = new MemoryStore({ "shop.yaml": yaml });
    this.authorityStorage = memoryAuthorityStorage();
    this.#options = options;
  }

  /** With an instance of each workload registered. */
  static async start(options: Partial<ControlPlaneOptions> = {}, yaml: string = SHOP): Promise<ControlPlaneRig> {
    const rig = new ControlPlaneRig(options, yaml);
    await rig.startControlPlane();
    rig.registerAll();
    return rig;
  }

  get controlPlane(): ControlPlane {
    if (this.#controlPlane === undefined) throw new Error("the control plane has not been started");
    return this.#controlPlane;
  }

  async startControlPlane(): Promise<void> {
    this.#controlPlane = await ControlPlane.start({
      store: this.store,
      authorityStorage: this.authorityStorage,
      network: this.network,
      clock: this.clock,
      random: seededRandom(1),
      log: lineLog(
        "info",
        (line) => void this.logged.push(line),
        () => 0,
      ),
      version: "0.0.0",
      ports: { xds: 15_012, admin: undefined },
      ...this.#options,
    });
  }

  registerAll(): void {
    for (const [i, it] of this.store.current.mesh.workloads.entries()) this.controlPlane.register(instanceOf(it, i));
    this.pass(100);
  }

  /** Lets time pass, and what is sent on the way arrive. */
  pass(ms: number, stepMs = 5): void {
    this.network.flush();
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      this.network.flush();
    }
  }

  /** Delivers bytes until the promise settles. */
  async arrive<T>(promise: Promise<T>): Promise<T> {
    const state = { settled: false };
    const settled = promise.finally(() => (state.settled = true));
    settled.catch(() => {});
    for (let i = 0; i < 1000 && !state.settled; i++) {
      this.network.flush();
      await Promise.resolve();
    }
    if (!state.settled) throw new Error("the promise has not settled although everything was delivered");
    return settled;
  }

  /** A connection to the control plane; `onServer` sees the certificate that it shows. */
  connect(svid?: Svid, onServer: (peer: PeerIdentity) => void = () => {}): GrpcClient {
    const tls = {
      certChainPem: svid?.certChainPem,
      privateKeyPem: svid?.privateKeyPem,
      trustedCaPem: this.controlPlane.rootCertificatesPem,
      sni: undefined,
      alpn: ["h2"],
      refusePeer: (peer: PeerIdentity) => {
        onServer(peer);
        return undefined;
      },
    };
    return new GrpcClient({
      network: this.network,
      clock: this.clock,
      target: () => ({ address: "127.0.0.1", port: this.controlPlane.xdsPort, connectTimeoutMs: 1000, tls }),
      authority: "tulle",
    });
  }

  /** Asks for a certificate, by token or by the SVID of the connection. */
  async certificate(
    credential: { readonly token?: string; readonly svid?: Svid },
    key = generateKeyPair(),
  ): Promise<Svid> {
    const client = this.connect(credential.svid);
    const request = encode(IstioCertificateRequest, { csr: buildCsr(key) });
    const { token } = credential;
    const metadata = token === undefined ? [] : ["authorization", `Bearer ${token}`];
    const answer = await this.arrive(callUnary(client, CREATE_CERTIFICATE, request, { metadata }));
    client.close();
    return this.#svid(key, decode(IstioCertificateResponse, answer).certChain ?? []);
  }

  #svid(key: KeyPair, chain: readonly string[]): Svid {
    const issued = { certChainPem: chain.slice(0, -1).join(""), trustBundlePem: chain.at(-1) ?? "" };
    return assembleSvid(key.privateKeyPem, issued, this.clock.wallMs());
  }

  /** Enrols the proxy with its token and begins discovery. */
  async join(id: string): Promise<TestProxy> {
    const bootstrap = this.controlPlane.proxyBootstrap(id);
    const svid = await this.certificate({ token: bootstrap.identities[0]?.joinToken ?? "" });
    return this.discover(bootstrap, svid);
  }

  discover(bootstrap: Pick<ProxyBootstrap, "nodeId" | "nodeCluster">, svid: Svid | undefined): TestProxy {
    const proxy = new TestProxy(this, bootstrap, svid);
    this.pass(100);
    return proxy;
  }

  async get(path: string): Promise<Response> {
    return await this.controlPlane.admin(new Request(`http://127.0.0.1${path}`));
  }
}

/** A discovery client that takes everything, except what the test refuses. */
export class TestProxy {
  readonly svid: Svid | undefined;
  readonly client: AdsClient;
  readonly resources = new Map<string, Map<string, Resource>>();
  refuse: (resource: Resource) => string | undefined = () => undefined;

  constructor(
    rig: ControlPlaneRig,
    { nodeId, nodeCluster }: Pick<ProxyBootstrap, "nodeId" | "nodeCluster">,
    svid: Svid | undefined,
  ) {
    this.svid = svid;
    this.client = new AdsClient({
      grpc: rig.connect(svid),
      clock: rig.clock,
      random: seededRandom(2),
      log: lineLog(
        "error",
        () => {},
        () => 0,
      ),
      node: { id: nodeId, cluster: nodeCluster, userAgentName: "test", userAgentVersion: "1" },
      onUpdate: (typeUrl, changed, removed) => this.#update(typeUrl, changed, removed),
    });
    this.client.subscribe(TypeUrl.cds, ["*"]);
    this.client.subscribe(TypeUrl.lds, ["*"]);
    this.client.start();
  }

  names(typeUrl: string): readonly string[] {
    return [...(this.resources.get(typeUrl)?.keys() ?? [])].sort();
  }

  #update(typeUrl: string, changed: readonly Resource[], removed: readonly string[]): readonly Rejection[] {
    const held = this.resources.get(typeUrl) ?? new Map<string, Resource>();
    this.resources.set(typeUrl, held);
    for (const name of removed) held.delete(name);
    const rejected = changed.flatMap((it) => {
      const reason = this.refuse(it);
      if (reason === undefined) held.set(it.name, it);
      return reason === undefined ? [] : [{ name: it.name, reason }];
    });
    if (typeUrl === TypeUrl.cds) this.#follow(TypeUrl.eds, (name) => name.startsWith("outbound|"), held);
    if (typeUrl === TypeUrl.lds) this.client.subscribe(TypeUrl.rds, ["http_proxy"]);
    return rejected;
  }

  #follow(typeUrl: string, wants: (name: string) => boolean, held: ReadonlyMap<string, Resource>): void {
    const known = this.resources.get(typeUrl) ?? new Map();
    this.client.subscribe(
      typeUrl,
      [...held.keys()].filter((name) => wants(name) && !known.has(name)),
    );
  }
}
