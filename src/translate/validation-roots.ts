/**
 * Roots of documents as a validation context has them.
 *
 * @module
 */
import type { TrustedRoots } from "../model/gateway.ts";
import type { CertificateValidationContext, Secret } from "../xds/proto/tls.ts";

/** All of them, with the revocation lists that some come with: then a list must be there for each authority that somebody's chain has. */
export function inlineRoots(roots: readonly TrustedRoots[]): Pick<CertificateValidationContext, "trustedCa" | "crl"> {
  const lists = roots.flatMap(({ crlPem }) => crlPem ?? []);
  return {
    trustedCa: { inlineString: roots.map(({ trustedCaPem }) => trustedCaPem).join("\n") },
    crl: lists.length === 0 ? undefined : { inlineString: lists.join("\n") },
  };
}

export const rootsSecret = (name: string, roots: readonly TrustedRoots[]): Secret => ({
  name,
  validationContext: inlineRoots(roots),
});
