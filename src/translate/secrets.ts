/**
 * Where a proxy gets its certificates: by SDS from the agent beside it, over the static cluster `sds-grpc` of its bootstrap,
 * as with Istio's agent. Private keys never leave the workload's machine, so they are never part of these resources.
 *
 * @module
 */
import type {
  CertificateValidationContext,
  CombinedCertificateValidationContext,
  CommonTlsContext,
  SdsSecretConfig,
  SubjectAltNameMatcher,
} from "../xds/proto/tls.ts";
import type { Scope } from "./scope.ts";

/** Static cluster of the bootstrap that serves secrets. */
export const SDS_CLUSTER = "sds-grpc";
/** Secret with the certificates that peers are checked against. */
export const ROOT_SECRET = "ROOTCA";

/**
 * The mesh's TLS: our certificate, the mesh's roots, and who the peer may be. TLS 1.2 or 1.3.
 *
 * @param more That the peer's certificate must be.
 */
export function meshTls(
  scope: Pick<Scope, "secretName">,
  peers: readonly SubjectAltNameMatcher[],
  alpnProtocols: readonly string[] | undefined,
  more: CertificateValidationContext = {},
): CommonTlsContext {
  const validation: CombinedCertificateValidationContext = {
    defaultValidationContext: { matchTypedSubjectAltNames: peers, ...more },
    validationContextSdsSecretConfig: secret(ROOT_SECRET),
  };
  return {
    tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" },
    alpnProtocols,
    tlsCertificateSdsSecretConfigs: [ownSecret(scope)],
    combinedValidationContext: validation,
  };
}

/** The workload's own certificate. */
export const ownSecret = ({ secretName }: Pick<Scope, "secretName">): SdsSecretConfig => secret(secretName);

/** Anybody whom the trust domain vouches for. */
export const anyOfTrustDomain = (trustDomain: string): SubjectAltNameMatcher => ({
  sanType: "URI",
  matcher: { prefix: `spiffe://${trustDomain}/` },
});

export const exactly = (spiffeId: string): SubjectAltNameMatcher => ({ sanType: "URI", matcher: { exact: spiffeId } });

/** No time limit: a listener or cluster without its certificate must wait, not start without. */
function secret(name: string): SdsSecretConfig {
  return {
    name,
    sdsConfig: {
      apiConfigSource: {
        apiType: "GRPC",
        transportApiVersion: "V3",
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ envoyGrpc: { clusterName: SDS_CLUSTER } }],
      },
      resourceApiVersion: "V3",
      initialFetchTimeout: 0,
    },
  };
}
