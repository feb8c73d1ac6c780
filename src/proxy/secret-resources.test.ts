import { expect, test } from "bun:test";
import { Secret } from "../xds/proto/tls.ts";
import { pack } from "../xds/types/any.ts";
import { secretValue } from "./secret-resources.ts";

const read = (path: string): string => `file ${path}`;
const value = (secret: Secret) => secretValue(pack(Secret, { name: "s", ...secret }), read);

test("a certificate with its key, from text or from files", () => {
  const tlsCertificate = { certificateChain: { inlineString: "chain" }, privateKey: { filename: "/k.pem" } };
  expect(value({ tlsCertificate })).toEqual({ t: "keyPair", certChainPem: "chain", privateKeyPem: "file /k.pem" });
});

test("roots", () => {
  expect(value({ validationContext: { trustedCa: { inlineString: "roots" } } })).toEqual({
    t: "trustedCa",
    trustedCaPem: "roots",
  });
});

test("roots with the lists of what they revoke, which must be some", () => {
  const list = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
  const trustedCa = { inlineString: "roots" };
  expect(value({ validationContext: { trustedCa, crl: { inlineString: list } } })).toEqual({
    t: "trustedCa",
    trustedCaPem: "roots",
    crlPem: list,
  });
  for (const text of ["", "none", list.replace("MAA=", "MAAA"), list + list.slice(0, 40)])
    expect(() => value({ validationContext: { trustedCa, crl: { inlineString: text } } }), text).toThrow();
});

test("what would narrow the trust is refused, not dropped", () => {
  const trustedCa = { inlineString: "roots" };
  const names = [{ sanType: "URI", matcher: { exact: "spiffe://a/b" } }] as const;
  expect(() => value({ validationContext: { trustedCa, matchTypedSubjectAltNames: names } })).toThrow(
    /validation_context.match_typed_subject_alt_names/,
  );
  expect(() => value({ validationContext: { trustedCa, verifyCertificateHash: ["00"] } })).toThrow(
    /verify_certificate_hash/,
  );
});

test("neither is refused", () => {
  expect(() => value({})).toThrow(/must hold tls_certificate, or validation_context/);
});
