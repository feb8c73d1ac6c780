/**
 * TLS contexts of transport sockets, compiled: which secrets they need, who the peer may be, what the handshake offers.
 *
 * Source: `envoy/extensions/transport_sockets/tls/v3/tls.proto` and `common.proto`.
 * Differs: an upstream context that validates nothing is refused, Envoy would talk to anybody; TLS 1.0 and 1.1 are never
 * spoken, whatever the minimum. Clients that `ACCEPT_UNTRUSTED` lets in have no identity, where Envoy believes their names.
 *
 * Not here: curves and signature algorithms, CRLs for the leaf alone.
 *
 * @module
 */
import type { DataSource, TransportSocket } from "../xds/proto/core-base.ts";
import {
  type CertificateValidationContext,
  type CommonTlsContext,
  DownstreamTlsContext,
  RawBuffer,
  type SdsSecretConfig,
  type TlsCertificate,
  type TlsParameters,
  UpstreamTlsContext,
} from "../xds/proto/tls.ts";
import { isAny } from "../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "./compile-error.ts";
import { parseIp } from "../base/ip-address.ts";
import { compilePeerNames, namedAs, type PeerNameCheck } from "./tls-names.ts";

/** Where something of a context comes from: a secret by its name, or what the resource itself holds or points to. */
export type TlsSource<T> =
  /** `discovered`: asked for by name on the aggregated stream; else from the agent beside the proxy. */
  | { readonly t: "secret"; readonly name: string; readonly discovered?: boolean }
  | { readonly t: "inline"; readonly value: T };

export interface CertificateSource {
  readonly chain: DataSource;
  readonly key: DataSource;
}

interface TlsContext {
  readonly certificate: TlsSource<CertificateSource> | undefined;
  readonly trust: TlsSource<DataSource> | undefined;
  /** Revocation lists, where those that come with the roots' secret do not replace them. */
  readonly crl: DataSource | undefined;
  /** Why a peer whose chain verified may not pass; undefined when it may. */
  readonly refuses: PeerNameCheck;
  readonly alpn: readonly string[];
  readonly limits: TlsLimits;
}

export interface UpstreamTls extends TlsContext {
  readonly sni: string | undefined;
}

export interface DownstreamTls extends TlsContext {
  readonly certificate: TlsSource<CertificateSource>;
  /** Shown to clients that they fit better. */
  readonly furtherCertificates: readonly TlsSource<CertificateSource>[];
  readonly requireClientCertificate: boolean;
  /** A certificate of a client that is not valid counts as none, and keeps nobody out. */
  readonly letsUnverifiedIn: boolean;
}

/** What is spoken of what the library can: TLS 1.2 and 1.3. */
export interface TlsLimits {
  readonly minVersion: "1.2" | "1.3";
  readonly maxVersion: "1.2" | "1.3";
  /** For TLS 1.2, by OpenSSL's names; empty for the library's choice. */
  readonly cipherSuites: readonly string[];
}

/** Names of secrets that contexts ask for on the aggregated stream. */
export function discoveredSecrets(
  contexts: readonly ((TlsContext & Partial<Pick<DownstreamTls, "furtherCertificates">>) | undefined)[],
): readonly string[] {
  return contexts
    .flatMap((tls) => [tls?.certificate, tls?.trust, ...(tls?.furtherCertificates ?? [])])
    .flatMap((source) => (source?.t === "secret" && source.discovered === true ? [source.name] : []));
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
  "crl",
  "matchTypedSubjectAltNames",
  "matchSubjectAltNames",
  "verifyCertificateHash",
  "verifyCertificateSpki",
  "trustChainVerification",
  "systemRootCerts",
]);
const PARAMETERS = new Set(["tlsMinimumProtocolVersion", "tlsMaximumProtocolVersion", "cipherSuites"]);
const SOURCE = new Set(["filename", "inlineString", "inlineBytes"]);
const COMBINED = new Set(["defaultValidationContext", "validationContextSdsSecretConfig"]);

/** @throws {CompileError} For what is wrong or not supported. Undefined for plain text. */
export function compileUpstreamTls(socket: TransportSocket | undefined, path: string): UpstreamTls | undefined {
  if (isPlain(socket)) return undefined;
  const at = `${path}.typed_config`;
  const context = unpackAt(socket?.typedConfig, UpstreamTlsContext, at);
  refuseOthers(context, at, UPSTREAM);
  const common = commonContext(context.commonTlsContext ?? {}, `${at}.common_tls_context`, false);
  const certificates = certificatesOf(context.commonTlsContext ?? {}, `${at}.common_tls_context`);
  if (certificates.length > 1)
    throw new CompileError(
      `${at}.common_tls_context`,
      `must hold one certificate, found ${certificates.length}: a client shows one`,
    );
  if (common.trust === undefined)
    throw new CompileError(
      `${at}.common_tls_context`,
      "must say which certificates to trust: validation_context, its SDS form, or combined_validation_context",
    );
  return { ...common, certificate: certificates[0], sni: context.sni === "" ? undefined : context.sni };
}

