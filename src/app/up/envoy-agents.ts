/**
 * Agents beside Envoys, in this process: each asks for its instance's certificates and gives them to its Envoy by SDS over a
 * unix socket, as Istio's agent does.
 *
 * @module
 */
import { join, relative } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Svid } from "../../identity/svid.ts";
import type { Listener, Network } from "../../net/socket.ts";
import { type SecretValue, Secrets } from "../../proxy/secrets.ts";
import { GrpcClient } from "../../xds/grpc-client.ts";
import { GrpcServer } from "../../xds/grpc-server.ts";
import { Secret } from "../../xds/proto/tls.ts";
import { AdsServer } from "../../xds/server/ads-server.ts";
import { Snapshot } from "../../xds/snapshot.ts";
import { SnapshotCache } from "../../xds/snapshot-cache.ts";
import { pack } from "../../xds/types/any.ts";
import type { ControlPlane } from "../control-plane/control-plane.ts";
import type { ProxyBootstrap } from "../control-plane/options.ts";
import { IdentityAgent } from "../sidecar/identity-agent.ts";

export interface EnvoyAgentServices {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class EnvoyAgents {
  readonly #services: EnvoyAgentServices;
  readonly #controlPlane: ControlPlane;
  readonly #agents: IdentityAgent[] = [];
  readonly #listeners: Promise<Listener>[] = [];

  constructor(services: EnvoyAgentServices, controlPlane: ControlPlane) {
    this.#services = services;
    this.#controlPlane = controlPlane;
  }

  /**
   * Serves the certificates of a proxy.
   *
   * @param folder Which only its owner may enter. @returns The path of the socket. @throws {Error} If it is too long for a socket.
   */
  serve(id: string, folder: string): string {
    const { clock, random, log, network } = this.#services;
    const bootstrap = this.#controlPlane.proxyBootstrap(id);
    const secrets = new Secrets();
    const cache = new SnapshotCache();
    secrets.watch(() => cache.set(bootstrap.nodeId, snapshotOf(secrets)));
    const identities = bootstrap.identities.map(({ spiffeId, joinToken }, i) => ({
      secretName: i === 0 ? "default" : spiffeId,
      joinToken: () => joinToken,
    }));
    const clientFor = (current: Svid | undefined): GrpcClient => this.#client(bootstrap, current);
    const agent = new IdentityAgent({ clock, random, log, secrets, identities, clientFor });
    agent.start();
    this.#agents.push(agent);
    // The socket lies in a folder that only its owner may enter: whoever connects is the Envoy that was started here.
    const sds = new AdsServer({ cache, clock, log, authorize: () => ({ t: "ok" }) });
    const grpc = new GrpcServer({ clock, log, methods: sds.methods });
    const path = join(folder, "sds.sock");
    const listening = network.listen({ address: "", port: 0, path: bindable(path) }, (socket) => grpc.accept(socket));
    this.#listeners.push(listening);
    return path;
  }

  #client({ controlPlane, rootCertificatesPem }: ProxyBootstrap, current: Svid | undefined): GrpcClient {
    const { clock, network } = this.#services;
    const { address, port, spiffeId } = controlPlane;
    const tls = {
      certChainPem: current?.certChainPem,
      privateKeyPem: current?.privateKeyPem,
      trustedCaPem: rootCertificatesPem,
      sni: "tulle-control-plane",
      alpn: ["h2"],
      refusePeer: (peer: { readonly uriSans: readonly string[] }) =>
        peer.uriSans.includes(spiffeId) ? undefined : `wanted ${spiffeId}, found ${peer.uriSans.join(", ")}`,
    };
    const target = () => ({ address, port, tls, connectTimeoutMs: 5000 });
    return new GrpcClient({ network, clock, target, authority: "tulle-control-plane" });
  }

  stop(): void {
    for (const agent of this.#agents) agent.stop();
    for (const listener of this.#listeners) void listener.then((it) => it.close()).catch(() => {});
  }
}

/** What the kernel's address of a unix socket holds beside its closing zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** The shorter of the absolute path and the one from here. */
function bindable(path: string): string {
  const local = relative(process.cwd(), path);
  const found = local.length < path.length ? local : path;
  if (Buffer.byteLength(found) <= MAX_SOCKET_PATH_BYTES) return found;
  throw new Error(
    `cannot listen on ${path}: the path of a unix socket has at most ${MAX_SOCKET_PATH_BYTES} bytes; choose a shorter --run-folder`,
  );
}

function snapshotOf(secrets: Secrets): Snapshot {
  return Snapshot.of(
    secrets.list().map(({ name }) => ({ name, any: pack(Secret, messageOf(name, secrets.get(name) as SecretValue)) })),
  );
}

function messageOf(name: string, value: SecretValue): Secret {
  if (value.t === "trustedCa") {
    const { trustedCaPem, crlPem } = value;
    const crl = crlPem === undefined ? undefined : { inlineString: crlPem };
    return { name, validationContext: { trustedCa: { inlineString: trustedCaPem }, crl } };
  }
  return {
    name,
    tlsCertificate: {
      certificateChain: { inlineString: value.certChainPem },
      privateKey: { inlineString: value.privateKeyPem },
    },
  };
}
