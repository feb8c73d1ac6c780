/**
 * `envoy.extensions.transport_sockets`: TLS, its certificates and secrets; and plain text.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of, oneof, redacted } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { CidrRange } from "./core-address.ts";
import { DataSource, hideInline, TypedExtensionConfig, WatchedDirectory } from "./core-base.ts";
import { ConfigSource } from "./core-config-source.ts";
import { StringMatcher } from "./matcher.ts";

export const TlsProtocol = enumeration("envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol", {
  TLS_AUTO: 0,
  TLSv1_0: 1,
  TLSv1_1: 2,
  TLSv1_2: 3,
  TLSv1_3: 4,
});
export type TlsProtocol = Infer<typeof TlsProtocol>;

export const TlsParameters = message("envoy.extensions.transport_sockets.tls.v3.TlsParameters", {
  tlsMinimumProtocolVersion: of(1, TlsProtocol),
  tlsMaximumProtocolVersion: of(2, TlsProtocol),
  cipherSuites: repeated(string(3)),
  ecdhCurves: repeated(string(4)),
  signatureAlgorithms: repeated(string(5)),
});
export type TlsParameters = Infer<typeof TlsParameters>;

export const TlsCertificate = message("envoy.extensions.transport_sockets.tls.v3.TlsCertificate", {
  certificateChain: of(1, DataSource),
  privateKey: of(2, redacted(DataSource, hideInline)),
  password: of(3, redacted(DataSource, hideInline)),
  ocspStaple: of(4, DataSource),
  signedCertificateTimestamp: repeated(of(5, DataSource)),
  watchedDirectory: of(7, WatchedDirectory),
  pkcs12: of(8, redacted(DataSource, hideInline)),
});
export type TlsCertificate = Infer<typeof TlsCertificate>;

export const CertificateProviderPluginInstance = message(
  "envoy.extensions.transport_sockets.tls.v3.CertificateProviderPluginInstance",
  {
    instanceName: string(1),
    certificateName: string(2),
  },
);
export type CertificateProviderPluginInstance = Infer<typeof CertificateProviderPluginInstance>;

export const SanType = enumeration("envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType", {
  SAN_TYPE_UNSPECIFIED: 0,
  EMAIL: 1,
  DNS: 2,
  URI: 3,
  IP_ADDRESS: 4,
  OTHER_NAME: 5,
});
export type SanType = Infer<typeof SanType>;

export const SubjectAltNameMatcher = message("envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher", {
  sanType: of(1, SanType),
  matcher: of(2, StringMatcher),
  oid: string(3),
});
export type SubjectAltNameMatcher = Infer<typeof SubjectAltNameMatcher>;

export const SystemRootCerts = message(
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.SystemRootCerts",
  {},
);
export type SystemRootCerts = Infer<typeof SystemRootCerts>;

export const TrustChainVerification = enumeration(
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification",
  { VERIFY_TRUST_CHAIN: 0, ACCEPT_UNTRUSTED: 1 },
);
export type TrustChainVerification = Infer<typeof TrustChainVerification>;

export const CertificateValidationContext = message(
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext",
  {
    trustedCa: of(1, DataSource),
    verifyCertificateHash: repeated(string(2)),
    verifyCertificateSpki: repeated(string(3)),
    requireSignedCertificateTimestamp: boolValue(6),
    crl: of(7, DataSource),
    allowExpiredCertificate: bool(8),
    matchSubjectAltNames: repeated(of(9, StringMatcher)),
    trustChainVerification: of(10, TrustChainVerification),
    watchedDirectory: of(11, WatchedDirectory),
    customValidatorConfig: of(12, TypedExtensionConfig),
    caCertificateProviderInstance: of(13, CertificateProviderPluginInstance),
    onlyVerifyLeafCertCrl: bool(14),
    matchTypedSubjectAltNames: repeated(of(15, SubjectAltNameMatcher)),
    maxVerifyDepth: uint32Value(16),
    systemRootCerts: of(17, SystemRootCerts),
  },
);
export type CertificateValidationContext = Infer<typeof CertificateValidationContext>;

export const GenericSecret = message("envoy.extensions.transport_sockets.tls.v3.GenericSecret", {
  secret: of(1, redacted(DataSource, hideInline)),
});
export type GenericSecret = Infer<typeof GenericSecret>;

export const SdsSecretConfig = message("envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig", {
  name: string(1),
  sdsConfig: of(2, ConfigSource),
});
export type SdsSecretConfig = Infer<typeof SdsSecretConfig>;

export const Secret = message("envoy.extensions.transport_sockets.tls.v3.Secret", {
  name: string(1),
  ...oneof("type", {
    tlsCertificate: of(2, TlsCertificate),
    validationContext: of(4, CertificateValidationContext),
    genericSecret: of(5, GenericSecret),
  }),
});
export type Secret = Infer<typeof Secret>;

export const CombinedCertificateValidationContext = message(
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext",
  {
    defaultValidationContext: of(1, CertificateValidationContext),
    validationContextSdsSecretConfig: of(2, SdsSecretConfig),
  },
);
export type CombinedCertificateValidationContext = Infer<typeof CombinedCertificateValidationContext>;

export const TlsKeyLog = message("envoy.extensions.transport_sockets.tls.v3.TlsKeyLog", {
  path: string(1),
  localAddressRange: repeated(of(2, CidrRange)),
  remoteAddressRange: repeated(of(3, CidrRange)),
});
export type TlsKeyLog = Infer<typeof TlsKeyLog>;

export const CommonTlsContext = message("envoy.extensions.transport_sockets.tls.v3.CommonTlsContext", {
  tlsParams: of(1, TlsParameters),
  tlsCertificates: repeated(of(2, TlsCertificate)),
  ...oneof("validation_context_type", {
    validationContext: of(3, CertificateValidationContext),
    validationContextSdsSecretConfig: of(7, SdsSecretConfig),
    combinedValidationContext: of(8, CombinedCertificateValidationContext),
  }),
  alpnProtocols: repeated(string(4)),
  tlsCertificateSdsSecretConfigs: repeated(of(6, SdsSecretConfig)),
  customHandshaker: of(13, TypedExtensionConfig),
  tlsCertificateProviderInstance: of(14, CertificateProviderPluginInstance),
  keyLog: of(15, TlsKeyLog),
});
export type CommonTlsContext = Infer<typeof CommonTlsContext>;

export const UpstreamTlsContext = message("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
  commonTlsContext: of(1, CommonTlsContext),
  sni: string(2),
  allowRenegotiation: bool(3),
  maxSessionKeys: uint32Value(4),
  enforceRsaKeyUsage: boolValue(5),
});
export type UpstreamTlsContext = Infer<typeof UpstreamTlsContext>;

export const OcspStaplePolicy = enumeration(
  "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext.OcspStaplePolicy",
  { LENIENT_STAPLING: 0, STRICT_STAPLING: 1, MUST_STAPLE: 2 },
);
export type OcspStaplePolicy = Infer<typeof OcspStaplePolicy>;

export const DownstreamTlsContext = message("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
  commonTlsContext: of(1, CommonTlsContext),
  requireClientCertificate: boolValue(2),
  requireSni: boolValue(3),
  ...oneof("session_ticket_keys_type", {
    sessionTicketKeysSdsSecretConfig: of(5, SdsSecretConfig),
    disableStatelessSessionResumption: bool(7),
  }),
  sessionTimeout: duration(6),
  ocspStaplePolicy: of(8, OcspStaplePolicy),
  fullScanCertsOnSniMismatch: boolValue(9),
  disableStatefulSessionResumption: bool(10),
});
export type DownstreamTlsContext = Infer<typeof DownstreamTlsContext>;

export const RawBuffer = message("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {});
export type RawBuffer = Infer<typeof RawBuffer>;
