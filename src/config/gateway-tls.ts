/**
 * `tls` of a Gateway's server: which certificate is shown, and what clients must show.
 *
 * @module
 */
import type { GatewayProtocol, GatewayTls, TlsVersion } from "../model/gateway.ts";
import type { DocumentBody } from "./document.ts";
import { absoluteIn, asksClients, CERTIFICATE_FIELDS, gatewayCertificate } from "./gateway-certificate.ts";
import type { Fields, Node } from "./node.ts";
import { choice, flag, text, textThat } from "./read-values.ts";
import { quote } from "./tree.ts";

const KNOWN = [
  "httpsRedirect",
  "mode",
  "subjectAltNames",
  "verifyCertificateHash",
  "verifyCertificateSpki",
  "minProtocolVersion",
  "maxProtocolVersion",
  "cipherSuites",
  "caCrl",
  "insecureSkipVerify",
  ...CERTIFICATE_FIELDS,
] as const;
const MODES = ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"] as const;

type TlsFields = Fields<(typeof KNOWN)[number]>;

export function gatewayTls(node: Node, protocol: GatewayProtocol, body: DocumentBody): GatewayTls {
  const fields = node.fields({ known: KNOWN });
  const httpsRedirect = fields.optional("httpsRedirect", flag) ?? false;
  const plain = protocol === "HTTP" || protocol === "TCP";
  const mode = fields.optional("mode", choice(MODES)) ?? "SIMPLE";
  if (plain) checkPlain(fields, protocol);
  else if (httpsRedirect) fields.at("httpsRedirect")?.warn("has no effect: what comes in here is HTTPS already");
  else checkClients(fields, mode);
  return {
    httpsRedirect: httpsRedirect && plain,
    mode: plain && !fields.has("mode") ? "PASSTHROUGH" : mode,
    certificate: plain ? undefined : gatewayCertificate(fields, mode, body),
    caCrl: fields.optional("caCrl", absoluteIn(body)),
    letsUnverifiedIn: fields.optional("insecureSkipVerify", flag) ?? false,
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

const OF_CLIENTS = [
  "caCrl",
  "insecureSkipVerify",
  "subjectAltNames",
  "verifyCertificateHash",
  "verifyCertificateSpki",
] as const;

/** What would let clients in that nobody checks, or seems to keep out whom nobody asks. */
function checkClients(fields: TlsFields, mode: GatewayTls["mode"]): void {
  if (asksClients(mode)) return;
  if (mode === "ISTIO_MUTUAL")
    return fields.at("insecureSkipVerify")?.failAtKey("cannot stand beside mode ISTIO_MUTUAL, which always verifies");
  for (const name of OF_CLIENTS)
    fields.at(name)?.warn(`has no effect beside mode ${mode}: clients are asked for no certificate`);
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
