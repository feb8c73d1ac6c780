import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { TestCa } from "../../tests/support/certificates.ts";
import { CertificateAuthority } from "./authority.ts";
import { memoryAuthorityStorage } from "./authority-storage.ts";
import { buildCsr } from "./csr-write.ts";
import { enrol, type Credential, type Enrolled, type EnrolmentOptions } from "./enrolment.ts";
import { TokenIssuer, type Attested } from "./join-tokens.ts";
import { generateKeyPair } from "./keys.ts";
import { parseSpiffeId } from "./spiffe.ts";
import { parseTrustBundle } from "./trust-bundle.ts";

const NOW = Date.UTC(2026, 5, 1);
const REVIEWS: Attested = {
  spiffeId: parseSpiffeId("spiffe://cluster.local/ns/default/sa/reviews"),
  workload: "reviews-v1",
};

describe("TokenIssuer", () => {
  test("redeems a token once", () => {
    const tokens = new TokenIssuer();
    const token = tokens.issue(REVIEWS, 60_000, NOW);
    expect(tokens.redeem(token, NOW + 59_999)).toEqual({ ok: true, attested: REVIEWS });
    expect(tokens.redeem(token, NOW + 59_999)).toEqual({ ok: false, reason: "used" });
  });

  test("redeems again for the same key only, until the end", () => {
    const tokens = new TokenIssuer();
    const token = tokens.issue(REVIEWS, 60_000, NOW);
    expect(tokens.redeem(token, NOW, "key-1").ok).toBe(true);
    expect(tokens.redeem(token, NOW + 1000, "key-1").ok).toBe(true);
    expect(tokens.redeem(token, NOW + 1000, "key-2")).toEqual({ ok: false, reason: "used" });
    expect(tokens.redeem(token, NOW + 1000)).toEqual({ ok: false, reason: "used" });
    expect(tokens.redeem(token, NOW + 60_000, "key-1")).toEqual({ ok: false, reason: "expired" });
  });

  test("does not let a wrong guess use a token up, nor tell that its id is right", () => {
    const tokens = new TokenIssuer();
    const token = tokens.issue(REVIEWS, 60_000, NOW);
    const [id = ""] = token.split(".");
    const guess = `${id}.${"A".repeat(43)}`;
    expect(tokens.redeem(guess, NOW)).toEqual({ ok: false, reason: "unknown" });
    expect(tokens.redeem(`${"A".repeat(11)}.${"A".repeat(43)}`, NOW)).toEqual({ ok: false, reason: "unknown" });
    expect(tokens.redeem(guess, NOW + 60_000)).toEqual({ ok: false, reason: "unknown" });
    expect(tokens.redeem(token, NOW).ok).toBe(true);
  });

  test.each(["", ".", "a.b", "x".repeat(100_000), `${"A".repeat(11)}.${"A".repeat(44)}`])(
    "finds %j malformed",
    (token) => {
      expect(new TokenIssuer().redeem(token, NOW)).toEqual({ ok: false, reason: "malformed" });
    },
  );

  test("makes tokens of 256 secret bits that differ, and keeps none of them", () => {
    const tokens = new TokenIssuer();
    const made = Array.from({ length: 100 }, () => tokens.issue(REVIEWS, 60_000, NOW));
    expect(new Set(made.map((token) => token.split(".")[1])).size).toBe(100);
    const [, secret = "?"] = made[0]?.split(".") ?? [];
    expect(Buffer.from(secret, "base64url").length).toBe(32);
    expect(Bun.inspect(tokens, { depth: 9 })).not.toContain(secret);
  });

  test("bounds how many are out, and forgets old ones", () => {
    const tokens = new TokenIssuer(2);
    const first = tokens.issue(REVIEWS, 1000, NOW);
    tokens.issue(REVIEWS, 1000, NOW);
    expect(() => tokens.issue(REVIEWS, 1000, NOW)).toThrow(RangeError);
    tokens.issue(REVIEWS, 1000, NOW + 3_601_000);
    expect(tokens.redeem(first, NOW + 3_601_000)).toEqual({ ok: false, reason: "unknown" });
    expect(() => tokens.issue(REVIEWS, 0, NOW)).toThrow(RangeError);
  });
});

