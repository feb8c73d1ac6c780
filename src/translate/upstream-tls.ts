/**
 * TLS from a client's proxy to a destination: automatic mTLS, or what the DestinationRule says.
 *
 * Automatic: mTLS towards endpoints whose own proxy takes it, plain text towards the others. When all endpoints agree the
 * cluster has one transport socket; when they differ, each endpoint's metadata choose (`tlsMode`, as in Istio). A cluster
 * without endpoints goes by the policies that would hold for them.
 *
 * Who the server may be: exactly the identities of the workloads behind the service and subset. Istio leaves this open for
 * Kubernetes services and checks only the trust domain's signature.
 *
 * Differs for SIMPLE and MUTUAL with `sni` and without `subjectAltNames`: the certificate must be for the SNI, where Istio checks
 * no name at all.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { ClientTls } from "../model/destination-rule.ts";
import type { ClientCredential } from "./client-credential.ts";
import type { Cluster, TransportSocketMatch } from "../xds/proto/cluster.ts";
import type { TransportSocket } from "../xds/proto/core-base.ts";
import type { UpstreamHttpProtocolOptions } from "../xds/proto/core-protocol.ts";
import { type CommonTlsContext, RawBuffer, type SubjectAltNameMatcher, UpstreamTlsContext } from "../xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../xds/types/any.ts";
import type { DestinationPolicy } from "./destination-policy.ts";
import type { Scope } from "./scope.ts";
import { anyOfTrustDomain, exactly, meshTls } from "./secrets.ts";

export interface UpstreamTlsInput {
  readonly scope: Scope;
  readonly tls: ClientTls | undefined;
  readonly trustDomain: string;
  /** `outbound_.9080_.v2_.reviews.default.svc.cluster.local`. */
  readonly sni: string;
  /** SPIFFE IDs of the workloads behind the cluster. */
  readonly identities: readonly string[];
  /** Whether the proxies of all, some or none of the endpoints take mTLS. */
  readonly endpointsTakeMtls: "all" | "some" | "none";
  /** What proxies of the mesh are told. Undefined: what each connection's own protocol is called. */
  readonly meshAlpn: readonly string[] | undefined;
  /** What other servers are told, likewise. */
  readonly fileAlpn: readonly string[] | undefined;
  /** Names of servers can be taken from requests. */
  readonly http: boolean;
  readonly systemRootsFile: string;
  /** In the place of files. */
  readonly credential: Extract<ClientCredential, { readonly t: "secrets" }> | undefined;
}

export interface UpstreamTls extends Pick<Cluster, "transportSocket" | "transportSocketMatches"> {
  readonly autoSni?: UpstreamHttpProtocolOptions | undefined;
}

export function upstreamTls(input: UpstreamTlsInput): UpstreamTls {
  const { tls } = input;
  if (tls === undefined) return automatic(input);
  switch (tls.mode) {
    case "DISABLE":
      return {};
    case "ISTIO_MUTUAL":
      return { transportSocket: meshSocket(input) };
    case "SIMPLE":
    case "MUTUAL":
      return { transportSocket: fileSocket(input, tls), autoSni: autoSni(input, tls) };
    default:
      return unreachable(tls.mode);
  }
}

type Sockets = Pick<Cluster, "transportSocket" | "transportSocketMatches">;

/** The same sockets, with a header of the PROXY protocol before anything else where the rule asks for one. */
export function withProxyProtocol(
  sockets: Sockets,
  { proxyProtocol }: Pick<DestinationPolicy, "proxyProtocol">,
): Sockets {
  if (proxyProtocol === undefined) return sockets;
  const after = (transportSocket: TransportSocket): TransportSocket => ({
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typedConfig: pack(ProxyProtocolUpstreamTransport, { config: { version: proxyProtocol }, transportSocket }),
  });
  const { transportSocket = plainText, transportSocketMatches: matches = [] } = sockets;
  if (matches.length === 0) return { transportSocket: after(transportSocket) };
  return {
    transportSocketMatches: matches.map((it) => ({ ...it, transportSocket: after(it.transportSocket ?? plainText) })),
  };
}

