/**
 * The certificates that the conformance suite makes before its tests, as `index.json` lists them.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Issuer, makeRoot } from "../../../src/identity/authority-certificates.ts";
import { buildCertificate, distinguishedName, randomSerial } from "../../../src/identity/certificate-write.ts";
import { contextPrimitive, octetString, objectIdentifier, sequence, tlv } from "../../../src/identity/der-write.ts";
import { extendedKeyUsage, keyUsage, leafConstraints } from "../../../src/identity/extensions.ts";
import { generateKeyPair } from "../../../src/identity/keys.ts";
import { OID } from "../../../src/identity/oids.ts";
import { toPem } from "../../../src/identity/pem.ts";
import { SUITE_FOLDER } from "../../suites/gateway-api.ts";
import type { TestKeyPair } from "../../support/server-certificates.ts";

interface Listed {
  readonly kind: "Secret" | "ConfigMap";
  readonly namespace: string;
  readonly name: string;
  readonly hosts?: readonly string[];
  readonly signedBy?: string;
}

const DAY_MS = 86_400_000;

export class SuiteCertificates {
  readonly #pairs = new Map<string, TestKeyPair>();
  readonly #authorities = new Map<string, Issuer>();

  constructor() {
    const { base } = JSON.parse(readFileSync(join(SUITE_FOLDER, "index.json"), "utf8")) as {
      readonly base: { readonly certificates: readonly Listed[] };
    };
    const keyOf = ({ namespace, name }: Listed): string => `${namespace}/${name}`;
    for (const it of base.certificates)
      if (it.kind === "ConfigMap") this.#authorities.set(keyOf(it), makeRoot(it.name, 30 * DAY_MS, Date.now()));
    for (const it of base.certificates)
      if (it.kind === "Secret")
        this.#pairs.set(keyOf(it), leaf(it.hosts ?? [], this.#authorities.get(it.signedBy ?? "")));
  }

  /** Of a Secret, by `namespace/name`. @throws {Error} If the suite has none of that name. */
  pair(name: string): TestKeyPair {
    const found = this.#pairs.get(name);
    if (found === undefined) throw new Error(`the suite makes no certificate ${name}`);
    return found;
  }

  /** What `@secret(ns/name).tls.crt` and `@configMap(ns/name).ca.crt` stand for. */
  pemOf(reference: string): string {
    const [, kind, name = ""] = /^@(secret|configMap)\(([^)]+)\)/.exec(reference) ?? [];
    return kind === "secret" ? this.pair(name).certChainPem : pemOf(this.#authorities.get(name));
  }

  /** Secrets and ConfigMaps as documents. */
  get documents(): readonly object[] {
    const named = (key: string) => ({ namespace: key.split("/")[0], name: key.split("/")[1] });
    const secrets = [...this.#pairs].map(([key, { certChainPem, privateKeyPem }]) => ({
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: named(key),
      data: { "tls.crt": btoa(certChainPem), "tls.key": btoa(privateKeyPem) },
    }));
    const maps = [...this.#authorities].map(([key, issuer]) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: named(key),
      data: { "ca.crt": pemOf(issuer) },
    }));
    return [...secrets, ...maps];
  }
}

const pemOf = (issuer: Issuer | undefined): string =>
  issuer === undefined ? "" : toPem("CERTIFICATE", issuer.certificate.der);

/** Without an issuer it is signed by itself. */
function leaf(hosts: readonly string[], issuer: Issuer | undefined): TestKeyPair {
  const key = generateKeyPair();
  const name = distinguishedName("conformance", hosts[0] ?? "client");
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const der = buildCertificate(
    {
      serial: randomSerial(),
      issuer: issuer?.certificate.subject ?? name,
      subject: name,
      notBeforeMs: nowMs - 60_000,
      notAfterMs: nowMs + DAY_MS,
      spkiDer: key.spkiDer,
      extensions: [
        leafConstraints(),
        keyUsage("digitalSignature"),
        extendedKeyUsage(OID.serverAuth, OID.clientAuth),
        ...(hosts.length === 0 ? [] : [subjectAltNames(hosts)]),
      ],
    },
    issuer?.key.privateKey ?? key.privateKey,
  );
  return { certChainPem: toPem("CERTIFICATE", der), privateKeyPem: key.privateKeyPem };
}

/** URIs and DNS names. */
const subjectAltNames = (hosts: readonly string[]): Buffer =>
  sequence(
    objectIdentifier(OID.subjectAltName),
    octetString(
      sequence(...hosts.map((host) => tlv(contextPrimitive(host.includes("://") ? 6 : 2), Buffer.from(host)))),
    ),
  );
