/**
 * Which of several certificates a client is shown.
 *
 * Source: Envoy's default choice (`ssl#certificate-selection`): one that has the name that the client asks for, else one with a wildcard for it;
 * of each, one with a key of an elliptic curve before RSA where the client takes the curve. A name that none has gets the first; a client
 * that names nothing gets the first that it can take.
 * Differs: names are compared without regard to case.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { subjectAltNames } from "../net/subject-alt-names.ts";
import { type EcdsaCurve, offeredCurves } from "../wire/client-hello-curves.ts";

/** What a certificate is chosen by. */
export interface ShownCertificate {
  /** Lower-case; `.example.com` for a wildcard. */
  readonly names: readonly string[];
  readonly key: EcdsaCurve | "RSA" | "other";
}

export interface ClientWish {
  /** Lower-case. */
  readonly sni: string | undefined;
  /** The client's first message, as it came. */
  readonly bytes: Uint8Array;
}

const CURVES: ReadonlyMap<string | undefined, EcdsaCurve> = new Map([
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
  ["secp521r1", "P-521"],
]);

/** What cannot be read has no name. */
export function shownCertificate(certChainPem: string): ShownCertificate {
  const certificate = readable(certChainPem);
  if (certificate === undefined) return { names: [], key: "other" };
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const key = asymmetricKeyType === "rsa" ? "RSA" : (CURVES.get(asymmetricKeyDetails?.namedCurve) ?? "other");
  const { isThere, dnsNames } = subjectAltNames(certificate.raw);
  const names = isThere ? dnsNames : commonNames(certificate.subject);
  return { names: names.map((name) => name.toLowerCase().replace(/^\*\./, ".")), key };
}

function readable(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // The handshake with it says what is wrong.
    return undefined;
  }
}

/** The first, as Envoy reads it, where the certificate has no other kind of name. */
const commonNames = (subject: string | undefined): readonly string[] =>
  /^CN=(.+)$/m.exec(subject ?? "")?.slice(1, 2) ?? [];

/** The index of the one that is shown. @param maxVersion Of TLS, that is spoken here. */
export function chooseCertificate(
  all: readonly ShownCertificate[],
  client: ClientWish,
  maxVersion: "1.2" | "1.3",
): number {
  const curves = offeredCurves(client.bytes, maxVersion);
  const { sni = "" } = client;
  const everyOne = all.map((_, i) => i);
  if (sni === "") return bestOf(all, everyOne, curves) ?? 0;
  const dot = sni.indexOf(".", 1);
  return (
    bestOf(all, named(all, sni), curves) ??
    (dot > 0 && dot < sni.length - 1 ? bestOf(all, named(all, sni.slice(dot)), curves) : undefined) ??
    0
  );
}

/** Of each kind of key the first that has the name. */
function named(all: readonly ShownCertificate[], name: string): readonly number[] {
  const kinds = new Map<string, number>();
  for (const [i, { names, key }] of all.entries()) {
    const kind = key === "RSA" || key === "other" ? key : "EC";
    if (names.includes(name) && !kinds.has(kind)) kinds.set(kind, i);
  }
  return [...kinds.values()];
}

/** Undefined: the client can take none of them. */
function bestOf(
  all: readonly ShownCertificate[],
  among: readonly number[],
  curves: readonly EcdsaCurve[],
): number | undefined {
  const byCurve = among.find((i) => curves.some((curve) => curve === all[i]?.key));
  return byCurve ?? among.find((i) => all[i]?.key === "RSA");
}