/** Metadata of an endpoint whose proxy takes mTLS, for clusters where endpoints differ. */
export const TLS_MODE_MATCH = { tlsMode: "istio" } as const;

function automatic(input: UpstreamTlsInput): UpstreamTls {
  const socket = meshSocket(input);
  if (input.endpointsTakeMtls === "all") return { transportSocket: socket };
  if (input.endpointsTakeMtls === "none") return {};
  const matches: readonly TransportSocketMatch[] = [
    { name: "tlsMode-istio", match: TLS_MODE_MATCH, transportSocket: socket },
    { name: "tlsMode-disabled", match: {}, transportSocket: plainText },
  ];
  return { transportSocketMatches: matches };
}

function meshSocket(input: UpstreamTlsInput): TransportSocket {
  const { tls } = input;
  const given = tls?.subjectAltNames ?? [];
  const peers = (given.length > 0 ? given : input.identities).map(exactly);
  const commonTlsContext = meshTls(
    input.scope,
    peers.length > 0 ? peers : [anyOfTrustDomain(input.trustDomain)],
    input.meshAlpn,
  );
  return tlsSocket({ commonTlsContext, sni: tls?.sni ?? input.sni });
}

function fileSocket(input: UpstreamTlsInput, tls: ClientTls): TransportSocket {
  const commonTlsContext: CommonTlsContext = {
    tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" },
    alpnProtocols: input.fileAlpn,
    ...(input.credential === undefined ? byFiles(input, tls) : byCredential(input.credential, tls)),
  };
  return tlsSocket({ commonTlsContext, sni: tls.sni });
}

const byFiles = ({ systemRootsFile }: UpstreamTlsInput, tls: ClientTls): CommonTlsContext => ({
  tlsCertificates: tls.mode === "MUTUAL" ? [certificate(tls)] : undefined,
  validationContext: tls.insecureSkipVerify
    ? undefined
    : {
        trustedCa: { filename: tls.caCertificates ?? systemRootsFile },
        crl: tls.caCrl === undefined ? undefined : { filename: tls.caCrl },
        matchTypedSubjectAltNames: serverNames(tls),
      },
});

const byCredential = (credential: NonNullable<UpstreamTlsInput["credential"]>, tls: ClientTls): CommonTlsContext => ({
  tlsCertificateSdsSecretConfigs: credential.certificate && [credential.certificate],
  combinedValidationContext: {
    defaultValidationContext: { matchTypedSubjectAltNames: serverNames(tls) },
    validationContextSdsSecretConfig: credential.roots,
  },
});

const certificate = (tls: ClientTls): NonNullable<CommonTlsContext["tlsCertificates"]>[number] => ({
  certificateChain: { filename: tls.clientCertificate },
  privateKey: { filename: tls.privateKey },
});

function serverNames(tls: ClientTls): readonly SubjectAltNameMatcher[] | undefined {
  const names = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : tls.sni === undefined ? [] : [tls.sni];
  if (names.length === 0) return undefined;
  return names.map((exact) => ({ sanType: exact.includes("://") ? "URI" : "DNS", matcher: { exact } }));
}

/** Without `sni` the name is the request's host, and so is the certificate's unless names are given. */
function autoSni(input: UpstreamTlsInput, tls: ClientTls): UpstreamHttpProtocolOptions | undefined {
  if (tls.sni !== undefined || !input.http) return undefined;
  const checked = tls.subjectAltNames.length > 0 || tls.insecureSkipVerify;
  return { autoSni: true, autoSanValidation: checked ? undefined : true };
}

const tlsSocket = (context: UpstreamTlsContext): TransportSocket => ({
  name: "envoy.transport_sockets.tls",
  typedConfig: pack(UpstreamTlsContext, context),
});

const plainText: TransportSocket = {
  name: "envoy.transport_sockets.raw_buffer",
  typedConfig: pack(RawBuffer, {}),
};
