/**
 * The elliptic curves whose certificates a TLS client takes, of its first message.
 *
 * Source: RFC 8446 §4.2.3 (signature schemes name the curve), for TLS 1.2 RFC 8422 §5.1 (groups, and a cipher suite with ECDSA). As Envoy
 * reads it: where TLS 1.3 may be spoken and the client names its versions, its signature schemes count, else its groups.
 *
 * @module
 */
import { helloFields } from "./client-hello.ts";

export type EcdsaCurve = "P-256" | "P-384" | "P-521";

const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const SUPPORTED_VERSIONS = 43;
const TLS_1_2 = 0x0303;

/** `ecdsa_secp256r1_sha256` and its like. */
const SCHEMES: ReadonlyMap<number, EcdsaCurve> = new Map([
  [0x0403, "P-256"],
  [0x0503, "P-384"],
  [0x0603, "P-521"],
]);
const GROUPS: ReadonlyMap<number, EcdsaCurve> = new Map([
  [23, "P-256"],
  [24, "P-384"],
  [25, "P-521"],
]);
/** Those of the library: ECDHE_ECDSA with AES-GCM, ChaCha20, and AES-CBC with SHA-1. */
const ECDSA_SUITES: readonly number[] = [0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a];

/** None where `bytes` hold no whole ClientHello. */
export function offeredCurves(bytes: Uint8Array, maxVersion: "1.2" | "1.3"): readonly EcdsaCurve[] {
  const hello = helloFields(bytes);
  if (hello === undefined) return [];
  const { version, cipherSuites, extensions } = hello;
  if (version === TLS_1_2 && maxVersion === "1.3" && extensions.has(SUPPORTED_VERSIONS))
    return listed(extensions.get(SIGNATURE_ALGORITHMS), SCHEMES);
  const curves = listed(extensions.get(SUPPORTED_GROUPS), GROUPS);
  return numbers(cipherSuites).some((suite) => ECDSA_SUITES.includes(suite)) ? curves : [];
}

/** Of a list behind its length in two bytes. */
function listed(body: Uint8Array | undefined, known: ReadonlyMap<number, EcdsaCurve>): readonly EcdsaCurve[] {
  if (body === undefined || body.length < 2 || (((body[0] as number) << 8) | (body[1] as number)) !== body.length - 2)
    return [];
  return numbers(body.subarray(2)).flatMap((number) => known.get(number) ?? []);
}

function numbers(bytes: Uint8Array): readonly number[] {
  const found: number[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) found.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  return found;
}
