/**
 * Certificates for tests: a CA, SVIDs by it, and every kind of wrong one.
 *
 * @module
 */
import { makeIntermediate, makeRoot, signLeaf, type Issuer } from "../../src/identity/authority-certificates.ts";
import { buildCertificate, EMPTY_NAME, randomSerial } from "../../src/identity/certificate-write.ts";
import {
  authorityConstraints,
  extendedKeyUsage,
  keyUsage,
  leafConstraints,
  subjectAltUris,
} from "../../src/identity/extensions.ts";
import { generateKeyPair } from "../../src/identity/keys.ts";
import { OID } from "../../src/identity/oids.ts";
import { toPem } from "../../src/identity/pem.ts";
import { parseSpiffeId } from "../../src/identity/spiffe.ts";
import type { Svid } from "../../src/identity/svid.ts";

const HOUR_MS = 3_600_000;

/** A leaf with its key, of a form that need not be an SVID's. */
export interface TestCertificate {
  /** Leaf, then the intermediate. */
  readonly certChainPem: string;
  readonly privateKeyPem: string;
}

export interface OddLeaf {
  readonly uris: readonly string[];
  readonly isAuthority?: boolean;
  readonly usage?: "digitalSignature" | "keyCertSign" | "none";
  readonly purposes?: readonly string[];
  readonly extra?: readonly Uint8Array[];
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

/** A root and an intermediate in memory, both 30 days old. */
export class TestCa {
  readonly trustDomain: string;
  readonly root: Issuer;
  readonly intermediate: Issuer;
  readonly #nowMs: number;

  /** @param nowMs Milliseconds since 1970 that "now" means; the machine's time when real TLS is to accept the certificates. */
  constructor(trustDomain = "cluster.local", nowMs = Date.now()) {
    this.trustDomain = trustDomain;
    this.#nowMs = nowMs;
    const madeMs = nowMs - 720 * HOUR_MS;
    this.root = makeRoot(trustDomain, 87_600 * HOUR_MS, madeMs);
    this.intermediate = makeIntermediate(this.root, trustDomain, 8760 * HOUR_MS, madeMs);
  }

  get bundlePem(): string {
    return toPem("CERTIFICATE", this.root.certificate.der);
  }

  /** A valid SVID, such as `ca.svid("spiffe://cluster.local/ns/default/sa/reviews")`. */
  svid(uri: string, ttlMs = HOUR_MS, atMs = this.#nowMs): Svid {
    const key = generateKeyPair();
    const spiffeId = parseSpiffeId(uri);
    const leaf = signLeaf(this.intermediate, key.spkiDer, spiffeId, ttlMs, atMs);
    return {
      certChainPem: this.#chain(leaf.der),
      trustBundlePem: this.bundlePem,
      privateKeyPem: key.privateKeyPem,
      spiffeId,
      notBeforeMs: leaf.notBeforeMs,
      notAfterMs: leaf.notAfterMs,
      serial: leaf.serial,
    };
  }

  /** Was valid, for an hour, until an hour ago. */
  expiredSvid(uri: string): Svid {
    return this.svid(uri, HOUR_MS, this.#nowMs - 2 * HOUR_MS);
  }

  /** Will be valid in an hour. */
  futureSvid(uri: string): Svid {
    return this.svid(uri, HOUR_MS, this.#nowMs + HOUR_MS);
  }

  /** A leaf of any form: several URIs or none, CA:true, other usages. */
  odd(leaf: OddLeaf): TestCertificate {
    const key = generateKeyPair();
    const usage = leaf.usage ?? "digitalSignature";
    const der = buildCertificate(
      {
        serial: randomSerial(),
        issuer: this.intermediate.certificate.subject,
        subject: EMPTY_NAME,
        notBeforeMs: leaf.notBeforeMs ?? this.#nowMs - HOUR_MS,
        notAfterMs: leaf.notAfterMs ?? this.#nowMs + HOUR_MS,
        spkiDer: key.spkiDer,
        extensions: [
          leaf.isAuthority ? authorityConstraints() : leafConstraints(),
          ...(usage === "none" ? [] : [keyUsage(usage)]),
          extendedKeyUsage(...(leaf.purposes ?? [OID.serverAuth, OID.clientAuth])),
          ...(leaf.uris.length > 0 ? [subjectAltUris(leaf.uris, true)] : []),
          ...(leaf.extra ?? []),
        ],
      },
      this.intermediate.key.privateKey,
    );
    return { certChainPem: this.#chain(der), privateKeyPem: key.privateKeyPem };
  }

  #chain(leaf: Uint8Array): string {
    return toPem("CERTIFICATE", leaf) + toPem("CERTIFICATE", this.intermediate.certificate.der);
  }
}
