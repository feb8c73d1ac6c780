/**
 * The certificates that a Gateway's server shows, and where the roots are that its clients are checked against.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import type { GatewayCertificate, GatewayTls } from "../model/gateway.ts";
import { credentialName } from "./credential-name.ts";
import type { DocumentBody } from "./document.ts";
import type { Fields, Node } from "./node.ts";
import { text } from "./read-values.ts";

const PAIR = ["serverCertificate", "privateKey"] as const;
const FILES = [...PAIR, "caCertificates"] as const;
const CREDENTIALS = ["credentialName", "credentialNames", "caCertCredentialName"] as const;
/** Fields of `tls` that name certificates. */
export const CERTIFICATE_FIELDS = [...FILES, "tlsCertificates", ...CREDENTIALS] as const;

type CertificateFields = Fields<(typeof CERTIFICATE_FIELDS)[number]>;

/** Of each mode that is not one of these, no client is asked for a certificate that the document has roots for. */
export const asksClients = (mode: GatewayTls["mode"]): boolean => mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL";

/** A file's path from the folder of the document. */
export const absoluteIn =
  ({ origin }: DocumentBody) =>
  (node: Node): string =>
    resolve(dirname(origin.place.file), text(node));

export function gatewayCertificate(
  fields: CertificateFields,
  mode: GatewayTls["mode"],
  body: DocumentBody,
): GatewayCertificate | undefined {
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH" || mode === "ISTIO_MUTUAL") {
    const why = mode === "ISTIO_MUTUAL" ? "the certificate is the mesh's" : "the certificate is the destination's";
    for (const name of CERTIFICATE_FIELDS) fields.at(name)?.failAtKey(`cannot stand beside mode ${mode}: ${why}`);
    return undefined;
  }
  const ways = (["credentialName", "credentialNames", "tlsCertificates"] as const).filter((name) => fields.has(name));
  const [way, ...others] = ways;
  for (const other of others) fields.at(other)?.failAtKey(`cannot stand beside ${way}`);
  if (way === undefined) return files(fields, mode, body, [pairOf(fields, absoluteIn(body))], FILES);
  if (way !== "tlsCertificates") return credentials(fields);
  for (const name of PAIR) fields.at(name)?.failAtKey(`cannot stand beside ${way}`);
  return files(fields, mode, body, certificates(fields, body), [way, "caCertificates"]);
}

function credentials(fields: CertificateFields): GatewayCertificate {
  const read = credentialName("the gateway workload");
  const one = fields.optional("credentialName", read);
  const names = [...new Set(one === undefined ? fields.list("credentialNames", read) : [one])];
  if (names.length === 0) fields.at("credentialNames")?.mustBe("the name of a Secret at least");
  for (const name of FILES) fields.at(name)?.warn("has no effect beside credentialName");
  return { t: "credentials", names, caName: fields.optional("caCertCredentialName", read) };
}

/** @param needed The last is needed only where clients are asked. */
function files(
  fields: CertificateFields,
  mode: GatewayTls["mode"],
  body: DocumentBody,
  pairs: Extract<GatewayCertificate, { readonly t: "files" }>["pairs"],
  needed: readonly (typeof CERTIFICATE_FIELDS)[number][],
): GatewayCertificate {
  const here = asksClients(mode) ? needed : needed.slice(0, -1);
  const missing = here.filter((name) => !fields.has(name));
  if (missing.length > 0 && fields.node.tree.t === "map")
    fields.node.fail(`mode ${mode} needs credentialName, or ${here.join(", ")}; missing: ${missing.join(", ")}`);
  return { t: "files", pairs, caCertificates: fields.optional("caCertificates", absoluteIn(body)) };
}

type Pair = Extract<GatewayCertificate, { readonly t: "files" }>["pairs"][number];

const pairOf = (fields: Fields<(typeof PAIR)[number]>, read: (node: Node) => string): Pair => ({
  certificate: fields.optional("serverCertificate", read) ?? "",
  privateKey: fields.optional("privateKey", read) ?? "",
});

function certificates(fields: CertificateFields, body: DocumentBody): readonly Pair[] {
  const read = fields.list("tlsCertificates", (node) => {
    const own = node.fields({ known: FILES });
    own.at("caCertificates")?.warn("has no effect here: clients are checked against tls.caCertificates");
    for (const name of PAIR) if (!own.has(name) && node.tree.t === "map") node.fail(`needs ${name}`);
    return pairOf(own, absoluteIn(body));
  });
  if (read.length === 0) fields.at("tlsCertificates")?.mustBe("one certificate at least");
  return read;
}