/** As {@link compileUpstreamTls}. */
export function compileDownstreamTls(socket: TransportSocket | undefined, path: string): DownstreamTls | undefined {
  if (isPlain(socket)) return undefined;
  const at = `${path}.typed_config`;
  const context = unpackAt(socket?.typedConfig, DownstreamTlsContext, at);
  refuseOthers(context, at, DOWNSTREAM);
  const common = commonContext(context.commonTlsContext ?? {}, `${at}.common_tls_context`, true);
  const [certificate, ...furtherCertificates] = certificatesOf(
    context.commonTlsContext ?? {},
    `${at}.common_tls_context`,
  );
  if (certificate === undefined)
    throw new CompileError(
      `${at}.common_tls_context`,
      "must hold a certificate: tls_certificates or tls_certificate_sds_secret_configs",
    );
  if ((context.ocspStaplePolicy ?? "LENIENT_STAPLING") !== "LENIENT_STAPLING")
    throw new CompileError(`${at}.ocsp_staple_policy`, `${context.ocspStaplePolicy} is not supported yet`);
  const requireClientCertificate = context.requireClientCertificate ?? false;
  if (requireClientCertificate && common.trust === undefined)
    throw new CompileError(
      `${at}.require_client_certificate`,
      "needs a validation context: without one no client certificate can be verified",
    );
  const letsUnverifiedIn = acceptsUntrusted(context.commonTlsContext ?? {});
  if (letsUnverifiedIn && common.trust === undefined)
    throw new CompileError(
      `${at}.common_tls_context`,
      "trust_chain_verification needs trusted_ca beside it: without, nobody is known",
    );
  return { ...common, certificate, furtherCertificates, requireClientCertificate, letsUnverifiedIn };
}

/**
 * `tls` towards the server that a request's `host` names, without its port. A name in the context gives way to the host's, unless
 * that is an address: those are no SNI (RFC 6066 section 3).
 */
export function towards(
  tls: UpstreamTls,
  host: string,
  by: { readonly sni: boolean; readonly san: boolean },
): UpstreamTls {
  const isName = host !== "" && parseIp(host.replace(/^\[(.*)\]$/, "$1")) === undefined;
  const named = namedAs(host);
  return {
    ...tls,
    sni: by.sni && isName ? host : tls.sni,
    refuses: by.san ? (peer) => named(peer) ?? tls.refuses(peer) : tls.refuses,
  };
}

const isPlain = (socket: TransportSocket | undefined): boolean =>
  socket === undefined || (socket.typedConfig !== undefined && isAny(socket.typedConfig, RawBuffer));

/** @param isServer Then a peer that is not known may be nobody in particular. */
function commonContext(common: CommonTlsContext, path: string, isServer: boolean): Omit<TlsContext, "certificate"> {
  refuseOthers(common, path, COMMON);
  refuseOthers(common.tlsParams ?? {}, `${path}.tls_params`, PARAMETERS);
  const combined = common.combinedValidationContext;
  refuseOthers(combined ?? {}, `${path}.combined_validation_context`, COMBINED);
  const own = combined === undefined ? "validation_context" : "combined_validation_context.default_validation_context";
  const context = common.validationContext ?? combined?.defaultValidationContext;
  const secret = common.validationContextSdsSecretConfig ?? combined?.validationContextSdsSecretConfig;
  const at = `${path}.${own}`;
  if (context !== undefined) refuseOthers(context, at, VALIDATION);
  if (context?.trustChainVerification === "ACCEPT_UNTRUSTED" && !isServer)
    throw new CompileError(
      `${at}.trust_chain_verification`,
      "ACCEPT_UNTRUSTED is not supported: it would believe anybody to be the server",
    );
  const trust = trustOf(context, secret, at, path);
  const names = compilePeerNames(context, at);
  if (context?.crl !== undefined && trust === undefined)
    throw new CompileError(`${at}.crl`, "revokes what nobody vouches for: needs trusted_ca beside it");
  if (names !== undefined && trust === undefined)
    throw new CompileError(at, "names peers but trusts no certificate: a name that nobody vouches for proves nothing");
  return {
    trust,
    crl: context?.crl && checkedSource(context.crl, `${at}.crl`),
    refuses: names ?? (() => undefined),
    alpn: common.alpnProtocols ?? [],
    limits: limitsOf(common.tlsParams ?? {}, `${path}.tls_params`),
  };
}

