/**
 * How a gateway's server ends TLS.
 *
 * @module
 */
import { unreachable } from "../../base/unreachable.ts";
import type { GatewayCertificate, GatewayTls, TlsVersion } from "../../model/gateway.ts";
import type { TransportSocket } from "../../xds/proto/core-base.ts";
import {
  type CertificateValidationContext,
  type CommonTlsContext,
  DownstreamTlsContext,
  type SdsSecretConfig,
  type TlsProtocol,
} from "../../xds/proto/tls.ts";
import { pack } from "../../xds/types/any.ts";
import type { Scope } from "../scope.ts";
import { anyOfTrustDomain, exactly, meshTls, ownSecret } from "../secrets.ts";
import { foundName, rootsName, secretName } from "./credentials.ts";

/** Undefined where TLS is passed through. */
export function serverSocket(
  tls: GatewayTls,
  scope: Scope,
  trustDomain: string,
  alpnProtocols: readonly string[],
): TransportSocket | undefined {
  switch (tls.mode) {
    case "PASSTHROUGH":
    case "AUTO_PASSTHROUGH":
      return undefined;
    case "ISTIO_MUTUAL": {
      const peers = tls.subjectAltNames.length > 0 ? tls.subjectAltNames.map(exactly) : [anyOfTrustDomain(trustDomain)];
      const own = meshTls(scope, peers, alpnProtocols, pinned(tls));
      return socket({ commonTlsContext: { ...own, tlsParams: tlsParams(tls) }, requireClientCertificate: true });
    }
    case "SIMPLE":
      return socket({ commonTlsContext: { ...common(tls, scope, alpnProtocols) }, requireClientCertificate: false });
    case "MUTUAL":
    case "OPTIONAL_MUTUAL":
      return socket({
        commonTlsContext: { ...common(tls, scope, alpnProtocols), ...clients(tls) },
        requireClientCertificate: tls.mode === "MUTUAL",
      });
    default:
      return unreachable(tls.mode);
  }
}

const socket = (context: DownstreamTlsContext): TransportSocket => ({
  name: "envoy.transport_sockets.tls",
  typedConfig: pack(DownstreamTlsContext, context),
});

const tlsParams = (tls: GatewayTls): CommonTlsContext["tlsParams"] => ({
  tlsMinimumProtocolVersion: versionOf(tls.minProtocolVersion ?? "TLSV1_2"),
  tlsMaximumProtocolVersion: versionOf(tls.maxProtocolVersion ?? "TLSV1_3"),
  cipherSuites: tls.cipherSuites.length === 0 ? undefined : tls.cipherSuites,
});

/** What a client's certificate must be beside valid. */
const pinned = (tls: GatewayTls): CertificateValidationContext => ({
  verifyCertificateSpki: tls.publicKeyHashes.length === 0 ? undefined : tls.publicKeyHashes,
  verifyCertificateHash: tls.certificateHashes.length === 0 ? undefined : tls.certificateHashes,
  crl: tls.caCrl === undefined ? undefined : { filename: tls.caCrl },
});

function common(tls: GatewayTls, scope: Scope, alpnProtocols: readonly string[]): CommonTlsContext {
  const { certificate } = tls;
  return {
    tlsParams: tlsParams(tls),
    alpnProtocols: alpnProtocols.length === 0 ? undefined : alpnProtocols,
    tlsCertificateSdsSecretConfigs: shownSecrets(certificate, scope),
    tlsCertificates:
      certificate?.t === "files"
        ? certificate.pairs.map((pair) => ({
            certificateChain: { filename: pair.certificate },
            privateKey: { filename: pair.privateKey },
          }))
        : undefined,
  };
}

function shownSecrets(
  certificate: GatewayCertificate | undefined,
  scope: Scope,
): CommonTlsContext["tlsCertificateSdsSecretConfigs"] {
  if (certificate?.t === "own") return [ownSecret(scope)];
  if (certificate?.t === "credentials") return certificate.names.map((name) => discovered(secretName(name)));
  return certificate?.t === "found" ? certificate.credentials.map((it) => discovered(foundName(it))) : undefined;
}

const versionOf = (version: TlsVersion): TlsProtocol => (version === "TLSV1_3" ? "TLSv1_3" : "TLSv1_2");

/** What clients are checked against. */
function clients(tls: GatewayTls): Pick<CommonTlsContext, "combinedValidationContext" | "validationContext"> {
  const { certificate } = tls;
  const asked: CertificateValidationContext = {
    // Any kind of name, as in Istio.
    matchSubjectAltNames:
      tls.subjectAltNames.length === 0 ? undefined : tls.subjectAltNames.map((exact) => ({ exact })),
    ...pinned(tls),
    trustChainVerification: tls.letsUnverifiedIn ? "ACCEPT_UNTRUSTED" : undefined,
  };
  if (certificate === undefined || certificate.t === "files")
    return { validationContext: { ...asked, trustedCa: { filename: certificate?.caCertificates } } };
  const roots =
    certificate.t !== "credentials"
      ? (certificate.clientRoots?.name ?? "")
      : rootsName(secretName(certificate.caName ?? certificate.names[0] ?? ""));
  return {
    combinedValidationContext: { defaultValidationContext: asked, validationContextSdsSecretConfig: discovered(roots) },
  };
}

/** From the control plane itself, which gives them to this gateway alone. */
export const discovered = (name: string): SdsSecretConfig => ({
  name,
  sdsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 },
});