describe("enrol()", () => {
  const setUp = (more: Partial<EnrolmentOptions> = {}) => {
    const storage = memoryAuthorityStorage();
    const authority = new CertificateAuthority({ storage, trustDomain: "cluster.local" }, NOW);
    const tokens = new TokenIssuer();
    const options: EnrolmentOptions = { authority, tokens, ...more };
    const key = generateKeyPair();
    const ask = (credential: Credential, csr: string = buildCsr(key), nowMs = NOW): Enrolled =>
      enrol(options, csr, credential, nowMs);
    return { authority, tokens, ask };
  };
  const leafOf = (result: Enrolled) => new X509Certificate(result.ok ? result.svid.certChainPem : "");
  const detail = (result: Enrolled): string => (result.ok ? "ok" : `${result.reason}: ${result.detail}`);

  test("gives the first SVID for a token, with the life that is set", () => {
    const { tokens, ask } = setUp({ svidTtlMs: 5000 });
    const result = ask({ t: "token", token: tokens.issue(REVIEWS, 60_000, NOW) });
    expect(result.ok && result.svid.spiffeId).toEqual(REVIEWS.spiffeId);
    expect(result.ok && result.svid.notAfterMs).toBe(NOW + 5000);
  });

  test("renews for the identity on the connection, whatever the request asks for", () => {
    const { tokens, ask } = setUp();
    const certificate = leafOf(ask({ t: "token", token: tokens.issue(REVIEWS, 60_000, NOW) }));
    const greedy = buildCsr(generateKeyPair(), parseSpiffeId("spiffe://cluster.local/ns/default/sa/admin"));
    const renewed = ask({ t: "peer", certificate }, greedy);
    expect(leafOf(renewed).subjectAltName).toBe(`URI:${REVIEWS.spiffeId.uri}`);
    expect(leafOf(renewed).serialNumber).not.toBe(certificate.serialNumber);
  });

  test("refuses a used token from another key, and takes the same key again", () => {
    const { tokens, ask } = setUp();
    const token = tokens.issue(REVIEWS, 60_000, NOW);
    expect(ask({ t: "token", token }).ok).toBe(true);
    expect(ask({ t: "token", token }).ok).toBe(true);
    expect(detail(ask({ t: "token", token }, buildCsr(generateKeyPair())))).toBe(
      "notAuthenticated: join token is used",
    );
  });

  test("does not use the token up for a request that is refused", () => {
    const { tokens, ask } = setUp();
    const token = tokens.issue(REVIEWS, 60_000, NOW);
    const stolen = buildCsr({ privateKey: generateKeyPair().privateKey, spkiDer: generateKeyPair().spkiDer });
    expect(detail(ask({ t: "token", token }, stolen))).toContain("badRequest: certificate request must be signed by");
    expect(ask({ t: "token", token }).ok).toBe(true);
  });

  test("refuses renewal of an expired SVID, of another trust domain's, and of a workload that was taken away", () => {
    const { tokens, ask } = setUp({ mayRenew: (id) => id.path !== REVIEWS.spiffeId.path });
    const certificate = leafOf(ask({ t: "token", token: tokens.issue(REVIEWS, 60_000, NOW) }));
    expect(detail(ask({ t: "peer", certificate }))).toContain("may not be renewed any more");
    expect(detail(ask({ t: "peer", certificate }, undefined, NOW + 90_000_000))).toContain("expired at");
    const foreign = new TestCa("other.local", NOW).svid("spiffe://other.local/ns/default/sa/reviews");
    const other = new X509Certificate(foreign.certChainPem);
    expect(detail(ask({ t: "peer", certificate: other }))).toContain("must be trust domain cluster.local");
  });

  test("refuses renewal with an authority's certificate", () => {
    const { authority, ask } = setUp();
    const certificate = { raw: parseTrustBundle(authority.trustBundle.pem).roots[0]?.fields.der ?? Buffer.alloc(0) };
    expect(detail(ask({ t: "peer", certificate }))).toContain("it is an authority's");
  });
});
