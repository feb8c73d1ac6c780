/**
 * The listeners of a Gateway of the Gateway API as servers of a gateway, so that ports, certificates and TLS are those of every gateway.
 *
 * Of several certificates each client gets the one that fits it. `AllowInsecureFallback` asks for a certificate and lets everybody in: who
 * shows none, or one that is not valid, has no identity.
 *
 * @module
 */
import type { AttachedGateway, AttachedListener } from "../../model/gateway-api/attachment/attachment.ts";
import type { KubernetesGateway } from "../../model/gateway-api/gateway.ts";
import { servesGateway } from "../../model/gateway-api/workloads.ts";
import type { Credential, Gateway, GatewayProtocol, GatewayServer, GatewayTls } from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Workload } from "../../model/service.ts";
import type { ServedServer } from "../gateway/ports.ts";
import { attachedTo } from "./attached.ts";

/** Of all Gateways that `workload` serves, in the order of the documents. */
export const attachedServers = (mesh: Mesh, workload: Workload): readonly ServedServer[] =>
  servedBy(mesh, workload).flatMap(serversOf);

/** `tls.backend.clientCertificateRef` of the first that has one. */
export const backendCertificate = (mesh: Mesh, workload: Workload): Credential | undefined =>
  servedBy(mesh, workload).flatMap(({ backendClientCertificate }) => backendClientCertificate ?? [])[0];

const servedBy = (mesh: Mesh, workload: Workload): readonly AttachedGateway[] =>
  attachedTo(mesh).gateways.filter(({ gateway }) => servesGateway(mesh.services, workload, gateway));

const SERVERS = new WeakMap<AttachedGateway, readonly ServedServer[]>();

function serversOf(attached: AttachedGateway): readonly ServedServer[] {
  const known = SERVERS.get(attached);
  if (known !== undefined) return known;
  const gateway: Gateway = { origin: attached.gateway.meta.origin, selector: {}, servers: [] };
  const made = attached.listeners
    .filter(({ serves }) => serves)
    .flatMap((listener) => {
      const server = serverOf(listener, attached.gateway);
      return server === undefined ? [] : [{ gateway, server, listener }];
    });
  SERVERS.set(attached, made);
  return made;
}

const PROTOCOLS: Readonly<Record<string, GatewayProtocol>> = {
  HTTP: "HTTP",
  HTTPS: "HTTPS",
  TLS: "TLS",
  TCP: "TCP",
  UDP: "UDP",
};

function serverOf(attached: AttachedListener, gateway: KubernetesGateway): GatewayServer | undefined {
  const { listener } = attached;
  const protocol = Object.hasOwn(PROTOCOLS, listener.protocol) ? PROTOCOLS[listener.protocol] : undefined;
  if (protocol === undefined) return undefined;
  const name = nameOf(attached, gateway);
  return {
    place: listener.at.place,
    name: listener.name,
    port: { number: listener.port, name, protocol },
    bind: undefined,
    hosts: [{ namespace: undefined, host: listener.hostname ?? "*" }],
    tls: tlsOf(attached, gateway),
  };
}

/** One of its own among all listeners of the Gateway. */
const nameOf = ({ listener, owner }: AttachedListener, gateway: KubernetesGateway): string =>
  owner === gateway ? listener.name : `${owner.meta.namespace}.${owner.meta.name}.${listener.name}`;

const plain = {
  httpsRedirect: false,
  certificate: undefined,
  caCrl: undefined,
  letsUnverifiedIn: false,
  subjectAltNames: [],
  certificateHashes: [],
  publicKeyHashes: [],
  minProtocolVersion: undefined,
  maxProtocolVersion: undefined,
  cipherSuites: [],
} satisfies Partial<GatewayTls>;

function tlsOf(attached: AttachedListener, gateway: KubernetesGateway): GatewayTls | undefined {
  const { listener, certificates, clientValidation, meshTls } = attached;
  if (listener.protocol !== "HTTPS" && listener.protocol !== "TLS") return undefined;
  if (meshTls === "mutual") return { ...plain, mode: "ISTIO_MUTUAL" };
  if (listener.tls?.mode !== "Terminate" || (meshTls === undefined && certificates.length === 0))
    return { ...plain, mode: "PASSTHROUGH" };
  const shown = meshTls === "simple" ? { t: "own" as const } : { t: "found" as const, credentials: certificates };
  if (clientValidation === undefined)
    return { ...plain, mode: "SIMPLE", certificate: { ...shown, clientRoots: undefined } };
  const { namespace, name } = gateway.meta;
  const at = `${listener.port}/${nameOf(attached, gateway)}`;
  const clientRoots = {
    name: `kubernetes-gateway://${namespace}/${name}:${at}-cacert`,
    roots: clientValidation.roots,
  };
  return {
    ...plain,
    mode: clientValidation.mode === "AllowValidOnly" ? "MUTUAL" : "OPTIONAL_MUTUAL",
    letsUnverifiedIn: clientValidation.mode === "AllowInsecureFallback",
    certificate: { ...shown, clientRoots },
  };
}
