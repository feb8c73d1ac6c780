/**
 * Certificates by the authority of a running mesh, taken from its data folder: of any identity, any age, any trust domain.
 *
 * @module
 */
import { join } from "node:path";
import { signLeaf } from "../../../src/identity/authority-certificates.ts";
import { folderAuthorityStorage } from "../../../src/identity/authority-folder.ts";
import { openIntermediate, openRoot } from "../../../src/identity/authority-open.ts";
import { generateKeyPair } from "../../../src/identity/keys.ts";
import { toPem } from "../../../src/identity/pem.ts";
import { parseSpiffeId } from "../../../src/identity/spiffe.ts";
import type { TestCertificate } from "../../support/certificates.ts";

export interface MeshIssuer {
  readonly rootPem: string;
  /** @param atMs When it was issued, in milliseconds since 1970. */
  issue(uri: string, ttlMs?: number, atMs?: number): TestCertificate;
}

export function meshIssuer(dataFolder: string): MeshIssuer {
  const options = { storage: folderAuthorityStorage(join(dataFolder, "ca")), trustDomain: "cluster.local" };
  const root = openRoot(options, Date.now());
  const intermediate = openIntermediate(options, root, Date.now());
  return {
    rootPem: toPem("CERTIFICATE", root.certificate.der),
    issue(uri, ttlMs = 3_600_000, atMs = Date.now()) {
      const key = generateKeyPair();
      const leaf = signLeaf(intermediate, key.spkiDer, parseSpiffeId(uri), ttlMs, atMs);
      const certChainPem = toPem("CERTIFICATE", leaf.der) + toPem("CERTIFICATE", intermediate.certificate.der);
      return { certChainPem, privateKeyPem: key.privateKeyPem };
    },
  };
}
