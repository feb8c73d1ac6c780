import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { TestCa } from "../../tests/support/certificates.ts";
import { subjectAltNames } from "./subject-alt-names.ts";

const ca = new TestCa();
const der = (pem: string): Uint8Array => new X509Certificate(pem).raw;

describe("subjectAltNames", () => {
  test("reads the URI of an SVID", () => {
    const svid = ca.svid("spiffe://cluster.local/ns/a/sa/b");
    expect(subjectAltNames(der(svid.certChainPem))).toEqual({
      isThere: true,
      uris: ["spiffe://cluster.local/ns/a/sa/b"],
      dnsNames: [],
    });
  });

  test("one name that looks like two stays one", () => {
    const odd = ca.odd({ uris: ["spiffe://x/y, URI:spiffe://cluster.local/ns/a/sa/admin"] });
    expect(subjectAltNames(der(odd.certChainPem)).uris).toEqual([
      "spiffe://x/y, URI:spiffe://cluster.local/ns/a/sa/admin",
    ]);
  });

  test("two names are two", () => {
    expect(subjectAltNames(der(ca.odd({ uris: ["spiffe://a/b", "spiffe://c/d"] }).certChainPem)).uris).toHaveLength(2);
  });

  test("a certificate cut short at any byte has no names", () => {
    const whole = der(ca.svid("spiffe://cluster.local/ns/a/sa/b").certChainPem);
    for (let length = 0; length < whole.length; length++)
      expect(subjectAltNames(whole.subarray(0, length)).uris).toEqual([]);
  });
});
