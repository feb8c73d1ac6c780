/**
 * The listeners of a Gateway of the Gateway API as servers of a gateway, so that ports, certificates and TLS are those of every gateway.
 *
 * Differs: of several certificates the first that can be shown is. `AllowInsecureFallback` asks clients for no certificate, so
 * none is told of to backends.
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

const PROTOCOLS: Readonly<Record<string, GatewayProtocol>> = { HTTP: "HTTP", HTTPS: "HTTPS", TLS: "TLS", TCP: "TCP" };

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
  if (meshTls) return { ...plain, mode: "ISTIO_MUTUAL" };
  const [credential] = certificates;
  if (listener.tls?.mode !== "Terminate" || credential === undefined) return { ...plain, mode: "PASSTHROUGH" };
  if (clientValidation === undefined || clientValidation.mode === "AllowInsecureFallback")
    return { ...plain, mode: "SIMPLE", certificate: { t: "found", credential, clientRoots: undefined } };
  const { namespace, name } = gateway.meta;
  const pem = clientValidation.trustedCas.join("\n");
  const at = `${listener.port}/${nameOf(attached, gateway)}`;
  const clientRoots = { name: `kubernetes-gateway://${namespace}/${name}:${at}-cacert`, pem };
  const mode = clientValidation.mode === "AllowMissing" ? "OPTIONAL_MUTUAL" : "MUTUAL";
  return { ...plain, mode, certificate: { t: "found", credential, clientRoots } };
}
