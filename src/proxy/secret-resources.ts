/**
 * SDS resources as secrets.
 *
 * @module
 */
import { keyPairOf } from "../engine/tls.ts";
import { Secret } from "../xds/proto/tls.ts";
import { type AnyMessage, unpack } from "../xds/types/any.ts";
import type { SecretValue } from "./secrets.ts";
import { type ReadFile, textOf } from "./tls-contexts.ts";

/** @throws {Error} When it is neither a certificate nor a validation context with roots. */
export function secretValue(any: AnyMessage, readFile: ReadFile): SecretValue {
  const secret = unpack(any, Secret);
  if (secret.tlsCertificate !== undefined) {
    const { chain, key } = keyPairOf(secret.tlsCertificate, "tls_certificate");
    return { t: "keyPair", certChainPem: textOf(chain, readFile), privateKeyPem: textOf(key, readFile) };
  }
  const trustedCa = secret.validationContext?.trustedCa;
  if (trustedCa === undefined) throw new Error("must hold tls_certificate, or validation_context with trusted_ca");
  return { t: "trustedCa", trustedCaPem: textOf(trustedCa, readFile) };
}
