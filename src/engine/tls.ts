/**
 * TLS contexts of transport sockets, compiled: which secrets they need, who the peer may be, what the handshake offers.
 *
 * Source: `envoy/extensions/transport_sockets/tls/v3/tls.proto` and `common.proto`.
 * Differs: an upstream context that validates nothing is refused; Envoy would talk to anybody.
 *
 * Not here: TLS parameters beyond the versions that the library has anyway (1.2 and 1.3), CRLs, pinned hashes.
 *
 * @module
 */
import type { DataSource, TransportSocket } from "../xds/proto/core-base.ts";
import {
  type CertificateValidationContext,
  type CommonTlsContext,
  DownstreamTlsContext,
  RawBuffer,
  type SubjectAltNameMatcher,
  type TlsCertificate,
  UpstreamTlsContext,
} from "../xds/proto/tls.ts";
import { isAny } from "../xds/types/any.ts";
import { CompileError, fieldPath, refuseOthers, unpackAt } from "./compile-error.ts";
import { compileStringMatcher } from "./match/string-matcher.ts";

/** Where something of a context comes from: a secret by its name, or what the resource itself holds or points to. */
export type TlsSource<T> =
  | { readonly t: "secret"; readonly name: string }
  | { readonly t: "inline"; readonly value: T };

export interface CertificateSource {
  readonly chain: DataSource;
  readonly key: DataSource;
}

/** Names of a peer's certificate. */
export interface PeerNames {
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
}

interface TlsContext {
  readonly certificate: TlsSource<CertificateSource> | undefined;
  readonly trust: TlsSource<DataSource> | undefined;
  /** Why a peer whose chain verified may not pass; undefined when it may. */
  readonly refuses: (peer: PeerNames) => string | undefined;
  readonly alpn: readonly string[];
}

export interface UpstreamTls extends TlsContext {
  readonly sni: string | undefined;
}

export interface DownstreamTls extends TlsContext {
  readonly certificate: TlsSource<CertificateSource>;
  readonly requireClientCertificate: boolean;
}

const COMMON = new Set([
  "tlsParams",
  "tlsCertificates",
  "tlsCertificateSdsSecretConfigs",
  "validationContext",
  "validationContextSdsSecretConfig",
  "combinedValidationContext",
  "alpnProtocols",
]);
const UPSTREAM = new Set(["commonTlsContext", "sni", "maxSessionKeys", "enforceRsaKeyUsage"]);
const DOWNSTREAM = new Set([
  "commonTlsContext",
  "requireClientCertificate",
  "sessionTimeout",
  "ocspStaplePolicy",
  "disableStatelessSessionResumption",
  "disableStatefulSessionResumption",
]);
const VALIDATION = new Set([
  "trustedCa",
  "matchTypedSubjectAltNames",
  "matchSubjectAltNames",
  "trustChainVerification",
  "systemRootCerts",
]);

/** @throws {CompileError} For what is wrong or not supported. Undefined for plain text. */
export function compileUpstreamTls(socket: TransportSocket | undefined, path: string): UpstreamTls | undefined {
  if (isPlain(socket)) return undefined;
  const at = `${path}.typed_config`;
  const context = unpackAt(socket?.typedConfig, UpstreamTlsContext, at);
  refuseOthers(context, at, UPSTREAM);
  const common = commonContext(context.commonTlsContext ?? {}, `${at}.common_tls_context`);
  if (common.trust === undefined)
    throw new CompileError(
      `${at}.common_tls_context`,
      "must say which certificates to trust: validation_context, its SDS form, or combined_validation_context",
    );
  return { ...common, sni: context.sni === "" ? undefined : context.sni };
}

/** As {@link compileUpstreamTls}. */
export function compileDownstreamTls(socket: TransportSocket | undefined, path: string): DownstreamTls | undefined {
  if (isPlain(socket)) return undefined;
  const at = `${path}.typed_config`;
  const context = unpackAt(socket?.typedConfig, DownstreamTlsContext, at);
  refuseOthers(context, at, DOWNSTREAM);
  const common = commonContext(context.commonTlsContext ?? {}, `${at}.common_tls_context`);
  const { certificate } = common;
  if (certificate === undefined)
    throw new CompileError(
      `${at}.common_tls_context`,
      "must hold a certificate: tls_certificates or tls_certificate_sds_secret_configs",
    );
  const requireClientCertificate = context.requireClientCertificate ?? false;
  if (requireClientCertificate && common.trust === undefined)
    throw new CompileError(
      `${at}.require_client_certificate`,
      "needs a validation context: without one no client certificate can be verified",
    );
  return { ...common, certificate, requireClientCertificate };
}

const isPlain = (socket: TransportSocket | undefined): boolean =>
  socket === undefined || (socket.typedConfig !== undefined && isAny(socket.typedConfig, RawBuffer));

