/**
 * SDS resources as secrets.
 *
 * @module
 */
import { refuseOthers } from "../engine/compile-error.ts";
import { keyPairOf } from "../engine/tls.ts";
import { Secret } from "../xds/proto/tls.ts";
import { type AnyMessage, unpack } from "../xds/types/any.ts";
import type { SecretValue } from "./secrets.ts";
import { crlText, type ReadFile, textOf } from "./tls-contexts.ts";

const ROOTS_ALONE = new Set(["trustedCa", "crl"]);

/** @throws {Error} When it is neither a certificate nor a validation context with roots. */
export function secretValue(any: AnyMessage, readFile: ReadFile): SecretValue {
  const secret = unpack(any, Secret);
  if (secret.tlsCertificate !== undefined) {
    const { chain, key } = keyPairOf(secret.tlsCertificate, "tls_certificate");
    return { t: "keyPair", certChainPem: textOf(chain, readFile), privateKeyPem: textOf(key, readFile) };
  }
  // Names and pins of a secret would narrow down who is trusted: dropped, they would let in too many.
  refuseOthers(secret.validationContext ?? {}, "validation_context", ROOTS_ALONE);
  const { trustedCa, crl } = secret.validationContext ?? {};
  if (trustedCa === undefined) throw new Error("must hold tls_certificate, or validation_context with trusted_ca");
  return {
    t: "trustedCa",
    trustedCaPem: textOf(trustedCa, readFile),
    ...(crl === undefined ? {} : { crlPem: crlText(crl, readFile) }),
  };
}