function limitsOf(parameters: TlsParameters, path: string): TlsLimits {
  const { tlsMinimumProtocolVersion: minimum, tlsMaximumProtocolVersion: maximum, cipherSuites = [] } = parameters;
  if (maximum === "TLSv1_0" || maximum === "TLSv1_1")
    throw new CompileError(`${path}.tls_maximum_protocol_version`, `${maximum} is never spoken: 1.2 and 1.3 are`);
  const minVersion = minimum === "TLSv1_3" ? "1.3" : "1.2";
  const maxVersion = maximum === "TLSv1_2" ? "1.2" : "1.3";
  if (minVersion > maxVersion)
    throw new CompileError(path, `must leave a version: the minimum is ${minVersion}, the maximum ${maxVersion}`);
  const odd = cipherSuites.findIndex((name) => !/^[A-Z0-9-]+$/.test(name));
  if (odd >= 0)
    throw new CompileError(
      `${path}.cipher_suites[${odd}]`,
      `must be OpenSSL's name of one suite, found ${cipherSuites[odd]}`,
    );
  return { minVersion, maxVersion, cipherSuites };
}

const acceptsUntrusted = ({ validationContext, combinedValidationContext: combined }: CommonTlsContext): boolean =>
  (validationContext ?? combined?.defaultValidationContext)?.trustChainVerification === "ACCEPT_UNTRUSTED";

function certificatesOf(common: CommonTlsContext, path: string): readonly TlsSource<CertificateSource>[] {
  const secrets = common.tlsCertificateSdsSecretConfigs ?? [];
  const inline = common.tlsCertificates ?? [];
  if (secrets.length > 0 && inline.length > 0)
    throw new CompileError(path, "must hold tls_certificates or tls_certificate_sds_secret_configs, found both");
  const named = secrets.map((secret, i) => secretOf(secret, `${path}.tls_certificate_sds_secret_configs[${i}]`));
  return [
    ...named,
    ...inline.map((it, i) => ({ t: "inline", value: keyPairOf(it, `${path}.tls_certificates[${i}]`) }) as const),
  ];
}

/** @throws {CompileError} When chain or key is missing. */
export function keyPairOf(certificate: TlsCertificate, path: string): CertificateSource {
  const { certificateChain, privateKey } = certificate;
  refuseOthers(certificate, path, new Set(["certificateChain", "privateKey"]));
  if (certificateChain === undefined || privateKey === undefined)
    throw new CompileError(path, "must hold certificate_chain and private_key");
  return {
    chain: checkedSource(certificateChain, `${path}.certificate_chain`),
    key: checkedSource(privateKey, `${path}.private_key`),
  };
}

/** Of a combined context the secret's roots count, where there is a secret: they are the newer ones. */
function trustOf(
  context: CertificateValidationContext | undefined,
  secret: SdsSecretConfig | undefined,
  at: string,
  path: string,
): TlsContext["trust"] {
  if (secret !== undefined) return secretOf(secret, path);
  if (context?.trustedCa !== undefined)
    return { t: "inline", value: checkedSource(context.trustedCa, `${at}.trusted_ca`) };
  if (context?.systemRootCerts !== undefined)
    throw new CompileError(`${at}.system_root_certs`, "is not supported yet; name a file in trusted_ca");
  return undefined;
}

function secretOf({ name, sdsConfig }: SdsSecretConfig, path: string): TlsSource<never> {
  if (name === undefined || name === "") throw new CompileError(path, "must name a secret, found no name");
  if (sdsConfig?.path !== undefined || sdsConfig?.pathConfigSource !== undefined)
    throw new CompileError(path, `the secret "${name}" in a file is not supported yet; name certificate files`);
  return sdsConfig?.ads === undefined ? { t: "secret", name } : { t: "secret", name, discovered: true };
}

function checkedSource(source: DataSource, path: string): DataSource {
  refuseOthers(source, path, SOURCE);
  const { filename, inlineString, inlineBytes } = source;
  if (!filename && !inlineString && !inlineBytes?.length)
    throw new CompileError(path, "must hold filename, inline_string or inline_bytes");
  return source;
}
