import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peculiar } from "../../tests/support/peculiar.ts";
import { signed } from "./certificate-write.ts";
import { CredentialError } from "./credential-error.ts";
import { readCsr } from "./csr-read.ts";
import { buildCsr } from "./csr-write.ts";
import { contextConstructed, sequence, smallInteger, tlv } from "./der-write.ts";
import { generateKeyPair } from "./keys.ts";
import { oneFromPem, toPem } from "./pem.ts";
import { parseSpiffeId } from "./spiffe.ts";

const folder = mkdtempSync(join(tmpdir(), "tulle-csr-"));
afterAll(() => rmSync(folder, { recursive: true }));
const openssl = (input: string, ...args: string[]): string => {
  const done = spawnSync("openssl", args, { encoding: "utf8", input });
  return done.stdout + done.stderr;
};
const WANTED = parseSpiffeId("spiffe://cluster.local/ns/default/sa/reviews");
const key = generateKeyPair();
const csr = buildCsr(key, WANTED);
const der = oneFromPem(csr, "CERTIFICATE REQUEST");

describe("buildCsr()", () => {
  test("passes openssl req -verify with the wanted name in it", () => {
    const text = openssl(csr, "req", "-verify", "-noout", "-text");
    expect(text).toContain("verify OK");
    expect(text).toContain(`URI:${WANTED.uri}`);
    expect(openssl(buildCsr(key), "req", "-verify", "-noout")).toContain("verify OK");
  });

  test("is verified by @peculiar/x509", async () => {
    expect(await new peculiar.Pkcs10CertificateRequest(csr).verify()).toBe(true);
  });
});

