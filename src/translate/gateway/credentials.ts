/**
 * The certificate of a gateway's server: which secrets it takes, and whether they are there.
 *
 * Credentials are of the workload's own namespace, as in Istio: a gateway shows no certificate that its namespace does not hold.
 * They travel by discovery under Istio's names: `kubernetes://name`, and `kubernetes://name-cacert` for the roots.
 *
 * @module
 */
import type { Credential, CredentialCertificate, GatewayCertificate, GatewayTls } from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Workload } from "../../model/service.ts";
import type { Secret } from "../../xds/proto/tls.ts";

export type ServerCertificate =
  /** Nothing is shown here, or what is shown needs no credential. */
  | { readonly t: "none" }
  | { readonly t: "secrets"; readonly secrets: readonly Secret[] }
  | { readonly t: "missing"; readonly what: string };

type FoundCertificate = Extract<GatewayCertificate, { readonly t: "found" }>;

const none: ServerCertificate = { t: "none" };
const ROOTS_ENDING = "-cacert";

export const secretName = (credential: string): string => `kubernetes://${credential}`;
/** Istio's name for a certificate that is looked up by its namespace. */
export const foundName = ({ namespace, name }: Pick<Credential, "namespace" | "name">): string =>
  `kubernetes-gateway://${namespace}/${name}`;
export const rootsName = (credential: string): string => `${secretName(credential)}${ROOTS_ENDING}`;

const asksClients = ({ mode }: GatewayTls): boolean => mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL";

export function certificateOf(mesh: Mesh, { namespace }: Workload, tls: GatewayTls | undefined): ServerCertificate {
  if (tls?.certificate?.t === "found") return foundSecrets(tls.certificate);
  if (tls?.certificate?.t !== "credential") return none;
  const { name, caName } = tls.certificate;
  const find = (wanted: string): Credential | undefined =>
    mesh.credentials.find((c) => c.namespace === namespace && c.name === wanted);
  const certificate = find(name)?.certificate;
  if (certificate?.t !== "keyPair") return { t: "missing", what: name };
  const shown = keyPairSecret(secretName(name), certificate);
  if (!asksClients(tls)) return { t: "secrets", secrets: [shown] };
  const own =
    caName === undefined
      ? (find(name)?.trustedCaPem ?? find(`${name}${ROOTS_ENDING}`)?.trustedCaPem)
      : find(caName)?.trustedCaPem;
  if (own === undefined) return { t: "missing", what: caName ?? `${name}${ROOTS_ENDING}` };
  const roots: Secret = {
    name: caName === undefined ? rootsName(name) : rootsName(caName),
    validationContext: { trustedCa: { inlineString: own } },
  };
  return { t: "secrets", secrets: [shown, roots] };
}

const keyPairSecret = (name: string, pair: Extract<CredentialCertificate, { readonly t: "keyPair" }>): Secret => ({
  name,
  tlsCertificate: {
    certificateChain: { inlineString: pair.certChainPem },
    privateKey: { inlineString: pair.privateKeyPem.reveal() },
  },
});

/** None where it is to be made still. */
export const keyPairSecretsOf = (credential: Credential): readonly Secret[] =>
  credential.certificate?.t === "keyPair" ? [keyPairSecret(foundName(credential), credential.certificate)] : [];

function foundSecrets({ credential, clientRoots }: FoundCertificate): ServerCertificate {
  const { certificate } = credential;
  if (certificate?.t !== "keyPair") return { t: "missing", what: credential.name };
  const shown = keyPairSecret(foundName(credential), certificate);
  if (clientRoots === undefined) return { t: "secrets", secrets: [shown] };
  const roots: Secret = {
    name: clientRoots.name,
    validationContext: { trustedCa: { inlineString: clientRoots.pem } },
  };
  return { t: "secrets", secrets: [shown, roots] };
}
