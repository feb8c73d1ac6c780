/**
 * The certificates of a gateway's server: which secrets it takes, and whether they are there.
 *
 * Credentials are of the workload's own namespace, as in Istio: a gateway shows no certificate that its namespace does not hold.
 * They travel by discovery under Istio's names: `kubernetes://name`, and `kubernetes://name-cacert` for the roots.
 *
 * @module
 */
import type {
  ClientRoots,
  Credential,
  CredentialCertificate,
  GatewayCertificate,
  GatewayTls,
  TrustedRoots,
} from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Workload } from "../../model/service.ts";
import type { Secret } from "../../xds/proto/tls.ts";
import { rootsSecret } from "../validation-roots.ts";

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
export const rootsName = (secret: string): string => `${secret}${ROOTS_ENDING}`;

const asksClients = ({ mode }: GatewayTls): boolean => mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL";

/** Of several certificates each must be there: one that is not was meant for somebody. */
export function certificateOf(mesh: Mesh, { namespace }: Workload, tls: GatewayTls | undefined): ServerCertificate {
  if (tls?.certificate?.t === "found") return foundSecrets(tls.certificate);
  if (tls?.certificate?.t === "own" && tls.certificate.clientRoots !== undefined)
    return { t: "secrets", secrets: clientRootsSecrets(tls.certificate.clientRoots) };
  if (tls?.certificate?.t !== "credentials") return none;
  const { names, caName } = tls.certificate;
  const found = names.map((name) => ({ name, certificate: credentialAt(mesh, namespace, name)?.certificate }));
  const lacking = found.find(({ certificate }) => certificate?.t !== "keyPair");
  if (lacking !== undefined) return { t: "missing", what: lacking.name };
  const shown = found.flatMap(({ name, certificate }) =>
    certificate?.t === "keyPair" ? keyPairSecret(secretName(name), certificate) : [],
  );
  if (!asksClients(tls)) return { t: "secrets", secrets: shown };
  // As in Istio, where several are shown the first says whom to trust.
  const [first = ""] = names;
  const roots = caName === undefined ? rootsBeside(mesh, namespace, first) : rootsAt(mesh, namespace, caName);
  if (roots === undefined) return { t: "missing", what: caName ?? `${first}${ROOTS_ENDING}` };
  return { t: "secrets", secrets: [...shown, rootsSecret(rootsName(secretName(caName ?? first)), [roots])] };
}

export const credentialAt = (mesh: Mesh, namespace: string, name: string): Credential | undefined =>
  mesh.credentials.find((c) => c.namespace === namespace && c.name === name);

function rootsAt(mesh: Mesh, namespace: string, name: string): TrustedRoots | undefined {
  const { trustedCaPem, crlPem } = credentialAt(mesh, namespace, name) ?? {};
  return trustedCaPem === undefined ? undefined : { trustedCaPem, crlPem };
}

/** Of the credential itself, else of the one beside it whose name ends with `-cacert`. */
export const rootsBeside = (mesh: Mesh, namespace: string, name: string): TrustedRoots | undefined =>
  rootsAt(mesh, namespace, name) ?? rootsAt(mesh, namespace, `${name}${ROOTS_ENDING}`);

export const keyPairSecret = (
  name: string,
  pair: Extract<CredentialCertificate, { readonly t: "keyPair" }>,
): Secret => ({
  name,
  tlsCertificate: {
    certificateChain: { inlineString: pair.certChainPem },
    privateKey: { inlineString: pair.privateKeyPem.reveal() },
  },
});

/** None where it is to be made still. */
export const keyPairSecretsOf = (credential: Credential): readonly Secret[] =>
  credential.certificate?.t === "keyPair" ? [keyPairSecret(foundName(credential), credential.certificate)] : [];

function foundSecrets({ credentials, clientRoots }: FoundCertificate): ServerCertificate {
  const lacking = credentials.find(({ certificate }) => certificate?.t !== "keyPair");
  if (lacking !== undefined) return { t: "missing", what: lacking.name };
  const shown = credentials.flatMap(keyPairSecretsOf);
  return { t: "secrets", secrets: [...shown, ...clientRootsSecrets(clientRoots)] };
}

const clientRootsSecrets = (clientRoots: ClientRoots | undefined): readonly Secret[] =>
  clientRoots === undefined ? [] : [rootsSecret(clientRoots.name, clientRoots.roots)];