describe("readCsr()", () => {
  test("gives the public key of ours, with and without a wanted name", () => {
    expect(Buffer.from(readCsr(csr).spkiDer)).toEqual(Buffer.from(key.spkiDer));
    expect(readCsr(buildCsr(key)).keyFingerprint).toBe(readCsr(der).keyFingerprint);
    expect(readCsr(buildCsr(generateKeyPair())).keyFingerprint).not.toBe(readCsr(der).keyFingerprint);
  });

  test("takes requests of openssl and of @peculiar/x509", async () => {
    const file = join(folder, "k.pem");
    writeFileSync(file, key.privateKeyPem);
    const subject = "/O=Somebody/CN=else/emailAddress=a@b.example";
    const made = openssl("", "req", "-new", "-key", file, "-subj", subject, "-addext", "subjectAltName=DNS:x.example");
    expect(Buffer.from(readCsr(made).spkiDer)).toEqual(Buffer.from(key.spkiDer));
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const theirs = await peculiar.Pkcs10CertificateRequestGenerator.create({
      name: "CN=a, O=b",
      keys,
      signingAlgorithm: algorithm,
    });
    expect(readCsr(new Uint8Array(theirs.rawData)).publicKey.asymmetricKeyType).toBe("ec");
  });

  test("refuses a request signed by another key", () => {
    const stolen = { privateKey: generateKeyPair().privateKey, spkiDer: key.spkiDer };
    expect(() => readCsr(buildCsr(stolen))).toThrow("the signature is wrong");
  });

  test("refuses a changed public key, name and signature", () => {
    const at = { key: der.indexOf(key.spkiDer) + 60, name: der.indexOf("reviews"), signature: der.length - 3 };
    for (const place of Object.values(at)) {
      const bad = Buffer.from(der);
      bad[place] = (bad[place] ?? 0) ^ 1;
      expect(() => readCsr(bad)).toThrow(CredentialError);
    }
  });

  test.each([
    ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 }), /ecdsa-with-SHA256|EC P-256/],
    ["P-384", () => generateKeyPairSync("ec", { namedCurve: "P-384" }), /EC P-256/],
    ["Ed25519", () => generateKeyPairSync("ed25519"), /ecdsa-with-SHA256/],
  ] as const)("refuses %s keys", (name, make, message) => {
    const file = join(folder, `${name}.pem`);
    writeFileSync(file, make().privateKey.export({ type: "pkcs8", format: "pem" }));
    const made = openssl("", "req", "-new", "-key", file, "-subj", "/CN=x", "-sha256");
    expect(made).toContain("BEGIN CERTIFICATE REQUEST");
    expect(() => readCsr(made)).toThrow(message);
  });

  test("refuses a point that is not on the curve", () => {
    const spki = Buffer.from(key.spkiDer);
    spki[spki.length - 1] = (spki.at(-1) ?? 0) ^ 1;
    expect(() => readCsr(buildCsr({ privateKey: key.privateKey, spkiDer: spki }))).toThrow("point on P-256");
  });

  test("refuses version 1, a missing attributes field and octets after the end, all rightly signed", () => {
    const info = (...parts: Buffer[]): Buffer => signed(sequence(...parts), key.privateKey);
    const attributes = tlv(contextConstructed(0));
    expect(() => readCsr(info(smallInteger(0), sequence(), key.spkiDer, attributes))).not.toThrow();
    expect(() => readCsr(info(smallInteger(1), sequence(), key.spkiDer, attributes))).toThrow("version must be 0");
    expect(() => readCsr(info(smallInteger(0), sequence(), key.spkiDer))).toThrow("attributes is cut short");
    expect(() => readCsr(info(smallInteger(0), sequence(), key.spkiDer, attributes, attributes))).toThrow("must end");
    expect(() => readCsr(Buffer.concat([der, Buffer.from([0])]))).toThrow("must end here");
  });

  test("refuses text that is not one exact PEM block", () => {
    const body = csr.split("\n")[1] ?? "";
    for (const bad of [
      "",
      csr + csr,
      csr.replace("-----END", "-----DNE"),
      csr.replace(body, `${body}!`),
      csr.replaceAll("=", ""),
    ])
      if (bad !== csr) expect(() => readCsr(bad)).toThrow(CredentialError);
    expect(() => readCsr(toPem("CERTIFICATE REQUEST", Buffer.alloc(20_000)))).toThrow("at most 16384 octets");
    expect(() => readCsr("-".repeat(2 ** 20))).toThrow("at most 32768 characters");
  });

  test("refuses every prefix", () => {
    for (let n = 0; n < der.length; n++) expect(() => readCsr(der.subarray(0, n))).toThrow(CredentialError);
  });
});

describe("readCsr() on anything", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  beforeAll(() => console.log(`readCsr fuzz: TULLE_SEED=${seed}`));

  const onlyRefuses = (input: string | Uint8Array): void => {
    try {
      readCsr(input);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
    }
  };

  test("throws CredentialError and nothing else on random octets and text", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), onlyRefuses), { seed, numRuns: 2000 });
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: "binary" }), (text) => {
        onlyRefuses(text);
        onlyRefuses(`-----BEGIN CERTIFICATE REQUEST-----\n${text}\n-----END CERTIFICATE REQUEST-----`);
      }),
      { seed, numRuns: 1000 },
    );
  });

  test("never takes a request in which anything was changed", () => {
    const change = fc.record({
      at: fc.nat(der.length - 1),
      to: fc.nat(255),
      cut: fc.nat(4),
      add: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bad = Buffer.from(der);
        for (const { at, to, cut, add } of changes) {
          const from = Math.min(at, bad.length);
          bad = Buffer.concat([bad.subarray(0, from), Buffer.from([to]), add, bad.subarray(from + cut)]);
        }
        if (!bad.equals(der)) expect(() => readCsr(bad)).toThrow(CredentialError);
      }),
      { seed, numRuns: 5000 },
    );
  });

  test("does not go deep: a tower of sequences is refused at once", () => {
    let tower: Buffer = Buffer.alloc(0);
    for (let i = 0; i < 3000; i++) tower = sequence(tower);
    expect(() => readCsr(tower)).toThrow(CredentialError);
  });
});
