/**
 * Reads an authority's root and intermediate from storage, or makes them on first use, and refuses what does not hang
 * together: a certificate that is not for its key, a root that is over, a folder of another trust domain.
 *
 * @module
 */
import { makeIntermediate, makeRoot, type Issuer } from "./authority-certificates.ts";
import { AuthorityError, type AuthorityFile, type AuthorityStorage } from "./authority-storage.ts";
import { readCertificate } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { readPrivateKey } from "./keys.ts";
import { oneFromPem, toPem } from "./pem.ts";
import { trustDomainSpiffeId } from "./spiffe.ts";
import { mergeTrustBundles, maySign, parseTrustBundle, type TrustBundle } from "./trust-bundle.ts";
import { verifyChain } from "./verify-chain.ts";

export interface AuthorityOptions {
  readonly storage: AuthorityStorage;
  readonly trustDomain: string;
  /** Life of a new root. @default 10 years */
  readonly rootTtlMs?: number;
  /** Life of a new intermediate. @default 1 year */
  readonly intermediateTtlMs?: number;
}

export const DAY_MS = 86_400_000;

/** The root of `storage`, made and kept when there is none. */
export function openRoot(o: AuthorityOptions, nowMs: number): Issuer {
  const found = readIssuer(o.storage, "root.pem");
  if (found === undefined) {
    const root = makeRoot(o.trustDomain, o.rootTtlMs ?? 3650 * DAY_MS, nowMs);
    keep(o.storage, "root.pem", root);
    return root;
  }
  const name = o.storage.nameOf("root.pem");
  const { notAfterMs, uris } = found.certificate;
  if (nowMs > notAfterMs)
    throw new AuthorityError(
      `the root in ${name} expired at ${new Date(notAfterMs).toISOString()}. Move the file away to have a new root made; every workload must join again`,
    );
  const wanted = trustDomainSpiffeId(o.trustDomain).uri;
  if (uris.length > 0 && !uris.includes(wanted))
    throw new AuthorityError(
      `the root in ${name} must be of ${wanted}: it is of ${uris.join(", ")}. Use another folder for another trust domain`,
    );
  explained(name, () => verifyChain([found.certificate.der], bundleOf(found), nowMs));
  return found;
}

/** The intermediate of `storage`; a new one when there is none or the one found is over. */
export function openIntermediate(o: AuthorityOptions, root: Issuer, nowMs: number): Issuer {
  const found = readIssuer(o.storage, "intermediate.pem");
  if (found === undefined || nowMs > found.certificate.notAfterMs) return renewIntermediate(o, root, nowMs);
  const name = o.storage.nameOf("intermediate.pem");
  explained(
    `${name} (delete it to have a new one made)`,
    () => void verifyChain([found.certificate.der], bundleOf(root), nowMs),
  );
  return found;
}

export function renewIntermediate(o: AuthorityOptions, root: Issuer, nowMs: number): Issuer {
  const made = makeIntermediate(root, o.trustDomain, o.intermediateTtlMs ?? 365 * DAY_MS, nowMs);
  keep(o.storage, "intermediate.pem", made);
  return made;
}

/** The own root and the additional ones. */
export function openTrustBundle(o: AuthorityOptions, root: Issuer): TrustBundle {
  const more = o.storage.read("additional-roots.pem");
  if (more === undefined) return bundleOf(root);
  return explained(o.storage.nameOf("additional-roots.pem"), () =>
    mergeTrustBundles(bundleOf(root), parseTrustBundle(more)),
  );
}

const bundleOf = (root: Issuer): TrustBundle => parseTrustBundle(toPem("CERTIFICATE", root.certificate.der));

const keep = (storage: AuthorityStorage, file: AuthorityFile, issuer: Issuer): void =>
  storage.write(file, toPem("CERTIFICATE", issuer.certificate.der) + issuer.key.privateKeyPem);

function readIssuer(storage: AuthorityStorage, file: AuthorityFile): Issuer | undefined {
  const text = storage.read(file);
  if (text === undefined) return undefined;
  return explained(storage.nameOf(file), () => {
    const certificate = readCertificate(oneFromPem(text, "CERTIFICATE"));
    const key = readPrivateKey(toPem("PRIVATE KEY", oneFromPem(text, "PRIVATE KEY")));
    if (!maySign(certificate)) throw new CredentialError("certificate must be an authority's: CA:true and keyCertSign");
    if (Buffer.compare(certificate.spkiDer, key.spkiDer) !== 0)
      throw new CredentialError("certificate and private key must belong together: they do not");
    return { certificate, key };
  });
}

function explained<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CredentialError)) throw cause;
    throw new AuthorityError(`cannot use ${name}: ${cause.message}`, { cause });
  }
}
