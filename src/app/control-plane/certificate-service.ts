/**
 * Istio's certificate service: a proxy sends a request, and gets its SVID.
 *
 * Who calls is said by a join token (`authorization: Bearer …`), else by the SVID on the connection. A token that is refused
 * is not made good by a certificate.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { readCertificate } from "../../identity/certificate-read.ts";
import { type Credential, enrol, type EnrolmentOptions } from "../../identity/enrolment.ts";
import type { IssuedSvid } from "../../identity/authority.ts";
import { GrpcCode, GrpcError } from "../../wire/grpc.ts";
import type { Method, ServerCall } from "../../xds/grpc-server.ts";
import { unaryMethod } from "../../xds/grpc-unary.ts";
import { IstioCertificateRequest, IstioCertificateResponse } from "../../xds/proto/istio-ca.ts";
import { decodeTolerant, encode } from "../../xds/types/codec.ts";
import { FieldError } from "../../xds/types/field-error.ts";
import type { CertificateLedger } from "./certificate-ledger.ts";
import type { ControlPlaneMetrics } from "./metrics.ts";
import type { ProxyTokens } from "./proxy-tokens.ts";

const CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

export interface CertificateServiceOptions {
  readonly enrolment: EnrolmentOptions;
  readonly ledger: CertificateLedger;
  readonly metrics: ControlPlaneMetrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: Pick<ProxyTokens, "ownerOf">;
  readonly onIssued: () => void;
}

/** For a `GrpcServer`. */
export function certificateMethods(options: CertificateServiceOptions): Readonly<Record<string, Method>> {
  return {
    [CREATE_CERTIFICATE]: unaryMethod(options.log, (request, call) => createCertificate(options, request, call)),
  };
}

function createCertificate(o: CertificateServiceOptions, request: Uint8Array, call: ServerCall): Uint8Array {
  o.metrics.certificateRequests.add();
  const { csr = "" } = read(request);
  const credential = credentialOf(call);
  const nowMs = o.clock.wallMs();
  if (credential === undefined) throw refused(o, call, "neither a join token nor a client certificate was given");
  const enrolled = enrol(o.enrolment, csr, credential, nowMs);
  if (!enrolled.ok) {
    if (enrolled.reason === "notAuthenticated") throw refused(o, call, enrolled.detail);
    o.metrics.certificateRequestErrors.add();
    throw new GrpcError(GrpcCode.invalidArgument, enrolled.detail);
  }
  const { svid } = enrolled;
  const proxyId = ownerOf(o, credential);
  const { spiffeId, serial, notBeforeMs, notAfterMs } = svid;
  o.ledger.add({ proxyId, spiffeId: spiffeId.uri, serial, issuedMs: nowMs, notBeforeMs, notAfterMs }, nowMs);
  o.metrics.certificatesIssued.add();
  o.onIssued();
  const until = new Date(notAfterMs).toISOString();
  o.log.info("certificate issued", { spiffeId: spiffeId.uri, proxy: proxyId, serial, until, by: credential.t });
  return encode(IstioCertificateResponse, { certChain: chainOf(svid) });
}

function read(request: Uint8Array): IstioCertificateRequest {
  try {
    return decodeTolerant(IstioCertificateRequest, request);
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new GrpcError(GrpcCode.invalidArgument, `cannot read the certificate request: ${error.message}`);
  }
}

function credentialOf({ fields, peer }: ServerCall): Credential | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== "authorization") continue;
    const [, token] = /^bearer +(\S+)$/i.exec(fields[i + 1] ?? "") ?? [];
    // What is no bearer token is refused as a token, not passed over.
    return { t: "token", token: token ?? "" };
  }
  return peer === undefined ? undefined : { t: "peer", certificate: peer };
}

function ownerOf(o: CertificateServiceOptions, credential: Credential): string | undefined {
  if (credential.t === "token") return o.tokens.ownerOf(credential.token);
  return o.ledger.ownerOf(readCertificate(credential.certificate.raw).serial);
}

/** The caller hears no more than that it was refused; the reason is for our log. */
function refused(o: CertificateServiceOptions, { remote }: ServerCall, reason: string): GrpcError {
  o.metrics.certificateAuthenticationFailures.add();
  o.log.warn("certificate request refused", { remote: `${remote.address}:${remote.port}`, reason });
  return new GrpcError(GrpcCode.unauthenticated, "the join token or certificate was refused");
}

/** One PEM block an entry, the leaf first and the roots last; several roots share the last entry, as a bundle. */
function chainOf(svid: IssuedSvid): readonly string[] {
  const blocks = svid.certChainPem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----\n?/g) ?? [];
  return [...blocks, svid.trustBundlePem];
}
