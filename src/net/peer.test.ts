import { expect, test } from "bun:test";
import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { serverKeyPair } from "../../tests/support/server-certificates.ts";
import { publicKeyInfo } from "./der.ts";
import { peerIdentity } from "./peer.ts";

test("the hash of a certificate's key is the one that OpenSSL would print", () => {
  const { certChainPem } = serverKeyPair(["a.example.com"]);
  const spki = createPublicKey(certChainPem).export({ type: "spki", format: "der" });
  const expected = createHash("sha256").update(spki).digest("base64");
  expect(peerIdentity(new X509Certificate(certChainPem)).spkiSha256).toBe(expected);
});

test("what is no certificate has no key", () => {
  for (const bytes of [[], [0x30], [0x30, 0x02, 0x30, 0x00], [0x30, 0x81]])
    expect(publicKeyInfo(Uint8Array.from(bytes))).toBeUndefined();
});
