/**
 * Whether a peer may have the names in its certificate: a list of matchers of which one must match one name.
 *
 * Source: `match_typed_subject_alt_names` and the deprecated `match_subject_alt_names` of
 * `envoy/extensions/transport_sockets/tls/v3/common.proto`. As there, a certificate's `*.example.com` stands for one
 * label where an exact DNS name is wanted, and for itself elsewhere.
 *
 * Not here: names that are e-mail or IP addresses, or of other kinds.
 *
 * @module
 */
import type { CertificateValidationContext, SubjectAltNameMatcher } from "../xds/proto/tls.ts";
import { CompileError } from "./compile-error.ts";
import { compileStringMatcher } from "./match/string-matcher.ts";
import { quoted } from "./trace.ts";

/** Names of a peer's certificate, whose chain is verified. */
export interface PeerNames {
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  /** SHA-256 of the certificate, lower-case hex; absent where it is not known. */
  readonly fingerprint256?: string;
  /** SHA-256 of the public key, base64; absent where it is not known. */
  readonly spkiSha256?: string;
}

/** Why a peer may not pass, in words for a log; undefined when it may. */
export type PeerNameCheck = (peer: PeerNames) => string | undefined;

interface NameCheck {
  readonly test: (peer: PeerNames) => boolean;
  readonly wanted: string;
}

/** The names are the peer's own words: a log takes a few of them, quoted. */
const MAX_SHOWN_NAMES = 3;
const MAX_SHOWN_LENGTH = 200;

/** Undefined when any name will do. @throws CompileError for what is wrong or not supported. */
export function compilePeerNames(
  context: CertificateValidationContext | undefined,
  path: string,
): PeerNameCheck | undefined {
  const typed = (context?.matchTypedSubjectAltNames ?? []).map((matcher, i) =>
    typedCheck(matcher, `${path}.match_typed_subject_alt_names[${i}]`),
  );
  const untyped = (context?.matchSubjectAltNames ?? []).map((matcher, i): NameCheck => {
    const { test, wanted } = compileStringMatcher(matcher, `${path}.match_subject_alt_names[${i}]`);
    return { test: (peer) => peer.uriSans.some(test) || hasDnsName(peer, test, matcher.exact), wanted };
  });
  const names = [...typed, ...untyped];
  const pins = compilePins(context, path);
  if (names.length === 0) return pins;
  const wanted = names.map((check) => check.wanted).join(" or ");
  return (peer) => (names.some(({ test }) => test(peer)) ? pins?.(peer) : `wanted ${wanted}, found ${shown(peer)}`);
}

/** One of the hashes must be the certificate's, or one the key's: as in Envoy, either list lets it in. */
function compilePins(context: CertificateValidationContext | undefined, path: string): PeerNameCheck | undefined {
  const hashes = certificateHashes(context?.verifyCertificateHash ?? [], `${path}.verify_certificate_hash`);
  const keys = keyHashes(context?.verifyCertificateSpki ?? [], `${path}.verify_certificate_spki`);
  if (hashes.size + keys.size === 0) return undefined;
  return ({ fingerprint256 = "", spkiSha256 = "" }) =>
    hashes.has(fingerprint256) || keys.has(spkiSha256)
      ? undefined
      : `the certificate's hash ${fingerprint256 || "is not known, and"} is none of those that are pinned, nor its key's`;
}

/** With or without colons, as OpenSSL prints them. */
function certificateHashes(hashes: readonly string[], path: string): ReadonlySet<string> {
  const odd = hashes.findIndex((hash) => !/^[0-9a-f]{64}$/i.test(hash.replaceAll(":", "")));
  if (odd >= 0) throw new CompileError(`${path}[${odd}]`, "must be a SHA-256 of 64 hex digits");
  return new Set(hashes.map((hash) => hash.replaceAll(":", "").toLowerCase()));
}

function keyHashes(hashes: readonly string[], path: string): ReadonlySet<string> {
  const odd = hashes.findIndex((hash) => !/^[A-Za-z0-9+/]{43}=$/.test(hash));
  if (odd >= 0) throw new CompileError(`${path}[${odd}]`, "must be a SHA-256 in base64, 44 characters");
  return new Set(hashes);
}

function typedCheck({ sanType, matcher = {} }: SubjectAltNameMatcher, path: string): NameCheck {
  const { test, wanted } = compileStringMatcher(matcher, `${path}.matcher`);
  switch (sanType) {
    case "URI":
      return { test: ({ uriSans }) => uriSans.some(test), wanted: `URI ${wanted}` };
    case "DNS":
      return { test: (peer) => hasDnsName(peer, test, matcher.exact), wanted: `DNS ${wanted}` };
    default:
      throw new CompileError(`${path}.san_type`, `${sanType ?? "none"} is not supported yet: URI and DNS are`);
  }
}

function hasDnsName({ dnsSans }: PeerNames, test: (name: string) => boolean, exact: string | undefined): boolean {
  return dnsSans.some((name) => test(name) || (exact !== undefined && coversLabel(name, exact)));
}

/** The certificate has `host` itself among its names. Source: `auto_san_validation`. Differs: a host that is an address has none. */
export function namedAs(host: string): PeerNameCheck {
  const name = host.toLowerCase();
  const test = (dns: string): boolean => dns.toLowerCase() === name;
  return (peer) =>
    hasDnsName(peer, test, name) ? undefined : `wanted DNS exact ${quoted(host)}, found ${shown(peer)}`;
}

/** RFC 6125 section 6.4.3, with the wildcard as the whole first label only. */
function coversLabel(name: string, exact: string): boolean {
  const dot = exact.indexOf(".");
  return name.startsWith("*.") && dot > 0 && exact.slice(dot).toLowerCase() === name.slice(1).toLowerCase();
}

function shown({ uriSans, dnsSans }: PeerNames): string {
  const names = [...uriSans, ...dnsSans];
  if (names.length === 0) return "no name";
  const some = names.slice(0, MAX_SHOWN_NAMES).map((name) => quoted(name.slice(0, MAX_SHOWN_LENGTH)));
  return names.length > some.length ? `${some.join(", ")} and ${names.length - some.length} more` : some.join(", ");
}
