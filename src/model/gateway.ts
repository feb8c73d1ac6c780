/**
 * Where calls from outside come in: Istio's Gateway, the credentials that it shows, and what is known of the proxies in front of it.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { SecretText } from "../base/secret-text.ts";
import type { LabelSelector } from "./match.ts";
import type { Origin } from "./origin.ts";

export interface Gateway {
  readonly origin: Origin;
  /** Of the gateway workloads, in all namespaces. */
  readonly selector: LabelSelector;
  readonly servers: readonly GatewayServer[];
}

/** Of the protocols that Istio names: those that are the same to a gateway are one. `UDP` is the Gateway API's alone. */
export type GatewayProtocol = "HTTP" | "HTTPS" | "TLS" | "TCP" | "UDP";

export interface GatewayServer {
  readonly place: Place;
  readonly name: string | undefined;
  readonly port: { readonly number: number; readonly name: string; readonly protocol: GatewayProtocol };
  /** The address to listen on; undefined where the proxy's own serves. */
  readonly bind: string | undefined;
  readonly hosts: readonly GatewayHost[];
  readonly tls: GatewayTls | undefined;
}

/** `default/*.example.com`: a host, or a wildcard, and whose VirtualServices may route it. */
export interface GatewayHost {
  /** Undefined: any namespace. */
  readonly namespace: string | undefined;
  /** Lower-case; `*` stands for all. */
  readonly host: string;
}

export type GatewayTlsMode =
  | "PASSTHROUGH"
  /** Passed through to the cluster that the client names, as callers in the mesh do. */
  | "AUTO_PASSTHROUGH"
  | "SIMPLE"
  | "MUTUAL"
  | "OPTIONAL_MUTUAL"
  | "ISTIO_MUTUAL";

export interface GatewayTls {
  /** Only on plain HTTP: all requests are redirected. */
  readonly httpsRedirect: boolean;
  readonly mode: GatewayTlsMode;
  /** Undefined: nothing is shown (PASSTHROUGH, a redirect), or the workload's own certificate (ISTIO_MUTUAL). */
  readonly certificate: GatewayCertificate | undefined;
  /** A file with revocation lists of the clients' authorities, in the place of those beside the roots. */
  readonly caCrl: string | undefined;
  /** A client whose certificate is not valid, or not there, is let in, and counts as one without. */
  readonly letsUnverifiedIn: boolean;
  /** A client must have one of these names; none asks for no name. */
  readonly subjectAltNames: readonly string[];
  /** SHA-256 of the client's certificate, hex without colons, lower-case; one of them must fit, or one of {@link publicKeyHashes}. */
  readonly certificateHashes: readonly string[];
  /** SHA-256 of the client's public key, base64; one of them, or of {@link certificateHashes}, must fit. */
  readonly publicKeyHashes: readonly string[];
  readonly minProtocolVersion: TlsVersion | undefined;
  readonly maxProtocolVersion: TlsVersion | undefined;
  /** Of TLS 1.2, by OpenSSL's names. Empty: the library's. */
  readonly cipherSuites: readonly string[];
}

/** What certificates of others are checked against. */
export interface TrustedRoots {
  /** PEM. */
  readonly trustedCaPem: string;
  /** Revocation lists of the roots' authorities, PEM; undefined: none are asked. */
  readonly crlPem: string | undefined;
}

export type TlsVersion = "TLSV1_2" | "TLSV1_3";

export interface ClientRoots {
  /** Of the secret that has them. */
  readonly name: string;
  readonly roots: readonly TrustedRoots[];
}

export type GatewayCertificate =
  /** {@link Credential}s of the workload's namespace, one at least. */
  | { readonly t: "credentials"; readonly names: readonly string[]; readonly caName: string | undefined }
  /** Looked up already, of whatever namespace, one at least; clients are checked against the roots. */
  | {
      readonly t: "found";
      readonly credentials: readonly Credential[];
      readonly clientRoots: ClientRoots | undefined;
    }
  /** The workload's own, of the mesh; clients are checked against the roots. */
  | { readonly t: "own"; readonly clientRoots: ClientRoots | undefined }
  /** Absolute paths on the gateway's machine. */
  | {
      readonly t: "files";
      readonly pairs: readonly { readonly certificate: string; readonly privateKey: string }[];
      readonly caCertificates: string | undefined;
    };

/** A Kubernetes Secret with a certificate, or with roots, or both. */
export interface Credential {
  readonly origin: Origin;
  readonly namespace: string;
  readonly name: string;
  readonly certificate: CredentialCertificate | undefined;
  /** PEM of the roots that clients are checked against. */
  readonly trustedCaPem: string | undefined;
  /** Revocation lists of the roots' authorities; undefined: none are asked. */
  readonly crlPem: string | undefined;
}

export type CredentialCertificate =
  | {
      readonly t: "keyPair";
      readonly certChainPem: string;
      readonly privateKeyPem: SecretText;
    }
  /** To be made on this machine, for these names. */
  | { readonly t: "development"; readonly hosts: readonly string[] };

export type ForwardClientCertDetails =
  | "SANITIZE"
  | "FORWARD_ONLY"
  | "APPEND_FORWARD"
  | "SANITIZE_SET"
  | "ALWAYS_FORWARD_ONLY";

/** What stands in front of a gateway: Istio's `gatewayTopology`. Undefined: as one level above says. */
export interface GatewayTopology {
  /** Proxies in front whose `x-forwarded-for` may be believed. @default 0 */
  readonly numTrustedProxies: number | undefined;
  /** @default SANITIZE_SET */
  readonly forwardClientCertDetails: ForwardClientCertDetails | undefined;
  /** Connections begin with a PROXY protocol header. @default false */
  readonly proxyProtocol: boolean | undefined;
}

export const noTopology: GatewayTopology = {
  numTrustedProxies: undefined,
  forwardClientCertDetails: undefined,
  proxyProtocol: undefined,
};

/** A reference in `gateways` that means the sidecars. */
export const MESH_GATEWAY = "mesh";

/** As references name it: `default/bookinfo-gateway`. */
export const gatewayName = ({ origin }: Pick<Gateway, "origin">): string => `${origin.namespace}/${origin.name}`;
