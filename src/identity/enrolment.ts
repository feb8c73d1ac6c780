/**
 * The control plane's answer to a request for a certificate: who is calling, and may they have it.
 *
 * Two ways to be somebody: a join token (the first certificate), or a valid SVID on the connection (renewal, for the same
 * identity only). The request is read before the token is redeemed, so that a broken request does not use the token up.
 *
 * @module
 */
import type { CertificateAuthority, IssuedSvid } from "./authority.ts";
import { CredentialError } from "./credential-error.ts";
import { readCsr, type Csr } from "./csr-read.ts";
import type { TokenIssuer } from "./join-tokens.ts";
import type { SpiffeId } from "./spiffe.ts";
import { verifyPeer, type PeerCertificate } from "./verify-peer.ts";
import { unreachable } from "../base/unreachable.ts";

export type Credential =
  | { readonly t: "token"; readonly token: string }
  /** The client certificate of the call's mTLS connection, whose chain the TLS library has verified. */
  | { readonly t: "peer"; readonly certificate: PeerCertificate };

export type Enrolled =
  | { readonly ok: true; readonly svid: IssuedSvid }
  /** `reason` may be told to the caller, `detail` is for our log. Neither holds a secret. */
  | { readonly ok: false; readonly reason: "badRequest" | "notAuthenticated"; readonly detail: string };

export interface EnrolmentOptions {
  readonly authority: CertificateAuthority;
  readonly tokens: TokenIssuer;
  /** Life of what is issued. @default 24 hours */
  readonly svidTtlMs?: number;
  /** Whether an identity may still be renewed: false once its workload was taken away. @default everybody may */
  readonly mayRenew?: (id: SpiffeId) => boolean;
}

/**
 * Issues an SVID for the identity that `credential` proves, or says why not.
 * @throws {AuthorityError} If the authority itself cannot issue.
 */
export function enrol(o: EnrolmentOptions, csr: string | Uint8Array, credential: Credential, nowMs: number): Enrolled {
  let request: Csr;
  try {
    request = readCsr(csr);
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    return { ok: false, reason: "badRequest", detail: error.message };
  }
  const caller = authenticate(o, credential, request, nowMs);
  if (typeof caller === "string") return { ok: false, reason: "notAuthenticated", detail: caller };
  const ttl = o.svidTtlMs === undefined ? {} : { ttlMs: o.svidTtlMs };
  return { ok: true, svid: o.authority.issueSvid({ csr: request, spiffeId: caller, nowMs, ...ttl }) };
}

/** Who the caller is, or in words why that is not known. */
function authenticate(o: EnrolmentOptions, credential: Credential, request: Csr, nowMs: number): SpiffeId | string {
  switch (credential.t) {
    case "token": {
      const redeemed = o.tokens.redeem(credential.token, nowMs, request.keyFingerprint);
      return redeemed.ok ? redeemed.attested.spiffeId : `join token is ${redeemed.reason}`;
    }
    case "peer": {
      const allowed = [{ kind: "trustDomain", value: o.authority.trustDomain }] as const;
      const verdict = verifyPeer(credential.certificate, { allowed, role: "client", nowMs });
      if (!verdict.ok) return verdict.reason;
      return (o.mayRenew?.(verdict.id) ?? true) ? verdict.id : `${verdict.id.uri} may not be renewed any more`;
    }
    default:
      return unreachable(credential);
  }
}
