import { afterAll, describe, expect, test } from "bun:test";

import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestCa } from "../../tests/support/certificates.ts";
import { peculiar } from "../../tests/support/peculiar.ts";
import { makeIntermediate, makeRoot } from "./authority-certificates.ts";
import { readCertificate } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { booleanTrue, objectIdentifier, octetString, sequence } from "./der-write.ts";
import { fromPem, toPem } from "./pem.ts";
import { parseTrustBundle } from "./trust-bundle.ts";
import { verifyChain } from "./verify-chain.ts";

const REVIEWS = "spiffe://cluster.local/ns/default/sa/reviews";
const folder = mkdtempSync(join(tmpdir(), "tulle-certificates-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const openssl = (...args: string[]): string => {
  const done = spawnSync("openssl", args, { encoding: "utf8" });
  return done.stdout + done.stderr;
};
const chainOf = (pem: string) => fromPem(pem, "CERTIFICATE");
const leafOf = (pem: string): Buffer => chainOf(pem)[0] ?? Buffer.alloc(0);

describe("a chain of ours", () => {
  const nowMs = Date.now();
  const ca = new TestCa("cluster.local", nowMs);
  const svid = ca.svid(REVIEWS);

  test("passes openssl verify -x509_strict as client and as server", () => {
    const root = file("root.pem", ca.bundlePem);
    const [leaf, intermediate] = chainOf(svid.certChainPem).map((der) => toPem("CERTIFICATE", der));
    const paths = [file("intermediate.pem", intermediate ?? ""), file("leaf.pem", leaf ?? "")] as const;
    for (const purpose of ["sslclient", "sslserver"]) {
      const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", root, "-untrusted", ...paths];
      expect(openssl(...args)).toContain("leaf.pem: OK");
    }
  });

  test("does not pass openssl verify against another root", () => {
    const other = file("other.pem", new TestCa().bundlePem);
    expect(
      openssl("verify", "-CAfile", other, "-untrusted", file("c.pem", svid.certChainPem), join(folder, "leaf.pem")),
    ).toContain("unable to get");
  });

  test("has the fields of an X509-SVID as openssl prints them", () => {
    const text = openssl("x509", "-noout", "-text", "-in", file("l.pem", svid.certChainPem));
    expect(text).toMatch(/X509v3 Basic Constraints: critical\s+CA:FALSE/);
    expect(text).toMatch(/X509v3 Key Usage: critical\s+Digital Signature\n/);
    expect(text).toMatch(/Extended Key Usage: \s+TLS Web Server Authentication, TLS Web Client Authentication\n/);
    expect(text).toMatch(
      /Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster.local\/ns\/default\/sa\/reviews\n/,
    );
    expect(text).toMatch(/Subject:\s*\n/);
    const intermediate = toPem("CERTIFICATE", ca.intermediate.certificate.der);
    const authority = openssl("x509", "-noout", "-text", "-in", file("i.pem", intermediate));
    expect(authority).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
    expect(authority).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(authority).toMatch(/URI:spiffe:\/\/cluster.local\n/);
  });

  test("is read alike by @peculiar/x509, the runtime and us", async () => {
    const der = leafOf(svid.certChainPem);
    const theirs = new peculiar.X509Certificate(Uint8Array.from(der));
    const ours = readCertificate(der);
    expect(ours.serial).toBe(new X509Certificate(der).serialNumber);
    expect(theirs.serialNumber.toUpperCase()).toBe(ours.serial.padStart(theirs.serialNumber.length, "0"));
    expect(theirs.notBefore.getTime()).toBe(ours.notBeforeMs);
    expect(theirs.notAfter.getTime()).toBe(ours.notAfterMs);
    const issuer = new peculiar.X509Certificate(Uint8Array.from(ca.intermediate.certificate.der));
    expect(await theirs.verify({ publicKey: issuer.publicKey, date: new Date(nowMs) })).toBe(true);
    expect(new X509Certificate(der).checkIssued(new X509Certificate(ca.intermediate.certificate.der))).toBe(true);
    expect(ours.uris).toEqual([REVIEWS]);
  });

  test("reads a certificate that openssl made", () => {
    const made = openssl(
      ..."req -x509 -newkey rsa:2048 -nodes -days 10000 -keyout /dev/null -subj /CN=x -addext".split(" "),
      "subjectAltName=DNS:a.example,URI:spiffe://td/ns/a, IP:10.0.0.1",
    );
    const fields = readCertificate(leafOf(made));
    expect(fields.uris).toEqual(["spiffe://td/ns/a"]);
    expect(fields.isAuthority).toBe(true);
    expect(new Date(fields.notAfterMs).getUTCFullYear()).toBe(
      new Date(new X509Certificate(made).validTo).getUTCFullYear(),
    );
  });

  test("writes years past 2049 so that others read them", () => {
    const root = makeRoot("td", 50 * 365 * 86_400_000, nowMs);
    const theirs = new X509Certificate(root.certificate.der);
    expect(Date.parse(theirs.validTo)).toBe(root.certificate.notAfterMs);
    expect(root.certificate.notAfterMs).toBeGreaterThan(Date.UTC(2070));
  });
});

describe("readCertificate()", () => {
  const nowMs = Date.UTC(2026, 5, 1);
  const der = leafOf(new TestCa("cluster.local", nowMs).svid(REVIEWS).certChainPem);

  test("refuses every prefix and an octet too many", () => {
    for (let n = 0; n < der.length; n++) expect(() => readCertificate(der.subarray(0, n))).toThrow(CredentialError);
    expect(() => readCertificate(Buffer.concat([der, Buffer.from([0])]))).toThrow(/must end here/);
  });

  test("takes or refuses each single octet changed, without any other error", () => {
    for (let at = 0; at < der.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const bad = Buffer.from(der);
        bad[at] = (bad[at] ?? 0) ^ change;
        try {
          readCertificate(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(CredentialError);
        }
      }
    }
  });
});

describe("verifyChain()", () => {
  const nowMs = Date.UTC(2026, 5, 1);
  const ca = new TestCa("cluster.local", nowMs);
  const bundle = parseTrustBundle(ca.bundlePem);
  const good = chainOf(ca.svid(REVIEWS).certChainPem);

  test("takes a good chain, with the root among several or sent along", () => {
    const three = parseTrustBundle(new TestCa().bundlePem + ca.bundlePem + ca.bundlePem);
    expect(three.roots.length).toBe(2);
    expect(verifyChain(good, three, nowMs).uris).toEqual([REVIEWS]);
    expect(verifyChain([...good, ca.root.certificate.der], bundle, nowMs).uris).toEqual([REVIEWS]);
  });

  test("refuses another CA, even when its root is sent along", () => {
    const other = new TestCa("cluster.local", nowMs);
    const chain = [...chainOf(other.svid(REVIEWS).certChainPem), other.root.certificate.der];
    expect(() => verifyChain(chain, bundle, nowMs)).toThrow("must lead to a root");
  });

  test("refuses a chain without its intermediate", () => {
    expect(() => verifyChain(good.slice(0, 1), bundle, nowMs)).toThrow("must lead to a root");
  });

  test("refuses a changed name under an old signature", () => {
    const bad = Buffer.from(leafOf(ca.svid(REVIEWS).certChainPem));
    bad.write("ratings", bad.indexOf("reviews"));
    expect(readCertificate(bad).uris).toEqual([REVIEWS.replace("reviews", "ratings")]);
    expect(() => verifyChain([bad, ...good.slice(1)], bundle, nowMs)).toThrow("must lead to a root");
  });

  test("refuses an expired and a future leaf, and an expired root", () => {
    const expired = chainOf(ca.expiredSvid(REVIEWS).certChainPem);
    expect(() => verifyChain(expired, bundle, nowMs)).toThrow("leaf certificate expired at 2026-05-31T23:00:00.000Z");
    const future = chainOf(ca.futureSvid(REVIEWS).certChainPem);
    expect(() => verifyChain(future, bundle, nowMs)).toThrow("is valid from");
    const late = nowMs + 20 * 365 * 86_400_000;
    const endless = chainOf(ca.odd({ uris: [REVIEWS], notAfterMs: late + 1000 }).certChainPem);
    expect(() => verifyChain(endless, bundle, late)).toThrow("intermediate certificate expired");
  });

  test("refuses an authority below the intermediate: its path length is 0", () => {
    const deeper = makeIntermediate(ca.intermediate, "cluster.local", 3_600_000, nowMs);
    const leaf = makeIntermediate(deeper, "cluster.local", 3_600_000, nowMs);
    const chain = [leaf, deeper, ca.intermediate].map((i) => i.certificate.der);
    expect(() => verifyChain(chain, bundle, nowMs)).toThrow("may have 0 authorities below it: found 1");
  });

  test("refuses a leaf that signs", () => {
    const rogue = ca.odd({ uris: [REVIEWS] });
    expect(() => verifyChain([leafOf(rogue.certChainPem), leafOf(rogue.certChainPem)], bundle, nowMs)).toThrow(
      "must have CA:true",
    );
  });

  test("refuses a critical extension that it does not know", () => {
    const extra = [sequence(objectIdentifier("1.2.3.4"), booleanTrue(), octetString(Buffer.from([5, 0])))];
    const chain = chainOf(ca.odd({ uris: [REVIEWS], extra }).certChainPem);
    expect(() => verifyChain(chain, bundle, nowMs)).toThrow("not supported: 1.2.3.4");
  });
});