function commonContext(common: CommonTlsContext, path: string): TlsContext {
  refuseOthers(common, path, COMMON);
  const combined = common.combinedValidationContext;
  const inline = common.validationContext ?? combined?.defaultValidationContext;
  const secret = common.validationContextSdsSecretConfig ?? combined?.validationContextSdsSecretConfig;
  const at = fieldPath(
    path,
    combined === undefined ? "validationContext" : "combinedValidationContext.defaultValidationContext",
  );
  if (inline !== undefined) refuseOthers(inline, at, VALIDATION);
  if (inline?.trustChainVerification === "ACCEPT_UNTRUSTED")
    throw new CompileError(
      `${at}.trust_chain_verification`,
      "ACCEPT_UNTRUSTED is not supported: it would let anybody in",
    );
  return {
    certificate: certificateOf(common, path),
    trust: trustOf(inline, secret?.name, at),
    refuses: compileNames(inline, at),
    alpn: common.alpnProtocols ?? [],
  };
}

function certificateOf(common: CommonTlsContext, path: string): TlsContext["certificate"] {
  const secrets = common.tlsCertificateSdsSecretConfigs ?? [];
  const inline = common.tlsCertificates ?? [];
  if (secrets.length + inline.length > 1)
    throw new CompileError(
      path,
      `must hold one certificate, found ${secrets.length + inline.length}: several are not supported yet`,
    );
  if (secrets[0] !== undefined) return { t: "secret", name: secrets[0].name ?? "" };
  return inline[0] === undefined
    ? undefined
    : { t: "inline", value: keyPairOf(inline[0], `${path}.tls_certificates[0]`) };
}

/** @throws {CompileError} When chain or key is missing. */
export function keyPairOf(certificate: TlsCertificate, path: string): CertificateSource {
  const { certificateChain, privateKey } = certificate;
  refuseOthers(certificate, path, new Set(["certificateChain", "privateKey"]));
  if (certificateChain === undefined || privateKey === undefined)
    throw new CompileError(path, "must hold certificate_chain and private_key");
  return { chain: certificateChain, key: privateKey };
}

function trustOf(
  inline: CertificateValidationContext | undefined,
  secret: string | undefined,
  path: string,
): TlsContext["trust"] {
  if (inline?.trustedCa !== undefined) return { t: "inline", value: inline.trustedCa };
  if (secret !== undefined) return { t: "secret", name: secret };
  if (inline?.systemRootCerts !== undefined)
    throw new CompileError(`${path}.system_root_certs`, "is not supported yet; name a file in trusted_ca");
  return undefined;
}

function compileNames(context: CertificateValidationContext | undefined, path: string): TlsContext["refuses"] {
  const typed = (context?.matchTypedSubjectAltNames ?? []).map((m, i) =>
    compileName(m, `${path}.match_typed_subject_alt_names[${i}]`),
  );
  const untyped = (context?.matchSubjectAltNames ?? []).map((m, i) => {
    const check = compileStringMatcher(m, `${path}.match_subject_alt_names[${i}]`);
    const test = ({ uriSans, dnsSans }: PeerNames): boolean => [...uriSans, ...dnsSans].some(check.test);
    return { test, wanted: check.wanted };
  });
  const all = [...typed, ...untyped];
  if (all.length === 0) return () => undefined;
  return (peer) => {
    if (all.some(({ test }) => test(peer))) return undefined;
    const found = [...peer.uriSans, ...peer.dnsSans].join(", ") || "no name";
    return `wanted ${all.map(({ wanted }) => wanted).join(" or ")}, found ${found}`;
  };
}

function compileName({ sanType, matcher }: SubjectAltNameMatcher, path: string) {
  const check = compileStringMatcher(matcher ?? {}, `${path}.matcher`);
  const wanted = `${sanType} ${check.wanted}`;
  switch (sanType) {
    case "URI":
      return { wanted, test: ({ uriSans }: PeerNames): boolean => uriSans.some(check.test) };
    case "DNS":
      return {
        wanted,
        test: ({ dnsSans }: PeerNames): boolean => dnsSans.some((name) => dnsMatches(name, check.test, matcher?.exact)),
      };
    default:
      throw new CompileError(`${path}.san_type`, `${sanType} is not supported yet: URI and DNS are`);
  }
}

/** A certificate's `*.example.com` stands for one label (RFC 6125 §6.4.3), for exact matchers only as in Envoy. */
function dnsMatches(name: string, test: (value: string) => boolean, exact: string | undefined): boolean {
  if (test(name)) return true;
  if (exact === undefined || !name.startsWith("*.")) return false;
  const dot = exact.indexOf(".");
  return dot > 0 && exact.slice(dot).toLowerCase() === name.slice(1).toLowerCase();
}
