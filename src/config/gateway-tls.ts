/**
 * `tls` of a Gateway's server: which certificate is shown, and what clients must show.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import type { GatewayCertificate, GatewayProtocol, GatewayTls, TlsVersion } from "../model/gateway.ts";
import type { DocumentBody } from "./document.ts";
import type { Fields, Node } from "./node.ts";
import { choice, flag, text, textThat } from "./read-values.ts";
import { quote } from "./tree.ts";

const FILES = ["serverCertificate", "privateKey", "caCertificates"] as const;
const CREDENTIALS = ["credentialName", "credentialNames", "caCertCredentialName"] as const;
const KNOWN = [
  "httpsRedirect",
  "mode",
  "subjectAltNames",
  "verifyCertificateHash",
  "verifyCertificateSpki",
  "minProtocolVersion",
  "maxProtocolVersion",
  "cipherSuites",
  ...FILES,
  ...CREDENTIALS,
] as const;
const UNSUPPORTED = ["caCrl", "tlsCertificates", "insecureSkipVerify"];
const MODES = ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"] as const;

type TlsFields = Fields<(typeof KNOWN)[number]>;

export function gatewayTls(node: Node, protocol: GatewayProtocol, body: DocumentBody): GatewayTls {
  const fields = node.fields({ known: KNOWN, unsupported: UNSUPPORTED });
  const httpsRedirect = fields.optional("httpsRedirect", flag) ?? false;
  const plain = protocol === "HTTP" || protocol === "TCP";
  const mode = fields.optional("mode", choice(MODES)) ?? "SIMPLE";
  if (plain) checkPlain(fields, protocol);
  else if (httpsRedirect) fields.at("httpsRedirect")?.warn("has no effect: what comes in here is HTTPS already");
  return {
    httpsRedirect: httpsRedirect && plain,
    mode: plain && !fields.has("mode") ? "PASSTHROUGH" : mode,
    certificate: plain ? undefined : certificate(fields, mode, body),
    subjectAltNames: fields.list("subjectAltNames", text),
    certificateHashes: fields.list("verifyCertificateHash", certificateHash),
    publicKeyHashes: fields.list("verifyCertificateSpki", publicKeyHash),
    minProtocolVersion: fields.optional("minProtocolVersion", minVersion),
    maxProtocolVersion: fields.optional("maxProtocolVersion", maxVersion),
    cipherSuites: fields.list("cipherSuites", cipherSuite),
  };
}

function checkPlain(fields: TlsFields, protocol: GatewayProtocol): void {
  for (const name of KNOWN) {
    if (name === "httpsRedirect" && protocol === "HTTP") continue;
    fields.at(name)?.failAtKey(`cannot stand on a server of protocol ${protocol}: nothing is encrypted there`);
  }
}

function certificate(fields: TlsFields, mode: GatewayTls["mode"], body: DocumentBody): GatewayCertificate | undefined {
  const given = [...FILES, ...CREDENTIALS].filter((name) => fields.has(name));
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH" || mode === "ISTIO_MUTUAL") {
    const why = mode === "ISTIO_MUTUAL" ? "the certificate is the mesh's" : "the certificate is the destination's";
    for (const name of given) fields.at(name)?.failAtKey(`cannot stand beside mode ${mode}: ${why}`);
    return undefined;
  }
  return given.some((name) => name === "credentialName" || name === "credentialNames")
    ? credential(fields)
    : files(fields, mode, body);
}

function credential(fields: TlsFields): GatewayCertificate {
  const one = fields.optional("credentialName", credentialName);
  const several = fields.list("credentialNames", credentialName);
  if (one !== undefined && several.length > 0)
    fields.at("credentialNames")?.failAtKey("cannot stand beside credentialName");
  if (several.length > 1)
    fields.at("credentialNames")?.fail("several certificates on one server are not supported yet: name one");
  for (const name of FILES) fields.at(name)?.warn("has no effect beside credentialName");
  const caName = fields.optional("caCertCredentialName", credentialName);
  return { t: "credential", name: one ?? several[0] ?? "", caName };
}

/** `bookinfo`, or as it is named in discovery, `kubernetes://bookinfo`. */
function credentialName(node: Node): string {
  const written = text(node).replace(/^kubernetes(-gateway)?:\/\//, "");
  if (written.includes("/"))
    node.fail("a credential of another namespace is not supported: it stands in the namespace of the gateway workload");
  if (written.startsWith("configmap:")) node.unsupported();
  return written;
}

function files(fields: TlsFields, mode: GatewayTls["mode"], body: DocumentBody): GatewayCertificate {
  const needed = mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL" ? FILES : FILES.slice(0, 2);
  const missing = needed.filter((name) => !fields.has(name));
  if (missing.length > 0 && fields.node.tree.t === "map")
    fields.node.fail(`mode ${mode} needs credentialName, or ${needed.join(", ")}; missing: ${missing.join(", ")}`);
  const absolute = (node: Node): string => resolve(dirname(body.origin.place.file), text(node));
  return {
    t: "files",
    certificate: fields.optional("serverCertificate", absolute) ?? "",
    privateKey: fields.optional("privateKey", absolute) ?? "",
    caCertificates: fields.optional("caCertificates", absolute),
  };
}

const certificateHash = (node: Node): string =>
  textThat(
    (value) => /^[0-9a-fA-F]{64}$/.test(value.replaceAll(":", "")),
    "a SHA-256 of 64 hex digits, with or without colons",
  )(node)
    .replaceAll(":", "")
    .toLowerCase();

const publicKeyHash = textThat(
  (value) => /^[A-Za-z0-9+/]{43}=$/.test(value),
  "a SHA-256 of the client's SubjectPublicKeyInfo in base64: 44 characters",
);

const VERSIONS = ["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"] as const;

function minVersion(node: Node): TlsVersion | undefined {
  const version = choice(VERSIONS)(node);
  if (version === "TLSV1_3") return version;
  if (version === "TLSV1_0" || version === "TLSV1_1")
    node.warn("TLS below 1.2 is never spoken here, whatever is asked");
  return version === "TLS_AUTO" ? undefined : "TLSV1_2";
}

function maxVersion(node: Node): TlsVersion | undefined {
  const version = choice(VERSIONS)(node);
  if (version === "TLSV1_2" || version === "TLSV1_3") return version;
  if (version !== "TLS_AUTO") node.fail("TLS below 1.2 is never spoken here, so nothing would be left");
  return undefined;
}

/** OpenSSL's names, those that the library has for TLS 1.2. The three of TLS 1.3 are not for choosing. */
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
] as const;

function cipherSuite(node: Node): string {
  const name = text(node);
  if (!CIPHERS.some((known) => known === name))
    node.fail(`the cipher suite ${quote(name)} is not known; known are ${CIPHERS.join(", ")}`);
  return name;
}
