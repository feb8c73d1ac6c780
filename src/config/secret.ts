/**
 * Kubernetes Secrets that hold a certificate or roots: the credentials of gateways. What they hold stands in no message.
 *
 * Source: Istio's names of keys: `tls.crt`, `tls.key`, `ca.crt`, `ca.crl` of type `kubernetes.io/tls`, and `cert`, `key`, `cacert`, `crl` of
 * any other type. Ours: the annotation `tulle.dev/development-certificate` with names, without data: `tulle up` makes one.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { crlBlocks } from "../base/crl-pem.ts";
import { SecretText } from "../base/secret-text.ts";
import type { Credential, CredentialCertificate } from "../model/gateway.ts";
import type { DocumentBody } from "./document.ts";
import { isHost } from "./names.ts";
import type { Node } from "./node.ts";
import { isText } from "./read-values.ts";

/** Fields of the document itself: a Secret has no spec. */
export const SECRET_FIELDS = ["apiVersion", "kind", "metadata", "type", "data", "stringData", "immutable"] as const;

const DEVELOPMENT = "tulle.dev/development-certificate";
const TLS_TYPE = "kubernetes.io/tls";
const NAMES = {
  certificate: ["tls.crt", "cert"],
  privateKey: ["tls.key", "key"],
  trustedCa: ["ca.crt", "cacert"],
  crl: ["ca.crl", "crl"],
} as const;

/** Undefined, with a warning, for a Secret that is none of a gateway's. */
export function readSecret(body: DocumentBody): Credential | undefined {
  const { metadata, node, origin } = body;
  const values = secretValues(node);
  const named = { origin, namespace: metadata.namespace, name: metadata.name };
  const wanted = metadata.annotations[DEVELOPMENT];
  if (wanted !== undefined)
    return { ...named, certificate: development(wanted, values, node), trustedCaPem: undefined, crlPem: undefined };
  const isTls = textOf(node, "type") === TLS_TYPE;
  const found = {
    certificate: pick(values, NAMES.certificate),
    privateKey: pick(values, NAMES.privateKey),
    trustedCa: pick(values, NAMES.trustedCa),
    crl: pick(values, NAMES.crl),
  };
  if (!isTls && Object.values(found).every((value) => value === undefined)) {
    node.warn("Secret is skipped: it holds no certificate, so it says nothing to the mesh");
    return undefined;
  }
  if (found.trustedCa === undefined)
    found.crl?.node.warn("has no effect: revocation lists count beside ca.crt or cacert, in the same Secret");
  return {
    ...named,
    certificate: keyPair(found.certificate, found.privateKey, isTls, node),
    trustedCaPem: found.trustedCa === undefined ? undefined : roots(found.trustedCa),
    crlPem: found.crl === undefined ? undefined : revocations(found.crl),
  };
}

interface SecretValue {
  readonly text: string;
  readonly node: Node;
}

/** `data` in base64, then `stringData`, which wins as in the API server. */
function secretValues(node: Node): ReadonlyMap<string, SecretValue> {
  const values = new Map<string, SecretValue>();
  const fields = new Map(node.entries());
  for (const name of ["data", "stringData"] as const) {
    const at = fields.get(name);
    if (at === undefined || (at.tree.t === "scalar" && at.tree.value === null)) continue;
    for (const [key, value] of at.entries()) {
      const text = readValue(value, name === "data");
      if (text !== undefined) values.set(key, { text, node: value });
    }
  }
  return values;
}

function readValue(node: Node, base64: boolean): string | undefined {
  // Never by the common readers: they would quote what they found.
  if (node.tree.t !== "scalar" || typeof node.tree.value !== "string") {
    node.fail(`must be text${base64 ? " in base64" : ""}`);
    return undefined;
  }
  const { value } = node.tree;
  if (!base64) return value;
  const compact = value.replace(/\s+/g, "");
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 === 0)
    return Buffer.from(compact, "base64").toString();
  node.fail("must be base64: write text as it is under stringData");
  return undefined;
}

const pick = (values: ReadonlyMap<string, SecretValue>, names: readonly string[]): SecretValue | undefined =>
  names.map((name) => values.get(name)).find((value) => value !== undefined);

function keyPair(
  certificate: SecretValue | undefined,
  privateKey: SecretValue | undefined,
  isTls: boolean,
  node: Node,
): CredentialCertificate | undefined {
  if (certificate === undefined || privateKey === undefined) {
    const missing = certificate === undefined ? NAMES.certificate : NAMES.privateKey;
    if (isTls || (certificate ?? privateKey) !== undefined)
      node.fail(`must hold a certificate and its key: ${missing.join(" or ")} is missing [IST0161]`);
    return undefined;
  }
  const parsed = attempt(() => new X509Certificate(certificate.text));
  const key = attempt(() => createPrivateKey(privateKey.text));
  if (parsed === undefined) certificate.node.fail("must be a certificate in PEM: it cannot be read [IST0161]");
  if (key === undefined)
    privateKey.node.fail("must be a private key in PEM without passphrase: it cannot be read [IST0161]");
  if (parsed === undefined || key === undefined) return undefined;
  if (!parsed.checkPrivateKey(key)) privateKey.node.fail("is not the key of the certificate beside it [IST0161]");
  return {
    t: "keyPair",
    certChainPem: certificate.text,
    privateKeyPem: new SecretText(privateKey.text),
  };
}

function roots({ text, node }: SecretValue): string {
  if (!readableCertificates(text)) node.fail("must be certificates in PEM: they cannot be read [IST0161]");
  return text;
}

function revocations({ text, node }: SecretValue): string {
  if (crlBlocks(text) === undefined) node.fail("must be certificate revocation lists in PEM: they cannot be read");
  return text;
}

/** Whether PEM holds one certificate or more, and all of them can be read. */
export function readableCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.length > 0 && blocks.every((block) => attempt(() => new X509Certificate(block)) !== undefined);
}

function development(
  wanted: string,
  values: ReadonlyMap<string, SecretValue>,
  node: Node,
): CredentialCertificate | undefined {
  const hosts = wanted.split(",").map((host) => host.trim().toLowerCase());
  if (values.size > 0) node.fail(`has data and the annotation ${DEVELOPMENT}: take one of them away`);
  if (hosts.every((host) => isHost(host, true) && host !== "*")) return { t: "development", hosts };
  node.fail(`the annotation ${DEVELOPMENT} must be host names with commas between them, such as "bookinfo.localhost"`);
  return undefined;
}

function textOf(node: Node, name: string): string | undefined {
  const at = new Map(node.entries()).get(name);
  return at !== undefined && isText(at) && at.tree.t === "scalar" ? String(at.tree.value) : undefined;
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    // The cause may quote what it could not read: it is left behind on purpose.
    return undefined;
  }
}
