/**
 * The certificate authority of one trust domain: signs SVIDs for callers that somebody else has authenticated.
 *
 * A root (10 years) signs an intermediate (1 year, path length 0), which signs the leaves. The intermediate is replaced, with
 * a new key, when less than a third of its life is left; leaves carry it in their chain, so nobody has to be told.
 *
 * @module
 */
import type { Log } from "../base/log.ts";
import { silentLog } from "../base/log.ts";
import { signLeaf, type Issuer } from "./authority-certificates.ts";
import {
  DAY_MS,
  openIntermediate,
  openRoot,
  openTrustBundle,
  renewIntermediate,
  type AuthorityOptions,
} from "./authority-open.ts";
import { AuthorityError } from "./authority-storage.ts";
import { CredentialError } from "./credential-error.ts";
import { readCsr, type Csr } from "./csr-read.ts";
import { toPem } from "./pem.ts";
import type { SpiffeId } from "./spiffe.ts";
import type { IssuedChain } from "./svid.ts";
import type { TrustBundle } from "./trust-bundle.ts";

/** Life of an SVID when nothing else is asked for. */
export const DEFAULT_SVID_TTL_MS = DAY_MS;
const MIN_SVID_TTL_MS = 1000;
/** Below a third of a year, so that an intermediate outlives what it signs. */
const MAX_SVID_TTL_MS = 90 * DAY_MS;

export interface IssuedSvid extends IssuedChain {
  readonly spiffeId: SpiffeId;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface IssueRequest {
  /** PEM, DER, or a request that was read already. */
  readonly csr: string | Uint8Array | Csr;
  /** Who the caller was authenticated as. What the request itself asks for is not looked at. */
  readonly spiffeId: SpiffeId;
  /** From now; 1 s to 90 days. @default 24 hours */
  readonly ttlMs?: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export class CertificateAuthority {
  readonly trustDomain: string;
  readonly #options: AuthorityOptions;
  readonly #log: Log;
  readonly #root: Issuer;
  readonly #bundle: TrustBundle;
  #intermediate: Issuer;

  /**
   * Opens what is in storage, or makes it.
   * @throws {AuthorityError} If that is open to others, does not hang together or is over.
   */
  constructor(options: AuthorityOptions, nowMs: number, log: Log = silentLog) {
    this.trustDomain = options.trustDomain;
    this.#options = options;
    this.#log = log;
    this.#root = openRoot(options, nowMs);
    this.#intermediate = openIntermediate(options, this.#root, nowMs);
    this.#bundle = openTrustBundle(options, this.#root);
    this.#warnOfRootEnd(nowMs);
  }

  /** The roots that everybody of this trust domain trusts. */
  get trustBundle(): TrustBundle {
    return this.#bundle;
  }

  /** When the root and the present intermediate end. Milliseconds since 1970. */
  get ends(): { readonly rootMs: number; readonly intermediateMs: number } {
    return { rootMs: this.#root.certificate.notAfterMs, intermediateMs: this.#intermediate.certificate.notAfterMs };
  }

  /**
   * Signs a leaf for the public key of a request. It ends no later than the root.
   * @throws {CredentialError} If the request is refused, or the identity is of another trust domain or without a path.
   * @throws {RangeError} If `ttlMs` is out of range.
   * @throws {AuthorityError} If the root is over.
   */
  issueSvid(request: IssueRequest): IssuedSvid {
    const { spiffeId, nowMs, ttlMs = DEFAULT_SVID_TTL_MS } = request;
    if (!(ttlMs >= MIN_SVID_TTL_MS && ttlMs <= MAX_SVID_TTL_MS))
      throw new RangeError(`SVID ttlMs must be ${MIN_SVID_TTL_MS} to ${MAX_SVID_TTL_MS}: found ${ttlMs}`);
    if (spiffeId.trustDomain !== this.trustDomain || spiffeId.path === "")
      throw new CredentialError(
        `SVID must be for a workload of trust domain ${this.trustDomain}: found ${spiffeId.uri}`,
      );
    const { csr } = request;
    const { spkiDer } = typeof csr === "string" || csr instanceof Uint8Array ? readCsr(csr) : csr;
    const issuer = this.#issuerAt(nowMs);
    const leaf = signLeaf(issuer, spkiDer, spiffeId, ttlMs, nowMs);
    return {
      certChainPem: toPem("CERTIFICATE", leaf.der) + toPem("CERTIFICATE", issuer.certificate.der),
      trustBundlePem: this.#bundle.pem,
      spiffeId,
      serial: leaf.serial,
      notBeforeMs: leaf.notBeforeMs,
      notAfterMs: leaf.notAfterMs,
    };
  }

  #issuerAt(nowMs: number): Issuer {
    const rootEndMs = this.#root.certificate.notAfterMs;
    if (nowMs >= rootEndMs)
      throw new AuthorityError(`the root of ${this.trustDomain} expired at ${new Date(rootEndMs).toISOString()}`);
    const { notBeforeMs, notAfterMs } = this.#intermediate.certificate;
    const aged = notAfterMs - nowMs < (notAfterMs - notBeforeMs) / 3;
    if (aged && notAfterMs < rootEndMs) {
      this.#intermediate = renewIntermediate(this.#options, this.#root, nowMs);
      const until = new Date(this.#intermediate.certificate.notAfterMs).toISOString();
      this.#log.info("intermediate authority renewed", { trustDomain: this.trustDomain, until });
    }
    return this.#intermediate;
  }

  #warnOfRootEnd(nowMs: number): void {
    const { notBeforeMs, notAfterMs } = this.#root.certificate;
    if (notAfterMs - nowMs > (notAfterMs - notBeforeMs) / 10) return;
    this.#log.warn("root authority has less than a tenth of its life left: plan its replacement", {
      trustDomain: this.trustDomain,
      until: new Date(notAfterMs).toISOString(),
    });
  }
}
